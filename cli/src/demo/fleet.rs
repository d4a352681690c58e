//! The demo's fleet: a coordinator and relays in one process, each with its own metrics and its own end.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use coordinator::config::MissingFiles;
use coordinator::{Coordinator, CoordinatorConfig, Source};
use relay::contact::Timings;
use relay::{Front, Relay, RelayConfig};

use crate::commands::{coordinator as coordinator_command, relay as relay_command};
use crate::exit::Failure;
use crate::process::{Server, together};

/// A free port of loopback.
const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A fleet whose ports are open and which does nothing yet.
pub struct Fleet {
    coordinator: Coordinator,
    relays: Vec<(String, Relay)>,
}

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
        let mut bound = Vec::new();
        for number in 0..relays {
            let name = format!("relay-{number}");
            let relay = Relay::bind(RelayConfig {
                coordinators: vec![format!("http://{grpc}")],
                name: name.clone(),
                listen: FREE,
                http_listen: FREE,
                advertise: None,
                cache_dir: Some(directory.join(&name)),
                timings: Timings::default(),
                // Nobody else could take the targets: the whole fleet ends with this process.
                drain_timeout: Duration::ZERO,
                front: Front::default(),
                deny_local: false,
            })
            .await
            .map_err(relay_command::failure)?;
            bound.push((name, relay));
        }
        Ok(Self { coordinator, relays: bound })
    }

    /// The coordinator's addresses.
    #[must_use]
    pub fn coordinator(&self) -> coordinator::Bound {
        self.coordinator.bound()
    }

    /// Each relay's name and where its merged page is.
    #[must_use]
    pub fn pages(&self) -> Vec<(String, SocketAddr)> {
        self.relays.iter().map(|(name, relay)| (name.clone(), relay.bound().metrics)).collect()
    }

    /// Runs until `server` is told to stop.
    ///
    /// # Errors
    /// The first task that failed.
    pub async fn run(self, server: &Server) -> Result<(), Failure> {
        let coordinator_rt = server.part()?;
        let coordinator =
            async { self.coordinator.run(coordinator_rt).await.map_err(coordinator_command::failure) };
        let mut relays = Vec::new();
        for (_, relay) in self.relays {
            let rt = server.part()?;
            relays.push(async { relay.run(rt).await.map_err(relay_command::failure) });
        }
        let relays = async { futures_util::future::try_join_all(relays).await.map(drop) };
        together(&server.shutdown, coordinator, relays).await
    }
}
