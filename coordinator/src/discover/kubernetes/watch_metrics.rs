//! What is counted of watches.
//!
//! In: lists, failures, unreadable objects. Out: own metrics.

use std::time::UNIX_EPOCH;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Counter, Meter};

use super::failure::Reason;
use super::request::Kind;
use super::watches::Seen;

/// Counters of all watches. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Counters {
    lists: Counter<u64>,
    failures: Counter<u64>,
    unreadable: Counter<u64>,
}

/// The counters of the watches of one kind.
#[derive(Clone, Debug)]
pub(super) struct WatchMetrics {
    counters: Counters,
    kind: Kind,
}

impl Counters {
    pub(super) fn new(meter: &Meter) -> Self {
        let counter =
            |name: &'static str, help: &'static str| meter.u64_counter(name).with_description(help).build();
        Self {
            lists: counter(
                "scraperelay_coordinator_kubernetes_lists_total",
                "Lists of the API server that were read to their end, by kind.",
            ),
            failures: counter(
                "scraperelay_coordinator_kubernetes_watch_failures_total",
                "Lists and watches that failed, by kind and reason; what was known stays.",
            ),
            unreadable: counter(
                "scraperelay_coordinator_kubernetes_unreadable_objects_total",
                "Objects that could not be read, by kind.",
            ),
        }
    }

    pub(super) fn of(&self, kind: Kind) -> WatchMetrics {
        WatchMetrics { counters: self.clone(), kind }
    }
}

impl WatchMetrics {
    fn kind(&self) -> KeyValue {
        KeyValue::new("kind", self.kind.word())
    }

    pub(super) fn listed(&self) {
        self.counters.lists.add(1, &[self.kind()]);
    }

    pub(super) fn failed(&self, reason: Reason) {
        self.counters.failures.add(1, &[self.kind(), KeyValue::new("reason", reason.word())]);
    }

    pub(super) fn unreadable(&self) {
        self.counters.unreadable.add(1, &[self.kind()]);
    }
}

/// Observes how watches fare whenever metrics are read.
pub(super) fn observe(meter: &Meter, seen: impl Fn() -> Vec<Seen> + Clone + Send + Sync + 'static) {
    let gauge = |name: &'static str, help: &'static str, value: fn(&Seen) -> Option<f64>| {
        let seen = seen.clone();
        let observe = move |observer: &dyn AsyncInstrument<f64>| {
            for watch in seen() {
                if let Some(value) = value(&watch) {
                    observer.observe(value, &labels(&watch));
                }
            }
        };
        meter.f64_observable_gauge(name).with_description(help).with_callback(observe).build();
    };
    gauge(
        "scraperelay_coordinator_kubernetes_watch_up",
        "Whether the watch works, by cluster, kind and namespace.",
        |watch| Some(f64::from(u8::from(watch.status.failure.is_none()))),
    );
    gauge("scraperelay_coordinator_kubernetes_objects", "Objects that the watch knows.", |watch| {
        Some(u32::try_from(watch.status.objects).map_or(f64::MAX, f64::from))
    });
    gauge(
        "scraperelay_coordinator_kubernetes_last_heard_timestamp_seconds",
        "When the API server was heard last by the watch; nothing before the first time.",
        |watch| {
            let since = watch.status.heard?.duration_since(UNIX_EPOCH).ok()?;
            Some(since.as_secs_f64())
        },
    );
}

fn labels(watch: &Seen) -> [KeyValue; 4] {
    let Seen { cluster, selection, .. } = watch;
    let namespace = selection.namespace.as_deref().unwrap_or_default();
    [
        KeyValue::new("cluster", cluster.clone()),
        KeyValue::new("kind", selection.kind.word()),
        KeyValue::new("namespace", namespace.to_owned()),
        KeyValue::new("selector", selection.selector()),
    ]
}
