//! The slice a relay holds, and how the coordinator's changes are applied to it.
//!
//! In: [`SliceChange`]s in the order in which they came. Out: the new slice with what became of each target, or why a
//! change is not applied. Pure values; what a relay then does with its copies and connections is decided elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use model::job::ScrapeSettings;
use model::slice::{Assignment, Permission, Reign, RelayConfig, Revision, SliceChange, Stamp};
use model::target::{Target, TargetId};

use crate::contact::BootTime;

/// One target that is held.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldTarget {
    /// The target.
    pub target: Arc<Target>,
    /// With which permission.
    pub permission: Permission,
    /// By which change.
    pub stamp: Stamp,
    /// Of a slice taken from a file: since when the coordinator knew the target to be served from the cache.
    pub served_since: Option<BootTime>,
}

/// A complete slice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeldSlice {
    /// By whose word; absent before the first slice.
    pub reign: Option<Reign>,
    /// The last change applied.
    pub revision: Revision,
    /// The targets.
    pub targets: BTreeMap<TargetId, HeldTarget>,
    /// The settings of their jobs. A job whose last target has gone stays until the next whole slice: the coordinator
    /// sends settings once.
    pub jobs: BTreeMap<Box<str>, Arc<ScrapeSettings>>,
    /// The relay's settings.
    pub config: Arc<RelayConfig>,
    /// Whether an operator has drained this relay.
    pub drained: bool,
    /// The reign of an earlier process's slice.
    pub last_reign: Option<Reign>,
}

/// Targets that a change named, with their permission and record.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// New or assigned anew.
    pub assigned: Vec<(TargetId, Permission, Option<Bytes>)>,
    /// No longer held.
    pub removed: Vec<TargetId>,
}

impl Applied {
    /// Whether copies that may be on disk must not be served any more.
    #[must_use]
    pub fn drops_copies(&self) -> bool {
        let drops = |permission| matches!(permission, Permission::Discard | Permission::Record);
        !self.removed.is_empty() || self.assigned.iter().any(|(_, permission, _)| drops(*permission))
    }
}

/// Why a change is not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// An older reign, or another coordinator with the number of this one.
    #[error("a change of epoch {theirs} from another or older reign than {ours}: ignored")]
    Reign {
        /// The reign that is followed.
        ours: u64,
        /// The one that spoke.
        theirs: u64,
    },
    /// A delta of a slice that is not held.
    #[error("a change without a whole slice before it: ignored")]
    NoSlice,
    /// An older or repeated change.
    #[error("change {theirs} after {ours}: ignored")]
    Revision {
        /// The last one applied.
        ours: Revision,
        /// The one that came.
        theirs: Revision,
    },
}

impl Refused {
    /// A fixed word for metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Reign { .. } => "reign",
            Self::NoSlice => "no_slice",
            Self::Revision { .. } => "revision",
        }
    }
}

/// The slice in force, and the whole one that is still arriving on this stream.
#[derive(Clone, Debug, Default)]
pub struct SliceState {
    held: HeldSlice,
    /// A whole slice of which parts are missing.
    arriving: Option<Arriving>,
    /// Whether this stream has brought its whole slice.
    joined: bool,
}

#[derive(Clone, Debug, Default)]
struct Arriving {
    revision: Revision,
    assigned: Vec<(Stamp, Assignment)>,
    jobs: Vec<Arc<ScrapeSettings>>,
    config: Option<Arc<RelayConfig>>,
    drained: Option<bool>,
}

impl SliceState {
    /// Takes `held`, such as a slice from a file, as the one in force; what is arriving goes on arriving.
    pub fn adopt(&mut self, held: HeldSlice) {
        self.held = held;
    }

    /// Before the first slice: whether the relay was drained in its last run, and whom it followed.
    pub fn remember(&mut self, drained: bool, last_reign: Option<Reign>) {
        if self.held.reign.is_none() {
            self.held.drained = drained;
            self.held.last_reign = last_reign;
        }
    }

    /// The slice in force.
    #[must_use]
    pub fn held(&self) -> &HeldSlice {
        &self.held
    }

    /// A new stream begins: its first change is a whole slice.
    pub fn open_stream(&mut self) {
        self.arriving = None;
        self.joined = false;
    }

    /// Takes a change in. `None` while parts of a whole slice are missing.
    ///
    /// # Errors
    /// Where the change must be ignored; the slice in force stays.
    pub fn apply(&mut self, change: SliceChange) -> Result<Option<Applied>, Refused> {
        if let Some(ours) = self.held.reign.as_ref().filter(|ours| !ours.yields_to(&change.reign)) {
            return Err(Refused::Reign { ours: ours.epoch.0, theirs: change.reign.epoch.0 });
        }
        if change.whole {
            self.arriving = Some(Arriving::default());
        }
        match self.arriving.take() {
            Some(mut arriving) => {
                let (complete, reign) = (change.complete, change.reign.clone());
                arriving.add(change)?;
                if !complete {
                    self.arriving = Some(arriving);
                    return Ok(None);
                }
                self.joined = true;
                Ok(Some(self.held.replace(reign, arriving)))
            }
            None if !self.joined => Err(Refused::NoSlice),
            None if change.revision <= self.held.revision => {
                Err(Refused::Revision { ours: self.held.revision, theirs: change.revision })
            }
            None => Ok(Some(self.held.change(change))),
        }
    }
}

impl Arriving {
    fn add(&mut self, change: SliceChange) -> Result<(), Refused> {
        if change.revision <= self.revision && self.revision != Revision(0) {
            return Err(Refused::Revision { ours: self.revision, theirs: change.revision });
        }
        self.revision = change.revision;
        let stamp = Stamp { epoch: change.reign.epoch, revision: change.revision };
        self.assigned.extend(change.assigned.into_iter().map(|assignment| (stamp, assignment)));
        self.jobs.extend(change.jobs);
        self.config = change.config.or(self.config.take());
        self.drained = change.drained.or(self.drained);
        Ok(())
    }
}

impl HeldSlice {
    fn replace(&mut self, reign: Reign, arriving: Arriving) -> Applied {
        let mut before = std::mem::take(&mut self.targets);
        self.jobs = BTreeMap::new();
        self.reign = Some(reign);
        self.revision = arriving.revision;
        self.drained = arriving.drained.unwrap_or(self.drained);
        let assigned = self.take_in(arriving.jobs, arriving.config, arriving.assigned);
        before.retain(|id, _| !self.targets.contains_key(id));
        Applied { assigned, removed: before.into_keys().collect() }
    }

    fn change(&mut self, change: SliceChange) -> Applied {
        let stamp = Stamp { epoch: change.reign.epoch, revision: change.revision };
        self.reign = Some(change.reign);
        self.revision = change.revision;
        self.drained = change.drained.unwrap_or(self.drained);
        let mut removed = change.removed;
        removed.retain(|id| self.targets.remove(id).is_some());
        let assigned = change.assigned.into_iter().map(|assignment| (stamp, assignment)).collect();
        let assigned = self.take_in(change.jobs, change.config, assigned);
        removed.retain(|id| !self.targets.contains_key(id));
        Applied { assigned, removed }
    }

    fn take_in(
        &mut self,
        jobs: Vec<Arc<ScrapeSettings>>,
        config: Option<Arc<RelayConfig>>,
        assigned: Vec<(Stamp, Assignment)>,
    ) -> Vec<(TargetId, Permission, Option<Bytes>)> {
        self.jobs.extend(jobs.into_iter().map(|job| (job.job_name.clone(), job)));
        if let Some(config) = config {
            self.config = config;
        }
        let mut named = Vec::with_capacity(assigned.len());
        for (stamp, Assignment { target, permission, record }) in assigned {
            named.push((target.id, permission, record));
            self.targets.insert(target.id, HeldTarget { target, permission, stamp, served_since: None });
        }
        named
    }
}

#[cfg(test)]
pub(crate) mod tests;
