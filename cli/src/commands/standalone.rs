//! `scrape-relay standalone`: a coordinator and one relay in one process, joined over loopback.

use std::net::SocketAddr;

use coordinator::config::MissingFiles;
use coordinator::{Coordinator, CoordinatorConfig, Source};
use relay::contact::Timings;
use relay::{Front, Relay, RelayConfig};

use super::coordinator::guarded;
use super::{coordinator as coordinator_command, relay as relay_command};
use crate::args::{LogArgs, StandaloneArgs};
use crate::exit::Failure;
use crate::process::{Server, together};
use crate::warm_up;

/// The relay's name.
const NAME: &str = "standalone";

/// Runs both until they are told to stop.
///
/// # Errors
/// What was wrong with the configuration or a port, or which task failed.
pub async fn run(args: StandaloneArgs, log: &LogArgs) -> Result<(), Failure> {
    let coordinator = CoordinatorConfig {
        source: Source::File { path: args.config, missing_files: MissingFiles::Refuse },
        grpc_listen: guarded("--grpc-listen", args.grpc_listen, &args.bind)?,
        http_listen: guarded("--http-listen", args.http_listen, &args.bind)?,
        expected_relays: Some(1),
        complete_start: false,
    };
    let listen = guarded("--listen", args.listen, &args.bind)?;
    let server = Server::start(log, "scrape-relay-standalone")?;
    let coordinator = Coordinator::bind(coordinator).await.map_err(coordinator_command::failure)?;
    let grpc = coordinator.bound().grpc;
    let relay = RelayConfig {
        coordinators: vec![format!("http://{}", reachable(grpc))],
        name: NAME.to_owned(),
        listen,
        http_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        advertise: None,
        cache_dir: args.cache_dir,
        timings: Timings::default(),
        front: Front::default(),
    };
    let relay = Relay::bind(relay).await.map_err(relay_command::failure)?;
    let bound = relay.bound();
    let http = coordinator.bound().http;
    tracing::info!(metrics = %bound.metrics, %http, relay_http = %bound.http, %grpc, "standalone started");
    let coordinator_rt = server.runtime();
    coordinator_rt.tasks.work(warm_up::ask_page(reachable(bound.metrics), server.shutdown.clone()));
    let relay_rt = server.part()?;
    let coordinator = async { coordinator.run(coordinator_rt).await.map_err(coordinator_command::failure) };
    let relay = async { relay.run(relay_rt).await.map_err(relay_command::failure) };
    let ended = together(&server.shutdown, coordinator, relay).await;
    server.finish().await;
    ended
}

/// Where this process reaches what listens at `bound`, which may be all addresses.
fn reachable(bound: SocketAddr) -> SocketAddr {
    match bound {
        SocketAddr::V4(address) if address.ip().is_unspecified() => {
            SocketAddr::from(([127, 0, 0, 1], address.port()))
        }
        SocketAddr::V6(address) if address.ip().is_unspecified() => {
            SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], address.port()))
        }
        other => other,
    }
}
