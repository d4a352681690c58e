//! `standalone` in the place of metrics-k8s-proxy: its environment in, its page out, nothing to change but the image.
//!
//! In: arguments without a configuration file, and that program's environment. Out: a coordinator and a relay in one
//! process. What differs from that program on purpose is told at the start or in docs/metrics-k8s-proxy.md.

pub mod called;
pub mod configuration;
pub mod go_duration;
pub mod selector;
pub mod settings;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use coordinator::config::{AnnotationRules, Discovery, KubernetesDiscovery, Position, Role, Selector};
use coordinator::discover::kubernetes::access::IN_CLUSTER;
use coordinator::{CoordinatorConfig, Source};
use model::exposition::page_style::PageStyle;
use relay::Front;
use runtime::address::{ListenAddress, everywhere};

use crate::args::{LogArgs, StandaloneArgs};
use crate::commands::coordinator::guarded;
use crate::commands::standalone::{self, Parts};
use crate::exit::Failure;
use settings::{Environment, Settings};

/// Variables that made metrics-k8s-proxy reach pods through another proxy.
const PROXIES: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
/// A free port of loopback: nobody expects another port than the page's to be taken.
const FREE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Runs it until it is told to stop.
///
/// # Errors
/// A variable that cannot be used, a port, or which task failed.
pub async fn run(args: StandaloneArgs, log: &LogArgs) -> Result<(), Failure> {
    let settings = settings(&args)?;
    let kubeconfig = kubeconfig(&settings)?;
    let pods = pods(&settings, kubeconfig);
    serve(args, settings, log, (vec![pods], true)).await
}

/// The same with targets from elsewhere than a cluster.
///
/// # Errors
/// See [`run`].
pub async fn run_over(
    args: StandaloneArgs,
    log: &LogArgs,
    discoveries: Vec<Discovery>,
) -> Result<(), Failure> {
    let settings = settings(&args)?;
    serve(args, settings, log, (discoveries, false)).await
}

/// `deny_local`: where pods say by annotations what is scraped, no address may be this machine's own.
async fn serve(
    args: StandaloneArgs,
    settings: Settings,
    log: &LogArgs,
    (discoveries, deny_local): (Vec<Discovery>, bool),
) -> Result<(), Failure> {
    let config = configuration::build(&settings, discoveries, args.cache_dir.is_some());
    let free = |flag, asked: Option<ListenAddress>| match asked {
        Some(address) => guarded(flag, address, &args.bind),
        None => Ok(FREE),
    };
    let parts = Parts {
        coordinator: CoordinatorConfig {
            source: Source::Given(Arc::new(config)),
            grpc_listen: free("--grpc-listen", args.grpc_listen)?,
            http_listen: free("--http-listen", args.http_listen)?,
            expected_relays: Some(1),
        },
        listen: everywhere(settings.port),
        cache_dir: args.cache_dir,
        front: Front { style: PageStyle::PODS, probes: true },
        deny_local,
        warm_up: false,
    };
    standalone::serve(parts, log, || warn(&settings)).await
}

fn settings(args: &StandaloneArgs) -> Result<Settings, Failure> {
    let environment = Environment {
        pod_label_selector: args.drop_in.labels.clone(),
        scrape_timeout: args.drop_in.scrape_timeout.clone(),
        port: args.drop_in.port.clone(),
        kubeconfig: std::env::var_os("KUBECONFIG"),
    };
    let settings = Settings::read(&environment).map_err(|error| Failure::usage(error.to_string()))?;
    if args.listen.is_some() {
        return Err(Failure::usage("--listen goes with --config; without it PORT says where the page is"));
    }
    Ok(settings)
}

/// The one kubeconfig that is named; none where there are several, which are read together, or none.
fn kubeconfig(settings: &Settings) -> Result<Option<PathBuf>, Failure> {
    match settings.kubeconfigs.as_slice() {
        [] if std::env::var_os(IN_CLUSTER).is_none() => Err(Failure::usage(
            "no Kubernetes API server is known: set KUBECONFIG to a kubeconfig, or run in a pod",
        )),
        [one] if !one.exists() => {
            Err(Failure::usage(format!("KUBECONFIG {:?}: there is no such file", one.display())))
        }
        [one] => Ok(Some(one.clone())),
        _ => Ok(None),
    }
}

/// What metrics-k8s-proxy watched: pods of all namespaces, by their annotations, always over http.
fn pods(settings: &Settings, kubeconfig_file: Option<PathBuf>) -> Discovery {
    let label = settings.selector.text.as_str().into();
    let position = Position { file: "POD_LABEL_SELECTOR".into(), line: 1, column: 1 };
    Discovery::Kubernetes(Box::new(KubernetesDiscovery {
        kubeconfig_file,
        selectors: vec![Selector { role: Role::Pod, label, field: Box::default() }],
        annotations: Some(AnnotationRules { scheme: false, declared_ports: false, refused_are_down: true }),
        ..KubernetesDiscovery::pods(position)
    }))
}

/// What is otherwise than with metrics-k8s-proxy in this very start.
fn warn(settings: &Settings) {
    tracing::warn!(
        port = settings.port,
        "running as metrics-k8s-proxy did: whoever reaches the port may read every metric, nobody is asked who they are"
    );
    for term in &settings.selector.new {
        tracing::warn!(%term, "POD_LABEL_SELECTOR: metrics-k8s-proxy could not use this term, now it selects");
    }
    if settings.kubeconfigs.len() > 1 && std::env::var_os(IN_CLUSTER).is_some() {
        tracing::warn!(
            "KUBECONFIG names several files, which count outside of a cluster only: this pod's cluster is watched"
        );
    }
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if let Some(name) = PROXIES.into_iter().find(|name| is_set(name)) {
        tracing::warn!("{name} is set and not used: pods are reached directly");
    }
}
