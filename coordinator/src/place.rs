//! Decides which relay owns which unit, moving as little as possible.
//!
//! In: units with their weights, present owners and what is on its way; relays with their capacities and what may be
//! asked of them; the ring. Out: the moves, each with its cause. The ring gives an order of preference, not ownership:
//! what has an owner stays there until a bound is broken. Pure; it does not know what a unit is, nor how a move is
//! carried out.

mod fair;
mod fill;
mod homeless;
mod plan;
mod profile;
mod relieve;
mod ring;
pub mod simulate;
mod weight;

use std::sync::Arc;

use model::target::PlacementKey;

pub use fair::{Fair, mean, ratio};
pub use ring::Ring;
pub use weight::{Measure, UNMEASURED, weigh};

use plan::Plan;

/// Up to this share of its fair load, in percent, a relay takes units that need a home.
const ROOM: u64 = 105;
/// Up to this it takes them where nobody has that much room, and down to this it gives away ...
const CAP: u64 = 110;
/// ... once it is above this.
const TRIGGER: u64 = 120;
/// Below this share of its fair load, in percent, a relay is filled ...
const LOW: u64 = 80;
/// ... up to this one.
const FILLED: u64 = 95;

/// One part in this many of the whole load may be on its way at one time just to fill relays that have little.
const FILL_SHARE: u64 = 20;

/// The capacity of a relay that says nothing else, in the unit of [`Candidate::capacity`].
pub const CAPACITY: u32 = 100;

/// What placement moves: today a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its place on the ring.
    pub key: PlacementKey,
    /// Its load, from [`weigh`].
    pub weight: u64,
    /// The index of the relay that has it, or to which it is on its way.
    pub owner: Option<usize>,
    /// Why it is on its way to its owner, where it is: then it is left alone until it has arrived, unless the owner
    /// goes.
    pub moving: Option<Cause>,
}

/// What may be asked of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It takes and gives.
    Takes,
    /// It keeps what it has and is left alone: joining, suspect, or one that keeps failing.
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
    /// How much of the load is its part, in hundredths of an ordinary relay; not 0.
    pub capacity: u32,
    /// Whether the last decision left it with less than it is to be filled up to.
    pub filling: bool,
}

/// Why a unit moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// What is decided.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The moves, by the index of their units.
    pub moves: Vec<Move>,
    /// What a fair load is.
    pub fair: Fair,
    /// The indexes of the relays that are being filled, for the next decision.
    pub filling: Vec<usize>,
}

/// Decides the moves. `budget` is the weight that may be on its way just to fill relays that have little, `None`
/// where now is no time for that; moves that must be are not bounded by it. Without a relay that takes, nothing moves.
#[must_use]
pub fn place(units: &[Unit], relays: &[Candidate], ring: &Ring, budget: Option<u64>) -> Decision {
    let mut plan = Plan::new(units, relays, ring);
    if plan.takers().next().is_some() {
        plan.settle_homeless();
        plan.relieve_overloaded();
        if let Some(budget) = budget {
            plan.fill_low(budget);
        }
    }
    plan.decision(budget.is_some())
}

/// The weight that may be on its way at one time just to fill relays that have little.
#[must_use]
pub fn budget(units: &[Unit]) -> u64 {
    units.iter().map(|unit| unit.weight).sum::<u64>() / FILL_SHARE
}

#[cfg(test)]
mod tests;
