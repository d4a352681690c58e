//! The task that owns the catalog: it starts and stops discoveries, and publishes the listing.
//!
//! In: configurations and the reports of discoveries. Out: a new [`Listing`] whenever something changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use runtime::{Runtime, Tasks};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::catalog::{Catalog, Change, JobCounts, Listing};
use crate::config::{Config, Discovery};
use crate::discover::kubernetes::watches::Watches;
use crate::discover::{self, Context, DiscoveryId, Ledger, Report};
use crate::instruments::Instruments;

/// Changes of many discoveries within this time become one listing.
const SETTLE: Duration = Duration::from_millis(100);

/// Discoveries that have not succeeded for this long after the start are spoken of.
const SLOW: Duration = Duration::from_secs(20);

/// How often removals that were held are looked at.
const HELD_CHECK: Duration = Duration::from_secs(1);

/// Where what is known is published.
#[derive(Debug)]
pub struct Published {
    /// The listing.
    pub listings: watch::Sender<Arc<Listing>>,
    /// How each discovery does.
    pub discoveries: Ledger,
}

/// A discovery that runs.
struct Running {
    discovery: Discovery,
    stop: CancellationToken,
    read_again: Arc<Notify>,
}

/// The catalog with its discoveries.
pub struct CatalogTask {
    catalog: Catalog,
    running: HashMap<DiscoveryId, Running>,
    reports: mpsc::Sender<Report>,
    published: Published,
    instruments: Instruments,
    watches: Watches,
    tasks: Tasks,
    stop: CancellationToken,
    started: Instant,
    /// Whether those that were slow have been spoken of.
    slow_told: bool,
}

/// Runs until `rt` drains.
pub async fn run(
    mut configs: watch::Receiver<Arc<Config>>,
    published: Published,
    instruments: Instruments,
    watches: Watches,
    rt: Runtime,
) {
    let Runtime { tasks, shutdown, .. } = rt;
    let (reports, mut inbox) = mpsc::channel(discover::QUEUE);
    let started = Instant::now();
    let stop = CancellationToken::new();
    let _stops_discoveries = stop.clone().drop_guard();
    let mut task = CatalogTask {
        catalog: Catalog::default(),
        running: HashMap::new(),
        reports,
        published,
        instruments,
        watches,
        tasks,
        stop,
        started,
        slow_told: false,
    };
    let first = Arc::clone(&configs.borrow_and_update());
    task.configure(&first);
    let mut held_check = tokio::time::interval(HELD_CHECK);
    // The first listing waits for nobody: what it does not know yet it does not call gone.
    let mut publish_at = Some(Instant::now() + SETTLE);
    loop {
        let change = tokio::select! {
            () = shutdown.draining() => return,
            changed = configs.changed() => {
                if changed.is_err() {
                    return;
                }
                let config = Arc::clone(&configs.borrow_and_update());
                task.configure(&config);
                Change::Listing
            }
            Some(report) = inbox.recv() => task.report(report),
            _ = held_check.tick() => {
                task.tell_slow();
                task.catalog.release(task.started.elapsed())
            }
            () = publish_time(publish_at) => {
                publish_at = None;
                task.publish();
                Change::None
            }
        };
        match change {
            Change::Listing => drop(publish_at.get_or_insert(Instant::now() + SETTLE)),
            Change::Held => task.tell_holding(),
            Change::None => {}
        }
    }
}

async fn publish_time(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl CatalogTask {
    fn configure(&mut self, config: &Config) {
        self.catalog.configure(config.jobs.clone());
        let wanted: HashMap<_, _> =
            self.catalog.discoveries().map(|(id, discovery)| (id, discovery.clone())).collect();
        self.running.retain(|id, running| {
            let stays = wanted.contains_key(id);
            if !stays {
                running.stop.cancel();
            }
            stays
        });
        self.published
            .discoveries
            .configure(wanted.iter().map(|(id, discovery)| (id.clone(), discover::mechanism(discovery))));
        for (id, discovery) in wanted {
            if !self.running.contains_key(&id) {
                self.start(id, discovery);
            }
        }
    }

    /// Removals are held or let go with a listing, or where a report says that one is held: nothing else looks at them all.
    fn tell_holding(&self) {
        self.instruments.holding(self.catalog.holding().count());
        self.published.discoveries.holding(self.catalog.holding());
    }

    fn start(&mut self, id: DiscoveryId, discovery: Discovery) {
        let stop = self.stop.child_token();
        let read_again = Arc::new(Notify::new());
        let context = Context {
            id: id.clone(),
            reports: self.reports.clone(),
            stop: stop.clone(),
            read_again: Arc::clone(&read_again),
            watches: self.watches.clone(),
        };
        self.tasks.work(discover::run(discovery.clone(), context));
        self.running.insert(id, Running { discovery, stop, read_again });
    }

    fn report(&mut self, report: Report) -> Change {
        let found = match report {
            Report::Found(found) => found,
            Report::Changed(changed) => {
                self.published.discoveries.succeeded(&changed.discovery, SystemTime::now());
                return self.catalog.changed(&changed);
            }
            Report::Failed(failed) => {
                self.instruments.discovery_failed(failed.mechanism);
                let discover::Failed { discovery, mechanism, message } = failed;
                self.published.discoveries.failed(&discovery, &message);
                tracing::warn!(job = %discovery.job, mechanism, error = %message, "discovery failed, its targets stay");
                return Change::None;
            }
        };
        let id = found.discovery.clone();
        self.published.discoveries.succeeded(&id, SystemTime::now());
        if let Some(running) = self.running.get(&id) {
            self.instruments.discovered(discover::mechanism(&running.discovery));
        }
        let change = self.catalog.found(found, self.started.elapsed());
        if change == Change::Held
            && let Some(running) = self.running.get(&id)
        {
            tracing::warn!(job = %id.job, "a read would remove most targets of the job: held until a second one agrees");
            running.read_again.notify_one();
        }
        change
    }

    fn tell_slow(&mut self) {
        if self.slow_told || self.started.elapsed() < SLOW {
            return;
        }
        self.slow_told = true;
        let all = self.published.discoveries.list();
        for health in all.iter().filter(|health| health.last_success.is_none()) {
            tracing::warn!(job = %health.job, "a discovery has not succeeded yet: the job has only what relays hold of it");
        }
    }

    fn publish(&self) {
        self.tell_holding();
        let listing = self.catalog.listing();
        let before = Arc::clone(&self.published.listings.borrow());
        for job in before.counts.keys().filter(|job| !listing.counts.contains_key(*job)) {
            self.instruments.job(job, JobCounts::default());
        }
        for (job, counts) in &listing.counts {
            self.instruments.job(job, *counts);
        }
        for ((job, reason), _) in
            before.failures.iter().filter(|(key, _)| !listing.failures.contains_key(*key))
        {
            self.instruments.failed(job, reason, 0);
        }
        for ((job, reason), count) in &listing.failures {
            self.instruments.failed(job, reason, *count);
        }
        self.published.listings.send_replace(Arc::new(listing));
    }
}
