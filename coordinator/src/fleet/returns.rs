//! Lost relays that are back: what nobody else could show since is theirs again, with its copies.
//!
//! In: a relay that has come. Out: the targets that it lost by being lost and of which no interim owner has a good
//! scrape: these let go of them at once, and if they say that there was none, the copy that the relay has kept is still
//! the newest. Without it a target that is down would vanish whenever its relay restarts.

use std::sync::Arc;

use model::slice::Permission;
use model::status::TargetState;
use model::target::TargetId;

use super::Fleet;
use super::moves::{Moving, Stage};
use super::unit::{Exposer, Reason, Unit};

impl Fleet {
    /// A relay that has come gets back what interim owners cannot show. It has these targets in its slice from the first
    /// one on, live only, so that it drops no copy.
    pub(super) fn call_home(&mut self, name: &Arc<str>) {
        let Some(relay) = self.relays.get(name) else { return };
        if relay.leaves() || relay.copies_are_stale {
            return;
        }
        let homeless = |unit: &Unit| {
            let is_home = unit.home.as_ref().is_some_and(|home| home == name);
            is_home && unit.moving.is_none() && unit.is_wanted() && self.is_not_good_elsewhere(unit, name)
        };
        let back = self.units.iter().filter(|(_, unit)| homeless(unit));
        for id in back.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.send_home(id, name);
        }
    }

    fn is_not_good_elsewhere(&self, unit: &Unit, name: &str) -> bool {
        let Some(owner) = unit.owner.as_ref().filter(|owner| *owner.relay != *name) else { return false };
        let state = unit.status.as_ref().map_or(TargetState::Pending, |status| status.state);
        let is_good = matches!(state, TargetState::Up | TargetState::StaleServed);
        !is_good && self.relays.get(&owner.relay).is_some_and(|relay| relay.synced)
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
