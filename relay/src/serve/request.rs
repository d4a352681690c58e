//! What a request for the page asks for: jobs, format, coding and time.
//!
//! In: a request's query and headers. Out: plain values; what cannot be read falls back to the default, as scrapers
//! expect.

use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, VARY};
use http::{HeaderMap, HeaderValue, Request};
use model::names::EscapingScheme;

use super::negotiate::{Coding, PageFormat, coding, page_format};
use crate::gather::deadline::scrape_timeout_header;
use crate::gather::fan_out::Jobs;

/// Prometheus says here how long it waits.
const TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");
/// More jobs than this in one query are not looked at.
const JOBS: usize = 1_000;

/// A request for the page.
#[derive(Clone, Debug)]
pub(super) struct PageRequest {
    /// The jobs asked for, sorted; empty for all.
    pub jobs: Jobs,
    /// The page's format.
    pub format: PageFormat,
    /// Whether it is compressed.
    pub coding: Coding,
    /// How long the scraper waits.
    pub timeout: Option<Duration>,
}

impl PageRequest {
    pub(super) fn read<B>(request: &Request<B>) -> Self {
        let headers = request.headers();
        let mut format = page_format(&joined(headers, ACCEPT));
        if format.escaping != EscapingScheme::AllowUtf8 {
            format.escaping = EscapingScheme::Underscores;
        }
        Self {
            jobs: jobs(request.uri().query().unwrap_or_default()),
            format,
            coding: coding(&joined(headers, ACCEPT_ENCODING)),
            timeout: scrape_timeout_header(headers.get(TIMEOUT).and_then(|value| value.to_str().ok())),
        }
    }

    /// The headers of the page itself.
    pub(super) fn describe(&self, headers: &mut HeaderMap) {
        let content_type = HeaderValue::try_from(self.format.content_type());
        headers.insert(CONTENT_TYPE, content_type.expect("content types are visible ASCII"));
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        if self.coding == Coding::Gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }
}

/// A header that may stand several times (RFC 9110, section 5.3).
fn joined(headers: &HeaderMap, name: HeaderName) -> String {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.join(",")
}

fn jobs(query: &str) -> Jobs {
    let pairs = url::form_urlencoded::parse(query.as_bytes()).take(JOBS);
    let mut jobs: Vec<String> =
        pairs.filter(|(name, _)| name == "job").map(|(_, value)| value.into_owned()).collect();
    jobs.sort_unstable();
    jobs.dedup();
    jobs.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_decoded_sorted_and_named_once() {
        let cases: [(&str, &[&str]); 4] =
            [("", &[]), ("job=b&job=a&job=b", &["a", "b"]), ("job=a%2Fb+c", &["a/b c"]), ("other=x", &[])];
        for (query, expected) in cases {
            assert_eq!(&*jobs(query), expected, "{query}");
        }
    }

    #[test]
    fn a_prometheus_request_asks_for_openmetrics_gzip_and_its_own_time() {
        let request = Request::get("/metrics")
            .header(
                "accept",
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.1",
            )
            .header("accept-encoding", "gzip")
            .header("x-prometheus-scrape-timeout-seconds", "10")
            .body(())
            .unwrap();
        let read = PageRequest::read(&request);
        assert_eq!(read.coding, Coding::Gzip);
        assert_eq!(read.timeout, Some(Duration::from_secs(10)));
        let mut headers = HeaderMap::new();
        read.describe(&mut headers);
        let content_type = headers[CONTENT_TYPE].to_str().unwrap();
        assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"), "{content_type}");
        assert!(content_type.ends_with("escaping=allow-utf-8"), "{content_type}");
        assert_eq!(headers[CONTENT_ENCODING], "gzip");
    }

    #[test]
    fn escapings_other_than_quoting_become_underscores() {
        let request =
            Request::get("/metrics").header("accept", "text/plain;version=0.0.4;escaping=dots").body(());
        let read = PageRequest::read(&request.unwrap());
        assert_eq!(read.format.escaping, EscapingScheme::Underscores);
    }
}
