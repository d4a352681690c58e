//! The slice as the relay works on it: one slot per target, in the order of their labels.
//!
//! In: the slice held, the last roster. Out: the next roster; slots of targets that stay keep their memory. Immutable:
//! a page works on one roster from its beginning to its end.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::exposition::page_style::PageStyle;
use model::exposition::store::ShapeStore;
use model::exposition::transform::Transform;
use model::job::ScrapeSettings;
use model::slice::RelayConfig;
use model::target::{Target, TargetId};
use tokio::sync::Semaphore;

use super::job::JobScrape;
use super::slot::{Means, Slot, SlotState};
use crate::copies::Copies;
use crate::scrape::{AddressGuard, Budget, Client, Endpoint, Network};
use crate::slice::{HeldSlice, HeldTarget};

/// What is scraped and how.
pub struct Roster {
    /// The slots in the order of their targets' labels, which is the order of pages.
    pub slots: Vec<Arc<Slot>>,
    /// The settings in force.
    pub config: Arc<RelayConfig>,
    by_id: HashMap<TargetId, Arc<Slot>>,
    pool: Pool,
    jobs: BTreeMap<Box<str>, Arc<JobScrape>>,
}

/// What a roster is made with, besides the slice.
pub struct RosterParts<'a> {
    /// Where transforms and shapes are shared.
    pub shapes: &'a ShapeStore,
    /// Which addresses are not scraped.
    pub guard: &'a AddressGuard,
    /// What pages show of a target.
    pub style: PageStyle,
}

impl Roster {
    /// The roster of `slice`, which takes over what it can from `last`.
    #[must_use]
    pub fn next(slice: &HeldSlice, last: Option<&Self>, parts: &RosterParts<'_>) -> Self {
        let config = slice.config.clone();
        let pool = Pool::of(&config, last);
        let same_pool = last.filter(|last| Arc::ptr_eq(&last.pool.network, &pool.network));
        let same_limits = same_pool
            .filter(|last| (&last.config.limits, &last.config.cache) == (&config.limits, &config.cache));
        // A job that is made anew gives all its targets new slots, which take over what the old ones remember.
        let last_jobs = same_limits.map(|last| &last.jobs);
        let jobs: BTreeMap<_, _> = slice
            .jobs
            .iter()
            .map(|(name, settings)| (name.clone(), job(settings, last_jobs, &config)))
            .collect();
        let mut roster = Self { slots: Vec::new(), config, by_id: HashMap::new(), pool, jobs };
        for (id, held) in &slice.targets {
            let slot = roster.place(held, last.and_then(|last| last.slot(*id)), parts);
            roster.by_id.insert(*id, slot);
        }
        roster.slots = roster.by_id.values().cloned().collect();
        roster.slots.sort_by(|a, b| (&a.labels, a.target.id).cmp(&(&b.labels, b.target.id)));
        roster
    }

    /// The slot of a target.
    #[must_use]
    pub fn slot(&self, id: TargetId) -> Option<&Arc<Slot>> {
        self.by_id.get(&id)
    }

    /// How many scrapes run at this moment.
    #[must_use]
    pub fn scrapes_running(&self) -> u64 {
        self.pool.most.saturating_sub(self.pool.permits.available_permits()) as u64
    }

    /// The memory for bodies in flight.
    #[must_use]
    pub fn bodies(&self) -> &Budget {
        self.pool.network.budget()
    }

    fn place(&self, held: &HeldTarget, before: Option<&Arc<Slot>>, parts: &RosterParts<'_>) -> Arc<Slot> {
        let target = &held.target;
        let job = self.jobs.get(&*target.job).cloned().unwrap_or_else(|| self.unknown_job(target));
        if let Some(slot) = before
            && slot.target == *target
            && Arc::ptr_eq(&slot.job, &job)
        {
            return slot.clone();
        }
        let labels = parts.style.labels(&target.labels);
        let transform = Transform::styled(&job.settings, &labels, &job.limits, parts.style);
        let endpoint = Endpoint::parse(&target.url).map_err(|error| error.to_string());
        let network = &self.pool.network;
        let client =
            |endpoint| Client::new(network.clone(), job.client.clone(), endpoint, parts.guard.clone());
        let means = Means {
            labels,
            transform: parts.shapes.transform(transform),
            client: endpoint.map(client),
            permits: self.pool.permits.clone(),
        };
        let new = || SlotState::new(Copies::inherited(held.permission, held.served_since), held.stamp);
        let state = before.map_or_else(new, |slot| slot.state());
        Arc::new(Slot::new(target.clone(), job, means, state))
    }

    /// A target whose job never came: it is scraped with Prometheus' defaults rather than not at all.
    fn unknown_job(&self, target: &Target) -> Arc<JobScrape> {
        tracing::warn!(job = %target.job, target = %target.id, "no settings for the job of a target");
        Arc::new(JobScrape::new(Arc::new(ScrapeSettings::new(&*target.job)), &self.config))
    }
}

/// What all scrapes share.
#[derive(Clone)]
struct Pool {
    network: Arc<Network>,
    permits: Arc<Semaphore>,
    most: usize,
}

impl Pool {
    /// The last roster's, unless the bounds have changed: then every target gets a new client.
    fn of(config: &RelayConfig, last: Option<&Roster>) -> Self {
        let bounds = |config: &RelayConfig| (config.relay.concurrency, config.relay.bodies_in_flight);
        if let Some(last) = last.filter(|last| bounds(&last.config) == bounds(config)) {
            return last.pool.clone();
        }
        let bytes = usize::try_from(config.relay.bodies_in_flight).unwrap_or(usize::MAX);
        let most = config.relay.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        Self { network: Network::new(Budget::new(bytes)), permits: Arc::new(Semaphore::new(most)), most }
    }
}

fn job(
    settings: &Arc<ScrapeSettings>,
    last: Option<&BTreeMap<Box<str>, Arc<JobScrape>>>,
    config: &RelayConfig,
) -> Arc<JobScrape> {
    let known = last.and_then(|jobs| jobs.get(&settings.job_name)).filter(|job| job.settings == *settings);
    known.cloned().unwrap_or_else(|| Arc::new(JobScrape::new(settings.clone(), config)))
}
