//! The one owner of everything that changes: relays, targets and who has which.
//!
//! In: events with the time at which they happened. Out: effects for the streams, and a [`Snapshot`] for everyone
//! else. A pure state machine without clock, tasks or I/O. What a relay may do with a copy, who is lost and when, and
//! how a coordinator's restart moves nothing are decided here; the files below each hold one part of that.

mod balance;
mod claims;
mod clocks;
mod flaps;
mod guards;
mod handovers;
mod move_counts;
mod moves;
mod ownership;
mod pack;
mod records;
mod reign;
mod relay;
mod returns;
mod snapshot;
mod streams;
mod targets;
mod timings;
mod unit;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::job::ScrapeSettings;
use model::slice::{Epoch, Hello, Reign, RelayConfig, Released, SliceChange, Stamp};
use model::status::StatusReport;
use model::target::{Target, TargetId};

use crate::place::Ring;
use balance::Balance;
use handovers::Handovers;
use records::Records;
use relay::{Link, Relay};
use unit::Unit;

pub use guards::Guards;
pub use move_counts::MoveCounts;
pub use moves::Stage;
pub use relay::RelayState;
pub use snapshot::{Ownership, RelayEntry, Snapshot, TargetEntry, Transfer};
pub use timings::Timings;
pub use unit::Reason;

/// A moment: the monotonic time since the process started, and what the wall clock said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Since the process started.
    pub elapsed: Duration,
    /// For people; nothing is decided by it but whether a page was asked for lately.
    pub wall: SystemTime,
}

impl Now {
    fn since(self, earlier: Self) -> Duration {
        self.elapsed.saturating_sub(earlier.elapsed)
    }
}

/// One stream of one relay, never used twice in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// How a stream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// The peer said so (FIN or RST): it knows.
    Peer,
    /// Anything seen only here, a local error or a time-out: the peer may not know.
    Local,
    /// Cut off here: its queue was full, the relay does not read.
    Slow,
    /// Cut off here: it sent what is no message of the protocol.
    Invalid,
}

impl StreamEnd {
    /// A fixed word for metrics.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Local => "local",
            Self::Slow => "slow",
            Self::Invalid => "invalid",
        }
    }
}

/// Everything that can change the fleet.
#[derive(Clone, Debug)]
pub enum FleetEvent {
    /// A relay's first words on a new stream, or its draining on the same one.
    Hello {
        /// The stream.
        stream: StreamId,
        /// What it said.
        hello: Hello,
    },
    /// A heartbeat.
    Heard {
        /// The stream.
        stream: StreamId,
    },
    /// A relay has applied a change and all before it.
    Acknowledged {
        /// The stream.
        stream: StreamId,
        /// The change.
        stamp: Stamp,
    },
    /// What a relay says of targets that it has dropped, before it acknowledges the change that took them.
    Released {
        /// The stream.
        stream: StreamId,
        /// The targets.
        released: Vec<Released>,
    },
    /// An operator drains a relay, or takes that back. Without effect where there is no such relay.
    Drain {
        /// The relay's name.
        relay: Arc<str>,
        /// Whether it is to be rid of its targets.
        drained: bool,
    },
    /// How a relay's targets do.
    Status {
        /// The stream.
        stream: StreamId,
        /// What it reported.
        report: StatusReport,
    },
    /// An answer to a ping.
    Pong {
        /// The stream.
        stream: StreamId,
        /// The ping's number.
        nonce: u64,
    },
    /// A stream is gone.
    Ended {
        /// The stream.
        stream: StreamId,
        /// How it went.
        end: StreamEnd,
    },
    /// The targets that discovery knows now: all of them, save those of unread jobs.
    Targets {
        /// All known targets; no id twice.
        targets: Arc<Vec<Arc<Target>>>,
        /// The settings of all jobs.
        jobs: HashMap<Arc<str>, Arc<ScrapeSettings>>,
        /// The jobs whose discoveries have not all reported since the process started: relays may hold targets of
        /// them that are not among `targets`.
        unread: HashSet<Arc<str>>,
    },
    /// The configuration was read (again).
    Configured {
        /// For all relays.
        config: Arc<RelayConfig>,
        /// How many relays a start waits for; 0: not known.
        expected_relays: usize,
        /// Whether a relay that holds nothing waits for the targets like any other.
        complete_start: bool,
    },
    /// Time has passed.
    Tick,
}

/// Why a stream is closed from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Closing {
    /// A living process of the same name is connected.
    AlreadyExists,
    /// The same process has opened a newer stream.
    Replaced,
    /// Nothing came for too long.
    Silent,
    /// A change was not acknowledged for too long.
    Unacknowledged,
    /// It speaks no version of the protocol that this build speaks.
    Protocol,
    /// It names a reign that no coordinator can follow.
    Epoch,
    /// There are as many relays as a coordinator keeps.
    TooMany,
}

impl Closing {
    /// A fixed word for metrics.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::AlreadyExists => "already_exists",
            Self::Replaced => "replaced",
            Self::Silent => "silent",
            Self::Unacknowledged => "unacknowledged",
            Self::Protocol => "protocol",
            Self::Epoch => "epoch",
            Self::TooMany => "too_many",
        }
    }
}

/// What is to be done on a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Tell the relay that it is in.
    Welcome {
        /// The stream.
        stream: StreamId,
        /// Who leads.
        reign: Reign,
    },
    /// Send a change of its slice.
    Change {
        /// The stream.
        stream: StreamId,
        /// The change.
        change: Box<SliceChange>,
    },
    /// Ask an older stream whether it lives.
    Ping {
        /// The stream.
        stream: StreamId,
        /// To be answered with the same number.
        nonce: u64,
    },
    /// End the stream.
    Close {
        /// The stream.
        stream: StreamId,
        /// Why.
        why: Closing,
    },
}

/// Whether the coordinator decides yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It waits for relays and for discovery, and moves nothing.
    Settling,
    /// It decides.
    Leading,
}

impl Phase {
    /// The word for people: `settling` or `leading`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settling => "settling",
            Self::Leading => "leading",
        }
    }
}

/// What has happened since the process started, by fixed words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Assignments by [`Reason::kind`].
    pub assigned: BTreeMap<&'static str, u64>,
    /// Streams that ended by [`StreamEnd::kind`].
    pub ended: BTreeMap<&'static str, u64>,
    /// Streams closed from here by [`Closing::kind`].
    pub closed: BTreeMap<&'static str, u64>,
    /// Moves that are over.
    pub moves: MoveCounts,
    /// Records of failing targets by what became of them: `handed_over`, or why not.
    pub records: BTreeMap<&'static str, u64>,
    /// Relays given up.
    pub relays_lost: u64,
    /// Targets that two relays reported.
    pub conflicts: u64,
    /// Times at which all clocks were started anew because this process had not run.
    pub clock_restarts: u64,
    /// Status reports of targets that the reporting relay does not own.
    pub foreign_statuses: u64,
}

impl Counters {
    fn count_record(&mut self, what: &'static str) {
        *self.records.entry(what).or_default() += 1;
    }
}

/// The fleet.
pub struct Fleet {
    timings: Timings,
    guards: Guards,
    reign: Reign,
    phase: Phase,
    /// When this phase began.
    phase_began: Duration,
    /// Whether any relay has named a reign: then this is a restart, not a first start.
    is_restart: bool,
    expected_relays: usize,
    complete_start: bool,
    revision: u64,
    nonce: u64,
    config: Arc<RelayConfig>,
    jobs: HashMap<Arc<str>, Arc<ScrapeSettings>>,
    targets_known: bool,
    unread: HashSet<Arc<str>>,
    /// Whether some target may be exposed by a relay that has not come.
    unknown_exposers: bool,
    units: BTreeMap<TargetId, Unit>,
    /// Those that are on their way.
    moving: BTreeSet<TargetId>,
    /// Failing ones among them, and their records.
    handovers: Handovers,
    records: Records,
    relays: BTreeMap<Arc<str>, Relay>,
    streams: HashMap<StreamId, Arc<str>>,
    ring: Arc<Ring>,
    balance: Balance,
    place_due: bool,
    fill_due: bool,
    next_fill: Duration,
    now: Now,
    counters: Counters,
    effects: Vec<Effect>,
}

impl Fleet {
    /// A fleet without relays or targets, in the hands of the coordinator process `boot_id`.
    #[must_use]
    pub fn new(boot_id: Arc<str>, timings: Timings, now: Now) -> Self {
        Self {
            timings,
            guards: Guards::default(),
            reign: Reign { epoch: Epoch(1), coordinator_boot_id: boot_id },
            phase: Phase::Settling,
            phase_began: now.elapsed,
            is_restart: false,
            expected_relays: 0,
            complete_start: false,
            revision: 0,
            nonce: 0,
            config: Arc::default(),
            jobs: HashMap::new(),
            targets_known: false,
            unread: HashSet::new(),
            unknown_exposers: false,
            units: BTreeMap::new(),
            moving: BTreeSet::new(),
            handovers: Handovers::default(),
            records: Records::default(),
            relays: BTreeMap::new(),
            streams: HashMap::new(),
            ring: Arc::default(),
            balance: Balance::default(),
            place_due: false,
            fill_due: false,
            next_fill: now.elapsed,
            now,
            counters: Counters::default(),
            effects: Vec::new(),
        }
    }

    /// Applies one event. The effects are to be carried out in order.
    pub fn apply(&mut self, event: FleetEvent, now: Now) -> Vec<Effect> {
        self.advance_clock(now);
        match event {
            FleetEvent::Hello { stream, hello } => self.hello(stream, hello),
            FleetEvent::Heard { stream } => self.heard(stream),
            FleetEvent::Acknowledged { stream, stamp } => self.acknowledged(stream, stamp),
            FleetEvent::Released { stream, released } => self.released(stream, released),
            FleetEvent::Drain { relay, drained } => self.drain(&relay, drained),
            FleetEvent::Status { stream, report } => self.status(stream, report),
            FleetEvent::Pong { stream, nonce } => self.pong(stream, nonce),
            FleetEvent::Ended { stream, end } => self.ended(stream, end),
            FleetEvent::Targets { targets, jobs, unread } => self.set_targets(&targets, jobs, unread),
            FleetEvent::Configured { config, expected_relays, complete_start } => {
                self.complete_start = complete_start;
                self.configure(config, expected_relays);
            }
            FleetEvent::Tick => self.tick(),
        }
        self.claim();
        self.advance_phase();
        if self.place_due && self.phase == Phase::Leading {
            self.balance();
        }
        self.send();
        std::mem::take(&mut self.effects)
    }

    fn configure(&mut self, config: Arc<RelayConfig>, expected_relays: usize) {
        self.expected_relays = expected_relays;
        if self.config == config {
            return;
        }
        self.config = config;
        self.place_due = true;
        for relay in self.relays.values_mut() {
            relay.outbox.config = true;
        }
    }

    fn drain(&mut self, name: &str, drained: bool) {
        let Some(relay) = self.relays.get_mut(name).filter(|relay| relay.drained != drained) else { return };
        relay.drained = drained;
        relay.outbox.drained = true;
        self.place_due = true;
        self.advance_all();
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
pub(crate) mod world;
