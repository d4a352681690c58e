//! What becomes of one group in one job.
//!
//! In: a job and a group. Out: its targets, and what is no target, counted and as far as there is room kept.

use std::sync::Arc;

use model::job::Job;
use model::labels::Labels;
use model::target::{Resolved, Target, TargetId};

use super::listing::{JobCounts, Origin};
use crate::discover::Group;
use crate::discover::kubernetes::pod_group::PodGroup;

/// The labels of a target before relabelling.
#[derive(Clone, Debug, PartialEq)]
pub enum Discovered {
    /// These.
    Labels(Labels),
    /// Those of a pod's target number so and so, made when they are asked for.
    Pod(PodGroup, Arc<Job>, usize),
}

impl Discovered {
    /// The labels.
    #[must_use]
    pub fn labels(&self) -> Labels {
        match self {
            Self::Labels(labels) => labels.clone(),
            Self::Pod(pod, job, at) => pod.discovered(job, *at),
        }
    }
}

/// What became of a group.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The targets.
    pub(super) targets: Vec<(Arc<Target>, Discovered)>,
    /// What is no target, as far as there was room.
    pub(super) rows: Vec<Resolved>,
    /// All that is no target.
    pub(super) counts: JobCounts,
    /// Why what failed did, a fixed word for each.
    pub(super) failures: Vec<&'static str>,
}

impl Outcome {
    /// What becomes of `group` in `job`, with `room` rows for what is no target.
    pub(super) fn new(job: &Arc<Job>, group: &Group, room: usize) -> Self {
        let resolved = match group {
            Group::Whole(group) => model::target::resolve(job, group),
            Group::Pod(pod) => pod.resolve(job),
        };
        let mut outcome = Self::default();
        for (at, resolved) in resolved.into_iter().enumerate() {
            match resolved {
                Resolved::Target { target, discovered, .. } => {
                    let discovered = match group {
                        Group::Whole(_) => Discovered::Labels(discovered),
                        Group::Pod(pod) => Discovered::Pod(pod.clone(), Arc::clone(job), at),
                    };
                    outcome.targets.push((Arc::new(target), discovered));
                    continue;
                }
                Resolved::Dropped { .. } => outcome.counts.dropped += 1,
                Resolved::Failed { ref error, .. } => {
                    outcome.counts.failed += 1;
                    outcome.failures.push(error.kind());
                }
            }
            if outcome.rows.len() < room {
                outcome.rows.push(resolved);
            }
        }
        outcome.targets.shrink_to_fit();
        outcome
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = TargetId> {
        self.targets.iter().map(|(target, _)| target.id)
    }
}

/// Where a group was found.
pub(super) fn origin(mechanism: &'static str, group: &Group) -> Origin {
    let source = match group {
        Group::Whole(group) => Arc::from(&*group.source),
        Group::Pod(pod) => Arc::clone(&pod.key),
    };
    Origin { mechanism, source }
}
