//! The listing: every target once, every dropped or impossible one with its reason.

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map};
use std::sync::Arc;

use model::labels::Labels;
use model::target::{Resolved, Target, TargetId};

use super::outcome::{Discovered, Outcome, origin};
use crate::config::JobConfig;
use crate::discover::Group;

/// Where a target was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// "static", "file", "http", "kubernetes".
    pub mechanism: &'static str,
    /// The group's source.
    pub source: Arc<str>,
}

/// A target with what it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The target.
    pub target: Arc<Target>,
    /// Its labels before relabelling.
    pub discovered: Discovered,
    /// Where it was found.
    pub origin: Origin,
}

/// Why something discovered is no target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// A rule dropped it.
    Relabel {
        /// The rule's number, from 0.
        rule: usize,
        /// Its place in the configuration, "config.yml:31".
        location: String,
    },
    /// It cannot be made into a target.
    Error(String),
    /// It does not ask to be one. Such pods are not remembered: this is worked out when somebody asks.
    NoTarget(String),
}

/// Something discovered that is no target.
#[derive(Clone, Debug, PartialEq)]
pub struct Dropped {
    /// The job.
    pub job: Arc<str>,
    /// Its labels before relabelling.
    pub discovered: Labels,
    /// Where it was found.
    pub origin: Origin,
    /// Why.
    pub reason: DropReason,
}

/// How a job's discovered targets fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Are targets.
    pub targets: u64,
    /// Were dropped by a rule.
    pub dropped: u64,
    /// Cannot be targets.
    pub failed: u64,
    /// Were the same target as an earlier one.
    pub duplicates: u64,
}

/// Everything that was discovered, resolved; an immutable snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Every target once, in the order of jobs and discovery.
    pub targets: Vec<Listed>,
    /// What is no target: at most the job's `keep_dropped_targets` of each job.
    pub dropped: Vec<Dropped>,
    /// All of them, counted.
    pub counts: BTreeMap<Arc<str>, JobCounts>,
    /// The jobs whose discoveries have all reported since the process started. Of any other job there may be targets
    /// that are not here.
    pub read: BTreeSet<Arc<str>>,
    /// How many of a job cannot be targets, by job and a fixed word for the reason.
    pub failures: BTreeMap<(Arc<str>, &'static str), u64>,
    by_id: HashMap<TargetId, usize>,
}

impl Listing {
    /// The target with that id.
    #[must_use]
    pub fn get(&self, id: TargetId) -> Option<&Listed> {
        self.by_id.get(&id).map(|at| &self.targets[*at])
    }
}

/// Lists what each job's discoveries gave: by which mechanism, which group, and what became of it.
pub(super) fn list<'a, R>(jobs: impl Iterator<Item = (&'a Arc<str>, &'a JobConfig, R)>) -> Listing
where
    R: Iterator<Item = (&'static str, &'a Group, &'a Outcome)>,
{
    let mut listing = Listing::default();
    for (job, config, resolved) in jobs {
        let mut counts = JobCounts::default();
        let mut room = usize::try_from(config.job.keep_dropped_targets).unwrap_or(usize::MAX);
        for (mechanism, group, outcome) in resolved {
            counts.dropped += outcome.counts.dropped;
            counts.failed += outcome.counts.failed;
            for word in &outcome.failures {
                *listing.failures.entry((Arc::clone(job), word)).or_default() += 1;
            }
            if outcome.targets.is_empty() && outcome.rows.is_empty() {
                continue;
            }
            let origin = origin(mechanism, group);
            for (target, discovered) in &outcome.targets {
                listing.add_target(target, discovered, &origin, &mut counts);
            }
            let rows = outcome.rows.iter().take(room).filter_map(|row| dropped(job, config, row, &origin));
            listing.dropped.extend(rows);
            room = room.saturating_sub(outcome.rows.len());
        }
        listing.counts.insert(Arc::clone(job), counts);
    }
    listing
}

/// What is told of something that is no target.
pub(crate) fn dropped(
    job: &Arc<str>,
    config: &JobConfig,
    row: &Resolved,
    origin: &Origin,
) -> Option<Dropped> {
    let (discovered, reason) = match row {
        Resolved::Target { .. } => return None,
        Resolved::Dropped { discovered, rule } => {
            let location = config.rule_positions.get(*rule).map(ToString::to_string).unwrap_or_default();
            (discovered, DropReason::Relabel { rule: *rule, location })
        }
        Resolved::Failed { discovered, error } => (discovered, DropReason::Error(error.to_string())),
    };
    Some(Dropped { job: Arc::clone(job), discovered: discovered.clone(), origin: origin.clone(), reason })
}

impl Listing {
    fn add_target(
        &mut self,
        target: &Arc<Target>,
        discovered: &Discovered,
        origin: &Origin,
        counts: &mut JobCounts,
    ) {
        let hash_map::Entry::Vacant(place) = self.by_id.entry(target.id) else {
            counts.duplicates += 1;
            return;
        };
        place.insert(self.targets.len());
        counts.targets += 1;
        let (target, discovered) = (Arc::clone(target), discovered.clone());
        self.targets.push(Listed { target, discovered, origin: origin.clone() });
    }
}
