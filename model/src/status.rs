//! How a target does, as the relay that scrapes it reports.
//!
//! Plain values; a relay makes them, the coordinator keeps the last one of each target.

use std::time::{Duration, SystemTime};

use crate::target::TargetId;

/// What a target's last scrape came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TargetState {
    /// Assigned, not scraped yet.
    #[default]
    Pending,
    /// It has answered.
    Up,
    /// It has failed and nothing is served in its place.
    Down,
    /// It has failed and its last good scrape is served.
    StaleServed,
}

impl TargetState {
    /// The word for people and for metrics: `pending`, `up`, `down` or `stale_served`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Up => "up",
            Self::Down => "down",
            Self::StaleServed => "stale_served",
        }
    }

    /// Whether the last scrape failed.
    #[must_use]
    pub fn is_failing(self) -> bool {
        matches!(self, Self::Down | Self::StaleServed)
    }
}

/// Why a scrape failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrapeFailure {
    /// A fixed word: `timeout`, `refused`, ...
    pub kind: Box<str>,
    /// The sentence for people.
    pub message: Box<str>,
}

/// One target's state with the counters of its relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetStatus {
    /// The target.
    pub target: TargetId,
    /// What the last scrape came to.
    pub state: TargetState,
    /// Since when.
    pub state_changed: Option<SystemTime>,
    /// When the last scrape began.
    pub last_scrape: Option<SystemTime>,
    /// How long it took.
    pub last_duration: Option<Duration>,
    /// Samples it brought, after metric relabelling.
    pub last_samples: u64,
    /// Bytes of its body after decompression.
    pub last_body_bytes: u64,
    /// Why it failed, where it did.
    pub failure: Option<ScrapeFailure>,
    /// When the copy that is served, or would be, was scraped.
    pub cached_scrape: Option<SystemTime>,
    /// Scrapes since the relay has the target.
    pub scrapes_total: u64,
    /// Those of them that failed.
    pub failures_total: u64,
    /// Failures since the last good scrape.
    pub consecutive_failures: u64,
    /// Names of the limits that the last scrape ran into.
    pub limits_hit: Vec<Box<str>>,
    /// Sentences about its families that stand otherwise on the page than it says, because of other targets.
    pub conflicts: Vec<Box<str>>,
}

impl TargetStatus {
    /// The status of `target` before its first scrape.
    #[must_use]
    pub fn pending(target: TargetId) -> Self {
        Self {
            target,
            state: TargetState::Pending,
            state_changed: None,
            last_scrape: None,
            last_duration: None,
            last_samples: 0,
            last_body_bytes: 0,
            failure: None,
            cached_scrape: None,
            scrapes_total: 0,
            failures_total: 0,
            consecutive_failures: 0,
            limits_hit: Vec::new(),
            conflicts: Vec::new(),
        }
    }
}

/// What a relay reports at once or every few seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusReport {
    /// Targets whose state or counters have changed.
    pub targets: Vec<TargetStatus>,
    /// When a scraper last asked for the page.
    pub last_page: Option<SystemTime>,
    /// Whether the last flush of the cache ended after its page was sent and has not been made good since: a
    /// new process would not have what this one exposed last.
    pub flush_late: bool,
    /// Memory in use, in bytes.
    pub resident_bytes: u64,
}
