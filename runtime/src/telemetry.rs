//! Own metrics and traces of one component.
//!
//! Metrics go through an OpenTelemetry meter into a registry of their own and come out as Prometheus text under
//! exactly the names the instruments were given: no unit or `_total` is appended, no scope label, no
//! `target_info`. Spans leave over OTLP/gRPC, only when an endpoint is given; the queue in front of the exporter
//! is bounded and full means dropped, so a dead collector slows nothing.

mod spans;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use prometheus::{Encoder, Registry, TextEncoder};

/// One export, and the flush at the end, take no longer than this.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// The `Content-Type` of [`Telemetry::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Where spans go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceConfig {
    /// The collector's OTLP/gRPC address, such as `http://127.0.0.1:4317` (`OTEL_EXPORTER_OTLP_ENDPOINT`).
    pub endpoint: String,
    /// `service.name` of the spans, such as `scrape-relay-relay`; `OTEL_SERVICE_NAME` wins over it.
    pub service: String,
}

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The metrics exporter was refused.
    #[error("setting up the metrics exporter")]
    Metrics(#[source] opentelemetry_sdk::error::OTelSdkError),
    /// The span exporter was refused, usually for a malformed endpoint.
    #[error(
        "setting up the trace exporter for {endpoint}: OTEL_EXPORTER_OTLP_ENDPOINT has to be an http(s) URL"
    )]
    Traces {
        /// The endpoint as given.
        endpoint: String,
        /// What the exporter says.
        source: Box<ExporterBuildError>,
    },
}

/// The meter and tracer of one component. All clones share them.
#[derive(Clone)]
pub struct Telemetry {
    shared: Arc<Shared>,
}

struct Shared {
    registry: Registry,
    meters: SdkMeterProvider,
    meter: Meter,
    tracers: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Metrics only.
    ///
    /// # Errors
    /// When the exporter cannot be registered.
    pub fn metrics_only() -> Result<Self, TelemetryError> {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_units()
            .without_counter_suffixes()
            .without_target_info()
            .scope_info_enabled(false)
            .build()
            .map_err(TelemetryError::Metrics)?;
        let meters = SdkMeterProvider::builder().with_reader(exporter).build();
        let meter = meters.meter("scrape-relay");
        Ok(Self { shared: Arc::new(Shared { registry, meters, meter, tracers: None }) })
    }

    /// Metrics, and spans where `traces` says so. Needs a tokio runtime for spans.
    ///
    /// # Errors
    /// When an exporter cannot be built; a collector that is merely down is no error.
    pub fn new(traces: Option<&TraceConfig>) -> Result<Self, TelemetryError> {
        let metrics = Self::metrics_only()?;
        let Some(config) = traces else { return Ok(metrics) };
        let tracers = tracers(config, metrics.meter())?;
        let Shared { registry, meters, meter, .. } = &*metrics.shared;
        let (registry, meters, meter) = (registry.clone(), meters.clone(), meter.clone());
        Ok(Self { shared: Arc::new(Shared { registry, meters, meter, tracers: Some(tracers) }) })
    }

    /// What instruments are built from. A name comes out as it is given: a counter is named `..._total`.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.shared.meter
    }

    /// The tracer for [`crate::log::install`], if spans are exported.
    #[must_use]
    pub fn tracer(&self) -> Option<SdkTracer> {
        self.shared.tracers.as_ref().map(|tracers| tracers.tracer("scrape-relay"))
    }

    /// All metrics as Prometheus text 0.0.4 ([`CONTENT_TYPE`]), families sorted by name.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.shared.registry.gather(), &mut text) {
            tracing::error!(%error, "own metrics could not be written");
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Sends the spans that still wait, for at most 5 s, and ends both exporters.
    pub async fn shutdown(&self) {
        let shared = self.shared.clone();
        let flush = tokio::task::spawn_blocking(move || {
            let spans = shared.tracers.as_ref().map_or(Ok(()), |it| it.shutdown_with_timeout(EXPORT_TIMEOUT));
            spans.and(shared.meters.shutdown_with_timeout(EXPORT_TIMEOUT))
        });
        match tokio::time::timeout(EXPORT_TIMEOUT, flush).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "telemetry was not flushed"),
            Ok(Err(error)) => tracing::warn!(%error, "telemetry was not flushed"),
            Err(_) => tracing::warn!("telemetry was not flushed within 5 s"),
        }
    }
}

fn tracers(config: &TraceConfig, meter: &Meter) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(&config.endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|source| TelemetryError::Traces {
            endpoint: config.endpoint.clone(),
            source: Box::new(source),
        })?;
    let processor = spans::processor(exporter, meter);
    // The builder reads OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES; only a missing name is filled in.
    let detected = Resource::builder().build();
    let named = detected
        .get(&opentelemetry::Key::from_static_str("service.name"))
        .is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    let resource =
        if named { detected } else { Resource::builder().with_service_name(config.service.clone()).build() };
    Ok(SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource).build())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use opentelemetry::KeyValue;
    use opentelemetry::trace::{Span, Tracer};

    use super::*;

    #[test]
    fn metrics_come_out_under_exactly_their_names_without_scope_or_target_info() {
        let telemetry = Telemetry::metrics_only().unwrap();
        let meter = telemetry.meter();
        let scrapes =
            meter.u64_counter("scraperelay_target_scrapes_total").with_description("Scrapes.").build();
        scrapes.add(2, &[KeyValue::new("result", "ok")]);
        let seconds =
            meter.f64_histogram("scraperelay_seconds").with_unit("s").with_boundaries(vec![0.5]).build();
        seconds.record(0.25, &[]);
        meter.u64_gauge("scraperelay_relay_targets").build().record(7, &[]);
        assert_eq!(
            telemetry.render(),
            "# TYPE scraperelay_relay_targets gauge\nscraperelay_relay_targets 7\n\
             # TYPE scraperelay_seconds histogram\n\
             scraperelay_seconds_bucket{le=\"0.5\"} 1\nscraperelay_seconds_bucket{le=\"+Inf\"} 1\n\
             scraperelay_seconds_sum 0.25\nscraperelay_seconds_count 1\n\
             # HELP scraperelay_target_scrapes_total Scrapes.\n# TYPE scraperelay_target_scrapes_total counter\n\
             scraperelay_target_scrapes_total{result=\"ok\"} 2\n"
        );
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_dead_collector_slows_nothing_and_is_counted() {
        let config = TraceConfig { endpoint: "http://127.0.0.1:1".into(), service: "test".into() };
        let telemetry = Telemetry::new(Some(&config)).unwrap();
        let tracer = telemetry.tracer().unwrap();
        let start = Instant::now();
        for _ in 0..10_000 {
            tracer.start("span").end();
        }
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        // A batch that is under way when the flush begins may end after it.
        let (mut failed, mut dropped) = (0, 0);
        while failed + dropped < 10_000 {
            let shared = telemetry.shared.clone();
            let flushed = tokio::task::spawn_blocking(move || shared.tracers.as_ref().unwrap().force_flush());
            let _failed = flushed.await.unwrap();
            let page = telemetry.render();
            let count = |result: &str| {
                let name = format!("scraperelay_trace_spans_total{{result=\"{result}\"}} ");
                let line = page.lines().find_map(|line| line.strip_prefix(&name));
                line.map_or(0, |value| value.parse::<u64>().unwrap())
            };
            (failed, dropped) = (count("failed"), count("dropped"));
            assert!(start.elapsed() < Duration::from_secs(30), "every span is accounted for\n{page}");
        }
        assert!(
            failed > 0 && dropped > 0 && failed + dropped == 10_000,
            "{failed} failed, {dropped} dropped"
        );
        telemetry.shutdown().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn spans_leave_for_the_endpoint_over_grpc() {
        let collector = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", collector.local_addr().unwrap());
        let telemetry = Telemetry::new(Some(&TraceConfig { endpoint, service: "test".into() })).unwrap();
        telemetry.tracer().unwrap().start("span").end();
        let flushed = tokio::spawn({
            let telemetry = telemetry.clone();
            async move { telemetry.shutdown().await }
        });
        let (mut connection, _) = collector.accept().await.unwrap();
        let mut preface = [0; 14];
        tokio::io::AsyncReadExt::read_exact(&mut connection, &mut preface).await.unwrap();
        assert_eq!(&preface, b"PRI * HTTP/2.0");
        drop(connection);
        flushed.await.unwrap();
    }

    #[tokio::test]
    async fn an_endpoint_that_is_no_url_is_an_error_that_names_it() {
        let config = TraceConfig { endpoint: "not a url".into(), service: "test".into() };
        let error = Telemetry::new(Some(&config)).err().unwrap().to_string();
        assert!(error.contains("not a url") && error.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{error}");
    }
}
