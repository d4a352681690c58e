//! Moves: how a target comes from a relay that does well to another without missing a scrape.
//!
//! In: whom placement wants to have it, and what both relays have acknowledged and reported. Out: the next step of
//! the sequence. One that does well is muted at its old owner (live results only), then exposed live by both, and
//! dropped by the old owner once a scraper has seen it at the new one: nobody serves a copy meanwhile. One that fails
//! is dropped at once, and its record travels; so is one that was never shown. Interrupted moves end where no scrape is
//! missed. It does not know why a target is to move.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::slice::Permission;
use model::status::TargetState;
use model::target::TargetId;

use super::relay::Releasing;
use super::unit::{Exposer, Reason, Unit};
use super::{Fleet, Now, Phase};

/// How far a move has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Decided; nobody has been told.
    Waiting,
    /// The old owner is told to show live results only.
    Muting,
    /// Both expose it live; no scraper has seen it at the new owner.
    Overlapping,
    /// The new owner has it, the old one is told to drop it.
    Dropping,
    /// The old owner is told to drop it; the new one gets it then.
    HandingOver,
}

impl Stage {
    /// The word for people and for metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Muting => "muting",
            Self::Overlapping => "overlapping",
            Self::Dropping => "dropping",
            Self::HandingOver => "handing_over",
        }
    }
}

/// A target on its way.
#[derive(Clone, Debug)]
pub(super) struct Moving {
    pub(super) from: Arc<str>,
    pub(super) to: Arc<str>,
    pub(super) reason: Reason,
    pub(super) stage: Stage,
    pub(super) since: Now,
    /// What the old owner might do with its copy before.
    pub(super) before: Permission,
    /// Whether a scraper has seen it at the new owner.
    pub(super) seen: bool,
}

impl Moving {
    /// Whether `name` is the old owner, and the new one has it.
    pub(super) fn has_left(&self, name: &str) -> bool {
        *self.from == *name && matches!(self.stage, Stage::Overlapping | Stage::Dropping)
    }
}

/// How the old owner does with a target, as far as a move goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    /// It may be on a scraper's last page.
    Shown,
    /// No page has had it.
    Unshown,
    /// Its last scrape failed.
    Failing,
}

fn condition(unit: &Unit) -> Condition {
    // What a relay brought along, or had all the while, it has exposed, whatever it has reported since.
    let reason = unit.owner.as_ref().map(|owner| &owner.reason);
    let brought = matches!(reason, Some(Reason::Reported | Reason::Returned | Reason::GivenBack(_)));
    match unit.status.as_ref().map(|status| status.state) {
        Some(TargetState::Down | TargetState::StaleServed) => Condition::Failing,
        Some(TargetState::Up) => Condition::Shown,
        None if brought => Condition::Shown,
        None | Some(TargetState::Pending) => Condition::Unshown,
    }
}

impl Fleet {
    /// Sets out to bring a target from its owner to `to`; one that is moving already is led there if that is possible.
    pub(super) fn begin(&mut self, id: TargetId, to: &Arc<str>, reason: Reason) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        unit.entry = None;
        if let Some(moving) = &mut unit.moving {
            let returns = moving.reason == Reason::Returned;
            if moving.from == *to && matches!(moving.stage, Stage::Waiting | Stage::Muting) {
                return self.cancel(id, "not_needed");
            }
            if !returns && matches!(moving.stage, Stage::Waiting | Stage::Muting | Stage::HandingOver) {
                (moving.to, moving.reason) = (to.clone(), reason);
            }
            return;
        }
        let Some(owner) = unit.owner.as_ref().filter(|owner| owner.relay != *to) else { return };
        let Some(relay) = self.relays.get(&owner.relay) else { return };
        let before = match owner.permission {
            Permission::Record | Permission::Discard if relay.has_acknowledged(owner) => Permission::Keep,
            Permission::Record => Permission::Discard,
            permission => permission,
        };
        let (from, to, since) = (owner.relay.clone(), to.clone(), self.now);
        unit.moving = Some(Moving { from, to, reason, stage: Stage::Waiting, since, before, seen: false });
        self.moving.insert(id);
        self.advance(id);
    }

    /// Every move, as time passes.
    pub(super) fn advance_all(&mut self) {
        for id in self.moving.iter().copied().collect::<Vec<_>>() {
            self.advance(id);
        }
    }

    /// The next step of a move, if its time has come.
    pub(super) fn advance(&mut self, id: TargetId) {
        let Some(moving) = self.units.get(&id).and_then(|unit| unit.moving.as_ref()) else { return };
        if self.phase == Phase::Settling {
            return;
        }
        match (moving.stage, self.hindrance(moving)) {
            (Stage::Waiting | Stage::Muting, Some(why)) => self.cancel(id, why),
            (Stage::Overlapping, Some(why)) if why != "undrained" => self.give_back(id, why),
            (Stage::Waiting, None) => self.set_out(id),
            (Stage::Muting, None) => self.go_on(id),
            (Stage::Overlapping, _) if moving.seen || !self.guards.dropped_once_seen => self.drop_former(id),
            (Stage::Overlapping | Stage::Dropping | Stage::HandingOver, _) => {}
        }
    }

    /// Why a move cannot go on.
    fn hindrance(&self, moving: &Moving) -> Option<&'static str> {
        let from = self.relays.get(&moving.from);
        match self.relays.get(&moving.to) {
            None => Some("lost"),
            Some(to) if to.is_lost() => Some("lost"),
            Some(to) if to.leaves() => Some("leaves"),
            Some(_) if self.now.since(moving.since) >= self.timings.moving => Some("slow"),
            Some(_)
                if matches!(moving.reason, Reason::Drained(_)) && from.is_some_and(|from| !from.leaves()) =>
            {
                Some("undrained")
            }
            Some(_) => None,
        }
    }

    /// Whether a relay can be told of a target that it is to take.
    fn is_ready(&self, name: &str) -> bool {
        let relay = self.relays.get(name);
        relay.is_some_and(|relay| relay.can_take() && self.now.since(relay.heard) <= self.timings.suspect)
    }

    fn set_out(&mut self, id: TargetId) {
        let Some(unit) = self.units.get(&id) else { return };
        let Some(moving) = &unit.moving else { return };
        if !self.relays.get(&moving.from).is_some_and(|from| from.synced) {
            return;
        }
        match condition(unit) {
            Condition::Shown if !self.guards.overlap_is_muted && self.is_ready(&moving.to) => {
                self.overlap(id)
            }
            Condition::Shown => self.mute(id),
            Condition::Unshown if self.is_ready(&moving.to) => self.hand_off(id),
            Condition::Failing
                if self.is_ready(&moving.to) && self.handovers.has_room(&moving.from, &moving.to) =>
            {
                let (from, to) = (moving.from.clone(), moving.to.clone());
                self.hand_off(id);
                self.handovers.begin(id, &from, &to);
            }
            Condition::Unshown | Condition::Failing => {}
        }
    }

    /// From here on the old owner shows live results only.
    fn mute(&mut self, id: TargetId) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        let (Some(moving), Some(owner)) = (&mut unit.moving, &mut unit.owner) else { return };
        moving.stage = Stage::Muting;
        unit.entry = None;
        let Some(relay) = self.relays.get_mut(&owner.relay) else { return };
        relay.awaited.insert(id);
        if owner.permission != Permission::None {
            self.permit(id, Permission::None);
        }
        self.advance(id);
    }

    /// A muted target: to the new owner as well, or handed over if it has begun to fail.
    fn go_on(&mut self, id: TargetId) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        let failing = condition(unit) == Condition::Failing;
        let (Some(moving), Some(owner)) = (&mut unit.moving, &unit.owner) else { return };
        if failing {
            moving.stage = Stage::Waiting;
            unit.entry = None;
            return self.set_out(id);
        }
        let acknowledged = self.relays.get(&owner.relay).is_some_and(|relay| relay.has_acknowledged(owner));
        let to = moving.to.clone();
        if acknowledged && self.is_ready(&to) {
            self.overlap(id);
        }
    }

    fn overlap(&mut self, id: TargetId) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        let (Some(moving), Some(owner)) = (&mut unit.moving, unit.owner.take()) else { return };
        moving.stage = Stage::Overlapping;
        let (to, reason) = (moving.to.clone(), moving.reason.clone());
        unit.expose(Exposer::Still(owner.relay.clone()));
        unit.left = Some(owner.relay.clone());
        if let Some(relay) = self.relays.get_mut(&owner.relay) {
            relay.owned.remove(&id);
            relay.still.insert(id);
            relay.awaited.remove(&id);
        }
        self.give(id, &to, reason);
    }

    /// A scraper has seen it at the new owner.
    fn drop_former(&mut self, id: TargetId) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        let Some(moving) = &mut unit.moving else { return };
        if self.relays.get(&moving.from).is_some_and(|relay| relay.synced) {
            moving.stage = Stage::Dropping;
            unit.entry = None;
            self.drop_still(id);
        }
    }

    /// The old owner drops it at once; the new one gets it then, with the record if there is one.
    fn hand_off(&mut self, id: TargetId) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        let Some(mut moving) = unit.moving.take() else { return };
        // Live only by this move: its copy is the one that it might keep before.
        let is_muted = moving.before == Permission::Keep
            && unit.owner.as_ref().is_some_and(|owner| owner.permission == Permission::None);
        self.release(id);
        let relay = self.relays.get_mut(&moving.from);
        if let Some(releasing) = relay.and_then(|relay| relay.releasing.get_mut(&id)) {
            releasing.is_newest |= is_muted;
        }
        moving.stage = Stage::HandingOver;
        if let Some(unit) = self.units.get_mut(&id) {
            unit.moving = Some(moving);
        }
    }

    /// Ends a move of which the new owner has not been told: the old one has it as before.
    pub(super) fn cancel(&mut self, id: TargetId, why: &'static str) {
        let before = self.units.get(&id).and_then(|unit| unit.moving.as_ref()).map(|moving| moving.before);
        self.end_move(id, Some(why));
        let Some(unit) = self.units.get(&id).filter(|unit| unit.exposers.is_empty()) else { return };
        if unit.owner.as_ref().is_some_and(|owner| owner.permission == Permission::None) {
            // Who was live only before may have a copy older than what another has shown meanwhile.
            let before = before.filter(|one| *one != Permission::None);
            self.permit(id, before.unwrap_or(Permission::Discard));
        }
    }

    /// Ends a move whose new owner cannot have it, or is not seen to: the old one, which still has it, owns it again.
    pub(super) fn give_back(&mut self, id: TargetId, why: &'static str) {
        let moving = self.units.get(&id).and_then(|unit| unit.moving.as_ref());
        let Some((from, to)) = moving.map(|moving| (moving.from.clone(), moving.to.clone())) else { return };
        self.end_move(id, Some(why));
        self.release(id);
        self.give(id, &from, Reason::GivenBack(to));
    }

    /// The new owner is lost when the old one has been told to drop the target: that gets it again once it has.
    pub(super) fn recall(&mut self, id: TargetId) {
        self.release(id);
        let moving = self.units.get_mut(&id).and_then(|unit| unit.moving.as_mut());
        if let Some(moving) = moving {
            moving.stage = Stage::HandingOver;
        }
    }

    /// The move is over: done, or given up for the reason `why`.
    pub(super) fn end_move(&mut self, id: TargetId, why: Option<&'static str>) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        let Some(moving) = unit.moving.take() else { return };
        unit.entry = None;
        self.moving.remove(&id);
        self.place_due = true;
        let Moving { from, to, reason, stage, .. } = &moving;
        match why {
            None => self.counters.moves.finish(reason.kind(), self.now),
            Some(why) => {
                self.counters.moves.give_up(why);
                let (reason, stage, target) = (reason.kind(), stage.as_str(), id.to_string());
                tracing::info!(target_id = target, %from, %to, reason, stage, why, "move given up");
            }
        }
        if !self.records.has(id) {
            self.handovers.end(id);
        }
    }

    /// Whoever has it in its slice without owning it drops it.
    pub(super) fn drop_still(&mut self, id: TargetId) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        let still: BTreeSet<Arc<str>> = unit.exposers.iter().filter_map(Exposer::still).cloned().collect();
        for name in still {
            let Some(relay) = self.relays.get_mut(&name) else { continue };
            relay.still.remove(&id);
            relay.releasing.insert(id, Releasing::default());
            relay.outbox.removed.insert(id);
            unit.expose(Exposer::Told(name));
        }
    }
}
