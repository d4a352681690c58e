//! Slices: which relay scrapes which targets, by whose word, and what it may do with an older copy.
//!
//! In: nothing; these are the values that coordinator and relays exchange. Out: the comparisons that fence an old
//! coordinator off. How they are sent is the wire contract's business.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::job::ScrapeSettings;
use crate::settings::{CacheSettings, Limits, RelaySettings};
use crate::target::{Target, TargetId};

/// What a relay may do with a copy of a target's last good scrape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Scrape; on failure serve the own copy. No other relay has exposed the target since this one did.
    Keep,
    /// Scrape; on failure serve the copy that comes with the assignment: the previous owner has acknowledged
    /// losing the target and has sent its record.
    Record,
    /// Scrape; drop any older copy first. New good scrapes may be cached and served.
    Discard,
    /// Live results only; copies taken meanwhile are dropped when it ends. The previous owner has not
    /// acknowledged losing the target and may still expose it.
    None,
}

impl Permission {
    /// The word for people: `keep`, `record`, `discard` or `none`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Record => "record",
            Self::Discard => "discard",
            Self::None => "none",
        }
    }
}

/// The number of a coordinator's reign; 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The number of a change within a reign; it grows with every change that a coordinator sends to anyone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// When a target was assigned. Of two relays that report one target the later stamp keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The reign.
    pub epoch: Epoch,
    /// The change within it.
    pub revision: Revision,
}

/// One coordinator process that leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reign {
    /// The highest number heard plus one.
    pub epoch: Epoch,
    /// Random, new in every process.
    pub coordinator_boot_id: Arc<str>,
}

impl Reign {
    /// Whether a relay that follows this reign listens to `other`: to the same one and to any later one, never to
    /// an older one, nor to another coordinator with the same number.
    #[must_use]
    pub fn yields_to(&self, other: &Self) -> bool {
        other.epoch > self.epoch || other == self
    }
}

/// One target of a slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// What to scrape.
    pub target: Arc<Target>,
    /// What to do with an older copy.
    pub permission: Permission,
    /// With [`Permission::Record`]: the previous owner's record of the last good scrape.
    pub record: Option<Bytes>,
}

/// The settings that hold for a whole relay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayConfig {
    /// `relay:`
    pub relay: RelaySettings,
    /// `cache:`
    pub cache: CacheSettings,
    /// `limits:`
    pub limits: Limits,
}

/// A change of a slice; applied whole, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct SliceChange {
    /// Who says so.
    pub reign: Reign,
    /// The change's number, acknowledged once it is applied.
    pub revision: Revision,
    /// Whether a whole slice begins: what neither this change nor those up to the complete one bring is not held
    /// any more.
    pub whole: bool,
    /// Whether nothing more belongs to it; otherwise the next change goes on with the same whole slice, and none
    /// of them is applied before the last has come.
    pub complete: bool,
    /// Targets that are new or have changed.
    pub assigned: Vec<Assignment>,
    /// Targets that go.
    pub removed: Vec<TargetId>,
    /// Settings of jobs that are new or have changed.
    pub jobs: Vec<Arc<ScrapeSettings>>,
    /// The relay's settings, where they have changed.
    pub config: Option<Arc<RelayConfig>>,
    /// Whether an operator has drained the relay, where that has changed. The relay keeps it with its slice and says it
    /// in every later Hello, so that it outlives both processes.
    pub drained: Option<bool>,
}

/// What a relay says of a target that it has just dropped. It is sent before the change that took the target is
/// acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// The target.
    pub target: TargetId,
    /// Whether no scrape of it has gone well since it was assigned here: then nothing was exposed of it, and an
    /// earlier owner's copy is still the newest.
    pub never_good: bool,
    /// The record of its last good scrape, where its last scrape failed, a copy might have been served and the
    /// record is not too large.
    pub record: Option<Bytes>,
}

/// One target that a relay holds when it comes, with the assignment it came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The target.
    pub target: TargetId,
    /// When it was assigned.
    pub stamp: Stamp,
    /// With which permission.
    pub permission: Permission,
    /// With `none`: whether that is only because the relay is alone, so that another may have shown something newer.
    pub held_back: bool,
    /// Whether the last page showed it from the cache.
    pub served_from_cache: bool,
    /// Samples of its last good scrape.
    pub samples: u64,
    /// The target itself, for a coordinator that has not found it yet. A relay of an older build leaves it out, as
    /// does one that holds more than a message takes.
    pub described: Option<Arc<Target>>,
}

/// The versions of the protocol that a relay speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolRange {
    /// The oldest.
    pub min: u32,
    /// The newest.
    pub max: u32,
}

/// The version of the protocol that this build speaks.
pub const PROTOCOL: u32 = 1;

/// A relay's first words on a stream: who has come and what it still holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The relay's name, which survives its restarts.
    pub name: Arc<str>,
    /// Random, new in every process.
    pub boot_id: Arc<str>,
    /// The build, for people.
    pub build: Box<str>,
    /// The versions it speaks.
    pub protocol: ProtocolRange,
    /// The latest reign it has heard of.
    pub highest_reign: Option<Reign>,
    /// What it holds.
    pub held: Vec<Held>,
    /// Whether that is all it may have exposed: it has a slice, its own or that of the process before.
    pub held_is_all: bool,
    /// Whether the process is about to end and wants to be rid of its targets.
    pub draining: bool,
    /// Whether an operator has drained it, as some coordinator told.
    pub drained: bool,
    /// What it can carry, in hundredths of a usual relay, where its own flags say so; else the file's `relay.capacity`.
    pub capacity: Option<u32>,
    /// Where Prometheus reaches its `/metrics`: host:port.
    pub advertise: Box<str>,
    /// When a scraper last asked this process for its page.
    pub last_page: Option<SystemTime>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reign(epoch: u64, boot_id: &str) -> Reign {
        Reign { epoch: Epoch(epoch), coordinator_boot_id: boot_id.into() }
    }

    #[test]
    fn a_relay_listens_to_its_reign_and_to_later_ones_only() {
        let mine = reign(7, "a");
        for (other, listens) in [
            (reign(7, "a"), true),
            (reign(8, "b"), true),
            (reign(8, "a"), true),
            (reign(7, "b"), false),
            (reign(6, "a"), false),
            (reign(6, "b"), false),
        ] {
            assert_eq!(mine.yields_to(&other), listens, "{other:?}");
        }
    }

    #[test]
    fn a_stamp_of_a_later_reign_is_later_whatever_its_revision() {
        let stamp = |epoch, revision| Stamp { epoch: Epoch(epoch), revision: Revision(revision) };
        assert!(stamp(2, 1) > stamp(1, 9));
        assert!(stamp(2, 2) > stamp(2, 1));
    }
}
