//! The relay's own metrics: names, labels and what they count.
//!
//! Every label has a closed set of values. Nothing here decides anything; a component is given the instruments that
//! belong to it when it starts.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter};

/// Upper bounds in seconds for pages and scrapes.
const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What the cache counts.
#[derive(Clone, Debug)]
pub struct CacheInstruments {
    /// 1 while records go to disk, 0 in memory-only mode.
    pub enabled: Gauge<u64>,
    /// Records on disk.
    pub entries: Gauge<u64>,
    /// Encoded bytes written.
    pub written_bytes: Counter<u64>,
    /// Results that did not reach the disk, by `reason`.
    pub write_failures: Counter<u64>,
    /// Directories set aside, by `reason`.
    pub quarantines: Counter<u64>,
    /// Times the cache went to memory only, by `reason`.
    pub memory_only: Counter<u64>,
    /// Pages that ended before the flush they waited for.
    pub late_flushes: Counter<u64>,
    /// Records that a start found and could not use, by `reason`.
    pub records_refused: Counter<u64>,
}

impl CacheInstruments {
    /// The instruments of `meter`.
    #[must_use]
    pub fn new(meter: &Meter) -> Self {
        Self {
            enabled: gauge(meter, "scraperelay_cache_enabled", "Whether records go to disk."),
            entries: gauge(meter, "scraperelay_cache_entries", "Records of last good scrapes on disk."),
            written_bytes: counter(meter, "scraperelay_cache_written_bytes_total", "Encoded bytes written."),
            write_failures: counter(
                meter,
                "scraperelay_cache_write_failures_total",
                "Results that did not reach the disk.",
            ),
            quarantines: counter(meter, "scraperelay_cache_quarantines_total", "Directories set aside."),
            memory_only: counter(
                meter,
                "scraperelay_cache_memory_only_total",
                "Times the cache fell back to memory only.",
            ),
            late_flushes: counter(
                meter,
                "scraperelay_cache_late_flushes_total",
                "Pages that ended before their flush.",
            ),
            records_refused: counter(
                meter,
                "scraperelay_cache_records_refused_total",
                "Records found at start that could not be used.",
            ),
        }
    }
}

/// What scraping and serving count.
#[derive(Clone, Debug)]
pub struct Instruments {
    /// Targets of the slice, by `state`.
    pub targets: Gauge<u64>,
    /// Targets the last page showed from the cache.
    pub cache_served_targets: Gauge<u64>,
    /// Scrapes, by `result`.
    pub target_scrapes: Counter<u64>,
    /// How long they took.
    pub target_scrape_duration: Histogram<f64>,
    /// Scrapes under way.
    pub inflight_scrapes: Gauge<u64>,
    /// Bytes that bodies in flight may take.
    pub memory_budget: Gauge<u64>,
    /// Bytes that they take.
    pub memory_used: Gauge<u64>,
    /// Bounds hit by targets, by `limit`.
    pub limit_exceeded: Counter<u64>,
    /// Bodies that went through the parser instead of being compared with a shape.
    pub cold_parses: Counter<u64>,
    /// Connections opened to targets.
    pub new_connections: Counter<u64>,
    /// Shapes in memory.
    pub shapes: Gauge<u64>,
    /// Pages, by `code`.
    pub pages: Counter<u64>,
    /// From request to last byte.
    pub page_duration: Histogram<f64>,
    /// Merging and sending alone.
    pub page_merge_duration: Histogram<f64>,
    /// Bytes of pages before compression.
    pub page_bytes: Counter<u64>,
    /// Pages begun and not ended, by `reason`.
    pub pages_cut_off: Counter<u64>,
    /// Pages that joined a running fan-out.
    pub pages_joined: Counter<u64>,
    /// Where targets of the last whole page disagree about families, by `kind`.
    pub conflicts: Gauge<u64>,
    /// Samples and lines left out of pages, by `reason`.
    pub samples_dropped: Counter<u64>,
    /// 1 while alone.
    pub alone: Gauge<u64>,
    /// Seconds since contact.
    pub contact_age: Gauge<f64>,
    /// The reign this relay follows.
    pub epoch: Gauge<u64>,
    /// Attempts to join a coordinator, by `result`.
    pub joins: Counter<u64>,
    /// Changes of the slice, by `result`.
    pub slice_changes: Counter<u64>,
    /// Drops that were acknowledged while the slice on disk still named them.
    pub stale_slices: Counter<u64>,
    /// Records of targets that were let go, by `result`.
    pub records_handed_over: Counter<u64>,
    /// Targets that a Hello only named.
    pub undescribed_targets: Counter<u64>,
}

impl Instruments {
    /// The instruments of `meter`.
    #[must_use]
    pub fn new(meter: &Meter) -> Self {
        let counter = |name, description| counter(meter, name, description);
        let gauge = |name, description| gauge(meter, name, description);
        let histogram = |name, description| histogram(meter, name, description);
        Self {
            targets: gauge("scraperelay_relay_targets", "Targets of this relay, by state."),
            cache_served_targets: gauge(
                "scraperelay_cache_served_targets",
                "Targets the last page showed from the cache.",
            ),
            target_scrapes: counter("scraperelay_target_scrapes_total", "Scrapes of targets, by result."),
            target_scrape_duration: histogram(
                "scraperelay_target_scrape_duration_seconds",
                "Duration of one scrape of a target.",
            ),
            inflight_scrapes: gauge("scraperelay_inflight_target_scrapes", "Scrapes under way."),
            memory_budget: gauge("scraperelay_memory_budget_bytes", "Bytes that bodies in flight may take."),
            memory_used: gauge("scraperelay_memory_used_bytes", "Bytes that bodies in flight take."),
            limit_exceeded: counter("scraperelay_target_limit_exceeded_total", "Scrapes that hit a limit."),
            cold_parses: counter("scraperelay_cold_parses_total", "Bodies that no shape could read."),
            new_connections: counter("scraperelay_new_connections_total", "Connections opened to targets."),
            shapes: gauge("scraperelay_shapes", "Shapes in memory."),
            pages: counter("scraperelay_merged_scrapes_total", "Pages served, by status code."),
            page_duration: histogram(
                "scraperelay_merged_scrape_duration_seconds",
                "Duration of one page, from request to last byte.",
            ),
            page_merge_duration: histogram(
                "scraperelay_merge_duration_seconds",
                "Merging and sending one page, without the scrapes.",
            ),
            page_bytes: counter("scraperelay_merged_scrape_body_bytes_total", "Bytes of pages."),
            pages_cut_off: counter("scraperelay_merged_scrapes_cut_off_total", "Pages not ended."),
            pages_joined: counter(
                "scraperelay_merged_scrapes_joined_total",
                "Pages that joined a running fan-out.",
            ),
            conflicts: gauge("scraperelay_family_conflicts", "Conflicts of metadata between targets."),
            samples_dropped: counter("scraperelay_samples_dropped_total", "Samples left out."),
            alone: gauge("scraperelay_alone", "Whether the relay is alone."),
            contact_age: meter
                .f64_gauge("scraperelay_contact_age_seconds")
                .with_description("Time since contact with the coordinator.")
                .build(),
            epoch: gauge("scraperelay_assignment_epoch", "The reign this relay follows."),
            joins: counter("scraperelay_coordinator_joins_total", "Attempts to join a coordinator."),
            slice_changes: counter("scraperelay_slice_changes_total", "Changes of the slice."),
            stale_slices: counter(
                "scraperelay_stale_slices_total",
                "Drops acknowledged before the slice on disk knew of them.",
            ),
            records_handed_over: counter(
                "scraperelay_records_handed_over_total",
                "Records of failing targets that were let go, by what became of them.",
            ),
            undescribed_targets: counter(
                "scraperelay_undescribed_targets_total",
                "Targets that a Hello named without saying what they are, since it was too large.",
            ),
        }
    }
}

/// A label of a metric whose value comes from a closed set.
#[must_use]
pub fn label(name: &'static str, value: &'static str) -> [KeyValue; 1] {
    [KeyValue::new(name, value)]
}

fn counter(meter: &Meter, name: &'static str, description: &'static str) -> Counter<u64> {
    meter.u64_counter(name).with_description(description).build()
}

fn gauge(meter: &Meter, name: &'static str, description: &'static str) -> Gauge<u64> {
    meter.u64_gauge(name).with_description(description).build()
}

fn histogram(meter: &Meter, name: &'static str, description: &'static str) -> Histogram<f64> {
    let boundaries = SECONDS.to_vec();
    meter.f64_histogram(name).with_description(description).with_boundaries(boundaries).build()
}
