//! Tells the fleet what it decides about: the targets of each listing, the settings of each configuration.

use std::collections::HashMap;
use std::sync::Arc;

use model::slice::RelayConfig;
use runtime::Shutdown;
use tokio::sync::watch;

use crate::catalog::Listing;
use crate::config::{Config, JobConfig};
use crate::fleet_task::{FleetHandle, Stopped};

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
        loop {
            tokio::select! {
                Ok(()) = self.configs.changed() => self.configure().await?,
                Ok(()) = self.listings.changed() => self.set_targets().await?,
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
        self.fleet.configure(Arc::new(settings), usize::try_from(expected).unwrap_or(usize::MAX)).await
    }

    async fn set_targets(&mut self) -> Result<(), Stopped> {
        let listing = self.listings.borrow_and_update().clone();
        let config = self.configs.borrow().clone();
        let targets = listing.targets.iter().map(|listed| Arc::clone(&listed.target)).collect();
        let settings = |job: &JobConfig| (Arc::from(&*job.job.job_name), Arc::clone(&job.job.settings));
        let jobs: HashMap<_, _> = config.jobs.iter().map(settings).collect();
        // A job that is newer than the listing is unread, too.
        let unread = jobs.keys().filter(|job| !listing.read.contains(*job)).cloned().collect();
        self.fleet.set_targets(Arc::new(targets), jobs, unread).await
    }
}
