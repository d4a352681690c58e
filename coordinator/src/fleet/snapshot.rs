//! What everyone but the fleet itself sees of it: an immutable picture.
//!
//! In: the fleet. Out: shared entries of targets and relays. An entry of a target that has not changed is the same
//! allocation as in the snapshot before, so a snapshot costs one reference count for each.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use model::slice::{Epoch, Permission, Reign};
use model::status::{TargetState, TargetStatus};
use model::target::{Target, TargetId};

use super::moves::Stage;
use super::relay::{Relay, RelayState};
use super::unit::{Reason, Standing, Unit};
use super::{Counters, Fleet, Phase};
use crate::place::{self, Fair, Ring, Role};

/// Who has a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The relay.
    pub relay: Arc<str>,
    /// What it may do with an older copy.
    pub permission: Permission,
    /// The reign in which it was assigned.
    pub epoch: Epoch,
    /// Why this relay.
    pub reason: Reason,
    /// Since when.
    pub since: SystemTime,
}

/// A target on its way from one relay to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Who had it.
    pub from: Arc<str>,
    /// Who gets it.
    pub to: Arc<str>,
    /// Why.
    pub reason: Reason,
    /// How far it has come.
    pub stage: Stage,
    /// Since when it is on its way.
    pub since: SystemTime,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetEntry {
    /// What is scraped.
    pub target: Arc<Target>,
    /// Whether discovery lists it; if not, only relays know it, and the discoveries of its job have not all reported.
    pub listed: bool,
    /// Who scrapes it; nobody while it waits for a relay or is between two.
    pub owner: Option<Ownership>,
    /// Whether it is between two relays.
    pub moving: bool,
    /// Where it is going, also while its old relay still has it or its new one has it already.
    pub transfer: Option<Transfer>,
    /// The relay that had it before its owner.
    pub before: Option<Arc<str>>,
    /// What it counts for in placement: a fixed cost and its samples, averaged and rounded.
    pub weight: u64,
    /// Whether that is more than a fair share of any relay: the relay that has it cannot be as loaded as the others.
    pub heavy: bool,
    /// What its relay last said of it.
    pub status: Option<Arc<TargetStatus>>,
}

impl TargetEntry {
    /// What its last scrape came to; pending where no relay has said anything yet.
    #[must_use]
    pub fn state(&self) -> TargetState {
        self.status.as_ref().map_or(TargetState::Pending, |status| status.state)
    }
}

/// One relay.
#[derive(Clone, Debug, PartialEq)]
pub struct RelayEntry {
    /// Its name.
    pub name: Arc<str>,
    /// Its condition.
    pub state: RelayState,
    /// Where Prometheus reaches its `/metrics`: host:port.
    pub advertise: Box<str>,
    /// Its build.
    pub build: Box<str>,
    /// The process.
    pub boot_id: Arc<str>,
    /// When its stream began.
    pub connected_since: SystemTime,
    /// When it last said anything.
    pub last_heard: SystemTime,
    /// When a scraper last asked for its page.
    pub last_page: Option<SystemTime>,
    /// Memory it uses, in bytes; 0: not reported.
    pub resident_bytes: u64,
    /// Targets in its slice.
    pub targets: usize,
    /// Sum of their weights.
    pub load: u64,
    /// That sum over its part of all load that is shared, by capacity; 0 where there is no load.
    pub load_ratio: f64,
    /// How much of the load is its part, in hundredths of an ordinary relay.
    pub capacity: u32,
    /// What placement asks of it; none: it is lost.
    pub role: Option<Role>,
    /// Whether it has failed so often lately that nothing is moved to it which need not move.
    pub flapping: bool,
    /// Its targets by state.
    pub states: BTreeMap<&'static str, usize>,
    /// Whether Prometheus is told of it.
    pub listed: bool,
    /// Whether an operator has drained it.
    pub drained: bool,
    /// Whether its process is about to end.
    pub draining: bool,
    /// Where it is to be rid of its targets: how many it still exposes.
    pub to_lose: usize,
    /// Whether it keeps them because no relay can take them.
    pub keeps: bool,
}

/// The fleet at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The reign.
    pub reign: Reign,
    /// Whether the coordinator still waits for relays and discovery.
    pub phase: Phase,
    /// Since when it does, or decides.
    pub phase_since: SystemTime,
    /// All relays, lost ones too for a while, by name.
    pub relays: Vec<RelayEntry>,
    /// All targets by id.
    pub targets: Vec<Arc<TargetEntry>>,
    /// Which relays the targets prefer.
    pub ring: Arc<Ring>,
    /// What a fair load was when it was last decided.
    pub fair: Fair,
    /// What has happened so far.
    pub counters: Counters,
    /// Moves under way, by [`Stage::as_str`].
    pub moves_under_way: BTreeMap<&'static str, usize>,
    /// Moves that ended well in the last five minutes, by [`Reason::kind`].
    pub moves_lately: BTreeMap<&'static str, u64>,
    /// Bytes of records on their way from one relay to another.
    pub record_bytes: usize,
    /// When it was taken.
    pub taken: SystemTime,
}

impl Snapshot {
    /// The target with this id.
    #[must_use]
    pub fn target(&self, id: TargetId) -> Option<&Arc<TargetEntry>> {
        let at = self.targets.binary_search_by_key(&id, |entry| entry.target.id).ok()?;
        self.targets.get(at)
    }

    /// The relay of this name.
    #[must_use]
    pub fn relay(&self, name: &str) -> Option<&RelayEntry> {
        self.relays.iter().find(|relay| *relay.name == *name)
    }

    /// The relays on the list for scrapers, by name.
    #[must_use]
    pub fn listed(&self) -> Vec<Arc<str>> {
        self.relays.iter().filter(|relay| relay.listed).map(|relay| relay.name.clone()).collect()
    }
}

/// What one relay has.
#[derive(Clone, Default)]
struct Share {
    load: u64,
    states: BTreeMap<&'static str, usize>,
}

/// What the relays are to placement.
struct Placing {
    mean: f64,
    roles: HashMap<Arc<str>, Role>,
}

impl Fleet {
    /// The fleet as it is now.
    #[must_use]
    pub fn snapshot(&mut self) -> Snapshot {
        let targets: Vec<_> =
            self.units.values_mut().filter(|unit| unit.is_wanted()).map(Unit::entry).collect();
        let shares = self.shares();
        let placing = self.placing(&shares);
        let entry = |(name, relay): (&Arc<str>, &Relay)| {
            let share = shares.get(&**name).cloned().unwrap_or_default();
            self.relay_entry(name, relay, share, &placing)
        };
        let relays = self.relays.iter().map(entry).collect();
        Snapshot {
            reign: self.reign.clone(),
            phase: self.phase,
            phase_since: self.now.wall - self.now.elapsed.saturating_sub(self.phase_began),
            relays,
            targets,
            ring: self.ring.clone(),
            fair: self.balance.fair,
            counters: self.counters.clone(),
            moves_under_way: self.moves_under_way(),
            moves_lately: self.counters.moves.lately(self.now),
            record_bytes: self.records.bytes(),
            taken: self.now.wall,
        }
    }

    fn moves_under_way(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for moving in self.moving.iter().filter_map(|id| self.units.get(id)?.moving.as_ref()) {
            *counts.entry(moving.stage.as_str()).or_default() += 1;
        }
        counts
    }

    /// What placement asks of each relay, and what an ordinary one has on average.
    fn placing(&self, shares: &HashMap<&str, Share>) -> Placing {
        let candidates = self.candidates();
        let load = |name: &str| shares.get(name).map_or(0, |share| share.load);
        let mean = place::mean(candidates.iter().map(|one| (one.role, one.capacity, load(&one.name))));
        Placing { mean, roles: candidates.into_iter().map(|one| (one.name, one.role)).collect() }
    }

    /// What each relay has, in one pass over the targets.
    fn shares(&self) -> HashMap<&str, Share> {
        let mut shares: HashMap<&str, Share> = HashMap::new();
        for unit in self.units.values() {
            let Some(owner) = &unit.owner else { continue };
            let share = shares.entry(&owner.relay).or_default();
            let state = unit.status.as_ref().map_or(TargetState::Pending, |status| status.state);
            share.load += unit.weight;
            *share.states.entry(state.as_str()).or_default() += 1;
        }
        shares
    }

    fn relay_entry(&self, name: &Arc<str>, relay: &Relay, share: Share, placing: &Placing) -> RelayEntry {
        let Share { load, states } = share;
        let capacity = self.capacity(relay);
        RelayEntry {
            name: name.clone(),
            state: relay.state(self.now, &self.timings),
            advertise: relay.advertise.clone(),
            build: relay.build.clone(),
            boot_id: relay.boot_id.clone(),
            connected_since: relay.connected.wall,
            last_heard: relay.heard.wall,
            last_page: relay.last_page,
            resident_bytes: relay.resident_bytes,
            targets: relay.owned.len(),
            load,
            load_ratio: place::ratio(load, capacity, placing.mean),
            capacity,
            role: placing.roles.get(name).copied(),
            flapping: self.balance.flaps.is_flapping(name),
            states,
            listed: relay.is_listed()
                || (!self.guards.lost_unlisted && relay.is_lost() && !relay.is_unlisted),
            drained: relay.drained,
            draining: relay.draining,
            to_lose: if relay.leaves() { relay.exposes() } else { 0 },
            keeps: relay.leaves() && !relay.owned.is_empty() && !self.relays.values().any(Relay::can_take),
        }
    }
}

impl Unit {
    fn entry(&mut self) -> Arc<TargetEntry> {
        if let Some(entry) = &self.entry {
            return entry.clone();
        }
        let owner = self.owner.as_ref().map(|owner| Ownership {
            relay: owner.relay.clone(),
            permission: owner.permission,
            epoch: owner.stamp.epoch,
            reason: owner.reason.clone(),
            since: owner.since,
        });
        let entry = Arc::new(TargetEntry {
            target: self.target.clone(),
            listed: self.standing == Standing::Listed,
            moving: owner.is_none() && self.is_released(),
            transfer: self.moving.as_ref().map(|moving| Transfer {
                from: moving.from.clone(),
                to: moving.to.clone(),
                reason: moving.reason.clone(),
                stage: moving.stage,
                since: moving.since.wall,
            }),
            before: self.left.clone(),
            weight: self.weight,
            heavy: self.is_heavy,
            owner,
            status: self.status.clone(),
        });
        self.entry = Some(entry.clone());
        entry
    }
}
