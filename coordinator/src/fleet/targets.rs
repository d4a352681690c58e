//! The set of targets: what discovery gives, compared with what there is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::job::ScrapeSettings;
use model::target::Target;

use super::Fleet;
use super::unit::Unit;

impl Fleet {
    /// Makes `targets` the complete set.
    pub(super) fn set_targets(
        &mut self,
        targets: &[Arc<Target>],
        jobs: HashMap<Arc<str>, Arc<ScrapeSettings>>,
    ) {
        self.targets_known = true;
        self.set_jobs(jobs);
        for target in targets {
            self.want(target);
        }
        let wanted: HashSet<_> = targets.iter().map(|target| target.id).collect();
        let gone = self.units.iter().filter(|(id, unit)| unit.wanted && !wanted.contains(id));
        for id in gone.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.release(id, None);
            if let Some(unit) = self.units.get_mut(&id) {
                unit.wanted = false;
            }
            self.review(id);
        }
        self.place_due = true;
    }

    fn want(&mut self, target: &Arc<Target>) {
        let unit = self.units.entry(target.id).or_insert_with(|| Unit::new(target.clone()));
        unit.wanted = true;
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
