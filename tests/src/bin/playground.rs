//! A fleet to try things on: `playground [CONFIG]`.
//!
//! Starts an API server with pods, a coordinator, relays and a Prometheus on this machine, prints where each is, and ends all of
//! them on Ctrl-C. CONFIG is the coordinator's configuration; `$KUBECONFIG` in it is replaced by the path of a kubeconfig. Without
//! one the pods are found as their annotations say.

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::path::Path;
use std::process::ExitCode;

use integration::bodies;
use integration::fake_target::FakeTargets;
use integration::fleet::{Coordinator, Program, Relay};
use integration::kubernetes::api_server::ApiServer;
use integration::kubernetes::network::Network;
use integration::kubernetes::pod::Pod;
use integration::prometheus::{Prometheus, Version};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

const PODS: u16 = 20;
const PORT: u16 = 8080;

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    // The coordinator and the relays are this program too, so that one build is enough.
    if matches!(argument.as_deref(), Some("coordinator" | "relay")) {
        return scrape_relay::main();
    }
    let runtime = tokio::runtime::Runtime::new();
    match runtime.map_err(|error| error.to_string()).and_then(|it| it.block_on(play(argument.as_deref()))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn play(config: Option<&str>) -> Result<(), String> {
    // Before anything is started, so that an early Ctrl-C ends what there is.
    let (mut interrupt, mut terminate) = (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let started = tokio::select! {
        started = start(config, directory.path()) => started?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    println!("\nCtrl-C ends all of it.");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    drop(started);
    Ok(())
}

fn on(kind: SignalKind) -> Result<tokio::signal::unix::Signal, String> {
    signal(kind).map_err(|error| error.to_string())
}

/// What ends when it is dropped, in this order.
struct Playground {
    _prometheus: Option<Prometheus>,
    _relays: Vec<Relay>,
    _coordinator: Coordinator,
    _targets: FakeTargets,
    _server: ApiServer,
    _network: Network,
}

async fn start(config: Option<&str>, directory: &Path) -> Result<Playground, String> {
    let network = Network::create().ok_or("pods need addresses")?;
    let server = ApiServer::start().await.ok_or("an API server is needed")?;
    let targets = network.targets(PORT, bodies::mixed)?;
    pods(&server, &network).await?;
    println!("API server   https://{}", server.address());
    println!("kubeconfig   {}", server.kubeconfig().display());
    println!("{PODS} pods      http://{}:{PORT}/metrics and following", network.pod(0));

    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = Program::new(&program.to_string_lossy());
    let text = configuration(config, &server)?;
    let coordinator = Coordinator::start(&program, &text, &directory.join("coordinator")).await;
    println!("coordinator  http://{} (gRPC on {})", coordinator.http, coordinator.grpc);
    println!("its config   {}", coordinator.directory().join("config.yml").display());
    let mut relays = Vec::new();
    for name in ["relay-0", "relay-1"] {
        let relay = Relay::start(&program, name, coordinator.grpc, directory).await;
        println!("{name}      {}", relay.url());
        relays.push(relay);
    }
    let scraping = format!(
        "global: {{scrape_interval: 5s}}\nscrape_configs:\n- job_name: relays\n  honor_labels: true\n  http_sd_configs:\n  - url: http://{}/sd/prometheus\n    refresh_interval: 2s\n",
        coordinator.http
    );
    let prometheus = Prometheus::start(Version::V3_15, &scraping, &directory.join("prometheus")).await;
    if let Some(prometheus) = &prometheus {
        println!("Prometheus   http://{}", prometheus.address());
    }
    Ok(Playground {
        _prometheus: prometheus,
        _relays: relays,
        _coordinator: coordinator,
        _targets: targets,
        _server: server,
        _network: network,
    })
}

async fn pods(server: &ApiServer, network: &Network) -> Result<(), String> {
    let cluster = server.cluster();
    cluster.namespace("shop").await?;
    cluster.node("node-1", "192.0.2.1", &json!({"topology.kubernetes.io/zone": "a"})).await?;
    let pod = |number: u16| {
        Pod::new("shop", &format!("app-{number}"))
            .label("app", if number.is_multiple_of(3) { "cart" } else { "search" })
            .annotation("prometheus.io/scrape", "true")
            .annotation("prometheus.io/port", &PORT.to_string())
            .address(network.pod(number))
            .port("metrics", PORT)
    };
    cluster.create_pods(&(0..PODS).map(pod).collect::<Vec<_>>()).await.map(drop)
}

/// The coordinator's configuration where none is given.
const CONFIG: &str = r"
scrape_configs:
- job_name: pods
  kubernetes_sd_configs:
  - role: pod
    kubeconfig_file: $KUBECONFIG
    prometheus_io_annotations: {}
  relabel_configs:
  - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
  - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
  - {source_labels: [__meta_kubernetes_pod_label_app], target_label: app}
";

fn configuration(config: Option<&str>, server: &ApiServer) -> Result<String, String> {
    let text = match config {
        Some(path) => std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?,
        None => CONFIG.to_owned(),
    };
    Ok(text.replace("$KUBECONFIG", &server.kubeconfig().display().to_string()))
}
