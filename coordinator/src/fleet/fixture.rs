//! Values that several tests start from.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::job::ScrapeSettings;
use model::labels::Labels;
use model::slice::{Hello, PROTOCOL, ProtocolRange};
use model::target::{PlacementKey, Target, TargetId};

/// Targets from this number on are of job `late`, all before of job `node`.
pub(crate) const LATE: u64 = 1_000_000;

/// The target number `number`.
pub(crate) fn target(number: u64) -> Arc<Target> {
    Arc::new(Target {
        id: TargetId(number.into()),
        key: PlacementKey(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        job: if number < LATE { "node" } else { "late" }.into(),
        labels: Labels::from_pairs([("instance", format!("10.0.0.{number}:9100"))]),
        url: format!("http://10.0.0.{number}:9100/metrics").into(),
        scrape_interval: Duration::from_secs(15),
        scrape_timeout: Duration::from_secs(10),
        min_interval: None,
    })
}

/// The targets `numbers`.
pub(crate) fn targets(numbers: impl IntoIterator<Item = u64>) -> Arc<Vec<Arc<Target>>> {
    Arc::new(numbers.into_iter().map(target).collect())
}

/// The settings of both jobs.
pub(crate) fn jobs() -> HashMap<Arc<str>, Arc<ScrapeSettings>> {
    ["node", "late"].map(|job| (Arc::from(job), Arc::new(ScrapeSettings::new(job)))).into()
}

/// A relay that holds nothing and has never been scraped.
pub(crate) fn hello(name: &str, boot_id: &str) -> Hello {
    Hello {
        name: name.into(),
        boot_id: boot_id.into(),
        build: "test".into(),
        protocol: ProtocolRange { min: PROTOCOL, max: PROTOCOL },
        highest_reign: None,
        held: Vec::new(),
        held_is_all: false,
        draining: false,
        advertise: format!("{name}:15090").into(),
        last_page: None,
        drained: false,
        capacity: None,
    }
}
