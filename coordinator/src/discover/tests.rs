//! Discoveries against real files and a real server.

mod asked;
mod clusters;
mod fake_cluster;
mod files;
mod servers;

use std::time::Duration;

use super::*;
use crate::config::{self, Discovery};

/// Longer than any state takes to come.
const LIMIT: Duration = Duration::from_secs(20);

/// A discovery that runs, and what it has said.
struct Running {
    reports: mpsc::Receiver<Report>,
    stop: CancellationToken,
    watches: Watches,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Starts the one discovery of a job written as `yaml`.
fn start(yaml: &str) -> Running {
    let text = format!("scrape_configs:\n- job_name: j\n{yaml}");
    let loaded = config::parse("config.yml", &text, std::path::Path::new("/")).expect("a good configuration");
    start_one(loaded.config.jobs[0].discoveries[0].clone())
}

fn start_one(discovery: Discovery) -> Running {
    let (sender, reports) = mpsc::channel(QUEUE);
    let stop = CancellationToken::new();
    let id = DiscoveryId { job: "j".into(), index: 0 };
    let meter = opentelemetry::global::meter("test");
    let shutdown = runtime::Shutdown::new();
    let watches = Watches::new(runtime::Tasks::new(shutdown.clone()), shutdown, &meter);
    let context = Context {
        id,
        reports: sender,
        stop: stop.clone(),
        read_again: Arc::default(),
        watches: watches.clone(),
    };
    tokio::spawn(run(discovery, context));
    Running { reports, stop, watches }
}

impl Running {
    async fn next(&mut self) -> Report {
        let next = tokio::time::timeout(LIMIT, self.reports.recv()).await;
        next.expect("a report in time").expect("the discovery runs")
    }

    /// Waits for a good read with these groups, each written `SOURCE{LABELS} ADDRESS ...`; file names without
    /// their directory.
    async fn found(&mut self, expected: &[&str]) {
        let mut last = Vec::new();
        loop {
            let next = tokio::time::timeout(LIMIT, self.reports.recv()).await;
            let report = next.unwrap_or_else(|_| panic!("waited for {expected:?}, found {last:?}"));
            if let Some(Report::Found(found)) = report {
                last = found.groups.iter().map(told).collect();
                if last == expected {
                    return;
                }
            }
        }
    }

    /// Waits for a failure that says `expected`.
    async fn failed(&mut self, expected: &str) {
        loop {
            if let Report::Failed(failed) = self.next().await {
                assert!(failed.message.contains(expected), "{expected}: {}", failed.message);
                return;
            }
        }
    }
}

fn whole(group: &Group) -> &TargetGroup {
    match group {
        Group::Whole(group) => group,
        Group::Pod(_) => panic!("a pod: {group:?}"),
    }
}

fn told(group: &Group) -> String {
    let group = whole(group);
    let addresses = group.targets.iter().map(|target| format!(" {}", target.get("__address__")));
    let name = group.source.rsplit('/').next().unwrap_or_default();
    let mut labels = group.labels.to_builder();
    labels.retain(|name, _| !name.starts_with("__meta_"));
    format!("{name}{}{}", labels.build(), addresses.collect::<String>())
}
