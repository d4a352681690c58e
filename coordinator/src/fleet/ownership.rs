//! Who has a target: giving, releasing, and what follows once nobody else exposes it.

use std::sync::Arc;

use model::slice::{Permission, Released, Stamp};
use model::target::TargetId;

use super::relay::Link;
use super::unit::{Exposer, Owner, Reason};
use super::{Fleet, StreamId};

impl Fleet {
    /// Gives a target that nobody owns to `to`: live results only as long as another relay may still expose it.
    pub(super) fn give(&mut self, id: TargetId, to: &Arc<str>, reason: Reason) {
        let (Some(unit), Some(relay)) = (self.units.get_mut(&id), self.relays.get_mut(to)) else { return };
        if relay.outbox.removed.remove(&id) {
            // It was never told to drop it.
            relay.releasing.remove(&id);
            unit.exposers.retain(|exposer| !exposer.is(to));
        }
        let permission = if unit.exposers.is_empty() { Permission::Discard } else { Permission::None };
        *self.counters.assigned.entry(reason.kind()).or_default() += 1;
        unit.owner = Some(Owner {
            relay: to.clone(),
            permission,
            stamp: Stamp::default(),
            sent: None,
            claim: None,
            reason,
            since: self.now.wall,
        });
        unit.destined = None;
        unit.left = None;
        unit.status = None;
        unit.entry = None;
        relay.owned.insert(id);
        relay.outbox.assigned.insert(id);
    }

    /// Takes a target from its owner, who may expose it until it acknowledges. `destined` is who gets it then.
    pub(super) fn release(&mut self, id: TargetId, destined: Option<(Arc<str>, Reason)>) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        let Some(owner) = unit.owner.take() else { return };
        unit.destined = destined;
        unit.entry = None;
        if let Some(relay) = self.relays.get_mut(&owner.relay) {
            relay.owned.remove(&id);
            relay.outbox.assigned.remove(&id);
            if matches!(relay.link, Link::Connected(_)) {
                unit.expose(Exposer::Told(owner.relay.clone()));
                relay.releasing.insert(id, None);
                relay.outbox.removed.insert(id);
            } else {
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
        let done = |sent: &Option<Stamp>| sent.is_some_and(|sent| sent <= stamp);
        let dropped: Vec<_> =
            relay.releasing.iter().filter(|(_, sent)| done(sent)).map(|(id, _)| *id).collect();
        for id in dropped {
            if let Some(relay) = self.relays.get_mut(&name) {
                relay.releasing.remove(&id);
            }
            self.unexposed(id, &name);
        }
    }

    /// What a relay says of targets that it has let go.
    pub(super) fn released(&mut self, stream: StreamId, released: Vec<Released>) {
        self.heard(stream);
        tracing::debug!(stream = stream.0, targets = released.len(), "released");
    }

    /// `name` does not expose the target any more.
    pub(super) fn unexposed(&mut self, id: TargetId, name: &str) {
        if let Some(unit) = self.units.get_mut(&id) {
            unit.exposers.retain(|exposer| !exposer.is(name));
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
            return;
        }
        match &mut unit.owner {
            Some(owner) if alone && owner.permission == Permission::None => {
                owner.permission = Permission::Discard;
                owner.sent = None;
                if let Some(relay) = self.relays.get_mut(&owner.relay) {
                    relay.outbox.assigned.insert(id);
                }
            }
            None if wanted && !released => self.hand_over(id),
            _ => {}
        }
    }

    /// A target that its former owner has let go: to whom it is destined if that relay still takes it.
    fn hand_over(&mut self, id: TargetId) {
        self.place_due = true;
        let Some((to, reason)) = self.units.get_mut(&id).and_then(|unit| unit.destined.take()) else {
            return;
        };
        if self.relays.get(&to).is_some_and(|relay| relay.synced && !relay.leaves()) {
            self.give(id, &to, reason);
        }
    }
}
