//! Who has a target: giving, releasing, and what follows once nobody else exposes it.

use std::sync::Arc;

use model::slice::{Permission, Released, Stamp};
use model::target::TargetId;

use super::relay::{Link, Relay, Releasing};
use super::unit::{Exposer, Owner, Reason, Unit};
use super::{Fleet, StreamId};

impl Fleet {
    /// Gives a target that nobody owns to `to`.
    pub(super) fn give(&mut self, id: TargetId, to: &Arc<str>, reason: Reason) {
        let (Some(unit), Some(relay)) = (self.units.get_mut(&id), self.relays.get_mut(to)) else { return };
        if relay.outbox.removed.remove(&id) {
            // It was never told to drop it.
            relay.releasing.remove(&id);
            unit.exposers.retain(|exposer| !exposer.is(to));
        }
        if relay.still.remove(&id) {
            unit.exposers.retain(|exposer| !exposer.is(to));
        }
        let alone = unit.exposers.is_empty() || !self.guards.none_while_exposed;
        let permission = permission(unit, (to, relay), alone, self.records.has(id));
        if permission == Permission::Record {
            relay.awaited.insert(id);
            self.counters.count_record("handed_over");
        } else if self.records.forget(id) {
            self.counters.count_record("exposed_elsewhere");
        }
        if matches!(permission, Permission::Keep | Permission::Record) {
            unit.home = None;
        }
        *self.counters.assigned.entry(reason.kind()).or_default() += 1;
        unit.owner = Some(Owner {
            relay: to.clone(),
            permission,
            stamp: Stamp::default(),
            sent: None,
            claim: None,
            held_back: false,
            reason,
            since: self.now.wall,
        });
        unit.status = None;
        unit.entry = None;
        relay.owned.insert(id);
        relay.outbox.assigned.insert(id);
    }

    /// From now on the owner of a target may do with its copy what `permission` says.
    pub(super) fn permit(&mut self, id: TargetId, permission: Permission) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        let Some(owner) = &mut unit.owner else { return };
        unit.entry = None;
        owner.permission = permission;
        owner.sent = None;
        if let Some(relay) = self.relays.get_mut(&owner.relay) {
            relay.outbox.assigned.insert(id);
        }
    }

    /// Takes a target from its owner, who may expose it until it acknowledges.
    pub(super) fn release(&mut self, id: TargetId) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        let Some(owner) = unit.owner.take() else { return };
        unit.entry = None;
        self.records.forget(id);
        self.handovers.end(id);
        if let Some(relay) = self.relays.get_mut(&owner.relay) {
            relay.owned.remove(&id);
            relay.awaited.remove(&id);
            relay.outbox.assigned.remove(&id);
            if matches!(relay.link, Link::Connected(_)) {
                unit.expose(Exposer::Told(owner.relay.clone()));
                let is_newest = has_newest(&owner, relay);
                relay.releasing.insert(id, Releasing { is_newest, ..Releasing::default() });
                relay.outbox.removed.insert(id);
            } else {
                let is_home = has_newest(&owner, relay) && !relay.flush_late;
                unit.home = is_home.then(|| owner.relay.clone());
                unit.failed_at_home = unit.status.as_ref().is_some_and(|status| status.state.is_failing());
                unit.expose(Exposer::Lost(owner.relay.clone()));
            }
        }
        unit.left = Some(owner.relay);
        self.place_due = true;
    }

    pub(super) fn acknowledged(&mut self, stream: StreamId, stamp: Stamp) {
        self.heard(stream);
        let (epoch, now) = (self.reign.epoch, self.now.elapsed);
        let Some(name) = self.streams.get(&stream).cloned() else { return };
        let Some(relay) = self.relays.get_mut(&name) else { return };
        // What a relay acknowledges of an older reign is in the slices that this reign has sent again.
        if stamp.epoch != epoch || stamp > relay.sent || stamp <= relay.acknowledged {
            return;
        }
        relay.acknowledged = stamp;
        relay.unacknowledged_since = (stamp < relay.sent).then_some(now);
        let done = |releasing: &Releasing| releasing.sent.is_some_and(|sent| sent <= stamp);
        let dropped: Vec<_> =
            relay.releasing.iter().filter(|(_, one)| done(one)).map(|(id, _)| *id).collect();
        for id in dropped {
            self.dropped(id, &name);
        }
        self.go_on_with_awaited(&name);
    }

    /// A relay has dropped a target, after it has said what there is to say of it.
    fn dropped(&mut self, id: TargetId, name: &str) {
        let releasing = self.relays.get_mut(name).and_then(|relay| relay.releasing.remove(&id));
        if let (Some(unit), Some(releasing)) = (self.units.get_mut(&id), releasing)
            && !releasing.never_good
        {
            unit.home.take_if(|home| **home != *name);
        }
        self.unexposed(id, name);
    }

    /// What waited until a relay had what it was sent last.
    fn go_on_with_awaited(&mut self, name: &str) {
        let Some(relay) = self.relays.get(name) else { return };
        let owner = |id: &TargetId| self.units.get(id).and_then(|unit| unit.owner.as_ref());
        let has =
            |id: &&TargetId| owner(id).is_none_or(|one| *one.relay != *name || relay.has_acknowledged(one));
        for id in relay.awaited.iter().filter(has).copied().collect::<Vec<_>>() {
            if let Some(relay) = self.relays.get_mut(name) {
                relay.awaited.remove(&id);
            }
            let owner = self.units.get_mut(&id).and_then(|unit| unit.owner.as_mut());
            let Some(owner) = owner.filter(|owner| *owner.relay == *name) else { continue };
            if self.records.forget(id) {
                self.handovers.end(id);
                if owner.permission == Permission::Record {
                    owner.permission = Permission::Keep;
                }
            }
            self.advance(id);
        }
    }

    /// What a relay says of targets that it has let go: whether an older copy elsewhere is still the newest, and the
    /// record of a failing one for whoever gets it.
    pub(super) fn released(&mut self, stream: StreamId, released: Vec<Released>) {
        self.heard(stream);
        let Some(name) = self.streams.get(&stream).cloned() else { return };
        for Released { target: id, never_good, record } in released {
            let Some(relay) = self.relays.get_mut(&name) else { return };
            let Some(releasing) = relay.releasing.get_mut(&id) else { continue };
            releasing.never_good = never_good;
            let Some(record) = record.filter(|_| self.guards.record_travels) else { continue };
            let is_newest = releasing.is_newest;
            let last = |unit: &Unit| {
                unit.is_wanted()
                    && unit.owner.is_none()
                    && unit.exposers.iter().all(|exposer| exposer.is(&name))
            };
            let kept = if is_newest && self.units.get(&id).is_some_and(last) {
                self.records.keep(id, record)
            } else {
                Err("exposed_elsewhere")
            };
            if let Err(why) = kept {
                self.counters.count_record(why);
            }
        }
    }

    /// `name` does not expose the target any more.
    pub(super) fn unexposed(&mut self, id: TargetId, name: &str) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        unit.exposers.retain(|exposer| !exposer.is(name));
        if unit.moving.as_ref().is_some_and(|moving| unit.owner.is_some() && moving.has_left(name)) {
            self.end_move(id, None);
        }
        self.review(id);
    }

    /// What follows from a change in who may expose a target.
    pub(super) fn review(&mut self, id: TargetId) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        unit.entry = None;
        let (alone, wanted, released) = (unit.exposers.is_empty(), unit.is_wanted(), unit.is_released());
        if alone && !wanted && unit.owner.is_none() {
            self.units.remove(&id);
            self.moving.remove(&id);
            self.records.forget(id);
            self.handovers.end(id);
            return;
        }
        let muted = unit.moving.is_some() || unit.waits_for_home();
        match &mut unit.owner {
            Some(owner) if alone && !muted && owner.permission == Permission::None => {
                let keeps = std::mem::take(&mut owner.held_back);
                self.permit(id, if keeps { Permission::Keep } else { Permission::Discard });
            }
            None if wanted && !released => self.hand_over(id),
            _ => {}
        }
    }

    /// A target that its former owner has let go: to whom it was to go if that relay takes it now, else back to where
    /// it was.
    fn hand_over(&mut self, id: TargetId) {
        self.place_due = true;
        let Some(unit) = self.units.get(&id) else { return };
        let Some(moving) = unit.moving.clone() else { return };
        let relay = |name: &str| self.relays.get(name);
        // One that has it in its slice already gets it, however it is.
        if unit.is_still_at(&moving.to) || relay(&moving.to).is_some_and(Relay::can_take) {
            self.give(id, &moving.to, moving.reason);
            return self.end_move(id, None);
        }
        let is_back = relay(&moving.from).is_some_and(|from| from.synced);
        self.end_move(id, Some("lost"));
        if is_back {
            self.give(id, &moving.from, Reason::GivenBack(moving.to));
        }
    }
}

/// What `to` may do with a copy: live results only as long as another relay may still expose the target.
fn permission(unit: &Unit, (to, relay): (&str, &Relay), alone: bool, record: bool) -> Permission {
    let is_home = unit.home.as_ref().is_some_and(|home| **home == *to);
    match alone {
        false => Permission::None,
        true if record => Permission::Record,
        true if is_home && !relay.copies_are_stale => Permission::Keep,
        true => Permission::Discard,
    }
}

/// Whether the copy that an owner has, if any, is as new as what it exposed last: one that it was told to drop and may
/// still have is not.
fn has_newest(owner: &Owner, relay: &Relay) -> bool {
    match owner.permission {
        Permission::Keep => true,
        // What was changed and not sent since has the stamp of what was sent before.
        Permission::Discard | Permission::Record => owner.sent.is_some() && owner.stamp <= relay.acknowledged,
        Permission::None => false,
    }
}
