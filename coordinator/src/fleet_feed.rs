//! Tells the fleet what it decides about: the targets of each listing, the settings of each configuration.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::job::{OverTargetLimit, ScrapeSettings};
use model::slice::RelayConfig;
use runtime::Shutdown;
use tokio::sync::watch;

use crate::catalog::Listing;
use crate::config::Config;
use crate::fleet_task::{FleetHandle, Stopped};
use crate::target_limit;

/// What the fleet is told from, and the fleet.
pub struct Feed {
    /// The configurations.
    pub configs: watch::Receiver<Arc<Config>>,
    /// What discovery found.
    pub listings: watch::Receiver<Arc<Listing>>,
    /// Who is told.
    pub fleet: FleetHandle,
    /// How many relays a first start waits for, where the caller knows it better than the file.
    pub expected_relays: Option<u64>,
}

impl Feed {
    /// Runs until `shutdown` drains.
    pub async fn run(mut self, shutdown: Shutdown) {
        tokio::select! {
            () = shutdown.draining() => {}
            // A fleet that has stopped is about to stop the process, with the reason.
            _ = self.feed() => shutdown.draining().await,
        }
    }

    async fn feed(&mut self) -> Result<(), Stopped> {
        self.configure().await?;
        let mut over_limit = HashSet::new();
        loop {
            tokio::select! {
                Ok(()) = self.configs.changed() => self.configure().await?,
                Ok(()) = self.listings.changed() => self.set_targets(&mut over_limit).await?,
                else => return Ok(()),
            }
        }
    }

    async fn configure(&mut self) -> Result<(), Stopped> {
        let config = self.configs.borrow_and_update().clone();
        let settings = RelayConfig {
            relay: config.relay.clone(),
            cache: config.cache.clone(),
            limits: config.limits.clone(),
        };
        let expected = self.expected_relays.unwrap_or(config.coordinator.expected_relays);
        let expected = usize::try_from(expected).unwrap_or(usize::MAX);
        self.fleet.configure(Arc::new(settings), expected, config.coordinator.complete_start).await
    }

    async fn set_targets(&mut self, over_limit: &mut HashSet<Arc<str>>) -> Result<(), Stopped> {
        let listing = self.listings.borrow_and_update().clone();
        let config = self.configs.borrow().clone();
        let targets = listing.targets.iter().map(|listed| Arc::clone(&listed.target)).collect();
        let jobs = target_limit::settings(config.jobs.iter().map(|job| &*job.job), &listing.counts);
        warn(&jobs, over_limit);
        // A job that is newer than the listing is unread, too.
        let unread = jobs.keys().filter(|job| !listing.read.contains(*job)).cloned().collect();
        self.fleet.set_targets(Arc::new(targets), jobs, unread).await
    }
}

/// Says once which job has come to exceed its limit, and once that it does no more; `over` are those that did.
fn warn(jobs: &HashMap<Arc<str>, Arc<ScrapeSettings>>, over: &mut HashSet<Arc<str>>) {
    for (job, settings) in jobs {
        match settings.over_target_limit {
            Some(OverTargetLimit { targets, limit }) if over.insert(job.clone()) => {
                tracing::warn!(%job, targets, limit, "target_limit exceeded: every scrape of the job fails");
            }
            None if over.remove(job) => tracing::info!(%job, "within target_limit again"),
            _ => {}
        }
    }
    over.retain(|job| jobs.contains_key(job));
}
