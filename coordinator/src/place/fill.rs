//! Relays that have little are filled.

use std::cmp::Reverse;

use super::plan::{Descent, Plan};
use super::{CAP, Cause, FILLED, ROOM, profile};

/// So many relays of a unit's order are looked at to find which units prefer a relay: one in as many as there are
/// relays has it first, so there are enough.
const DEPTH: usize = 4;

/// A unit that may go to a relay that has little.
struct Offer {
    unit: usize,
    /// The relay with little that it prefers most; none: any.
    to: Option<usize>,
}

/// Who is to be filled, and how much may move for it.
struct Filling {
    /// The relays that had little.
    low: Vec<bool>,
    /// Those that still have not enough.
    hungry: Vec<usize>,
    /// The weight that may be on its way; none: these units move anyway.
    budget: Option<u64>,
    spent: u64,
    /// The lightest unit that is offered.
    lightest: u64,
    /// Whether givers keep their part of the heavy units.
    balanced: bool,
}

impl Filling {
    /// One unit may always move, however heavy.
    fn covers(&self, weight: u64) -> bool {
        self.budget.is_none_or(|budget| self.spent == 0 || self.spent + weight <= budget)
    }
}

impl Plan<'_> {
    /// Relays with little get units that prefer them, from relays that have more than their share. What is on its way
    /// already counts for the budget.
    pub(super) fn fill_low(&mut self, budget: u64) {
        let moving = self.units.iter().filter(|unit| unit.moving == Some(Cause::Fill));
        let spent = moving.map(|unit| unit.weight).sum();
        let units = (0..self.units.len()).filter(|unit| !self.is_settled(*unit)).collect();
        self.fill(units, Some(budget), spent);
        for to in self.takers().filter(|to| self.loads[*to] == 0).collect::<Vec<_>>() {
            self.give_one(to);
        }
    }

    /// Units that need a home anyway go to relays with little rather than to others that have more than their share.
    pub(super) fn spread(&mut self, units: Vec<usize>) {
        self.fill(units, None, 0);
    }

    fn fill(&mut self, units: Vec<usize>, budget: Option<u64>, spent: u64) {
        let hungry: Vec<_> = self.takers().filter(|relay| self.is_low(*relay)).collect();
        if hungry.is_empty() || units.is_empty() {
            return;
        }
        let low = (0..self.relays.len()).map(|relay| hungry.contains(&relay)).collect();
        let mut filling = Filling { low, hungry, budget, spent, lightest: 0, balanced: true };
        let offers = self.offers(&filling.low, units);
        filling.lightest = offers.iter().map(|offer| self.units[offer.unit].weight).min().unwrap_or_default();
        self.still_hungry(&mut filling);
        // Those that have most give first; what is out of proportion only where nothing else is left.
        for (floor, balanced) in [(CAP, true), (ROOM, true), (100, true), (100, false), (FILLED, false)] {
            filling.balanced = balanced;
            let mut descent = self.descent();
            for offer in &offers {
                if filling.hungry.is_empty() {
                    return;
                }
                descent.reach(self, self.units[offer.unit].weight);
                let from = self.owners[offer.unit].filter(|from| !filling.low[*from]);
                if let Some(from) = from.filter(|from| self.is_above(*from, floor)) {
                    self.accept(offer, from, &mut filling, &mut descent);
                }
            }
        }
    }

    /// The units of relays that have enough, heavy ones first, and of these those that prefer a relay with little
    /// most.
    fn offers(&self, low: &[bool], units: Vec<usize>) -> Vec<Offer> {
        let owned = units.into_iter().filter(|unit| {
            self.owners[*unit]
                .is_some_and(|from| !low[from] && self.takes(from) && self.is_above(from, FILLED))
        });
        let mut offers: Vec<_> = owned
            .map(|unit| {
                let found = self.preferred(unit).take(DEPTH).enumerate().find(|(_, relay)| low[*relay]);
                let (rank, to) = found.map_or((DEPTH, None), |(rank, relay)| (rank, Some(relay)));
                (Reverse(profile::class(self.units[unit].weight)), rank, self.order(unit), to)
            })
            .collect();
        offers.sort_unstable();
        offers.into_iter().map(|(_, _, order, to)| Offer { unit: order.3, to }).collect()
    }

    fn accept(&mut self, offer: &Offer, from: usize, filling: &mut Filling, descent: &mut Descent) {
        let (unit, weight) = (offer.unit, self.units[offer.unit].weight);
        if !filling.covers(weight) {
            return;
        }
        let hungry = filling.hungry.iter().copied();
        let Some(to) = offer.to.or_else(|| hungry.min_by_key(|relay| self.burden(*relay, 0))) else { return };
        let keeps = (self.loads[from] - weight) * 100 >= self.shares[from] * FILLED;
        let lacks = self.fits(to, weight, FILLED) && descent.lacks(to, weight, FILLED);
        let now = filling.budget.is_none() || self.takes_in(to, weight);
        if !(keeps && lacks && now && filling.covers(weight))
            || (filling.balanced && !descent.spares(from, weight))
        {
            return;
        }
        self.shift(unit, to, Cause::Fill);
        descent.shift(Some(from), to, weight);
        filling.spent += weight;
        self.still_hungry(filling);
    }

    /// Leaves those that are to get more now.
    fn still_hungry(&self, filling: &mut Filling) {
        let (lightest, bounded) = (filling.lightest, filling.budget.is_some());
        let more = filling.covers(lightest);
        filling
            .hungry
            .retain(|relay| more && self.is_low(*relay) && (!bounded || self.takes_in(*relay, lightest)));
    }

    /// No taker stays empty while another has two units: whatever the budget, it gets the lightest of the fullest.
    fn give_one(&mut self, to: usize) {
        let mut givers: Vec<_> = self.takers().collect();
        givers.sort_by_key(|relay| Reverse(self.burden(*relay, 0)));
        for from in givers {
            let owned = |unit: &usize| self.owners[*unit] == Some(from) && !self.is_settled(*unit);
            if let [.., _, lightest] = *self.heavy_first((0..self.units.len()).filter(owned).collect()) {
                return self.shift(lightest, to, Cause::Fill);
            }
        }
    }
}
