//! Decides which relay owns which unit, moving as little as possible.
//!
//! In: units with their weights and present owners, relays and what may be asked of them, the ring. Out: the moves,
//! each with its cause. The ring gives an order of preference, not ownership: what has an owner stays there until a
//! bound is broken. Pure; it does not know what a unit is, nor how a move is carried out.

mod ring;
mod weight;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use model::target::PlacementKey;

pub use ring::Ring;
pub use weight::{UNMEASURED, weigh};

/// Up to this share of the mean load, in percent, a relay takes units.
const CAP: u64 = 110;
/// Above this share of the mean load, in percent, a relay gives units away.
const TRIGGER: u64 = 120;
/// Below this share of the mean load, in percent, a relay is filled ...
const LOW: u64 = 80;
/// ... up to this one.
const FILLED: u64 = 95;

/// What placement moves: today a target.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    /// Its place on the ring.
    pub key: PlacementKey,
    /// Its load, from [`weigh`].
    pub weight: u64,
    /// Its owner's index among the relays.
    pub owner: Option<usize>,
}

/// What may be asked of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It takes and gives.
    Takes,
    /// It keeps what it has and is left alone: joining or suspect.
    Holds,
    /// It gives everything away: draining.
    Leaves,
}

/// A relay that may own units.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its name on the ring.
    pub name: Arc<str>,
    /// What may be asked of it.
    pub role: Role,
}

/// Why a unit moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Nobody owns it.
    Orphan,
    /// Its owner drains.
    Drain,
    /// Its owner has too much.
    Overload,
    /// The relay it goes to has too little.
    Fill,
}

/// One unit that changes hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The unit's index.
    pub unit: usize,
    /// The index of the relay it goes to.
    pub to: usize,
    /// Why.
    pub cause: Cause,
}

/// Decides the moves. `budget` is the weight that may move just to fill relays that have little, `None` where now
/// is no time for that; moves that must be are not bounded by it. Without a relay that takes, nothing moves.
#[must_use]
pub fn place(units: &[Unit], relays: &[Candidate], ring: &Ring, budget: Option<u64>) -> Vec<Move> {
    if !relays.iter().any(|relay| relay.role == Role::Takes) {
        return Vec::new();
    }
    let mut plan = Plan::new(units, relays, ring);
    plan.settle_homeless();
    plan.relieve_overloaded();
    if let Some(budget) = budget {
        plan.fill_low(budget);
    }
    plan.moves
}

/// Loads as they will be after the moves so far.
struct Plan<'a> {
    units: &'a [Unit],
    relays: &'a [Candidate],
    ring: &'a Ring,
    indexes: HashMap<&'a str, usize>,
    owners: Vec<Option<usize>>,
    loads: Vec<u64>,
    mean: u64,
    cap: u64,
    moves: Vec<Move>,
}

impl<'a> Plan<'a> {
    fn new(units: &'a [Unit], relays: &'a [Candidate], ring: &'a Ring) -> Self {
        let mut loads = vec![0; relays.len()];
        let mut total = 0;
        for unit in units {
            total += unit.weight;
            if let Some(owner) = unit.owner {
                loads[owner] += unit.weight;
            }
        }
        let all = || relays.iter().zip(&loads);
        let takers = all().filter(|(relay, _)| relay.role == Role::Takes).count() as u64;
        let held: u64 = all().filter(|(relay, _)| relay.role == Role::Holds).map(|(_, load)| load).sum();
        let mean = (total - held).div_ceil(takers.max(1));
        let heaviest = units.iter().map(|unit| unit.weight).max().unwrap_or(0);
        Self {
            units,
            relays,
            ring,
            indexes: relays.iter().enumerate().map(|(index, relay)| (&*relay.name, index)).collect(),
            owners: units.iter().map(|unit| unit.owner).collect(),
            loads,
            mean,
            cap: (mean * CAP / 100).max(heaviest),
            moves: Vec::new(),
        }
    }

    fn takes(&self, relay: usize) -> bool {
        self.relays[relay].role == Role::Takes
    }

    /// The takers in the order in which `unit` prefers them.
    fn preferred(&self, unit: usize) -> impl Iterator<Item = usize> {
        let names = self.ring.preference(self.units[unit].key);
        let indexes = names.filter_map(|name| self.indexes.get(&**name).copied());
        indexes.filter(|relay| self.takes(*relay))
    }

    /// The taker with the least load; of several the first.
    fn least_loaded(&self) -> usize {
        let takers = (0..self.relays.len()).filter(|relay| self.takes(*relay));
        takers.min_by_key(|relay| self.loads[*relay]).expect("there is a relay that takes")
    }

    fn shift(&mut self, unit: usize, to: usize, cause: Cause) {
        let weight = self.units[unit].weight;
        if let Some(from) = self.owners[unit].replace(to) {
            self.loads[from] -= weight;
        }
        self.loads[to] += weight;
        self.moves.push(Move { unit, to, cause });
    }

    /// `units` heavy first, then in the order of their keys.
    fn heavy_first(&self, mut units: Vec<usize>) -> Vec<usize> {
        units.sort_by_key(|unit| (Reverse(self.units[*unit].weight), self.units[*unit].key, *unit));
        units
    }

    /// Units without an owner, and those of draining relays: to the first in their order with room.
    fn settle_homeless(&mut self) {
        let leaves =
            |unit: &usize| self.owners[*unit].is_none_or(|owner| self.relays[owner].role == Role::Leaves);
        let homeless = (0..self.units.len()).filter(leaves).collect();
        for unit in self.heavy_first(homeless) {
            let weight = self.units[unit].weight;
            let room = self.preferred(unit).find(|relay| self.loads[*relay] + weight <= self.cap);
            let to = room.unwrap_or_else(|| self.least_loaded());
            let cause = if self.owners[unit].is_none() { Cause::Orphan } else { Cause::Drain };
            self.shift(unit, to, cause);
        }
    }

    fn owned_by(&self, relay: usize) -> Vec<usize> {
        (0..self.units.len()).filter(|unit| self.owners[*unit] == Some(relay)).collect()
    }

    /// Relays above the trigger give their heaviest units that do not leave them under the mean.
    fn relieve_overloaded(&mut self) {
        let over = |relay: &usize| self.takes(*relay) && self.loads[*relay] > self.mean * TRIGGER / 100;
        for from in (0..self.relays.len()).filter(over).collect::<Vec<_>>() {
            for unit in self.heavy_first(self.owned_by(from)) {
                let weight = self.units[unit].weight;
                if self.loads[from] <= self.mean * CAP / 100 {
                    break;
                }
                if self.loads[from] < self.mean + weight {
                    continue;
                }
                let fits = |relay: &usize| *relay != from && self.loads[*relay] + weight <= self.mean;
                let to = self.preferred(unit).find(fits).unwrap_or_else(|| self.least_loaded());
                if self.loads[to] + weight < self.loads[from] {
                    self.shift(unit, to, Cause::Overload);
                }
            }
        }
    }

    /// Relays with little get units that prefer them, from relays above the mean.
    fn fill_low(&mut self, mut budget: u64) {
        for to in 0..self.relays.len() {
            if !self.takes(to) || self.loads[to] * 100 >= self.mean * LOW {
                continue;
            }
            for unit in self.fitting(to) {
                let (weight, from) = (self.units[unit].weight, self.owners[unit]);
                let donor = from.is_some_and(|from| self.loads[from] > self.mean);
                let fits = (self.loads[to] + weight) * 100 <= self.mean * FILLED;
                if donor && fits && weight <= budget {
                    budget -= weight;
                    self.shift(unit, to, Cause::Fill);
                }
            }
            if self.loads[to] == 0 {
                self.give_one(to);
            }
        }
    }

    /// The units of relays above the mean, those first that prefer `to` most.
    fn fitting(&self, to: usize) -> Vec<usize> {
        let above = |unit: &usize| {
            self.owners[*unit].is_some_and(|from| self.takes(from) && self.loads[from] > self.mean)
        };
        let rank = |unit: usize| self.preferred(unit).position(|relay| relay == to);
        let mut ranked: Vec<_> = (0..self.units.len()).filter(above).map(|unit| (rank(unit), unit)).collect();
        ranked.sort_by_key(|(rank, unit)| {
            (*rank, Reverse(self.units[*unit].weight), self.units[*unit].key, *unit)
        });
        ranked.into_iter().map(|(_, unit)| unit).collect()
    }

    /// No taker stays empty while another has two units: whatever the budget, it gets the lightest of the fullest.
    fn give_one(&mut self, to: usize) {
        let takers = (0..self.relays.len()).filter(|relay| self.takes(*relay));
        let mut givers: Vec<_> = takers.collect();
        givers.sort_by_key(|relay| Reverse(self.loads[*relay]));
        for from in givers {
            if let [.., _, lightest] = *self.heavy_first(self.owned_by(from)) {
                return self.shift(lightest, to, Cause::Fill);
            }
        }
    }
}

#[cfg(test)]
mod tests;
