//! What relays report to hold when they come. A coordinator that restarts adopts it and moves nothing.

use std::sync::Arc;

use model::slice::{Held, Permission};
use model::status::{TargetState, TargetStatus};

use super::relay::Link;
use super::unit::{Exposer, Owner, Reason};
use super::{Fleet, Phase};

/// What becomes of a reported target.
enum Verdict {
    /// It is the relay's already.
    Owned,
    /// It becomes the relay's.
    Adopt,
    /// It becomes the relay's, and its present owner loses it.
    Win,
    /// It is another's: the relay drops it.
    Lose,
}

impl Fleet {
    /// Settles what relays have reported that have come since. One that holds nothing gets its slice at once; any
    /// other waits for discovery, lest it loses what is only not known yet.
    pub(super) fn claim(&mut self) {
        let due = self.relays.iter().filter(|(_, relay)| {
            matches!(relay.link, Link::Connected(_))
                && !relay.synced
                && (self.targets_known || relay.held.is_empty())
        });
        for name in due.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            let held = self.relays.get_mut(&name).map(|relay| std::mem::take(&mut relay.held));
            for held in held.unwrap_or_default() {
                self.claim_one(&name, &held);
            }
            if let Some(relay) = self.relays.get_mut(&name) {
                relay.synced = true;
                relay.outbox.whole = true;
            }
            self.place_due = true;
        }
    }

    fn claim_one(&mut self, name: &Arc<str>, held: &Held) {
        match self.verdict(name, held) {
            Verdict::Owned => {}
            Verdict::Adopt => self.adopt(name, held),
            Verdict::Win => {
                self.counters.conflicts += 1;
                self.release(held.target, None);
                self.adopt(name, held);
            }
            Verdict::Lose => {
                let (unit, relay) = (self.units.get_mut(&held.target), self.relays.get_mut(name));
                if let (Some(unit), Some(relay)) = (unit, relay) {
                    self.counters.conflicts += u64::from(unit.owner.is_some());
                    unit.expose(Exposer::Told(name.clone()));
                    relay.releasing.insert(held.target, None);
                }
            }
        }
    }

    fn verdict(&self, name: &str, held: &Held) -> Verdict {
        let Some(unit) = self.units.get(&held.target) else { return Verdict::Lose };
        let draining = self.relays.get(name).is_some_and(|relay| relay.draining);
        let elsewhere = unit.exposers.iter().any(|one| matches!(one, Exposer::Told(_)) && !one.is(name));
        match &unit.owner {
            Some(owner) if *owner.relay == *name => Verdict::Owned,
            // Of two that report it the one it was assigned to later has it.
            Some(Owner { claim: Some(claim), .. }) if held.stamp > *claim => Verdict::Win,
            None if unit.wanted && !draining && !elsewhere => Verdict::Adopt,
            Some(_) | None => Verdict::Lose,
        }
    }

    /// Leaves a target with the relay that reports it.
    fn adopt(&mut self, name: &Arc<str>, held: &Held) {
        let (Some(unit), Some(relay)) = (self.units.get_mut(&held.target), self.relays.get_mut(name)) else {
            return;
        };
        unit.exposers.retain(|exposer| !exposer.is(name));
        relay.releasing.remove(&held.target);
        let permission = match held.permission {
            // Whom it waited for is not known any more; another one that reports it need not be the only one.
            Permission::None => {
                unit.expose(Exposer::Unknown);
                self.unknown_exposers = true;
                Permission::None
            }
            _ if unit.exposers.iter().any(|one| matches!(one, Exposer::Lost(_))) => Permission::None,
            _ if relay.copies_are_stale => Permission::Discard,
            _ => Permission::Keep,
        };
        *self.counters.assigned.entry(Reason::Reported.kind()).or_default() += 1;
        unit.owner = Some(Owner {
            relay: name.clone(),
            permission,
            stamp: held.stamp,
            sent: None,
            claim: (self.phase == Phase::Settling).then_some(held.stamp),
            reason: Reason::Reported,
            since: self.now.wall,
        });
        unit.destined = None;
        unit.left = None;
        unit.entry = None;
        if held.samples > 0 {
            unit.samples = Some(held.samples);
        }
        if held.served_from_cache && unit.status.is_none() {
            // Until its first report: should the relay fall silent before, the target is not to be moved at once.
            let stale = TargetState::StaleServed;
            let status = TargetStatus { state: stale, ..TargetStatus::pending(held.target) };
            unit.status = Some(Arc::new(status));
        }
        relay.owned.insert(held.target);
    }
}
