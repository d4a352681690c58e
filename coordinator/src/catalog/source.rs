//! One discovery of one job: the groups that it gave last, and what became of each.
//!
//! In: what the discovery found, whole or change by change. Out: outcomes. A group that stays as it was is not resolved
//! again, so that a change costs what changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::target::TargetId;

use super::groups::{GroupKey, Groups};
use super::hold::Held;
use super::outcome::Outcome;
use crate::config::{Discovery, JobConfig};
use crate::discover::Group;

/// What one discovery gave.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) discovery: Discovery,
    pub(super) groups: Groups,
    pub(super) outcomes: Outcomes,
    pub(super) held: Option<Held>,
    /// Has not reported since the configuration changed it: its groups are its predecessor's.
    pub(super) inherited: bool,
    /// Whether it, or the one it was changed from, has been read whole since the process started.
    pub(super) read: bool,
}

/// What became of each group.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    by_key: BTreeMap<GroupKey, Arc<Outcome>>,
    /// Kept rows of all of them.
    rows: usize,
}

impl Source {
    pub(super) fn new(discovery: Discovery, groups: Groups) -> Self {
        Self { discovery, groups, outcomes: Outcomes::default(), held: None, inherited: true, read: false }
    }

    /// What becomes of `groups`; those that are as they were keep their outcome.
    pub(super) fn outcomes_of(&self, config: &JobConfig, groups: &Groups) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for (key, group) in &groups.0 {
            let same = self.groups.0.get(key).is_some_and(|before| before == group);
            let known = if same { self.outcomes.by_key.get(key) } else { None };
            let outcome = known.cloned();
            let outcome = outcome.unwrap_or_else(|| Arc::new(outcomes.resolve(config, group)));
            outcomes.put(key.clone(), outcome);
        }
        outcomes
    }

    /// Takes these groups.
    pub(super) fn take(&mut self, groups: Groups, outcomes: Outcomes) {
        self.groups = groups;
        self.outcomes = outcomes;
    }

    /// Takes what a group is now; whether that may change a listing.
    pub(super) fn change(&mut self, config: &JobConfig, source: &Arc<str>, group: Option<&Group>) -> bool {
        let key = GroupKey::Source(Arc::clone(source));
        if let Some(held) = &mut self.held {
            held.groups_mut().change(source, group);
        }
        if self.groups.0.get(&key) == group {
            return false;
        }
        self.groups.change(source, group);
        let before = self.outcomes.remove(&key);
        let Some(group) = group else { return before.is_some_and(|before| before.is_seen()) };
        let outcome = Arc::new(self.outcomes.resolve(config, group));
        let seen = outcome.is_seen() || before.is_some_and(|before| before.is_seen());
        self.outcomes.put(key, outcome);
        seen
    }

    /// Resolves everything anew.
    pub(super) fn resolve(&mut self, config: &JobConfig) {
        self.outcomes = Outcomes::default();
        self.outcomes = self.outcomes_of(config, &self.groups);
    }

    /// Each group with what became of it.
    pub(super) fn resolved(&self) -> impl Iterator<Item = (&Group, &Outcome)> {
        self.outcomes.by_key.iter().filter_map(|(key, outcome)| Some((self.groups.0.get(key)?, &**outcome)))
    }
}

impl Outcomes {
    fn resolve(&self, config: &JobConfig, group: &Group) -> Outcome {
        let most = usize::try_from(config.job.keep_dropped_targets).unwrap_or(usize::MAX);
        Outcome::new(&config.job, group, most.saturating_sub(self.rows))
    }

    fn put(&mut self, key: GroupKey, outcome: Arc<Outcome>) {
        self.rows += outcome.rows.len();
        self.by_key.insert(key, outcome);
    }

    fn remove(&mut self, key: &GroupKey) -> Option<Arc<Outcome>> {
        let gone = self.by_key.remove(key)?;
        self.rows -= gone.rows.len();
        Some(gone)
    }

    /// The targets of all groups.
    pub(super) fn ids(&self) -> impl Iterator<Item = TargetId> {
        self.by_key.values().flat_map(|outcome| outcome.ids())
    }
}

impl Outcome {
    /// Whether a listing says anything of it.
    fn is_seen(&self) -> bool {
        !self.targets.is_empty() || self.counts.dropped + self.counts.failed > 0
    }
}
