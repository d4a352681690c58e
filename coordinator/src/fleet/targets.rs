//! The set of targets: what discovery gives, compared with what there is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::job::ScrapeSettings;
use model::target::{Target, TargetId};

use super::unit::{Exposer, Standing, Unit};
use super::{Fleet, Phase};

impl Fleet {
    /// Makes `targets` the complete set but for the jobs in `unread`: of these, what relays hold stays as well.
    pub(super) fn set_targets(
        &mut self,
        targets: &[Arc<Target>],
        jobs: HashMap<Arc<str>, Arc<ScrapeSettings>>,
        unread: HashSet<Arc<str>>,
    ) {
        self.targets_known = true;
        self.set_jobs(jobs);
        for target in targets {
            self.want(target);
        }
        self.unread = unread;
        self.unread.retain(|job| self.jobs.contains_key(job));
        let listed: HashSet<_> = targets.iter().map(|target| target.id).collect();
        for id in self.gone(&listed) {
            self.end_move(id, Some("gone"));
            self.drop_still(id);
            self.release(id);
            if let Some(unit) = self.units.get_mut(&id) {
                unit.standing = Standing::Gone;
            }
            self.review(id);
        }
        self.place_due = true;
    }

    /// The targets that go now that only these are listed.
    fn gone(&self, listed: &HashSet<TargetId>) -> Vec<TargetId> {
        let goes = |unit: &Unit| match unit.standing {
            Standing::Listed => true,
            Standing::Reported => !self.unread.contains(&unit.target.job),
            Standing::Gone => false,
        };
        let unlisted = self.units.iter().filter(|(id, _)| !listed.contains(id));
        unlisted.filter(|(_, unit)| goes(unit)).map(|(id, _)| *id).collect()
    }

    fn want(&mut self, target: &Arc<Target>) {
        if !self.units.contains_key(&target.id) {
            self.add(target);
        }
        let Some(unit) = self.units.get_mut(&target.id) else { return };
        if unit.standing != Standing::Listed {
            unit.standing = Standing::Listed;
            unit.entry = None;
        }
        if unit.target == *target {
            return;
        }
        // Same id, other times: the owner is told, and keeps what it has.
        unit.target = target.clone();
        unit.entry = None;
        if let Some(owner) = &unit.owner
            && let Some(relay) = self.relays.get_mut(&owner.relay)
        {
            relay.outbox.assigned.insert(target.id);
        }
    }

    /// A new target. One that was only not known since the start may be exposed by a relay that has not come.
    fn add(&mut self, target: &Arc<Target>) {
        let mut unit = Unit::new(target.clone(), Standing::Listed);
        let missing = self.is_restart || self.unknown_exposers;
        if self.phase == Phase::Leading && missing && self.unread.contains(&target.job) {
            unit.expose(Exposer::Unknown);
            self.unknown_exposers = true;
        }
        self.units.insert(target.id, unit);
    }

    fn set_jobs(&mut self, jobs: HashMap<Arc<str>, Arc<ScrapeSettings>>) {
        for relay in self.relays.values_mut() {
            let changed = relay.jobs.iter().filter(|(name, sent)| {
                jobs.get(*name).is_some_and(|now| !Arc::ptr_eq(now, sent) && now != *sent)
            });
            relay.outbox.jobs = changed.map(|(name, _)| name.clone()).collect();
        }
        self.jobs = jobs;
    }
}
