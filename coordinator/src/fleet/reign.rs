//! Reigns: which number this coordinator has, and when it begins to decide.

use model::slice::{Epoch, Permission, Reign};

use super::relay::Relay;
use super::unit::Exposer;
use super::{Fleet, Link, Phase};

impl Fleet {
    /// A relay has named a reign. A coordinator that hears of a higher number, or of its own in another's hands,
    /// takes the next one and sends all slices again: otherwise that relay would be deaf to it for good.
    pub(super) fn hear(&mut self, other: Option<&Reign>) {
        let Some(other) = other else { return };
        self.is_restart |= other.coordinator_boot_id != self.reign.coordinator_boot_id;
        let lower = *other == self.reign || other.epoch < self.reign.epoch;
        if lower || (!self.guards.higher_reign_outbid && self.phase == Phase::Leading) {
            return;
        }
        self.reign.epoch = Epoch(other.epoch.0.saturating_add(1));
        for relay in self.relays.values_mut().filter(|relay| relay.synced) {
            relay.outbox.whole = true;
        }
    }

    /// A relay comes where none is known. What one says is not what the fleet holds: the others get their time, too, and
    /// it begins here, not with a process that nobody may have been able to reach.
    pub(super) fn begin_settling(&mut self) {
        if self.relays.is_empty() && self.guards.start_settles {
            self.phase = Phase::Settling;
            self.phase_began = self.now.elapsed;
        }
    }

    /// Begins to lead once there is a listing, what connected relays report is settled, and the expected relays are in
    /// or have had their time.
    pub(super) fn advance_phase(&mut self) {
        let is_early = !self.targets_known || self.relays.values().any(Relay::is_unsettled);
        if self.phase == Phase::Leading || is_early {
            return;
        }
        let waited = self.now.elapsed.saturating_sub(self.phase_began);
        let patience = if self.is_restart { self.timings.settle } else { self.timings.settle_cold };
        let connected = self.relays.values().filter(|relay| matches!(relay.link, Link::Connected(_)));
        let complete = self.expected_relays > 0 && connected.count() >= self.expected_relays;
        if complete || waited >= patience || !self.guards.start_settles {
            self.lead(complete);
        }
    }

    /// Begins to decide. Where the start is complete and every relay has said all that it holds, nobody else exposes what
    /// one of them has. That nobody has named a reign says nothing of relays that have not come.
    fn lead(&mut self, complete: bool) {
        self.phase = Phase::Leading;
        self.phase_began = self.now.elapsed;
        self.place_due = true;
        let some_may_be_missing = self.is_restart || !complete;
        self.unknown_exposers |= some_may_be_missing;
        let known = complete && self.relays.values().all(|relay| relay.held_is_all);
        // The reign before this one, if relays have named any.
        let last = self.reign.epoch.0.saturating_sub(1);
        for unit in self.units.values_mut() {
            match &mut unit.owner {
                Some(owner) => {
                    // Who was not there in the last reign does not know who had the target then.
                    let was_there = owner.claim.take().is_some_and(|claim| claim.epoch.0 >= last);
                    // Who is live only had another beside it. Where none here names it, that one is missing.
                    let named = unit.exposers.iter().any(|exposer| *exposer != Exposer::Unknown);
                    let had_another = owner.permission == Permission::None && !owner.held_back;
                    let cleared = known && (named || !had_another);
                    unit.exposers.retain(|exposer| !cleared || *exposer != Exposer::Unknown);
                    owner.held_back &= known && was_there && unit.exposers.is_empty();
                }
                // A relay that has not come may still expose it.
                None if some_may_be_missing => unit.expose(Exposer::Unknown),
                None => unit.exposers.retain(|exposer| *exposer != Exposer::Unknown),
            }
        }
        if known {
            self.units.keys().copied().collect::<Vec<_>>().into_iter().for_each(|id| self.review(id));
        }
    }
}
