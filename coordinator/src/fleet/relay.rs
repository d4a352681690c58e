//! One relay of the fleet: its stream, its clocks and what is still to be sent to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::job::ScrapeSettings;
use model::slice::{Held, Hello, Stamp};
use model::target::TargetId;

use super::timings::Timings;
use super::unit::Owner;
use super::{Now, StreamId};

/// What people call a relay's condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayState {
    /// Connected and scraped.
    Active,
    /// Connected; no scraper has asked its page yet.
    Joining,
    /// Silent or cut off, not given up yet.
    Suspect,
    /// Given up: its targets go to others.
    Lost,
    /// About to go.
    Draining,
}

impl RelayState {
    /// The word for people and for metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Joining => "joining",
            Self::Suspect => "suspect",
            Self::Lost => "lost",
            Self::Draining => "draining",
        }
    }
}

/// A relay's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// There is a stream.
    Connected(StreamId),
    /// The peer has ended it, at this time.
    Ended(Duration),
    /// It ended here, or nothing came any more: only silence counts.
    Silent,
    /// Given up at this time.
    Lost(Duration),
}

/// A newer process of the same name that waits until the older stream has had time to answer.
#[derive(Debug)]
pub(super) struct Rival {
    pub(super) stream: StreamId,
    pub(super) hello: Hello,
    pub(super) nonce: u64,
    pub(super) deadline: Duration,
}

/// What is to be sent at the end of the event.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Everything anew.
    pub(super) whole: bool,
    pub(super) assigned: BTreeSet<TargetId>,
    pub(super) removed: BTreeSet<TargetId>,
    pub(super) jobs: BTreeSet<Arc<str>>,
    pub(super) config: bool,
    /// Whether it is drained.
    pub(super) drained: bool,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        !self.whole
            && !self.config
            && !self.drained
            && self.assigned.is_empty()
            && self.removed.is_empty()
            && self.jobs.is_empty()
    }
}

/// A target that a relay was told to drop.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Releasing {
    /// The change that said so, once it is sent.
    pub(super) sent: Option<Stamp>,
    /// Whether a record that the relay sends of it is the newest there is.
    pub(super) is_newest: bool,
    /// Whether it has said that no scrape of it went well there.
    pub(super) never_good: bool,
}

/// One relay of the fleet.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) boot_id: Arc<str>,
    pub(super) build: Box<str>,
    pub(super) advertise: Box<str>,
    /// How much of the load is its part, in hundredths of an ordinary relay, where it says so.
    pub(super) capacity: Option<u32>,
    pub(super) draining: bool,
    /// Whether an operator has drained it.
    pub(super) drained: bool,
    pub(super) link: Link,
    /// Whether it ended its stream itself, without being about to end.
    pub(super) lives: bool,
    pub(super) connected: Now,
    pub(super) heard: Now,
    pub(super) last_page: Option<SystemTime>,
    /// Whether a scraper has asked this process for its page, and will again as far as is known.
    pub(super) scraped: bool,
    /// When a scraper was last given a list without it.
    pub(super) omitted: Option<Duration>,
    pub(super) flush_late: bool,
    pub(super) resident_bytes: u64,
    /// Whether this stream has had its whole slice.
    pub(super) synced: bool,
    /// What it reported and nobody has looked at yet.
    pub(super) held: Vec<Held>,
    /// Whether that named all it may have exposed.
    pub(super) held_is_all: bool,
    /// Whether its copies may be older than what its former process exposed last.
    pub(super) copies_are_stale: bool,
    pub(super) owned: BTreeSet<TargetId>,
    /// What it has in its slice without owning it, live only, until the owner is seen to expose it.
    pub(super) still: BTreeSet<TargetId>,
    /// What it was told to drop and has not acknowledged.
    pub(super) releasing: BTreeMap<TargetId, Releasing>,
    /// What goes on once it has acknowledged the last that it was sent of it.
    pub(super) awaited: BTreeSet<TargetId>,
    pub(super) acknowledged: Stamp,
    /// The last change sent, and since when one is unacknowledged.
    pub(super) sent: Stamp,
    pub(super) unacknowledged_since: Option<Duration>,
    /// The settings it has.
    pub(super) jobs: HashMap<Arc<str>, Arc<ScrapeSettings>>,
    pub(super) outbox: Outbox,
    pub(super) rival: Option<Rival>,
    /// Whether it was lost so long ago that nobody scrapes it, and what follows from that is done.
    pub(super) is_unlisted: bool,
}

impl Relay {
    pub(super) fn new(stream: StreamId, hello: &Hello, now: Now) -> Self {
        Self {
            boot_id: hello.boot_id.clone(),
            build: hello.build.clone(),
            advertise: hello.advertise.clone(),
            capacity: hello.capacity,
            draining: hello.draining,
            drained: hello.drained,
            link: Link::Connected(stream),
            lives: false,
            connected: now,
            heard: now,
            last_page: hello.last_page,
            scraped: false,
            omitted: None,
            flush_late: false,
            resident_bytes: 0,
            synced: false,
            held: hello.held.clone(),
            held_is_all: hello.held_is_all,
            copies_are_stale: false,
            owned: BTreeSet::new(),
            still: BTreeSet::new(),
            releasing: BTreeMap::new(),
            awaited: BTreeSet::new(),
            acknowledged: Stamp::default(),
            sent: Stamp::default(),
            unacknowledged_since: None,
            jobs: HashMap::new(),
            outbox: Outbox::default(),
            rival: None,
            is_unlisted: false,
        }
    }

    pub(super) fn stream(&self) -> Option<StreamId> {
        if let Link::Connected(stream) = self.link { Some(stream) } else { None }
    }

    /// Whether it is connected and has not had its whole slice.
    pub(super) fn is_unsettled(&self) -> bool {
        !self.synced && matches!(self.link, Link::Connected(_))
    }

    /// Whether it is to be rid of its targets.
    pub(super) fn leaves(&self) -> bool {
        self.draining || self.drained
    }

    pub(super) fn is_lost(&self) -> bool {
        matches!(self.link, Link::Lost(_))
    }

    pub(super) fn state(&self, now: Now, timings: &Timings) -> RelayState {
        match self.link {
            Link::Lost(_) => RelayState::Lost,
            Link::Ended(_) | Link::Silent => RelayState::Suspect,
            Link::Connected(_) if now.since(self.heard) > timings.suspect => RelayState::Suspect,
            Link::Connected(_) if self.leaves() => RelayState::Draining,
            Link::Connected(_) if self.scraped => RelayState::Active,
            Link::Connected(_) => RelayState::Joining,
        }
    }

    /// How many targets it exposes, or may.
    pub(super) fn exposes(&self) -> usize {
        self.owned.len() + self.still.len() + self.releasing.len()
    }

    /// Whether the target is in its slice.
    pub(super) fn exposes_owned(&self, id: TargetId) -> bool {
        self.owned.contains(&id) || self.still.contains(&id)
    }

    /// Whether it may be given targets now.
    pub(super) fn can_take(&self) -> bool {
        self.synced && !self.leaves()
    }

    /// Whether it has acknowledged the last that it was sent of a target that it owns.
    pub(super) fn has_acknowledged(&self, owner: &Owner) -> bool {
        self.synced && owner.sent.is_some() && owner.sent == self.stream() && owner.stamp <= self.acknowledged
    }

    /// Whether Prometheus is told of it: every connected relay but a drained one, and any other as long as it owns
    /// anything and is not lost.
    pub(super) fn is_listed(&self) -> bool {
        match self.link {
            Link::Connected(_) => !self.leaves() || self.exposes() > 0,
            Link::Ended(_) | Link::Silent => !self.owned.is_empty(),
            Link::Lost(_) => false,
        }
    }

    /// Starts all its clocks anew, after a time in which this process did not run.
    pub(super) fn restart_clocks(&mut self, now: Now) {
        self.heard = now;
        match &mut self.link {
            Link::Ended(at) | Link::Lost(at) => *at = now.elapsed,
            Link::Connected(_) | Link::Silent => {}
        }
        if let Some(since) = &mut self.unacknowledged_since {
            *since = now.elapsed;
        }
    }
}
