//! Which jobs have more targets than their `target_limit`.
//!
//! In: the jobs of a configuration and how many targets each has. Out: the settings that relays get, which say so. A
//! relay sees its own slice only, so it cannot count for itself. Nobody is told anything here.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::job::{Job, OverTargetLimit, ScrapeSettings};

use crate::catalog::JobCounts;

/// The settings of each job; a job over its limit has them marked, and every relay refuses its scrapes.
pub(crate) fn settings<'a>(
    jobs: impl Iterator<Item = &'a Job>,
    counts: &BTreeMap<Arc<str>, JobCounts>,
) -> HashMap<Arc<str>, Arc<ScrapeSettings>> {
    jobs.map(|job| (Arc::from(&*job.job_name), settings_of(job, counts))).collect()
}

fn settings_of(job: &Job, counts: &BTreeMap<Arc<str>, JobCounts>) -> Arc<ScrapeSettings> {
    let targets = counts.get(&*job.job_name).map_or(0, |counts| counts.targets);
    match OverTargetLimit::of(targets, job.target_limit) {
        None => Arc::clone(&job.settings),
        over => Arc::new(ScrapeSettings { over_target_limit: over, ..(*job.settings).clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_over_its_limit_from_one_target_more_on_and_0_is_no_limit() {
        for (targets, limit, over) in [(0, 0, false), (9, 0, false), (2, 2, false), (3, 2, true)] {
            let job = Job { target_limit: limit, ..Job::new("j") };
            let counts =
                [(Arc::from("j"), JobCounts { targets, dropped: 99, ..JobCounts::default() })].into();
            let settings = settings([&job].into_iter(), &counts);
            let expected = over.then_some(OverTargetLimit { targets, limit });
            assert_eq!(settings["j"].over_target_limit, expected, "{targets} of {limit}");
            assert_eq!(Arc::ptr_eq(&settings["j"], &job.settings), !over, "unchanged settings are shared");
        }
    }
}
