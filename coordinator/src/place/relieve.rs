//! Relays that have too much give units away.

use super::plan::{Descent, Plan};
use super::{CAP, Cause, TRIGGER};

/// Up to this share of its fair load, in percent, is on its way at one time to a relay that has little: it has to
/// connect to all of it, and to learn its layouts, within a page's time.
const INTAKE: u64 = 25;

/// Who has too much.
struct Excess {
    /// Whether each relay is to give away.
    over: Vec<bool>,
    /// The heaviest unit of each: a relay that has only that gives nothing away.
    heaviest: Vec<u64>,
    /// The load that each would have if the relays with little had nothing and were not there.
    settled: Vec<u64>,
}

impl Plan<'_> {
    /// Relays above the trigger, and those above the bound that get units here which need a home, give away what
    /// others lack. One that has just one unit beyond its share keeps that.
    pub(super) fn relieve_overloaded(&mut self) {
        let excess = self.excess();
        if !excess.over.contains(&true) {
            return;
        }
        let gives = |unit: &usize| {
            !self.is_settled(*unit) && self.owners[*unit].is_some_and(|owner| excess.over[owner])
        };
        let units = self.heavy_first((0..self.units.len()).filter(gives).collect());
        for balanced in [true, false] {
            let mut descent = self.descent();
            for unit in &units {
                self.relieve_of(*unit, balanced, &excess, &mut descent);
            }
        }
    }

    fn excess(&self) -> Excess {
        let mut heaviest = vec![0; self.relays.len()];
        for (unit, owner) in self.units.iter().zip(&self.owners) {
            if let Some(owner) = owner {
                heaviest[*owner] = unit.weight.max(heaviest[*owner]);
            }
        }
        let over = |relay: usize| {
            let trigger = if self.hosts[relay] { CAP } else { TRIGGER };
            self.takes(relay) && self.is_above(relay, trigger) && self.loads[relay] > heaviest[relay]
        };
        let (low, settled): (Vec<_>, Vec<_>) = self.takers().partition(|relay| self.is_low(*relay));
        let load = low.iter().map(|relay| self.shares[*relay] - self.loads[*relay]).sum::<u64>();
        let capacity =
            settled.iter().map(|relay| u64::from(self.relays[*relay].capacity)).sum::<u64>().max(1);
        let more = |relay: usize| load * u64::from(self.relays[relay].capacity) / capacity;
        Excess {
            over: (0..self.relays.len()).map(over).collect(),
            settled: (0..self.relays.len()).map(|relay| self.shares[relay] + more(relay)).collect(),
            heaviest,
        }
    }

    fn relieve_of(&mut self, unit: usize, balanced: bool, excess: &Excess, descent: &mut Descent) {
        let weight = self.units[unit].weight;
        descent.reach(self, weight);
        let Some(from) = self.owners[unit].filter(|_| !self.is_settled(unit)) else { return };
        if !self.is_above(from, CAP) || self.loads[from] <= excess.heaviest[from] {
            return;
        }
        let spares = self.loads[from] >= self.shares[from] + weight && descent.spares(from, weight);
        if balanced && !spares {
            return;
        }
        // What is too much only because relays have come waits for these.
        let waits = self.loads[from] * 100 <= excess.settled[from] * TRIGGER;
        if let Some(to) = self.relief(unit, from, waits, descent) {
            self.shift(unit, to, Cause::Overload);
            descent.shift(Some(from), to, weight);
        }
    }

    /// Who takes `unit` from `from`: in the unit's order one that has little, else one that stays within its share,
    /// else within its bound, else the least burdened one if that is better than what is.
    fn relief(&self, unit: usize, from: usize, waits: bool, descent: &Descent) -> Option<usize> {
        let weight = self.units[unit].weight;
        let waits = waits && self.takers().any(|relay| self.is_low(relay));
        let (mut within, mut bounded, mut least) = (None, None, None);
        for relay in self.preferred(unit).filter(|relay| *relay != from) {
            let low = self.is_low(relay);
            if (low && !self.takes_in(relay, weight)) || (waits && !low) {
                continue;
            }
            if self.fits(relay, weight, 100) && descent.has_room(self, relay, weight, CAP) {
                if low {
                    return Some(relay);
                }
                within.get_or_insert(relay);
            } else if self.fits(relay, weight, CAP) {
                bounded.get_or_insert(relay);
            }
            let burden = self.burden(relay, weight);
            if least.is_none_or(|(least, _)| burden < least) {
                least = Some((burden, relay));
            }
        }
        let better = least.filter(|(burden, _)| burden.0 < self.burden(from, 0).0).map(|(_, relay)| relay);
        within.or(bounded).or(better)
    }

    /// Whether a relay that has little can take so much more in now.
    pub(super) fn takes_in(&self, relay: usize, weight: u64) -> bool {
        let intake = self.intake[relay];
        intake == 0 || intake + weight <= self.shares[relay].saturating_mul(INTAKE) / 100
    }
}
