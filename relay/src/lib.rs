//! The relay: scrapes the targets of its slice when a scraper asks, and serves the answers as one valid page.
//!
//! ```text
//!  coordinator                                                   pods, nodes, control planes
//!      |  ^                                                                  ^
//!  Slice  health                                                             | one connection per target
//!      v  |                                                                  |
//!  assignment ---> gather (fan-out) ---> scrape ---> parse ---> relabel ---> cache ---> merge ---> serve /metrics
//!    slice            Roster, Rows        body      Shape+Values, once per   last good                  ^
//!                                                   layout, shared           (sled)                     |
//!                                                                                                  Prometheus
//! ```
//!
//! Nothing is scraped in the background. A relay that has lost its coordinator is *alone*: it goes on with its slice,
//! live, and serves from its cache only what it served from it at contact ([`contact`], [`copies`]). A target that
//! fails costs only itself: `up 0`, and its last good scrape for as long as that may be served.
//!
//! [`run`] is where to start reading.

pub mod assignment;
pub mod boottime;
pub mod cache;
pub mod contact;
pub mod copies;
pub mod gather;
pub mod guards;
pub mod instruments;
pub mod leave;
pub mod merge;
pub mod scrape;
mod seal;
pub mod serve;
pub mod slice;
pub mod slice_file;
pub mod standing;
pub mod upkeep;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use model::exposition::page_style::PageStyle;
use model::exposition::store::ShapeStore;
use model::settings::Capacity;
use runtime::listen::{self, BindError, ListenMetrics, Listener, Room};
use runtime::ready::ReadyToken;
use runtime::tasks::TaskError;
use runtime::{Runtime, probe_page};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use assignment::{Assignment, Identity};
use cache::{Cache, Loaded};
use contact::Timings;
use gather::{Context, Gather};
use guards::Guards;
use instruments::{CacheInstruments, Instruments};
use leave::Leaving;
use scrape::AddressGuard;
use serve::Metrics;
use slice_file::SliceFile;
use standing::SharedContact;

/// What runs at shutdown may take this long to finish: a page and its scrapes.
const GRACE: Duration = Duration::from_secs(12);
/// The same beyond the time that a page without a time of its own has, where that is longer.
const GRACE_BEYOND: Duration = Duration::from_secs(3);
/// The cache may take this long to write what is left.
const CLOSE: Duration = Duration::from_secs(5);

/// How a relay is started; what may change while it runs comes from the coordinator.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// URLs of the coordinators, at least one: `http://HOST:PORT`.
    pub coordinators: Vec<String>,
    /// The name that survives restarts; no two relays of a coordinator may share one.
    pub name: String,
    /// Where `/metrics` is served.
    pub listen: SocketAddr,
    /// Where own metrics and probes are served.
    pub http_listen: SocketAddr,
    /// Where scrapers reach `listen`, if not by that address: host:port.
    pub advertise: Option<String>,
    /// Where last good scrapes and the slice are kept; nowhere if absent.
    pub cache_dir: Option<PathBuf>,
    /// How much of the load is this relay's part, beside others; absent: what the coordinator's file says.
    pub capacity: Option<Capacity>,
    /// The protocol's durations.
    pub timings: Timings,
    /// How long others are waited for at the end to take the targets; zero: not at all.
    pub drain_timeout: Duration,
    /// What the scraped port shows.
    pub front: Front,
    /// Whether targets say themselves where they are, so that loopback, link-local and metadata addresses are refused.
    pub deny_local: bool,
}

/// What the scraped port shows; the same for as long as the process runs, and nobody else's business.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Front {
    /// How pages look.
    pub style: PageStyle,
    /// Whether `/healthz` and `/readyz` are on this port, too.
    pub probes: bool,
}

/// Why a relay did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nobody to ask for a slice.
    #[error("no coordinator given: pass --coordinator http://HOST:PORT")]
    NoCoordinator,
    /// A coordinator's address is none.
    #[error("{url:?} is not a coordinator's address: write http://HOST:PORT")]
    Coordinator {
        /// What was given.
        url: String,
    },
    /// A coordinator is to be reached over TLS.
    #[error(
        "{url:?}: https coordinators are not supported yet; use http:// over loopback or a private network"
    )]
    SecureCoordinator {
        /// What was given.
        url: String,
    },
    /// A port cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A task stopped, or did not.
    #[error(transparent)]
    Task(#[from] TaskError),
}

/// The addresses a relay listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// `/metrics` of the targets.
    pub metrics: SocketAddr,
    /// Own metrics and probes.
    pub http: SocketAddr,
}

/// A relay whose ports are open and which does nothing yet.
#[derive(Debug)]
pub struct Relay {
    config: RelayConfig,
    metrics: TcpListener,
    http: TcpListener,
    bound: Bound,
    guards: Guards,
}

/// Starts a relay and runs it until `rt` is asked to shut down.
///
/// # Errors
/// Bad coordinators, a port that is taken, or a task that stopped.
pub async fn run(config: RelayConfig, rt: Runtime) -> Result<(), Error> {
    Relay::bind(config).await?.run(rt).await
}

impl Relay {
    /// Checks `config` and opens the ports.
    ///
    /// # Errors
    /// Bad coordinators, or a port that is taken.
    pub async fn bind(config: RelayConfig) -> Result<Self, Error> {
        check_coordinators(&config.coordinators)?;
        let (metrics, metrics_bound) = listen::bind(config.listen).await?;
        let (http, http_bound) = listen::bind(config.http_listen).await?;
        let bound = Bound { metrics: metrics_bound, http: http_bound };
        Ok(Self { config, metrics, http, bound, guards: Guards::default() })
    }

    /// The same with a rule of the protocol taken out, for tests.
    #[must_use]
    pub fn with_guards(self, guards: Guards) -> Self {
        Self { guards, ..self }
    }

    /// The addresses in use: where port 0 was asked for, the ones that were given.
    #[must_use]
    pub fn bound(&self) -> Bound {
        self.bound
    }

    /// Runs until `rt` drains, then until others have the targets or the time for that is over; then what runs is
    /// finished and the cache written.
    ///
    /// # Errors
    /// A task that stopped unasked, or did not stop.
    pub async fn run(self, whole: Runtime) -> Result<(), Error> {
        let rt = whole.deferred();
        runtime::process_metrics::register(rt.meter(), env!("CARGO_PKG_VERSION"));
        let ready = rt.readiness.token("no slice yet: no coordinator has told this relay what to scrape");
        let (cache, loaded) = open_cache(&self.config, &rt).await;
        let gather = Arc::new(Gather::new(self.context(cache.clone(), &rt), loaded));

        let leaving = Arc::new(Leaving::default());
        let assignment = self.assignment(&gather, leaving.clone(), ready);
        rt.tasks.spawn("assignment", assignment.run(rt.shutdown.clone()));
        let room = gather.context.room.clone();
        let probes = self.config.front.probes.then(|| rt.clone());
        let page =
            Listener { room, ..Listener::new(self.metrics, ListenMetrics::new(rt.meter(), "metrics")) };
        let metrics = Metrics::new(gather.clone(), probes);
        let own_pages = probe_page::router(rt.clone()).merge(metrics.conflicts());
        rt.tasks.spawn("metrics", page.serve(metrics, rt.tasks.clone(), rt.shutdown.clone()));
        let own = Listener::new(self.http, ListenMetrics::new(rt.meter(), "http"));
        let own = own.serve_router(own_pages, rt.tasks.clone(), rt.shutdown.clone());
        rt.tasks.spawn("http", own);
        rt.tasks.spawn("upkeep", upkeep::run(gather.clone(), rt.shutdown.clone()));

        tokio::select! {
            () = whole.shutdown.draining() => {}
            () = rt.shutdown.draining() => {}
        }
        let ends = (&whole.shutdown, &rt.shutdown);
        leave::leave(&gather, &leaving, self.config.drain_timeout, ends).await;
        rt.shutdown.drain();
        let page = gather.roster().map(|roster| roster.config.relay.page_timeout).unwrap_or_default();
        let finished = rt.tasks.finish(GRACE.max(page + GRACE_BEYOND)).await;
        if !cache.close(CLOSE).await {
            tracing::warn!("the cache was not written within {CLOSE:?}");
        }
        Ok(finished?)
    }

    fn context(&self, cache: Cache, rt: &Runtime) -> Arc<Context> {
        Arc::new(Context {
            shapes: ShapeStore::new(),
            cache,
            contact: SharedContact::new(self.config.timings),
            instruments: Instruments::new(rt.meter()),
            tasks: rt.tasks.clone(),
            guard: AddressGuard::new([self.bound.metrics], self.config.deny_local),
            style: self.config.front.style,
            guards: self.guards,
            room: Room::default(),
            changed: Notify::new(),
            flush_late: AtomicBool::new(false),
        })
    }

    fn assignment(&self, gather: &Arc<Gather>, leaving: Arc<Leaving>, ready: ReadyToken) -> Assignment {
        let advertise = self.config.advertise.clone().unwrap_or_else(|| self.bound.metrics.to_string());
        let identity = Identity {
            name: self.config.name.as_str().into(),
            boot_id: runtime::boot_id::random().into(),
            build: env!("CARGO_PKG_VERSION").into(),
            advertise: advertise.into(),
            capacity: self.config.capacity,
        };
        // A directory that another process holds is not ours to keep a slice in either.
        let kept = self
            .config
            .cache_dir
            .as_deref()
            .filter(|_| gather.context.cache.is_on_disk())
            .map(|dir| SliceFile::new(dir, &self.config.name));
        Assignment::new(identity, self.config.coordinators.clone(), gather.clone(), kept, (leaving, ready))
    }
}

fn check_coordinators(coordinators: &[String]) -> Result<(), Error> {
    if coordinators.is_empty() {
        return Err(Error::NoCoordinator);
    }
    for text in coordinators {
        let known = url::Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https") && url.has_host() && matches!(url.path(), "" | "/")
        });
        if !known {
            return Err(Error::Coordinator { url: text.clone() });
        }
        if url::Url::parse(text).is_ok_and(|url| url.scheme() == "https") {
            return Err(Error::SecureCoordinator { url: text.clone() });
        }
    }
    Ok(())
}

async fn open_cache(config: &RelayConfig, rt: &Runtime) -> (Cache, Loaded) {
    let instruments = CacheInstruments::new(rt.meter());
    let Some(dir) = config.cache_dir.clone() else { return (Cache::memory(instruments), Loaded::default()) };
    let name = config.name.clone();
    let opening = tokio::task::spawn_blocking(move || Cache::open(&dir, &name, instruments));
    opening.await.expect("opening the cache catches its panics, and is not aborted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_https_coordinator_is_refused_at_start_with_a_way_out() {
        let check = |url: &str| check_coordinators(&["http://a:1".to_owned(), url.to_owned()]);
        assert!(check("http://b:2").is_ok());
        for url in ["https://b:2", "HTTPS://b:2/"] {
            let error = check(url).unwrap_err();
            assert!(matches!(error, Error::SecureCoordinator { .. }), "{url}: {error}");
            assert!(error.to_string().contains("use http:// over loopback or a private network"), "{error}");
        }
        assert!(matches!(check("b:2").unwrap_err(), Error::Coordinator { .. }));
    }
}
