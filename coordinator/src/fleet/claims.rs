//! What relays report to hold when they come. A coordinator that restarts adopts it and moves nothing.

use std::sync::Arc;

use model::slice::{Held, Permission};
use model::status::{TargetState, TargetStatus};
use model::target::TargetId;

use super::moves::{Moving, Stage};
use super::relay::{Relay, Releasing};
use super::unit::{Exposer, Owner, Reason, Standing, Unit};
use super::{Fleet, Phase};

/// What becomes of a reported target.
enum Verdict {
    /// It is the relay's already.
    Owned,
    /// It becomes the relay's.
    Adopt,
    /// It becomes the relay's, and its present owner loses it.
    Win,
    /// It becomes the relay's; its present owner has it, too, until a scraper has seen it there.
    Succeed,
    /// It is another's: the relay has it, too, until a scraper has seen it there.
    Linger,
    /// It is another's: the relay drops it.
    Lose,
}

impl Fleet {
    /// Settles what relays have reported that have come since.
    pub(super) fn claim(&mut self) {
        let waiting = self.relays.iter().filter(|(_, relay)| relay.is_unsettled());
        let due = waiting.filter(|(_, relay)| self.may_settle(relay));
        for name in due.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.call_home(&name);
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

    /// Whether nothing is lost by settling what a relay reports now. One that holds nothing gets its slice at once,
    /// one that says what it holds with the first listing; any other waits for discovery, for a while. Where the start
    /// is to be complete, each waits until everything is read.
    fn may_settle(&self, relay: &Relay) -> bool {
        if self.complete_start {
            return self.targets_known && self.unread.is_empty();
        }
        let waited = self.now.elapsed.saturating_sub(self.phase_began) >= self.timings.discovery;
        let described = || relay.held.iter().all(|held| held.described.is_some());
        relay.held.is_empty() || (self.targets_known && (waited || self.unread.is_empty() || described()))
    }

    /// Makes a target known that no listing names only because the discoveries of its job have not all reported.
    fn introduce(&mut self, held: &Held) {
        let Some(target) = &held.described else { return };
        if self.unread.contains(&target.job) {
            let unit = || Unit::new(target.clone(), Standing::Reported);
            self.units.entry(held.target).or_insert_with(unit);
        }
    }

    fn claim_one(&mut self, name: &Arc<str>, held: &Held) {
        self.introduce(held);
        match self.verdict(name, held) {
            Verdict::Owned => {}
            Verdict::Adopt => self.adopt(name, held),
            Verdict::Win => {
                self.counters.conflicts += 1;
                self.end_move(held.target, Some("reported"));
                self.drop_still(held.target);
                self.release(held.target);
                self.adopt(name, held);
            }
            Verdict::Succeed => {
                self.counters.conflicts += 1;
                self.succeed(name, held);
            }
            Verdict::Linger => {
                self.counters.conflicts += 1;
                self.linger(name, held.target, Reason::Reported);
            }
            Verdict::Lose => {
                let (unit, relay) = (self.units.get_mut(&held.target), self.relays.get_mut(name));
                if let (Some(unit), Some(relay)) = (unit, relay) {
                    self.counters.conflicts += u64::from(unit.owner.is_some());
                    unit.expose(Exposer::Told(name.clone()));
                    relay.releasing.insert(held.target, Releasing::default());
                }
            }
        }
    }

    fn verdict(&self, name: &str, held: &Held) -> Verdict {
        let Some(unit) = self.units.get(&held.target) else { return Verdict::Lose };
        let elsewhere = unit.exposers.iter().any(|one| matches!(one, Exposer::Told(_)) && !one.is(name));
        // Two that report a target live only were in the middle of a move: no scrape may be missed.
        let lingers = |owner: &Owner| {
            let relay = self.relays.get(&owner.relay);
            owner.permission == Permission::None
                && unit.moving.is_none()
                && relay.is_some_and(|relay| relay.synced)
        };
        match &unit.owner {
            Some(owner) if *owner.relay == *name => Verdict::Owned,
            _ if unit.is_still_at(name) => Verdict::Owned,
            Some(owner @ Owner { claim: Some(claim), .. })
                if held.permission == Permission::None && lingers(owner) =>
            {
                if held.stamp > *claim {
                    Verdict::Succeed
                } else {
                    Verdict::Linger
                }
            }
            // Of two that report it the one it was assigned to later has it.
            Some(Owner { claim: Some(claim), .. })
                if held.stamp > *claim && self.guards.later_assignment_wins =>
            {
                Verdict::Win
            }
            None if unit.is_wanted() && !elsewhere && unit.moving.is_none() => Verdict::Adopt,
            Some(_) | None => Verdict::Lose,
        }
    }

    /// `name` has the target in its slice, live only, until a scraper has seen it at its owner.
    pub(super) fn linger(&mut self, name: &Arc<str>, id: TargetId, reason: Reason) {
        let (Some(unit), Some(relay)) = (self.units.get_mut(&id), self.relays.get_mut(name)) else { return };
        let Some(owner) = &unit.owner else { return };
        unit.moving = Some(Moving {
            from: name.clone(),
            to: owner.relay.clone(),
            reason,
            stage: Stage::Overlapping,
            since: self.now,
            before: Permission::None,
            seen: false,
        });
        unit.expose(Exposer::Still(name.clone()));
        relay.releasing.remove(&id);
        relay.still.insert(id);
        self.moving.insert(id);
    }

    /// The relay that reports a target takes it from its owner, who lingers.
    fn succeed(&mut self, name: &Arc<str>, held: &Held) {
        let owner = self.units.get_mut(&held.target).and_then(|unit| unit.owner.take());
        let Some(former) = owner.map(|owner| owner.relay) else { return };
        if let Some(relay) = self.relays.get_mut(&former) {
            relay.owned.remove(&held.target);
        }
        self.adopt(name, held);
        self.linger(&former, held.target, Reason::Reported);
    }

    /// Leaves a target with the relay that reports it.
    fn adopt(&mut self, name: &Arc<str>, held: &Held) {
        let (Some(unit), Some(relay)) = (self.units.get_mut(&held.target), self.relays.get_mut(name)) else {
            return;
        };
        unit.exposers.retain(|exposer| !exposer.is(name));
        relay.releasing.remove(&held.target);
        let settling = self.phase == Phase::Settling;
        // Who had it since may have shown something newer.
        let another_had_it = !settling
            && unit.left.as_ref().is_some_and(|left| left != name)
            && unit.home.as_ref() != Some(name);
        let permission = match held.permission {
            // Whom it waited for is not known any more; another one that reports it need not be the only one.
            Permission::None => {
                unit.expose(Exposer::Unknown);
                self.unknown_exposers = true;
                Permission::None
            }
            _ if unit.exposers.iter().any(|one| matches!(one, Exposer::Lost(_))) => Permission::None,
            _ if relay.copies_are_stale || another_had_it => Permission::Discard,
            _ => Permission::Keep,
        };
        *self.counters.assigned.entry(Reason::Reported.kind()).or_default() += 1;
        unit.owner = Some(Owner {
            relay: name.clone(),
            permission,
            stamp: held.stamp,
            sent: None,
            claim: settling.then_some(held.stamp),
            held_back: settling && held.held_back && !relay.copies_are_stale,
            reason: Reason::Reported,
            since: self.now.wall,
        });
        unit.left = None;
        unit.home = None;
        unit.entry = None;
        if held.samples > 0 && unit.measure.is_none() {
            unit.measure(held.samples);
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
