//! What becomes of spans on their way to the collector, counted: a dead or slow one is otherwise silent.
//!
//! In: every span that ends. Out: the same to the exporter's queue while it has room. A span that finds none is
//! dropped here, with a count, so that the queue behind never has to drop one unseen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::metrics::{Counter, Meter};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanProcessor};

/// Spans that wait for the exporter; more are dropped.
pub(super) const SPAN_QUEUE: usize = 2_048;
/// Spans in one export.
const SPAN_BATCH: usize = 512;

/// The queue before `exporter`.
pub(super) fn processor(exporter: SpanExporter, meter: &Meter) -> impl SpanProcessor + 'static {
    let spans = meter
        .u64_counter("scraperelay_trace_spans_total")
        .with_description("Spans for the trace exporter, by result.")
        .build();
    let waiting = Arc::new(AtomicUsize::new(0));
    let exporter = Counted { exporter, spans: spans.clone(), waiting: waiting.clone() };
    let batch = BatchConfigBuilder::default()
        .with_max_queue_size(SPAN_QUEUE)
        .with_max_export_batch_size(SPAN_BATCH)
        .build();
    let queue = BatchSpanProcessor::builder(exporter).with_batch_config(batch).build();
    Bounded { queue, spans, waiting, told: AtomicBool::new(false) }
}

/// Lets spans into the queue as long as it has room.
#[derive(Debug)]
struct Bounded {
    queue: BatchSpanProcessor,
    spans: Counter<u64>,
    /// Spans let in that the exporter has not taken over yet.
    waiting: Arc<AtomicUsize>,
    /// Whether a drop was logged.
    told: AtomicBool,
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.queue.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) < SPAN_QUEUE {
            return self.queue.on_end(span);
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.spans.add(1, &[KeyValue::new("result", "dropped")]);
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                waiting = SPAN_QUEUE,
                "spans are dropped: the collector takes them too slowly; scraperelay_trace_spans_total counts them"
            );
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.queue.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.queue.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.queue.set_resource(resource);
    }
}

/// Counts what the exporter achieves.
#[derive(Debug)]
struct Counted {
    exporter: SpanExporter,
    spans: Counter<u64>,
    waiting: Arc<AtomicUsize>,
}

impl opentelemetry_sdk::trace::SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        let result = self.exporter.export(batch).await;
        let label = if result.is_ok() { "exported" } else { "failed" };
        self.spans.add(count as u64, &[KeyValue::new("result", label)]);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
