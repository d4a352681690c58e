//! What a page of very many targets costs a relay.
//!
//! Starts a coordinator, one relay and a load generator as processes, scrapes the relay's page as Prometheus does,
//! and prints for every scrape the time to the last byte, the relay's processor time and memory, and what the page
//! held. With `--out FILE` the same goes to a file as JSON.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use benches::targets_process::TargetsProcess;
use clap::Parser;
use flate2::read::MultiGzDecoder;
use integration::fleet::{Coordinator, Program, Relay};
use integration::load::Load;
use integration::process_cost::ProcessCost;
use integration::{http_client, wait};
use serde_json::{Value, json};

/// What a page of very many targets costs a relay.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many targets.
    #[arg(long, default_value_t = 2000)]
    targets: usize,
    /// The least size of each target's page, in bytes.
    #[arg(long, default_value_t = 50_000)]
    bytes: usize,
    /// How many of a hundred targets never answer.
    #[arg(long, default_value_t = 10)]
    hanging: usize,
    /// How many scrapes in each coding.
    #[arg(long, default_value_t = 3)]
    scrapes: usize,
    /// The product; next to this program if not given.
    #[arg(long)]
    program: Option<PathBuf>,
    /// Where the summary goes, as JSON.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// What Prometheus says in `X-Prometheus-Scrape-Timeout-Seconds`.
const HEADER: &str = "10";

/// The relay's own metrics that say whether it remembers.
const OWN: [(&str, &str); 3] = [
    ("cold_parses", "scraperelay_cold_parses_total"),
    ("new_connections", "scraperelay_new_connections_total"),
    ("shapes", "scraperelay_shapes"),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "page_load: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), String> {
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = arguments.program.clone().unwrap_or_else(|| here.with_file_name("scrape-relay"));
    let load = Load { targets: arguments.targets, bytes: arguments.bytes, hanging: arguments.hanging };
    let targets = TargetsProcess::start(&here.with_file_name("load_targets"), load)?;
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let program = Program::new(&program.to_string_lossy());
    let coordinator = Coordinator::start(&program, &config(&targets), directory.path()).await;
    let mut relay = Relay::start(&program, "relay", coordinator.grpc, directory.path()).await;
    ready(&relay, load.targets).await;
    let mut scrapes = Vec::new();
    for number in 0..arguments.scrapes {
        for coding in ["identity", "gzip"] {
            let scrape = scrape(&mut relay, coding).await?;
            say(&format!("{number} {coding}: {scrape}"))?;
            scrapes.push(scrape);
        }
    }
    let summary = json!({
        "targets": load.targets, "bytes_a_target": load.bytes, "hanging_percent": load.hanging,
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "debug_build": cfg!(debug_assertions), "scrapes": scrapes,
    });
    match &arguments.out {
        Some(path) => write_summary(path, &summary),
        None => Ok(()),
    }
}

fn config(targets: &TargetsProcess) -> String {
    let targets: Vec<String> = targets.addresses().iter().map(|at| format!("'{at}'")).collect();
    format!("scrape_configs:\n- job_name: load\n  static_configs: [{{targets: [{}]}}]\n", targets.join(", "))
}

/// A relay gets targets once a scraper has asked its page.
async fn ready(relay: &Relay, targets: usize) {
    wait::until("the relay to have its slice", Duration::from_secs(60), || async {
        http_client::get(&format!("{}?job=none", relay.url()), &[]).await?;
        match relay.own_metric("scraperelay_relay_targets").await? {
            held if held >= targets as f64 => Ok(()),
            held => Err(format!("{held} targets")),
        }
    })
    .await;
}

/// Scrapes the page once and gives its figures.
async fn scrape(relay: &mut Relay, coding: &str) -> Result<Value, String> {
    let id = relay.process().id();
    let (before, cost) = (own(relay).await?, ProcessCost::of(id)?);
    let headers = [
        ("Accept", "text/plain;version=0.0.4"),
        ("Accept-Encoding", coding),
        ("X-Prometheus-Scrape-Timeout-Seconds", HEADER),
    ];
    let begun = Instant::now();
    let answer = http_client::get(&relay.url(), &headers).await?;
    let took = begun.elapsed();
    if answer.status != 200 {
        return Err(format!("{}: {}", answer.status, answer.text()));
    }
    let (after, after_cost) = (own(relay).await?, ProcessCost::of(id)?);
    let page = if coding == "gzip" { inflate(&answer.body)? } else { answer.body.to_vec() };
    let lines = Lines::count(&page);
    let mut figures = json!({
        "coding": coding,
        "wall_ms": took.as_millis() as u64,
        "cpu_ms": after_cost.since(&cost).as_millis() as u64,
        "cpu_user_ms": (after_cost.user - cost.user).as_millis() as u64,
        "cpu_system_ms": (after_cost.system - cost.system).as_millis() as u64,
        "peak_rss_mib": after_cost.peak_rss >> 20,
        "body_bytes": answer.body.len(), "page_bytes": page.len(),
        "samples": lines.samples, "up": lines.up, "down": lines.down,
    });
    for ((name, metric), (before, after)) in OWN.iter().zip(before.iter().zip(&after)) {
        figures[*name] = match metric.ends_with("_total") {
            true => json!(after - before),
            false => json!(after),
        };
    }
    Ok(figures)
}

async fn own(relay: &Relay) -> Result<Vec<f64>, String> {
    let mut values = Vec::new();
    for (_, metric) in OWN {
        values.push(relay.own_metric(metric).await?);
    }
    Ok(values)
}

fn inflate(body: &[u8]) -> Result<Vec<u8>, String> {
    let mut page = Vec::new();
    MultiGzDecoder::new(body).read_to_end(&mut page).map_err(|error| error.to_string())?;
    Ok(page)
}

/// What a page holds.
struct Lines {
    samples: usize,
    up: usize,
    down: usize,
}

impl Lines {
    fn count(page: &[u8]) -> Self {
        let mut counted = Self { samples: 0, up: 0, down: 0 };
        for line in page.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            counted.samples += usize::from(!line.starts_with(b"#"));
            if line.starts_with(b"up{") {
                counted.up += usize::from(line.ends_with(b" 1"));
                counted.down += usize::from(line.ends_with(b" 0"));
            }
        }
        counted
    }
}

fn say(line: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| error.to_string())
}

fn write_summary(path: &Path, summary: &Value) -> Result<(), String> {
    let name = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = serde_json::to_string_pretty(summary).map_err(|error| name(&error))?;
    std::fs::write(path, text + "\n").map_err(|error| name(&error))
}
