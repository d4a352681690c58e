//! The coordinator: discovers targets, relabels them, places them on relays and tells the relays.
//!
//! ```text
//!  files, HTTP SD, Kubernetes API
//!        |
//!   discover -> catalog -> fleet -> assign ----gRPC----> relays
//!   TargetGroup  Listing   Snapshot  SliceChange
//!                    \       /  ^
//!                     admin, web  `---- status, acknowledgements, heartbeats
//! ```
//!
//! Start reading at [`Coordinator::run`]: one line a stage. What can be decided from values is decided in files without
//! `async`: `catalog`, `place`, `fleet`, `service_discovery`.

pub mod admin;
pub mod assign;
pub mod catalog;
pub mod catalog_task;
pub mod config;
mod directory_watch;
pub mod discover;
pub mod fleet;
pub mod fleet_feed;
pub mod fleet_metrics;
pub mod fleet_task;
pub mod grpc;
pub mod instruments;
pub mod place;
pub mod reload;
pub mod service_discovery;
pub mod simulations;
pub mod target_changes;
mod target_limit;
pub mod watch_targets;
pub mod web;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use runtime::listen::{self, BindError};
use runtime::tasks::TaskError;
use runtime::{Runtime, Shutdown, probe_page};
use tokio::net::TcpListener;
use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use admin::Admin;
use catalog::Listing;
use config::{Config, Diagnostics, MissingFiles};
use discover::Ledger;
use discover::kubernetes::watches::Watches;
use fleet::{Guards, Timings};
use fleet_feed::Feed;
use instruments::Instruments;
use reload::First;
use simulations::Simulations;
use watch_targets::Watching;

/// What runs at shutdown may take this long to finish.
const GRACE: Duration = Duration::from_secs(5);

/// Where a coordinator's configuration comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file, read again on SIGHUP and when it changes.
    File {
        /// Where it is.
        path: PathBuf,
        /// What it means that a file named there is not on this machine.
        missing_files: MissingFiles,
    },
    /// Whoever starts the coordinator; it stays as it is.
    Given(Arc<Config>),
}

/// How a coordinator is started; what may change while it runs stands in the configuration.
#[derive(Clone, Debug)]
pub struct CoordinatorConfig {
    /// Where the configuration comes from.
    pub source: Source,
    /// Where relays and operators connect.
    pub grpc_listen: SocketAddr,
    /// Where own metrics, probes and the list of relays are.
    pub http_listen: SocketAddr,
    /// How many relays a first start waits for, where the caller knows it better than the file.
    pub expected_relays: Option<u64>,
}

/// Why a coordinator did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration has errors.
    #[error("{0}")]
    Config(Diagnostics),
    /// A secret would travel in the clear.
    #[error(
        "{field} of job {job:?} ({position}) holds a secret, and relays that are not on this machine would get it in the clear: write it into a file and name that with {field}_file"
    )]
    InlineSecret {
        /// The job.
        job: String,
        /// The field.
        field: String,
        /// Where it stands.
        position: String,
    },
    /// The process may not listen to a signal.
    #[error("listening to SIGHUP: {0}")]
    Signal(std::io::Error),
    /// A port cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A task stopped, or did not.
    #[error(transparent)]
    Task(#[from] TaskError),
}

/// The addresses a coordinator listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Relays and operators.
    pub grpc: SocketAddr,
    /// Own metrics, probes, the list of relays.
    pub http: SocketAddr,
}

/// A coordinator that has read its configuration and opened its ports, and does nothing yet.
#[derive(Debug)]
pub struct Coordinator {
    config: CoordinatorConfig,
    text: Option<Vec<u8>>,
    hangups: Signal,
    first: Arc<Config>,
    grpc: TcpListener,
    http: TcpListener,
    bound: Bound,
    guards: Guards,
}

impl Coordinator {
    /// Reads the configuration and opens the ports.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration, or a port that is taken.
    pub async fn bind(config: CoordinatorConfig) -> Result<Self, Error> {
        let hangups = reload::hangups()?;
        let (first, text) = reload::first(&config.source, config.grpc_listen).await?;
        let (grpc, grpc_bound) = listen::bind(config.grpc_listen).await?;
        let (http, http_bound) = listen::bind(config.http_listen).await?;
        let bound = Bound { grpc: grpc_bound, http: http_bound };
        Ok(Self { config, text, hangups, first, grpc, http, bound, guards: Guards::default() })
    }

    /// The same with other rules of the protocol, for tests that want to see what breaks without one.
    #[must_use]
    pub fn with_guards(self, guards: Guards) -> Self {
        Self { guards, ..self }
    }

    /// The addresses in use: where port 0 was asked for, the ones that were given.
    #[must_use]
    pub fn bound(&self) -> Bound {
        self.bound
    }

    /// Runs until `rt` drains.
    ///
    /// # Errors
    /// A task that stopped unasked, or did not stop.
    pub async fn run(self, rt: Runtime) -> Result<(), Error> {
        runtime::process_metrics::register(rt.meter(), env!("CARGO_PKG_VERSION"));
        let instruments = Instruments::new(rt.meter());
        let (configs, config) = watch::channel(self.first);
        let (listings, listing) = watch::channel(Arc::new(Listing::default()));
        let discoveries = Ledger::default();
        let expected_relays = self.config.expected_relays;
        let follow = reload::follow(
            First { config: self.config, text: self.text, hangups: self.hangups },
            configs,
            instruments.clone(),
            rt.shutdown.clone(),
        );
        rt.tasks.spawn("configuration", follow);
        let published = catalog_task::Published { listings, discoveries: discoveries.clone() };
        let watches = Watches::new(rt.tasks.clone(), rt.shutdown.clone(), rt.meter());
        let catalog = catalog_task::run(config.clone(), published, instruments, watches.clone(), rt.clone());
        rt.tasks.spawn("catalog", catalog);
        let (fleet, fleet_task) = fleet_task::new(runtime::boot_id::random().into(), Timings::default());
        let fleet_task = fleet_task.with_guards(self.guards);
        fleet_metrics::register(rt.meter(), &fleet.snapshots());
        rt.tasks.spawn("fleet", run_fleet(fleet_task, rt.shutdown.clone()));
        let feed = Feed {
            configs: config.clone(),
            listings: listing.clone(),
            fleet: fleet.clone(),
            expected_relays,
        };
        let feed = feed.run(rt.shutdown.clone());
        rt.tasks.spawn("feed", feed);
        let watching = Watching::new(fleet.snapshot(), rt.shutdown.clone(), rt.meter());
        rt.tasks.spawn("target-changes", watching.clone().follow(fleet.snapshots()));
        let admin = Admin {
            fleet: fleet.clone(),
            listings: listing,
            configs: config,
            discoveries,
            watches,
            watching,
            simulations: Simulations::new(rt.meter()),
        };
        rt.tasks.spawn("grpc", grpc::serve(self.grpc, fleet.clone(), admin, rt.shutdown.clone()));
        rt.serve_router("http", self.http, web::router(fleet.clone()).merge(probe_page::router(rt.clone())));

        Ok(rt.tasks.finish(GRACE).await?)
    }
}

async fn run_fleet(task: fleet_task::FleetTask, shutdown: Shutdown) {
    let stop = CancellationToken::new();
    let stops = stop.clone();
    tokio::join!(task.run(stop), async move {
        shutdown.draining().await;
        stops.cancel();
    });
}
