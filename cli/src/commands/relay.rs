//! `scrape-relay relay`

use relay::contact::Timings;
use relay::guards::Guards;
use relay::{Error, Front, Relay, RelayConfig};

use super::coordinator::guarded;
use crate::args::{LogArgs, RelayArgs};
use crate::exit::Failure;
use crate::process::Server;

/// Runs it until it is told to stop.
///
/// # Errors
/// What was wrong with an address, or which task failed.
pub async fn run(args: RelayArgs, log: &LogArgs) -> Result<(), Failure> {
    run_with(args, log, Timings::default(), Guards::default()).await
}

/// The same with other durations and fewer rules of the protocol, for tests.
///
/// # Errors
/// What was wrong with an address, or which task failed.
pub async fn run_with(
    args: RelayArgs,
    log: &LogArgs,
    timings: Timings,
    guards: Guards,
) -> Result<(), Failure> {
    let config = RelayConfig {
        listen: guarded("--listen", args.listen, &args.bind)?,
        http_listen: guarded("--http-listen", args.http_listen, &args.bind)?,
        coordinators: args.coordinator,
        name: args.name,
        advertise: args.advertise,
        cache_dir: args.cache_dir,
        capacity: args.capacity,
        timings,
        drain_timeout: args.drain_timeout,
        front: Front::default(),
        deny_local: false,
    };
    let server = Server::start(log, "scrape-relay-relay")?;
    let rt = server.runtime();
    let relay = Relay::bind(config).await.map_err(failure)?.with_guards(guards);
    let bound = relay.bound();
    tracing::info!(metrics = %bound.metrics, http = %bound.http, "relay started");
    let ended = relay.run(rt).await.map_err(failure);
    server.finish().await;
    ended
}

/// What a relay's error means for the exit code.
#[must_use]
pub fn failure(error: Error) -> Failure {
    match error {
        Error::NoCoordinator
        | Error::Coordinator { .. }
        | Error::SecureCoordinator { .. }
        | Error::Bind(_) => Failure::usage(error.to_string()),
        Error::Task(_) => Failure::failed(error.to_string()),
    }
}
