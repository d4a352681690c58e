//! `standalone` in the place of metrics-k8s-proxy: its environment in, its page out, nothing else to change but the image.
//!
//! In: arguments without a configuration file, and that program's environment. Out: a coordinator and a relay in one
//! process. What differs from that program on purpose is told at the start or in docs/metrics-k8s-proxy.md.

pub mod configuration;
pub mod go_duration;
pub mod selector;
pub mod settings;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use coordinator::config::{Discovery, KubernetesDiscovery, Position, Role, Selector};
use coordinator::{CoordinatorConfig, Source};
use model::exposition::page_style::PageStyle;
use relay::Front;

use crate::args::{LogArgs, StandaloneArgs};
use crate::commands::coordinator::guarded;
use crate::commands::standalone::{self, Parts};
use crate::exit::Failure;
use settings::{Environment, Settings};

/// The name under which the program is that one, without any argument.
pub const NAME: &str = "metrics-proxy";

/// Variables that made that program reach pods through a proxy.
const PROXIES: [&str; 2] = ["HTTP_PROXY", "http_proxy"];

/// A free port of loopback: nobody expects another open port beside the page's.
const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Runs it until it is told to stop.
///
/// # Errors
/// A variable that cannot be used, a port, or which task failed.
pub async fn run(args: StandaloneArgs, log: &LogArgs) -> Result<(), Failure> {
    let settings = settings(&args)?;
    let pods = pods(&settings);
    run_over(args, log, vec![pods]).await
}

/// The same with targets from elsewhere.
///
/// # Errors
/// See there.
pub async fn run_over(
    args: StandaloneArgs,
    log: &LogArgs,
    discoveries: Vec<Discovery>,
) -> Result<(), Failure> {
    let settings = settings(&args)?;
    let config = configuration::build(&settings, discoveries, args.cache_dir.is_some());
    let free = |flag, asked| match asked {
        Some(address) => guarded(flag, address, &args.bind),
        None => Ok(FREE),
    };
    let parts = Parts {
        coordinator: CoordinatorConfig {
            source: Source::Given(Arc::new(config)),
            grpc_listen: free("--grpc-listen", args.grpc_listen)?,
            http_listen: free("--http-listen", args.http_listen)?,
            expected_relays: Some(1),
            complete_start: true,
        },
        listen: args.listen.map_or_else(|| everywhere(settings.port), |address| address.0),
        cache_dir: args.cache_dir.clone(),
        front: Front { style: PageStyle::PODS, probes: true },
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
    Settings::read(&environment).map_err(|error| Failure::usage(error.to_string()))
}

/// What metrics-k8s-proxy watched: pods of all namespaces, by their annotations, always over http.
fn pods(settings: &Settings) -> Discovery {
    let selector = Selector {
        role: Role::Pod,
        label: settings.selector.text.as_str().into(),
        field: Box::default(),
    };
    Discovery::Kubernetes(Box::new(KubernetesDiscovery {
        kubeconfig_file: todo_kubeconfig,
        selectors: vec![selector],
        annotations: Some(AnnotationRules { scheme: false, declared_ports: false }),
        ..KubernetesDiscovery::pods(Position::default())
    }))
}

/// All addresses of the machine: those of IPv6, which take calls to IPv4 ones too, unless it has none.
fn everywhere(port: u16) -> SocketAddr {
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    match std::net::UdpSocket::bind(any) {
        Ok(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
        Err(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
    }
}

/// What is otherwise than metrics-k8s-proxy was, in this very start.
fn warn(settings: &Settings) {
    tracing::warn!(
        port = settings.port,
        "in the place of metrics-k8s-proxy: whoever reaches the port reads all metrics, nobody is asked who they are"
    );
    for term in &settings.selector.new {
        tracing::warn!(%term, "POD_LABEL_SELECTOR: metrics-k8s-proxy could not use this term and left it out, now it selects");
    }
    if let Some(name) = PROXIES.into_iter().find(|name| std::env::var_os(name).is_some_and(|it| !it.is_empty())) {
        tracing::warn!("{name} is set: pods are reached directly, no proxy is used");
    }
}
