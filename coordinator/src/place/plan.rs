//! Loads as they will be after the moves so far: what every step of a decision works on.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use model::target::PlacementKey;

use super::profile::{self, CLASSES, Profile};
use super::{CAPACITY, Candidate, Cause, Decision, FILLED, Fair, LOW, Move, Ring, Role, Unit};

/// What units are sorted by: weight, key, the owner's name, index.
pub(super) type Order = (Reverse<u64>, PlacementKey, Option<usize>, usize);

/// A decision in the making.
pub(super) struct Plan<'a> {
    pub(super) units: &'a [Unit],
    pub(super) relays: &'a [Candidate],
    pub(super) fair: Fair,
    /// The fair load of each relay that takes.
    pub(super) shares: Vec<u64>,
    pub(super) owners: Vec<Option<usize>>,
    pub(super) loads: Vec<u64>,
    /// What each relay is to take in that it need not: on its way or moved here.
    pub(super) intake: Vec<u64>,
    pub(super) profile: Profile,
    /// The load that may be placed, by class.
    totals: [u64; CLASSES],
    /// Why each unit moves that does.
    pub(super) causes: Vec<Option<Cause>>,
    /// Whether each relay is being filled.
    filling: Vec<bool>,
    /// Whether each relay gets units here that need a home.
    pub(super) hosts: Vec<bool>,
    ring: &'a Ring,
    /// The relay of each name on the ring, where it takes.
    indexes: Vec<Option<usize>>,
    /// The place of each relay in the order of the names.
    ranks: Vec<usize>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(units: &'a [Unit], relays: &'a [Candidate], ring: &'a Ring) -> Self {
        let takes = |relay: usize| relays[relay].role == Role::Takes;
        let placeable = |unit: &&Unit| unit.owner.is_none_or(|owner| relays[owner].role != Role::Holds);
        let weights = units.iter().filter(placeable).map(|unit| unit.weight);
        let takers = relays.iter().filter(|relay| relay.role == Role::Takes);
        let fair = Fair::of(weights, takers.map(|relay| relay.capacity));
        let mut plan = Self {
            units,
            relays,
            fair,
            shares: relays.iter().map(|relay| fair.share(relay.capacity)).collect(),
            owners: units.iter().map(|unit| unit.owner).collect(),
            loads: vec![0; relays.len()],
            intake: vec![0; relays.len()],
            profile: Profile::new(relays.len()),
            totals: [0; CLASSES],
            causes: vec![None; units.len()],
            filling: Vec::new(),
            hosts: vec![false; relays.len()],
            ring,
            indexes: Vec::new(),
            ranks: vec![0; relays.len()],
        };
        for unit in units.iter().filter(placeable) {
            if !fair.is_exceeded_by(unit.weight) {
                plan.totals[profile::class(unit.weight)] += unit.weight;
            }
            if let Some(owner) = unit.owner {
                plan.load(owner, unit.weight);
                if matches!(unit.moving, Some(Cause::Overload | Cause::Fill)) {
                    plan.intake[owner] += unit.weight;
                }
            }
        }
        let named: HashMap<&str, usize> =
            relays.iter().enumerate().map(|(index, relay)| (&*relay.name, index)).collect();
        let index = |name: &Arc<str>| named.get(&**name).copied().filter(|relay| takes(*relay));
        plan.indexes = ring.names().map(index).collect();
        let mut by_name: Vec<_> = (0..relays.len()).collect();
        by_name.sort_by_key(|relay| &relays[*relay].name);
        for (rank, relay) in by_name.into_iter().enumerate() {
            plan.ranks[relay] = rank;
        }
        plan.filling = relays.iter().map(|relay| relay.filling).collect();
        plan.filling = (0..relays.len()).map(|relay| plan.is_low(relay)).collect();
        plan
    }

    /// The moves in the order of their units. A relay that was `offered` units and gets none is as full as can be.
    pub(super) fn decision(self, offered: bool) -> Decision {
        let one = |(unit, cause): (usize, &Option<Cause>)| {
            Some(Move { unit, to: self.owners[unit]?, cause: (*cause)? })
        };
        let moves = self.causes.iter().enumerate().filter_map(one).collect();
        let hungry = |relay: &usize| self.is_low(*relay) && (!offered || self.intake[*relay] > 0);
        Decision { moves, fair: self.fair, filling: self.takers().filter(hungry).collect() }
    }

    pub(super) fn takers(&self) -> impl Iterator<Item = usize> {
        (0..self.relays.len()).filter(|relay| self.takes(*relay))
    }

    pub(super) fn takes(&self, relay: usize) -> bool {
        self.relays[relay].role == Role::Takes
    }

    /// The relays that take in the order in which `unit` prefers them.
    pub(super) fn preferred(&self, unit: usize) -> impl Iterator<Item = usize> {
        self.ring.walk(self.units[unit].key).filter_map(|name| self.indexes[name])
    }

    fn load(&mut self, relay: usize, weight: u64) {
        self.loads[relay] += weight;
        if !self.fair.is_exceeded_by(weight) {
            self.profile.add(relay, weight);
        }
    }

    /// Moves a unit. What was moved already keeps its cause.
    pub(super) fn shift(&mut self, unit: usize, to: usize, cause: Cause) {
        let weight = self.units[unit].weight;
        if let Some(from) = self.owners[unit].replace(to) {
            self.loads[from] -= weight;
            if !self.fair.is_exceeded_by(weight) {
                self.profile.remove(from, weight);
            }
        }
        self.load(to, weight);
        self.causes[unit].get_or_insert(cause);
        if matches!(self.causes[unit], Some(Cause::Overload | Cause::Fill)) {
            self.intake[to] += weight;
        } else {
            self.hosts[to] = true;
        }
    }

    /// Whether `unit` stays where it is unless its owner goes: it has been moved here, or is on its way.
    pub(super) fn is_settled(&self, unit: usize) -> bool {
        self.causes[unit].is_some() || self.units[unit].moving.is_some()
    }

    /// A relay's load with `weight` more is at most so many percent of its share; what has nothing takes anything.
    pub(super) fn fits(&self, relay: usize, weight: u64, percent: u64) -> bool {
        let most = self.shares[relay].saturating_mul(percent) / 100;
        self.loads[relay] + weight <= most.max(weight)
    }

    /// Whether a relay's load is above so many percent of its share.
    pub(super) fn is_above(&self, relay: usize, percent: u64) -> bool {
        self.loads[relay].saturating_mul(100) > self.shares[relay].saturating_mul(percent)
    }

    /// Whether a relay has little: once it is being filled, until it is full.
    pub(super) fn is_low(&self, relay: usize) -> bool {
        let least = if self.filling[relay] { FILLED - 1 } else { LOW };
        self.loads[relay].saturating_mul(100) < self.shares[relay].saturating_mul(least)
    }

    /// A relay's load with `weight` more for its capacity, and then its name: what is to be least.
    pub(super) fn burden(&self, relay: usize, weight: u64) -> (u64, usize) {
        let load = (self.loads[relay] + weight).saturating_mul(u64::from(CAPACITY));
        (load / u64::from(self.relays[relay].capacity.max(1)), self.ranks[relay])
    }

    /// `units` heavy first, then in the order of their keys and owners.
    pub(super) fn heavy_first(&self, units: Vec<usize>) -> Vec<usize> {
        let mut ordered: Vec<_> = units.into_iter().map(|unit| self.order(unit)).collect();
        ordered.sort_unstable();
        ordered.into_iter().map(|order| order.3).collect()
    }

    pub(super) fn order(&self, unit: usize) -> Order {
        let Unit { key, weight, owner, .. } = self.units[unit];
        (Reverse(weight), key, owner.map(|owner| self.ranks[owner]), unit)
    }

    /// The load by relay in units at least as heavy as the ones looked at, from the heaviest on.
    pub(super) fn descent(&self) -> Descent {
        Descent {
            class: CLASSES,
            heavy: vec![0; self.relays.len()],
            shares: vec![0; self.relays.len()],
            total: 0,
        }
    }
}

/// A walk from the heaviest units to the lightest, with each relay's load in the units so far.
pub(super) struct Descent {
    class: usize,
    heavy: Vec<u64>,
    /// Each relay's fair part of the units so far.
    shares: Vec<u64>,
    total: u64,
}

impl Descent {
    /// Goes on to units of this weight.
    pub(super) fn reach(&mut self, plan: &Plan<'_>, weight: u64) {
        let class = profile::class(weight);
        if self.class <= class {
            return;
        }
        while self.class > class {
            self.class -= 1;
            self.total += plan.totals[self.class];
            plan.profile.add_class(self.class, &mut self.heavy);
        }
        for (share, relay) in self.shares.iter_mut().zip(plan.relays) {
            *share = plan.fair.part(self.total, relay.capacity);
        }
    }

    pub(super) fn shift(&mut self, from: Option<usize>, to: usize, weight: u64) {
        self.heavy[to] += weight;
        if let Some(from) = from {
            self.heavy[from] = self.heavy[from].saturating_sub(weight);
        }
    }

    /// Whether a relay may have a unit of `weight` more and be within `percent` of its part of units that heavy, or
    /// of the number of them that comes next above it.
    pub(super) fn has_room(&self, plan: &Plan<'_>, relay: usize, weight: u64, percent: u64) -> bool {
        if plan.fair.is_exceeded_by(weight) {
            return true;
        }
        let share = self.shares[relay];
        let most = (share.saturating_mul(percent) / 100).max(share.div_ceil(weight.max(1)) * weight);
        self.heavy[relay] + weight <= most
    }

    /// The same for a relay that is filled: the nearest number.
    pub(super) fn lacks(&self, relay: usize, weight: u64, percent: u64) -> bool {
        let share = self.shares[relay];
        let nearest = (share + weight / 2) / weight.max(1) * weight;
        self.heavy[relay] + weight <= (share.saturating_mul(percent) / 100).max(nearest)
    }

    /// Whether a relay without a unit of `weight` still has its part of units that heavy.
    pub(super) fn spares(&self, relay: usize, weight: u64) -> bool {
        self.heavy[relay] >= self.shares[relay] / weight.max(1) * weight + weight
    }
}
