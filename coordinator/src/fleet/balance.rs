//! Placement applied: which relays take part, what their units weigh, and the moves carried out.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use model::target::TargetId;

use super::Fleet;
use super::flaps::Flaps;
use super::relay::{Relay, RelayState};
use super::unit::{Exposer, Reason};
use crate::place::{self, Candidate, Fair, Move, Role};

/// What one decision leaves for the next, and for people.
#[derive(Debug, Default)]
pub(super) struct Balance {
    pub(super) flaps: Flaps,
    /// The relays that are being filled.
    filling: BTreeSet<Arc<str>>,
    /// What a fair load was.
    pub(super) fair: Fair,
}

impl Fleet {
    /// Decides anew who has what, from the full state.
    pub(super) fn balance(&mut self) {
        self.place_due = false;
        let seen = self.relays.iter().map(|(name, relay)| (name, &relay.boot_id, relay.is_lost()));
        self.balance.flaps.observe(seen, self.now.elapsed);
        let candidates = self.candidates();
        let members: BTreeSet<_> = candidates.iter().map(|one| one.name.clone()).collect();
        if !self.ring.is_of(&members) {
            Arc::make_mut(&mut self.ring).set_members(members);
        }
        self.weigh_unmeasured();
        let (targets, units) = self.placeable(&candidates);
        let budget = (std::mem::take(&mut self.fill_due) && self.is_calm()).then(|| place::budget(&units));
        let decision = place::place(&units, &candidates, &self.ring, budget);
        self.balance.filling = decision.filling.iter().map(|index| candidates[*index].name.clone()).collect();
        self.mark_heavy(&decision.fair);
        for one in decision.moves {
            let evens_out = matches!(one.cause, place::Cause::Overload | place::Cause::Fill);
            if evens_out && !self.guards.load_bounded {
                continue;
            }
            self.carry_out(targets[one.unit], &candidates[one.to].name, &one);
        }
    }

    /// The relays that take part, by name.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let open = self.takes_joining();
        let present = self.relays.iter().filter(|(_, relay)| !relay.is_lost());
        let candidate = |(name, relay): (&Arc<str>, &Relay)| Candidate {
            name: name.clone(),
            role: self.role(relay, open),
            capacity: self.capacity(relay),
            filling: self.balance.filling.contains(name),
        };
        let mut candidates: Vec<_> = present.map(candidate).collect();
        let takes = |one: &Candidate| one.role == Role::Takes;
        let flaps = |one: &Candidate| takes(one) && self.balance.flaps.is_flapping(&one.name);
        let flapping = candidates.iter().filter(|one| flaps(one)).count();
        // The others have to carry what those may not get: not more than twice what they would otherwise.
        if flapping * 2 <= candidates.iter().filter(|one| takes(one)).count() {
            for one in candidates.iter_mut().filter(|one| flaps(one)) {
                one.role = Role::Holds;
            }
        }
        candidates
    }

    /// Whether a joining relay is as good as any: nobody is scraped, or nothing is exposed yet.
    fn takes_joining(&self) -> bool {
        let mut states = self.relays.values().map(|relay| relay.state(self.now, &self.timings));
        !states.any(|state| state == RelayState::Active)
            || self.units.values().all(|unit| unit.owner.is_none() && self.is_exposed_by_none(&unit.exposers))
    }

    /// Whether no relay that is known of exposes a target, and none ever did as far as one can tell.
    fn is_exposed_by_none(&self, exposers: &[Exposer]) -> bool {
        exposers.iter().all(|one| *one == Exposer::Unknown && !self.is_restart)
    }

    fn role(&self, relay: &Relay, open: bool) -> Role {
        match relay.state(self.now, &self.timings) {
            // Where nobody else is left, one that still exposes something is better than nobody.
            RelayState::Draining if relay.synced && relay.exposes() > 0 && self.all_leave() => Role::Takes,
            RelayState::Draining => Role::Leaves,
            _ if !relay.synced => Role::Holds,
            RelayState::Active => Role::Takes,
            RelayState::Joining if open => Role::Takes,
            RelayState::Joining | RelayState::Suspect | RelayState::Lost => Role::Holds,
        }
    }

    fn all_leave(&self) -> bool {
        self.relays.values().all(|relay| relay.is_lost() || relay.leaves())
    }

    /// How much of the load is a relay's part, in hundredths of an ordinary one: its own word, else the file's.
    pub(super) fn capacity(&self, relay: &Relay) -> u32 {
        relay.capacity.unwrap_or_else(|| self.config.relay.capacity.hundredths()).max(1)
    }

    /// Whether this is a time to move what need not move: not while a relay is suspect, joining or on its way out.
    /// One that nobody scrapes counts as joining for a while only.
    fn is_calm(&self) -> bool {
        self.relays.values().all(|relay| match relay.state(self.now, &self.timings) {
            RelayState::Suspect => false,
            RelayState::Joining => self.now.since(relay.connected) >= self.timings.scraped,
            RelayState::Draining => relay.owned.is_empty(),
            RelayState::Active | RelayState::Lost => true,
        })
    }

    /// The units that may be placed. One between two relays counts for the relay it is destined to; one that a lost
    /// relay may still serve from its cache is left out, as is one whose former owner has yet to let it go.
    fn placeable(&self, candidates: &[Candidate]) -> (Vec<TargetId>, Vec<place::Unit>) {
        let indexes: HashMap<&str, usize> =
            candidates.iter().enumerate().map(|(index, one)| (&*one.name, index)).collect();
        let placeable = self.units.iter().filter(|(_, unit)| unit.is_wanted()).filter_map(|(id, unit)| {
            let moving = unit.moving.as_ref().map(|moving| moving.reason.cause());
            let owner = match unit.heir() {
                Some(heir) => Some(*indexes.get(&**heir)?),
                None if unit.is_released() => return None,
                None => None,
            };
            Some((*id, place::Unit { key: unit.target.key, weight: unit.weight, owner, moving }))
        });
        placeable.unzip()
    }

    /// What has never been measured counts for the median of its job.
    fn weigh_unmeasured(&mut self) {
        let unmeasured = self.units.values().filter(|unit| unit.measure.is_none());
        let mut jobs: HashMap<Arc<str>, Vec<u64>> =
            unmeasured.map(|unit| (unit.target.job.clone(), Vec::new())).collect();
        if jobs.is_empty() {
            return;
        }
        for unit in self.units.values() {
            if let (Some(measure), Some(weights)) = (unit.measure, jobs.get_mut(&unit.target.job)) {
                weights.push(measure.weight());
            }
        }
        let median = |(job, mut weights): (Arc<str>, Vec<u64>)| {
            let middle = weights.len() / 2;
            (!weights.is_empty()).then(|| (job, *weights.select_nth_unstable(middle).1))
        };
        let medians: HashMap<Arc<str>, u64> = jobs.into_iter().filter_map(median).collect();
        let unknown = place::weigh(place::UNMEASURED);
        for unit in self.units.values_mut().filter(|unit| unit.measure.is_none()) {
            unit.weigh(medians.get(&unit.target.job).copied().unwrap_or(unknown));
        }
    }

    /// Notes which targets are more than a fair share of any relay.
    fn mark_heavy(&mut self, fair: &Fair) {
        self.balance.fair = *fair;
        for unit in self.units.values_mut() {
            let is_heavy = fair.is_exceeded_by(unit.weight);
            if unit.is_heavy != is_heavy {
                unit.is_heavy = is_heavy;
                unit.entry = None;
            }
        }
    }

    fn carry_out(&mut self, id: TargetId, to: &Arc<str>, one: &Move) {
        let Some(unit) = self.units.get(&id) else { return };
        let from = unit.owner.as_ref().map(|owner| owner.relay.clone());
        let reason = match Reason::of(one.cause, from.as_ref(), unit.left.as_ref()) {
            Reason::Fill if self.is_new(to) => Reason::Joined,
            reason => reason,
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
