//! The coordinator's metrics that are read off the latest snapshot when they are asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};
use tokio::sync::watch;

use crate::fleet::{Phase, Snapshot};

/// Rows of one metric: label values and a number.
type Rows = Vec<(Vec<KeyValue>, u64)>;

/// What a metric is, and how it is read off a snapshot.
type Reading = (&'static str, &'static str, fn(&Snapshot) -> Rows);

const GAUGES: [Reading; 9] = [
    ("scraperelay_coordinator_leader", "1 once this coordinator decides, 0 while it settles.", |fleet| {
        vec![(vec![], u64::from(fleet.phase == Phase::Leading))]
    }),
    ("scraperelay_coordinator_epoch", "The number of this coordinator's reign.", |fleet| {
        vec![(vec![], fleet.reign.epoch.0)]
    }),
    ("scraperelay_coordinator_relays", "Relays by state.", |fleet| {
        counted("state", fleet.relays.iter().map(|relay| relay.state.as_str()))
    }),
    ("scraperelay_coordinator_targets", "Targets by job and whether a relay has them.", |fleet| {
        let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for entry in &fleet.targets {
            let state = if entry.owner.is_some() { "assigned" } else { "unassigned" };
            *counts.entry((&entry.target.job, state)).or_default() += 1;
        }
        let row = |((job, state), count): ((&str, &str), u64)| {
            (vec![KeyValue::new("job", job.to_owned()), KeyValue::new("state", state.to_owned())], count)
        };
        counts.into_iter().map(row).collect()
    }),
    (
        "scraperelay_coordinator_unlisted_targets",
        "Targets that only relays know, since the discoveries of their job have not all reported.",
        |fleet| {
            let unlisted = fleet.targets.iter().filter(|entry| !entry.listed);
            counted("job", unlisted.map(|entry| &*entry.target.job))
        },
    ),
    ("scraperelay_coordinator_relay_targets", "Targets in the slice of each relay.", |fleet| {
        let row = |relay: &crate::fleet::RelayEntry| {
            (vec![KeyValue::new("relay", relay.name.to_string())], relay.targets as u64)
        };
        fleet.relays.iter().map(row).collect()
    }),
    (
        "scraperelay_coordinator_relay_targets_to_lose",
        "Targets that a relay which drains still exposes.",
        |fleet| {
            let leaving = fleet.relays.iter().filter(|relay| relay.drained || relay.draining);
            let row = |relay: &crate::fleet::RelayEntry| {
                (vec![KeyValue::new("relay", relay.name.to_string())], relay.to_lose as u64)
            };
            leaving.map(row).collect()
        },
    ),
    (
        "scraperelay_coordinator_moves_under_way",
        "Targets on their way to another relay, by stage.",
        |fleet| {
            let row = |(stage, count): (&&'static str, &usize)| {
                (vec![KeyValue::new("stage", *stage)], *count as u64)
            };
            fleet.moves_under_way.iter().map(row).collect()
        },
    ),
    (
        "scraperelay_coordinator_records_bytes",
        "Bytes of records of failing targets on their way to another relay.",
        |fleet| vec![(vec![], fleet.record_bytes as u64)],
    ),
];

const COUNTERS: [Reading; 7] = [
    ("scraperelay_coordinator_assignments_total", "Targets given to a relay, by reason.", |fleet| {
        labelled("reason", &fleet.counters.assigned)
    }),
    ("scraperelay_coordinator_moves_total", "Moves that came where they should, by reason.", |fleet| {
        labelled("reason", &fleet.counters.moves.finished)
    }),
    ("scraperelay_coordinator_moves_given_up_total", "Moves that did not, by reason.", |fleet| {
        labelled("reason", &fleet.counters.moves.given_up)
    }),
    (
        "scraperelay_coordinator_records_total",
        "Records of failing targets that relays have released, by what became of them.",
        |fleet| labelled("result", &fleet.counters.records),
    ),
    (
        "scraperelay_coordinator_streams_closed_total",
        "Streams of relays ended from here, by reason.",
        |fleet| labelled("reason", &fleet.counters.closed),
    ),
    ("scraperelay_coordinator_relays_lost_total", "Relays given up.", |fleet| {
        vec![(vec![], fleet.counters.relays_lost)]
    }),
    (
        "scraperelay_coordinator_clock_restarts_total",
        "Times at which all clocks were started anew because this process had not run.",
        |fleet| vec![(vec![], fleet.counters.clock_restarts)],
    ),
];

/// Registers them with `meter`.
pub fn register(meter: &Meter, snapshots: &watch::Receiver<Arc<Snapshot>>) {
    for (name, help, read) in GAUGES {
        let gauge = meter.u64_observable_gauge(name).with_description(help);
        gauge.with_callback(observation(snapshots, read)).build();
    }
    for (name, help, read) in COUNTERS {
        let counter = meter.u64_observable_counter(name).with_description(help);
        counter.with_callback(observation(snapshots, read)).build();
    }
    let snapshots = snapshots.clone();
    let ratio = meter.f64_observable_gauge("scraperelay_coordinator_relay_load_ratio");
    let ratio = ratio
        .with_description("The load of each relay over its part of all load that is shared, by capacity.");
    ratio
        .with_callback(move |observer| {
            for relay in &snapshots.borrow().relays {
                observer.observe(relay.load_ratio, &[KeyValue::new("relay", relay.name.to_string())]);
            }
        })
        .build();
}

/// Observes what `read` finds in the latest snapshot.
fn observation(
    snapshots: &watch::Receiver<Arc<Snapshot>>,
    read: fn(&Snapshot) -> Rows,
) -> impl Fn(&dyn AsyncInstrument<u64>) + Send + Sync + 'static {
    let snapshots = snapshots.clone();
    move |observer| {
        for (labels, value) in read(&snapshots.borrow()) {
            observer.observe(value, &labels);
        }
    }
}

fn counted<'a>(label: &'static str, words: impl Iterator<Item = &'a str>) -> Rows {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    counts.into_iter().map(|(word, count)| (vec![KeyValue::new(label, word.to_owned())], count)).collect()
}

fn labelled(label: &'static str, counts: &BTreeMap<&'static str, u64>) -> Rows {
    counts.iter().map(|(word, count)| (vec![KeyValue::new(label, *word)], *count)).collect()
}
