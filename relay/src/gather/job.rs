//! A job's settings as its targets' scrapes need them: prepared once for all of them.
//!
//! In: the job's scrape settings and the relay's limits. Out: what goes into every request, and how an answer is read.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use model::exposition::accept::accept_header;
use model::exposition::content_type::{MediaType, media_type};
use model::exposition::entry::Format;
use model::exposition::transform::SampleLimits;
use model::job::{ScrapeProtocol, ScrapeSettings};
use model::slice::RelayConfig;

use super::outcome::Failure;
use crate::scrape::ClientSettings;

/// A job, ready to scrape.
#[derive(Debug)]
pub struct JobScrape {
    /// As it was sent.
    pub settings: Arc<ScrapeSettings>,
    /// The bounds on samples that hold where the job sets none.
    pub limits: SampleLimits,
    /// A body of this many bytes is too large.
    pub body_limit: usize,
    /// How long a connection to a target may take to open.
    pub connect_timeout: Duration,
    /// The most that the head of an answer may have, in bytes.
    pub header_limit: usize,
    /// Shared by the clients of all targets.
    pub client: Arc<ClientSettings>,
    /// The `Accept` header.
    pub accept: HeaderValue,
    /// Whether good scrapes go to the cache.
    pub keep_copies: bool,
    fallback: Option<MediaType>,
}

impl JobScrape {
    /// Prepares `settings` under the relay's own.
    #[must_use]
    pub fn new(settings: Arc<ScrapeSettings>, config: &RelayConfig) -> Self {
        let limits = &config.limits;
        let text: Vec<ScrapeProtocol> = settings
            .scrape_protocols
            .iter()
            .copied()
            .filter(|it| *it != ScrapeProtocol::PrometheusProto)
            .collect();
        let wanted = if text.is_empty() { ScrapeProtocol::DEFAULT.to_vec() } else { text };
        let accept = HeaderValue::from_str(&accept_header(&wanted, settings.escaping_scheme))
            .expect("media types are visible ASCII");
        let body_limit =
            if settings.body_size_limit == 0 { limits.body_size } else { settings.body_size_limit };
        Self {
            limits: SampleLimits {
                samples: limits.samples,
                labels: limits.labels,
                value_bytes: limits.label_value_length,
                ..SampleLimits::default()
            },
            body_limit: usize::try_from(body_limit).unwrap_or(usize::MAX),
            connect_timeout: limits.connect_timeout,
            header_limit: usize::try_from(limits.response_headers).unwrap_or(usize::MAX),
            keep_copies: config.cache.enabled,
            client: ClientSettings::new(settings.http.clone()),
            accept,
            fallback: settings.fallback_scrape_protocol.map(media_type_of),
            settings,
        }
    }

    /// In which format an answer with this `Content-Type` is read.
    ///
    /// # Errors
    /// Where Prometheus would not know, and for protobuf, which was not asked for.
    pub fn format(&self, content_type: Option<&str>) -> Result<Format, Failure> {
        let kind = media_type(content_type.unwrap_or_default(), self.fallback)
            .map_err(|error| Failure::new("content_type", error.to_string()))?;
        kind.format().ok_or_else(|| {
            Failure::new(
                "content_type",
                format!("the target answers in {}, which was not asked for", kind.as_str()),
            )
        })
    }
}

fn media_type_of(protocol: ScrapeProtocol) -> MediaType {
    match protocol {
        ScrapeProtocol::PrometheusProto => MediaType::Protobuf,
        ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0 => MediaType::Text,
        ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0 => MediaType::OpenMetrics,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protobuf_is_never_asked_for() {
        let mut settings = ScrapeSettings::new("j");
        settings.scrape_protocols =
            vec![ScrapeProtocol::PrometheusProto, ScrapeProtocol::PrometheusText0_0_4];
        let job = JobScrape::new(Arc::new(settings.clone()), &RelayConfig::default());
        assert!(job.accept.to_str().unwrap().starts_with("text/plain;version=0.0.4"), "{:?}", job.accept);
        settings.scrape_protocols = vec![ScrapeProtocol::PrometheusProto];
        let job = JobScrape::new(Arc::new(settings), &RelayConfig::default());
        assert!(!job.accept.to_str().unwrap().contains("protobuf"));
    }

    #[test]
    fn an_answer_without_a_known_type_is_refused_unless_the_job_has_a_fallback() {
        let mut settings = ScrapeSettings::new("j");
        let job = JobScrape::new(Arc::new(settings.clone()), &RelayConfig::default());
        assert_eq!(job.format(Some("text/plain; version=0.0.4")), Ok(Format::Text));
        assert_eq!(job.format(None).unwrap_err().kind, "content_type");
        settings.fallback_scrape_protocol = Some(ScrapeProtocol::OpenMetricsText1_0_0);
        let job = JobScrape::new(Arc::new(settings), &RelayConfig::default());
        assert_eq!(job.format(None), Ok(Format::OpenMetrics));
    }

    #[test]
    fn a_jobs_own_body_limit_takes_the_place_of_the_relays() {
        let mut settings = ScrapeSettings::new("j");
        assert_eq!(JobScrape::new(Arc::new(settings.clone()), &RelayConfig::default()).body_limit, 64 << 20);
        settings.body_size_limit = 100;
        assert_eq!(JobScrape::new(Arc::new(settings), &RelayConfig::default()).body_limit, 100);
    }
}
