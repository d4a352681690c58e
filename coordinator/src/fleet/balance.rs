//! Placement applied: which relays take part, what their units weigh, and the moves carried out.

use std::collections::HashMap;
use std::sync::Arc;

use model::target::TargetId;

use super::Fleet;
use super::relay::{Relay, RelayState};
use super::unit::{Reason, Unit};
use crate::place::{self, Candidate, Cause, Move, Role};

/// One part in this many of the whole load may move in a round just to fill relays that have little.
const FILL_SHARE: u64 = 20;

impl Fleet {
    /// Decides anew who has what, from the full state.
    pub(super) fn balance(&mut self) {
        self.place_due = false;
        let candidates = self.candidates();
        let ids = candidates.iter().enumerate().map(|(index, one)| (one.name.clone(), index)).collect();
        let (targets, units) = self.weighed(&ids);
        self.ring.set_members(candidates.iter().map(|one| one.name.clone()).collect());
        let total: u64 = units.iter().map(|unit| unit.weight).sum();
        let share = (total / FILL_SHARE).max(total / (units.len() as u64).max(1));
        let budget = (std::mem::take(&mut self.fill_due) && self.is_calm()).then_some(share);
        for one in place::place(&units, &candidates, &self.ring, budget) {
            self.carry_out(targets[one.unit], &candidates[one.to].name, &one);
        }
    }

    fn candidates(&self) -> Vec<Candidate> {
        let first = self.units.values().all(|unit| unit.owner.is_none() && unit.exposers.is_empty());
        let states = || self.relays.values().map(|relay| relay.state(self.now, &self.timings));
        // Where nobody is scraped, or nothing is exposed yet, a joining relay is as good as any.
        let open = first || !states().any(|state| state == RelayState::Active);
        let present = self.relays.iter().filter(|(_, relay)| !relay.is_lost());
        present.map(|(name, relay)| Candidate { name: name.clone(), role: self.role(relay, open) }).collect()
    }

    fn role(&self, relay: &Relay, open: bool) -> Role {
        match relay.state(self.now, &self.timings) {
            RelayState::Draining => Role::Leaves,
            _ if !relay.synced => Role::Holds,
            RelayState::Active => Role::Takes,
            RelayState::Joining if open => Role::Takes,
            RelayState::Joining | RelayState::Suspect | RelayState::Lost => Role::Holds,
        }
    }

    /// Whether this is a time to move what need not move: not while a relay is suspect or joining. One that nobody
    /// scrapes counts as joining for a while only.
    fn is_calm(&self) -> bool {
        self.relays.values().all(|relay| match relay.state(self.now, &self.timings) {
            RelayState::Suspect => false,
            RelayState::Joining => self.now.since(relay.connected) >= self.timings.scraped,
            RelayState::Active | RelayState::Draining | RelayState::Lost => true,
        })
    }

    /// The units that may be placed. One between two relays counts for the relay it is destined to; one that a lost
    /// relay may still serve from its cache is left out, as is one whose former owner has yet to let it go.
    fn weighed(&self, indexes: &HashMap<Arc<str>, usize>) -> (Vec<TargetId>, Vec<place::Unit>) {
        let medians = self.medians();
        let weighed = self.units.iter().filter(|(_, unit)| unit.is_wanted()).filter_map(|(id, unit)| {
            let owner = match unit.heir() {
                Some(heir) => Some(*indexes.get(heir)?),
                None if unit.is_released() => return None,
                None => None,
            };
            let unmeasured = || medians.get(&unit.target.job).copied().unwrap_or(place::UNMEASURED);
            let weight = place::weigh(unit.samples.unwrap_or_else(unmeasured));
            Some((*id, place::Unit { key: unit.target.key, weight, owner }))
        });
        weighed.unzip()
    }

    /// The median of the measured samples of each job: what an unmeasured target of it counts for.
    fn medians(&self) -> HashMap<Arc<str>, u64> {
        let mut measured: HashMap<Arc<str>, Vec<u64>> = HashMap::new();
        for Unit { target, samples, .. } in self.units.values() {
            if let Some(samples) = samples {
                measured.entry(target.job.clone()).or_default().push(*samples);
            }
        }
        let median = |mut samples: Vec<u64>| {
            let middle = samples.len() / 2;
            *samples.select_nth_unstable(middle).1
        };
        measured.into_iter().map(|(job, samples)| (job, median(samples))).collect()
    }

    fn carry_out(&mut self, id: TargetId, to: &Arc<str>, one: &Move) {
        let Some(unit) = self.units.get(&id) else { return };
        let from = unit.owner.as_ref().map(|owner| owner.relay.clone());
        let reason = match (one.cause, &from, &unit.left) {
            (Cause::Orphan, _, Some(left)) => Reason::Left(left.clone()),
            (Cause::Drain, Some(from), _) => Reason::Drained(from.clone()),
            (Cause::Overload, Some(from), _) => Reason::Overload(from.clone()),
            (Cause::Fill, _, _) if self.is_new(to) => Reason::Joined,
            (Cause::Fill, _, _) => Reason::Fill,
            (Cause::Orphan | Cause::Drain | Cause::Overload, _, _) => Reason::Placed,
        };
        if from.is_some() || unit.moving.is_some() {
            self.begin(id, to, reason);
        } else if !unit.is_released() {
            self.give(id, to, reason);
        }
    }

    /// Whether a relay's process has come so lately that what fills it is a join.
    fn is_new(&self, name: &str) -> bool {
        self.relays.get(name).is_some_and(|relay| self.now.since(relay.connected) < self.timings.moving)
    }
}
