//! The demo's fleet: a coordinator and relays in one process, each with its own metrics and its own end.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use coordinator::config::MissingFiles;
use coordinator::{Coordinator, CoordinatorConfig, Source};
use relay::contact::Timings;
use relay::{Front, Relay, RelayConfig};
use tokio::sync::watch;

use crate::commands::{coordinator as coordinator_command, relay as relay_command};
use crate::exit::Failure;
use crate::process::{Server, together};

/// A free port of loopback.
const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A fleet whose ports are open and which does nothing yet.
pub struct Fleet {
    coordinator: Coordinator,
    seats: Vec<Seat>,
}

/// A relay, and what it needs to be started again in the same place.
struct Seat {
    config: RelayConfig,
    relay: Relay,
    down: Down,
}

/// Whether a relay is killed: its ports are closed, its streams end, nothing is said.
pub type Down = watch::Sender<bool>;

impl Fleet {
    /// Reads the configuration in `directory` and opens all ports; the relays' caches lie in `directory` too.
    ///
    /// # Errors
    /// Where the configuration has errors or a port cannot be had.
    pub async fn bind(directory: &Path, config: &Path, relays: u32) -> Result<Self, Failure> {
        let coordinator = Coordinator::bind(CoordinatorConfig {
            source: Source::File { path: config.to_path_buf(), missing_files: MissingFiles::Refuse },
            grpc_listen: FREE,
            http_listen: FREE,
            expected_relays: Some(relays.into()),
        })
        .await
        .map_err(coordinator_command::failure)?;
        let grpc = coordinator.bound().grpc;
        let mut seats = Vec::new();
        for number in 0..relays {
            let name = format!("relay-{number}");
            let mut config = RelayConfig {
                coordinators: vec![format!("http://{grpc}")],
                name: name.clone(),
                listen: FREE,
                http_listen: FREE,
                advertise: None,
                cache_dir: Some(directory.join(&name)),
                capacity: None,
                timings: Timings::default(),
                // Nobody else could take the targets: the whole fleet ends with this process.
                drain_timeout: Duration::ZERO,
                front: Front::default(),
                deny_local: false,
            };
            let relay = Relay::bind(config.clone()).await.map_err(relay_command::failure)?;
            let ports = relay.bound();
            (config.listen, config.http_listen) = (ports.metrics, ports.http);
            seats.push(Seat { config, relay, down: Down::new(false) });
        }
        Ok(Self { coordinator, seats })
    }

    /// The coordinator's addresses.
    #[must_use]
    pub fn coordinator(&self) -> coordinator::Bound {
        self.coordinator.bound()
    }

    /// Each relay's name and where its merged page is.
    #[must_use]
    pub fn pages(&self) -> Vec<(String, SocketAddr)> {
        self.seats.iter().map(|seat| (seat.config.name.clone(), seat.relay.bound().metrics)).collect()
    }

    /// Kills each relay and brings it back, in the order of the pages.
    #[must_use]
    pub fn switches(&self) -> Vec<Down> {
        self.seats.iter().map(|seat| seat.down.clone()).collect()
    }

    /// Runs until `server` is told to stop.
    ///
    /// # Errors
    /// The first task that failed.
    pub async fn run(self, server: &Server) -> Result<(), Failure> {
        let coordinator_rt = server.part()?;
        let coordinator =
            async { self.coordinator.run(coordinator_rt).await.map_err(coordinator_command::failure) };
        let relays = self.seats.into_iter().map(|seat| seat.run(server));
        let relays = async { futures_util::future::try_join_all(relays).await.map(drop) };
        together(&server.shutdown, coordinator, relays).await
    }
}

impl Seat {
    /// Runs the relay, and again whenever it was down.
    async fn run(self, server: &Server) -> Result<(), Failure> {
        let Self { config, mut relay, down } = self;
        let mut down = down.subscribe();
        loop {
            let rt = server.part()?;
            let shutdown = rt.shutdown.clone();
            let mut running = Box::pin(relay.run(rt));
            tokio::select! {
                ended = &mut running => return ended.map_err(relay_command::failure),
                () = until(&mut down, true) => shutdown.abort(),
            }
            // One that is cut off has tasks that did not finish.
            running.await.ok();
            tokio::select! {
                () = server.shutdown.draining() => return Ok(()),
                () = until(&mut down, false) => {}
            }
            relay = Relay::bind(config.clone()).await.map_err(relay_command::failure)?;
        }
    }
}

async fn until(down: &mut watch::Receiver<bool>, wanted: bool) {
    if down.wait_for(|down| *down == wanted).await.is_err() {
        // Nobody is left who could change that.
        std::future::pending::<()>().await;
    }
}
