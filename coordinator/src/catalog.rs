//! What discovery knows, resolved: the targets, and what became of everything that is not one.
//!
//! In: the jobs of the configuration and what their discoveries report. Out: a [`Listing`]. Target relabelling
//! happens here; who scrapes a target is not decided here. Pure: time is an argument.

mod groups;
mod hold;
mod listing;
mod outcome;
mod source;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use model::target::TargetId;

use crate::config::{Discovery, JobConfig};
use crate::discover::{self, Changed, DiscoveryId, Found};

use groups::Groups;
use hold::Verdict;
use source::{Outcomes, Source};

pub(crate) use listing::dropped;
pub use listing::{DropReason, Dropped, JobCounts, Listed, Listing, Origin};
pub use outcome::Discovered;

/// All jobs with the groups that their discoveries gave last.
#[derive(Debug, Default)]
pub struct Catalog {
    jobs: BTreeMap<Arc<str>, JobState>,
    next: usize,
}

#[derive(Debug)]
struct JobState {
    config: JobConfig,
    sources: BTreeMap<usize, Source>,
}

/// What a report changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// The listing.
    Listing,
    /// Nothing yet: a large removal waits for a second read.
    Held,
}

impl Catalog {
    /// Takes the jobs of a new configuration. A discovery that is the same as before, wherever it stands in the
    /// file, keeps its id and its groups; a changed one gets a new id, and shows its predecessor's groups until it
    /// reports.
    pub fn configure(&mut self, jobs: Vec<JobConfig>) {
        let mut before = std::mem::take(&mut self.jobs);
        for config in jobs {
            let name: Arc<str> = config.job.job_name.as_ref().into();
            let before = before.remove(&name);
            let same_job = before.as_ref().is_some_and(|state| state.config.job == config.job);
            let sources = before.map(|state| state.sources).unwrap_or_default();
            let sources = succeed(sources, &config.discoveries, &mut self.next);
            let mut state = JobState { config, sources };
            state.resolve(same_job);
            self.jobs.insert(name, state);
        }
    }

    /// The discoveries that have to run.
    pub fn discoveries(&self) -> impl Iterator<Item = (DiscoveryId, &Discovery)> {
        self.jobs.iter().flat_map(|(job, state)| {
            let id = |index| DiscoveryId { job: Arc::clone(job), index };
            state.sources.iter().map(move |(index, source)| (id(*index), &source.discovery))
        })
    }

    /// Takes what a discovery knows now.
    pub fn found(&mut self, found: Found, now: Duration) -> Change {
        let Some(state) = self.jobs.get_mut(&found.discovery.job) else { return Change::None };
        let newly_read = !found.partial && state.mark_read(found.discovery.index);
        match state.found(found.discovery.index, found.groups.into(), now) {
            Change::None if newly_read => Change::Listing,
            change => change,
        }
    }

    /// Takes what changed in a discovery since it said what it knows. Nothing of this is held back: what is told one
    /// by one is no mistake of a read.
    pub fn changed(&mut self, changed: &Changed) -> Change {
        let Some(state) = self.jobs.get_mut(&changed.discovery.job) else { return Change::None };
        let Some(source) = state.sources.get_mut(&changed.discovery.index) else { return Change::None };
        let mut change = Change::None;
        for (key, group) in &changed.groups {
            if source.change(&state.config, key, group.as_ref()) {
                change = Change::Listing;
            }
        }
        change
    }

    /// Lets go of removals that were held for long enough.
    pub fn release(&mut self, now: Duration) -> Change {
        let mut change = Change::None;
        for state in self.jobs.values_mut() {
            let due: Vec<usize> = state.due(now).collect();
            for index in due {
                state.apply_held(index);
                change = Change::Listing;
            }
        }
        change
    }

    /// Which discoveries hold a removal back now.
    pub fn holding(&self) -> impl Iterator<Item = DiscoveryId> {
        self.jobs.iter().flat_map(|(job, state)| {
            let held = state.sources.iter().filter(|(_, source)| source.held.is_some());
            held.map(|(index, _)| DiscoveryId { job: Arc::clone(job), index: *index })
        })
    }

    /// The present listing.
    #[must_use]
    pub fn listing(&self) -> Listing {
        let jobs = self.jobs.iter().map(|(name, state)| {
            let resolved = state.sources.values().flat_map(|source| {
                let mechanism = discover::mechanism(&source.discovery);
                source.resolved().map(move |(group, outcome)| (mechanism, group, outcome))
            });
            (name, &state.config, resolved)
        });
        let mut listing = listing::list(jobs);
        let read = self.jobs.iter().filter(|(_, state)| state.sources.values().all(|source| source.read));
        listing.read = read.map(|(name, _)| Arc::clone(name)).collect();
        listing
    }
}

impl JobState {
    /// Resolves what is not resolved yet; with another job, everything.
    fn resolve(&mut self, same_job: bool) {
        for source in self.sources.values_mut().filter(|source| !same_job || source.inherited) {
            source.resolve(&self.config);
        }
    }

    /// Marks a discovery as one that has been read whole; whether that is new.
    fn mark_read(&mut self, index: usize) -> bool {
        self.sources.get_mut(&index).is_some_and(|source| !std::mem::replace(&mut source.read, true))
    }

    fn found(&mut self, index: usize, groups: Groups, now: Duration) -> Change {
        let Some(source) = self.sources.get(&index) else { return Change::None };
        let configured = source.inherited;
        if source.groups == groups && source.held.is_none() && !configured {
            return Change::None;
        }
        let outcomes = source.outcomes_of(&self.config, &groups);
        let (before, after) =
            (self.targets_with(index, &source.outcomes), self.targets_with(index, &outcomes));
        let removed = before.difference(&after).count();
        let Some(source) = self.sources.get_mut(&index) else { return Change::None };
        let verdict = if configured {
            Verdict::Apply(groups)
        } else {
            hold::judge(source.held.take(), before.len(), removed, groups, now)
        };
        source.inherited = false;
        match verdict {
            Verdict::Apply(groups) => {
                source.take(groups, outcomes);
                Change::Listing
            }
            Verdict::Hold(held) => {
                source.held = Some(held);
                Change::Held
            }
        }
    }

    /// The job's targets if the discovery `index` gave `outcomes`.
    fn targets_with(&self, index: usize, outcomes: &Outcomes) -> HashSet<TargetId> {
        let others = self.sources.iter().filter(|(at, _)| **at != index);
        others.flat_map(|(_, source)| source.outcomes.ids()).chain(outcomes.ids()).collect()
    }

    fn due(&self, now: Duration) -> impl Iterator<Item = usize> {
        let sources = self.sources.iter();
        sources
            .filter(move |(_, source)| source.held.as_ref().is_some_and(|held| held.is_due(now)))
            .map(|(index, _)| *index)
    }

    fn apply_held(&mut self, index: usize) {
        let Some(source) = self.sources.get_mut(&index) else { return };
        let Some(held) = source.held.take() else { return };
        let groups = held.into_groups();
        let outcomes = source.outcomes_of(&self.config, &groups);
        source.take(groups, outcomes);
    }
}

/// The sources of `wanted`: the same ones stay, a changed one takes over the groups of one that is gone.
fn succeed(
    mut before: BTreeMap<usize, Source>,
    wanted: &[Discovery],
    next: &mut usize,
) -> BTreeMap<usize, Source> {
    let mut after = BTreeMap::new();
    let mut changed = Vec::new();
    for discovery in wanted {
        let same = before.iter().find(|(_, source)| discover::same(&source.discovery, discovery));
        match same.map(|(index, _)| *index).and_then(|index| before.remove_entry(&index)) {
            Some((index, source)) => {
                after.insert(index, Source { discovery: discovery.clone(), ..source });
            }
            None => changed.push(discovery.clone()),
        }
    }
    for discovery in changed {
        let former = before.pop_first().map(|(_, source)| (source.groups, source.read));
        let (groups, read) = former.unwrap_or_default();
        after.insert(*next, Source { read, ..Source::new(discovery, groups) });
        *next += 1;
    }
    after
}

#[cfg(test)]
mod tests;
