//! What very many pods cost a coordinator.
//!
//! Starts a scripted API server in this process, and a coordinator and relays as processes; prints how long it takes from the
//! coordinator's start until the first relay, and until all relays, have their slices, and the coordinator's memory and
//! processor time by then and after a relist. With `--out FILE` the same goes to a file as JSON.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use integration::fleet::{Coordinator, Program, Relay};
use integration::kubernetes::fake::FakeApiServer;
use integration::process_cost::ProcessCost;
use integration::{http_client, wait};
use serde_json::{Value, json};

/// What very many pods cost a coordinator.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many pods.
    #[arg(long, default_value_t = 50_000)]
    pods: usize,
    /// The least size of each as JSON, in bytes.
    #[arg(long, default_value_t = 4096)]
    bytes: usize,
    /// Every how many-th of them is a target.
    #[arg(long, default_value_t = 5)]
    annotated: usize,
    /// How many relays.
    #[arg(long, default_value_t = 2)]
    relays: usize,
    /// The product; next to this program if not given.
    #[arg(long)]
    program: Option<PathBuf>,
    /// Where the summary goes, as JSON.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Far more than it takes.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often the API server was listed.
const LISTS: &str = "scraperelay_coordinator_kubernetes_lists_total";
/// How long memory is watched after a list: what it was needed for has gone by then.
const SETTLE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "pod_load: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), String> {
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = arguments.program.clone().unwrap_or_else(|| here.with_file_name("scrape-relay"));
    let program = Program::new(&program.to_string_lossy());
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let server = FakeApiServer::start().await?;
    server.annotated_crowd(arguments.pods, arguments.bytes, arguments.annotated);
    let targets = arguments.pods.div_ceil(arguments.annotated.max(1));

    let begun = Instant::now();
    let mut coordinator = Coordinator::start(&program, &config(arguments, &server), directory.path()).await;
    let mut figures = vec![figure("alive", begun, &mut coordinator)?];
    let mut relays = Vec::new();
    for number in 0..arguments.relays {
        relays.push(
            Relay::start(&program, &format!("relay-{number}"), coordinator.grpc, directory.path()).await,
        );
    }
    held(&relays, 1).await;
    figures.push(figure("first slice", begun, &mut coordinator)?);
    held(&relays, targets).await;
    figures.push(figure("all slices", begun, &mut coordinator)?);
    tokio::time::sleep(SETTLE).await;
    figures.push(figure("settled", begun, &mut coordinator)?);

    let before = lists(&coordinator).await?;
    server.forget();
    wait::until("another list", PATIENCE, || async {
        let lists = lists(&coordinator).await?;
        if lists > before { Ok(()) } else { Err(format!("{lists} lists")) }
    })
    .await;
    figures.push(figure("listed again", begun, &mut coordinator)?);
    tokio::time::sleep(SETTLE).await;
    figures.push(figure("settled again", begun, &mut coordinator)?);
    held(&relays, targets).await;
    report(arguments, targets, &figures)
}

fn config(arguments: &Arguments, server: &FakeApiServer) -> String {
    format!(
        "coordinator: {{expected_relays: {}}}\nscrape_configs:\n- job_name: pods\n  kubernetes_sd_configs:\n  - {{role: pod, kubeconfig_file: {}, prometheus_io_annotations: {{}}}}\n",
        arguments.relays,
        server.kubeconfig().display()
    )
}

/// Waits until the relays have so many targets together. A relay gets targets once a scraper has asked its page.
async fn held(relays: &[Relay], targets: usize) {
    wait::until("the relays to have their slices", PATIENCE, || async {
        let mut held = 0.0;
        for relay in relays {
            http_client::get(&format!("{}?job=none", relay.url()), &[]).await?;
            held += relay.own_metric("scraperelay_relay_targets").await?;
        }
        if held >= targets as f64 { Ok(()) } else { Err(format!("{held} of {targets} targets")) }
    })
    .await;
}

async fn lists(coordinator: &Coordinator) -> Result<f64, String> {
    let page = http_client::get(&format!("http://{}/metrics", coordinator.http), &[]).await?.text();
    let lines = page.lines().filter(|line| line.starts_with(LISTS));
    Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

fn figure(at: &str, begun: Instant, coordinator: &mut Coordinator) -> Result<Value, String> {
    let cost = ProcessCost::of(coordinator.process().id())?;
    let figure = json!({
        "at": at,
        "seconds": begun.elapsed().as_millis() as f64 / 1000.0,
        "rss_mib": cost.rss >> 20,
        "peak_rss_mib": cost.peak_rss >> 20,
        "cpu_seconds": cost.since(&ProcessCost::default()).as_millis() as f64 / 1000.0,
    });
    writeln!(std::io::stdout(), "{figure}").map_err(|error| error.to_string())?;
    Ok(figure)
}

fn report(arguments: &Arguments, targets: usize, figures: &[Value]) -> Result<(), String> {
    let Some(path) = &arguments.out else { return Ok(()) };
    let Arguments { pods, bytes, annotated, relays, .. } = arguments;
    let summary = json!({
        "command": format!("pod_load --pods {pods} --bytes {bytes} --annotated {annotated} --relays {relays}"),
        "pods": pods, "bytes_a_pod": bytes, "targets": targets, "relays": relays,
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "debug_build": cfg!(debug_assertions), "coordinator": figures,
    });
    let name = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = serde_json::to_string_pretty(&summary).map_err(|error| name(&error))?;
    std::fs::write(path, text + "\n").map_err(|error| name(&error))
}
