//! The one owner of everything that changes: relays, targets and who has which.
//!
//! In: events with the time at which they happened. Out: effects for the streams, and a [`Snapshot`] for everyone
//! else. A pure state machine without clock, tasks or I/O. What a relay may do with a copy, who is lost and when, and
//! how a coordinator's restart moves nothing are decided here; the files below each hold one part of that.

mod balance;
mod claims;
mod clocks;
mod event;
mod flaps;
mod guards;
mod handovers;
mod listing;
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
use std::time::Duration;

use model::job::ScrapeSettings;
use model::slice::{Epoch, Reign, RelayConfig};
use model::target::TargetId;

use crate::place::Ring;
use balance::Balance;
use handovers::Handovers;
use listing::LastList;
use records::Records;
use relay::{Link, Relay};
use unit::Unit;

pub use event::{Closing, Effect, FleetEvent, Now, StreamEnd, StreamId};
pub use guards::Guards;
pub use move_counts::MoveCounts;
pub use moves::Stage;
pub use relay::RelayState;
pub use snapshot::{Ownership, RelayEntry, Snapshot, TargetEntry, Transfer};
pub use timings::Timings;
pub use unit::Reason;

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
    last_list: Option<LastList>,
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
            last_list: None,
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
            FleetEvent::ListGiven { relays } => self.list_given(relays),
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
