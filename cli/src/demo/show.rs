//! What the demo prints: one JSON object for programs, or addresses and a live table for people.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;

/// Where everything is; the first line of standard output where that is not a terminal.
#[derive(Clone, Debug, Serialize)]
pub struct Addresses {
    /// The coordinator's own pages.
    pub coordinator: String,
    /// Where operators' commands connect.
    pub admin_grpc: SocketAddr,
    /// A Prometheus configuration that scrapes the relays.
    pub prometheus_config: PathBuf,
    /// A Prometheus configuration that scrapes the same targets directly.
    pub direct_config: PathBuf,
    /// How many exporters there are.
    pub targets: u32,
    /// The relays.
    pub relays: Vec<RelayAddress>,
}

/// One relay.
#[derive(Clone, Debug, Serialize)]
pub struct RelayAddress {
    /// Its name.
    pub name: String,
    /// Its merged page.
    pub metrics: String,
}

/// The same for people.
#[must_use]
pub fn for_people(addresses: &Addresses, prometheus_config: &str) -> String {
    let relays: Vec<String> =
        addresses.relays.iter().map(|relay| format!("  {}  {}", relay.name, relay.metrics)).collect();
    format!(
        "A fleet of {} targets behind {} relays.

Relays (what Prometheus scrapes):
{}
Coordinator: {}
Ask it:      scrape-relay targets list --server {}

Prometheus configuration, also in {}:

{}
Ctrl-C ends the demo and leaves nothing behind.
",
        addresses.targets,
        addresses.relays.len(),
        relays.join("\n"),
        addresses.coordinator,
        addresses.admin_grpc,
        addresses.prometheus_config.display(),
        prometheus_config,
    )
}
