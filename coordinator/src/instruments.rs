//! The coordinator's own metrics.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Meter};

/// What is counted here; what can be read off a snapshot is observed there. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Instruments {
    reload_successful: Gauge<u64>,
    reloads: Counter<u64>,
    updates: Counter<u64>,
    failures: Counter<u64>,
    held: Gauge<u64>,
    targets: Gauge<u64>,
    dropped: Gauge<u64>,
    failed: Gauge<u64>,
}

impl Instruments {
    /// Registers them with `meter`.
    #[must_use]
    pub fn new(meter: &Meter) -> Self {
        let gauge =
            |name: &'static str, help: &'static str| meter.u64_gauge(name).with_description(help).build();
        let counter =
            |name: &'static str, help: &'static str| meter.u64_counter(name).with_description(help).build();
        let instruments = Self {
            reload_successful: gauge(
                "scraperelay_config_last_reload_successful",
                "Whether the last attempt to read the configuration worked.",
            ),
            reloads: counter(
                "scraperelay_config_reloads_total",
                "Attempts to read the configuration, by result.",
            ),
            updates: counter(
                "scraperelay_coordinator_sd_updates_total",
                "Good reads of discoveries, by mechanism.",
            ),
            failures: counter(
                "scraperelay_coordinator_sd_failures_total",
                "Failed reads of discoveries, by mechanism; earlier targets stay.",
            ),
            held: gauge(
                "scraperelay_coordinator_sd_mass_removal_held",
                "Discoveries whose last read would remove most targets of a job and waits for a second one.",
            ),
            targets: gauge(
                "scraperelay_coordinator_discovered_targets",
                "Targets after relabelling, by job.",
            ),
            dropped: gauge("scraperelay_coordinator_dropped_targets", "Targets that a rule dropped, by job."),
            failed: gauge(
                "scraperelay_coordinator_failed_targets",
                "What could not be made a target, by job and reason.",
            ),
        };
        instruments.reload_successful.record(1, &[]);
        instruments
    }

    /// The configuration was read, or not.
    pub fn reloaded(&self, good: bool) {
        self.reload_successful.record(good.into(), &[]);
        let result = if good { "ok" } else { "error" };
        self.reloads.add(1, &[KeyValue::new("result", result)]);
    }

    /// A discovery was read.
    pub fn discovered(&self, mechanism: &'static str) {
        self.updates.add(1, &[KeyValue::new("mechanism", mechanism)]);
    }

    /// A discovery failed.
    pub fn discovery_failed(&self, mechanism: &'static str) {
        self.failures.add(1, &[KeyValue::new("mechanism", mechanism)]);
    }

    /// So many discoveries hold a removal back.
    pub fn holding(&self, count: usize) {
        self.held.record(count as u64, &[]);
    }

    /// How a job's discovered targets fared.
    pub fn job(&self, job: &str, counts: crate::catalog::JobCounts) {
        let job = [KeyValue::new("job", job.to_owned())];
        self.targets.record(counts.targets, &job);
        self.dropped.record(counts.dropped, &job);
    }

    /// How many of a job's discovered targets cannot be targets for one reason.
    pub fn failed(&self, job: &str, reason: &'static str, count: u64) {
        self.failed.record(count, &[KeyValue::new("job", job.to_owned()), KeyValue::new("reason", reason)]);
    }
}
