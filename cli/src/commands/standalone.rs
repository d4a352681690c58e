//! `scrape-relay standalone`: a coordinator and one relay in one process, joined over loopback.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use coordinator::config::MissingFiles;
use coordinator::{Coordinator, CoordinatorConfig, Source};
use relay::contact::Timings;
use relay::{Front, Relay, RelayConfig};
use runtime::address::ListenAddress;

use super::coordinator::guarded;
use super::{coordinator as coordinator_command, relay as relay_command};
use crate::args::{LogArgs, StandaloneArgs};
use crate::drop_in;
use crate::exit::Failure;
use crate::process::{Server, together};
use crate::warm_up;

/// The relay's name.
const NAME: &str = "standalone";

/// Where `/metrics` is where nothing else is said.
const LISTEN: SocketAddr = loopback(15090);
/// The same of the coordinator's pages.
const HTTP_LISTEN: SocketAddr = loopback(15091);
/// The same of what operators ask.
const GRPC_LISTEN: SocketAddr = loopback(15092);

/// What runs.
#[derive(Debug)]
pub struct Parts {
    /// The coordinator.
    pub coordinator: CoordinatorConfig,
    /// Where the relay serves its page.
    pub listen: SocketAddr,
    /// Where it keeps the last good scrapes.
    pub cache_dir: Option<PathBuf>,
    /// What its page looks like.
    pub front: Front,
    /// Whether it refuses loopback, link-local and metadata addresses.
    pub deny_local: bool,
    /// Whether the page is asked once at the start, so that its targets are placed before Prometheus comes.
    pub warm_up: bool,
}

/// Runs both until they are told to stop.
///
/// # Errors
/// What was wrong with the configuration or a port, or which task failed.
pub async fn run(args: StandaloneArgs, log: &LogArgs) -> Result<(), Failure> {
    let Some(path) = args.config else { return Box::pin(drop_in::run(args, log)).await };
    let or = |asked: Option<ListenAddress>, default| asked.unwrap_or(ListenAddress::from(default));
    let parts = Parts {
        coordinator: CoordinatorConfig {
            source: Source::File { path, missing_files: MissingFiles::Refuse },
            grpc_listen: guarded("--grpc-listen", or(args.grpc_listen, GRPC_LISTEN), &args.bind)?,
            http_listen: guarded("--http-listen", or(args.http_listen, HTTP_LISTEN), &args.bind)?,
            expected_relays: Some(1),
        },
        listen: guarded("--listen", or(args.listen, LISTEN), &args.bind)?,
        cache_dir: args.cache_dir,
        front: Front::default(),
        deny_local: false,
        warm_up: true,
    };
    serve(parts, log, || {}).await
}

/// Runs these parts; `started` is called when the log is there and the ports are open.
///
/// # Errors
/// See [`run`].
pub async fn serve(parts: Parts, log: &LogArgs, started: impl FnOnce()) -> Result<(), Failure> {
    let server = Server::start(log, "scrape-relay-standalone")?;
    let coordinator = Coordinator::bind(parts.coordinator).await.map_err(coordinator_command::failure)?;
    let grpc = coordinator.bound().grpc;
    let relay = RelayConfig {
        coordinators: vec![format!("http://{}", reachable(grpc))],
        name: NAME.to_owned(),
        listen: parts.listen,
        http_listen: loopback(0),
        advertise: None,
        cache_dir: parts.cache_dir,
        capacity: None,
        timings: Timings::default(),
        // Nobody else could take the targets: the whole fleet ends with this process.
        drain_timeout: Duration::ZERO,
        front: parts.front,
        deny_local: parts.deny_local,
    };
    let relay = Relay::bind(relay).await.map_err(relay_command::failure)?;
    let bound = relay.bound();
    let http = coordinator.bound().http;
    tracing::info!(metrics = %bound.metrics, %http, relay_http = %bound.http, %grpc, "standalone started");
    started();
    let coordinator_rt = server.runtime();
    if parts.warm_up {
        let asking = warm_up::ask_page(reachable(bound.metrics), server.shutdown.clone());
        coordinator_rt.tasks.work(asking);
    }
    let relay_rt = server.part()?;
    let coordinator = async { coordinator.run(coordinator_rt).await.map_err(coordinator_command::failure) };
    let relay = async { relay.run(relay_rt).await.map_err(relay_command::failure) };
    let ended = together(&server.shutdown, coordinator, relay).await;
    server.finish().await;
    ended
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}

/// Where this process reaches what listens at `bound`, which may be all addresses.
fn reachable(bound: SocketAddr) -> SocketAddr {
    match bound {
        SocketAddr::V4(address) if address.ip().is_unspecified() => loopback(address.port()),
        SocketAddr::V6(address) if address.ip().is_unspecified() => {
            SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], address.port()))
        }
        other => other,
    }
}
