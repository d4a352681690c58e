//! Lost relays that are back: what nobody else could show since is theirs again, with its copies.
//!
//! In: a relay that has come. Out: what becomes of the targets that it lost by being lost and of which no interim owner
//! has had a good scrape. Those that fail there come back: the interim owner lets go of them at once, and if it says that
//! there was no good scrape, the copy that the relay has kept is still the newest. Without it a target that is down would
//! vanish whenever its relay restarts. Those that no page has shown there are exposed live by both until one has.

use std::sync::Arc;

use model::slice::Permission;
use model::status::TargetState;
use model::target::TargetId;

use super::Fleet;
use super::moves::{Moving, Stage};
use super::unit::{Exposer, Reason};

impl Fleet {
    /// A relay that has come gets back what interim owners cannot show. It has these targets in its slice from the first
    /// one on, live only, so that it drops no copy.
    pub(super) fn call_home(&mut self, name: &Arc<str>) {
        let Some(relay) = self.relays.get(name) else { return };
        let takes = !relay.leaves() && !relay.copies_are_stale && self.guards.returns_with_copy;
        let homeless = self.units.iter().filter(|(_, unit)| unit.home.as_ref() == Some(name));
        for id in homeless.map(|(id, _)| *id).collect::<Vec<_>>() {
            let interim = self.units.get(&id).is_some_and(|unit| unit.waits_for_home());
            if takes && self.may_come_home(id) {
                self.call_one(id, name);
            } else if interim {
                self.settle_elsewhere(id);
            }
        }
    }

    /// Whether its interim owner can be asked to let go of a target, and has shown nothing but live results.
    fn may_come_home(&self, id: TargetId) -> bool {
        let Some(unit) = self.units.get(&id) else { return false };
        let Some(owner) = unit.owner.as_ref().filter(|_| unit.waits_for_home()) else { return false };
        let relay = self.relays.get(&owner.relay);
        let free = unit.moving.is_none() && unit.is_wanted();
        free && owner.permission == Permission::None && relay.is_some_and(|relay| relay.synced)
    }

    /// It does not go back.
    fn settle_elsewhere(&mut self, id: TargetId) {
        if let Some(unit) = self.units.get_mut(&id) {
            unit.home = None;
        }
        self.review(id);
    }

    fn call_one(&mut self, id: TargetId, name: &Arc<str>) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        let is_down = unit.status.as_ref().is_some_and(|status| status.state == TargetState::Down);
        if is_down || unit.failed_at_home {
            return self.send_home(id, name);
        }
        self.linger(name, id, Reason::Returned);
    }

    /// An interim owner has said how a target does that its former relay has, too: one that fails goes back.
    pub(super) fn go_home(&mut self, id: TargetId) {
        let Some(unit) = self.units.get(&id) else { return };
        let Some(moving) = unit.moving.as_ref().filter(|one| one.stage == Stage::Overlapping) else { return };
        let is_down = unit.status.as_ref().is_some_and(|status| status.state == TargetState::Down);
        if is_down && unit.home.as_ref() == Some(&moving.from) {
            let home = moving.from.clone();
            self.send_home(id, &home);
        }
    }

    fn send_home(&mut self, id: TargetId, home: &Arc<str>) {
        self.release(id);
        let (Some(unit), Some(relay)) = (self.units.get_mut(&id), self.relays.get_mut(home)) else { return };
        let Some(from) = unit.left.clone() else { return };
        relay.releasing.remove(&id);
        relay.still.insert(id);
        unit.expose(Exposer::Still(home.clone()));
        unit.moving = Some(Moving {
            from,
            to: home.clone(),
            reason: Reason::Returned,
            stage: Stage::HandingOver,
            since: self.now,
            before: Permission::None,
            seen: false,
        });
        self.moving.insert(id);
    }
}
