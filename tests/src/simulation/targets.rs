//! The targets: each says how long it has been up, and how often it was started.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use model::job::ScrapeSettings;
use model::labels::Labels;
use model::target::{PlacementKey, Target, TargetId};

/// How a target behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It answers.
    Up,
    /// It refuses connections.
    Down,
    /// It takes connections and never answers.
    Hanging,
}

/// One target.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) condition: Condition,
    /// When it was started, and the how manieth start that was.
    pub(super) started: Duration,
    pub(super) starts: u64,
    /// How long an answer takes.
    pub(super) latency: Duration,
    /// Since when it has been as it is.
    pub(super) since: Duration,
    /// Whether discovery knows it, and with which version of its labels.
    pub(super) listed: bool,
    pub(super) version: u64,
    /// Whether its job asks for 60 s between scrapes.
    pub(super) slow_job: bool,
    /// How often its condition was changed.
    pub(super) changes: u64,
}

/// What a target said: how often it was started, and how long ago the last time was.
pub(super) type Value = (u64, u64);

#[derive(Clone, Debug, Default)]
pub(super) struct Targets {
    pub(super) pods: Vec<Pod>,
    known: BTreeMap<(usize, u64), Arc<Target>>,
}

const FAST: &str = "node";
const SLOW: &str = "slow";

impl Targets {
    /// The number of a target, whatever its labels.
    pub(super) fn number(id: TargetId) -> usize {
        usize::try_from(id.0 & 0xffff_ffff).expect("32 bits")
    }

    /// The target `number` as it is listed now.
    pub(super) fn target(&mut self, number: usize) -> Arc<Target> {
        let pod = &self.pods[number];
        let make = || Arc::new(describe(number, pod));
        self.known.entry((number, pod.version)).or_insert_with(make).clone()
    }

    /// What discovery finds.
    pub(super) fn listing(&mut self) -> Arc<Vec<Arc<Target>>> {
        let listed: Vec<_> = (0..self.pods.len()).filter(|number| self.pods[*number].listed).collect();
        Arc::new(listed.into_iter().map(|number| self.target(number)).collect())
    }

    /// The ids of what discovery finds.
    pub(super) fn listed(&self) -> BTreeSet<TargetId> {
        let listed = self.pods.iter().enumerate().filter(|(_, pod)| pod.listed);
        listed.map(|(number, pod)| id(number, pod.version)).collect()
    }

    /// What a target that answers at `now` says.
    pub(super) fn value(&self, number: usize, now: Duration) -> Value {
        let pod = &self.pods[number];
        (pod.starts, u64::try_from((now - pod.started).as_millis()).expect("a short simulation"))
    }
}

fn id(number: usize, version: u64) -> TargetId {
    TargetId(number as u128 | (u128::from(version) << 64))
}

fn describe(number: usize, pod: &Pod) -> Target {
    let version = pod.version.to_string();
    Target {
        id: id(number, pod.version),
        key: PlacementKey((number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        job: if pod.slow_job { SLOW } else { FAST }.into(),
        labels: Labels::from_pairs([("instance", format!("10.0.0.{number}:9100")), ("version", version)]),
        url: format!("http://10.0.{}.{}:9100/metrics", number / 250, number % 250 + 1).into(),
        scrape_interval: Duration::from_secs(if pod.slow_job { 60 } else { 15 }),
        scrape_timeout: Duration::from_secs(10),
        min_interval: pod.slow_job.then_some(Duration::from_secs(60)),
    }
}

/// The settings of both jobs.
pub(super) fn jobs() -> HashMap<Arc<str>, Arc<ScrapeSettings>> {
    [FAST, SLOW].map(|job| (Arc::from(job), Arc::new(ScrapeSettings::new(job)))).into()
}
