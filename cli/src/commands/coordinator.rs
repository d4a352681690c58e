//! `scrape-relay coordinator`

use coordinator::config::MissingFiles;
use coordinator::fleet::Guards;
use coordinator::{Coordinator, CoordinatorConfig, Error, Source};
use runtime::address::ListenAddress;

use crate::args::{CoordinatorArgs, ListenArgs, LogArgs};
use crate::exit::Failure;
use crate::process::Server;

/// Runs it until it is told to stop.
///
/// # Errors
/// What was wrong with the configuration or a port, or which task failed.
pub async fn run(args: CoordinatorArgs, log: &LogArgs) -> Result<(), Failure> {
    run_with(args, log, Guards::default()).await
}

/// The same with other rules of the protocol, for tests.
///
/// # Errors
/// What was wrong with the configuration or a port, or which task failed.
pub async fn run_with(args: CoordinatorArgs, log: &LogArgs, guards: Guards) -> Result<(), Failure> {
    let config = CoordinatorConfig {
        source: Source::File { path: args.config, missing_files: MissingFiles::Warn },
        grpc_listen: guarded("--grpc-listen", args.grpc_listen, &args.listen)?,
        http_listen: guarded("--http-listen", args.http_listen, &args.listen)?,
        expected_relays: None,
    };
    let server = Server::start(log, "scrape-relay-coordinator")?;
    let rt = server.runtime();
    let coordinator = Coordinator::bind(config).await.map_err(failure)?.with_guards(guards);
    let bound = coordinator.bound();
    tracing::info!(grpc = %bound.grpc, http = %bound.http, "coordinator started");
    let ended = coordinator.run(rt).await.map_err(failure);
    server.finish().await;
    ended
}

/// The address, where it may be listened on without asking who calls.
///
/// # Errors
/// Where it may not.
pub fn guarded(
    flag: &'static str,
    address: ListenAddress,
    listen: &ListenArgs,
) -> Result<std::net::SocketAddr, Failure> {
    let allowed = address.guarded(flag, listen.insecure_allow_unauthenticated);
    allowed.map_err(|error| Failure::usage(error.to_string()))
}

/// What a coordinator's error means for the exit code.
#[must_use]
pub fn failure(error: Error) -> Failure {
    match error {
        Error::Config(_) | Error::InlineSecret { .. } | Error::Bind(_) => Failure::usage(error.to_string()),
        Error::Signal(_) | Error::Task(_) => Failure::failed(error.to_string()),
    }
}
