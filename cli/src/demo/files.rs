//! The demo's files: the fleet's configuration, and two for Prometheus to paste.
//!
//! Pure text; whoever calls writes them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::exposition::Kind;

/// The coordinator's configuration: one job per kind of exporter.
#[must_use]
pub fn fleet(exporters: &[SocketAddr]) -> String {
    format!("scrape_configs:\n{}", jobs(exporters))
}

/// A Prometheus that scrapes the relays, which it learns from the coordinator.
#[must_use]
pub fn through_relays(coordinator: SocketAddr) -> String {
    format!(
        "global:
  scrape_interval: 5s
  scrape_timeout: 5s
scrape_configs:
  - job_name: scrape-relay
    honor_labels: true
    http_sd_configs:
      - url: http://{coordinator}/sd/prometheus
        refresh_interval: 5s
"
    )
}

/// A Prometheus that scrapes the same exporters itself, to compare.
#[must_use]
pub fn direct(exporters: &[SocketAddr]) -> String {
    format!("global:\n  scrape_interval: 5s\n  scrape_timeout: 5s\nscrape_configs:\n{}", jobs(exporters))
}

fn jobs(exporters: &[SocketAddr]) -> String {
    let mut by_job: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (number, address) in exporters.iter().enumerate() {
        by_job.entry(Kind::of(number).job()).or_default().push(format!("\"{address}\""));
    }
    by_job.iter().map(|(job, addresses)| one_job(job, addresses)).collect()
}

fn one_job(job: &str, addresses: &[String]) -> String {
    let targets = addresses.join(", ");
    format!(
        "  - job_name: {job}\n    static_configs:\n      - targets: [{targets}]\n        labels: {{env: demo}}\n"
    )
}
