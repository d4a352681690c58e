//! Whatever pods say of themselves, a relay connects to their own addresses and to nothing else.
//!
//! API server, coordinator and relay run in a network namespace in which every address is a canary's, also those of loopback and of
//! metadata services: whatever the product connects to is seen, and what is connected to where no canary listens is counted by Linux.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use integration::fleet::{Coordinator, Relay};
use integration::kubernetes::api_server::ApiServer;
use integration::kubernetes::canaries::{Canaries, Reached};
use integration::kubernetes::fake::FakeApiServer;
use integration::kubernetes::network::Network;
use integration::process::{Process, free_address};
use integration::{http_client, wait};
use tokio::net::TcpStream;

use super::hostile_case::{self, Case, NAMESPACE, Outcome};
use super::server::AnyServer;

/// How often the page is asked for.
const SCRAPES: usize = 3;
/// Ports that nobody names and everybody uses.
const USUAL: [u16; 5] = [22, 53, 80, 443, 8080];

#[test]
fn on_a_real_api_server_no_pod_sends_a_relay_elsewhere() {
    enclosed(300, async || {
        let server = ApiServer::start().await?;
        Some(AnyServer::Real(Box::new(server)))
    });
}

#[test]
fn on_the_scripted_api_server_no_pod_sends_a_relay_elsewhere() {
    enclosed(hostile_case::all().len(), async || {
        let server = FakeApiServer::start().await.expect("an API server");
        Some(AnyServer::Scripted(Box::new(server)))
    });
}

/// Everything on one thread of a namespace, so that nothing is outside. The server takes `least` pods or more.
fn enclosed(least: usize, start: impl AsyncFnOnce() -> Option<AnyServer> + Send) {
    let Some(network) = Network::create() else { return };
    network.enclose().expect("every address can be had");
    let inside = network.inside(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let _alone = crate::alone().await;
            all_cases(least, start).await;
        });
    });
    inside.expect("the namespace can be entered");
}

async fn all_cases(least: usize, start: impl AsyncFnOnce() -> Option<AnyServer>) {
    let cases = hostile_case::all();
    let ports: BTreeSet<u16> = cases.iter().flat_map(Case::ports).chain(USUAL).collect();
    let redirects: HashMap<IpAddr, String> = cases.iter().filter_map(Case::redirect).collect();
    let canaries = Canaries::listen(ports, redirects).await.expect("canaries on every address");
    nothing_goes_unseen(&canaries).await;
    let Some(server) = start().await else { return };
    let accepted = create(&server, &cases).await;
    assert!(accepted.len() >= least, "only {} of {} pods are accepted", accepted.len(), cases.len());
    for drop_in in [false, true] {
        let directory = tempfile::tempdir().expect("a directory");
        let started = Started::start(&server, drop_in, directory.path()).await;
        started.check(&accepted, &canaries).await;
    }
}

/// Connections to what nobody is to reach are seen, and those to where nobody listens are counted.
async fn nothing_goes_unseen(canaries: &Canaries) {
    let addresses =
        ["127.0.0.1:80", "[::1]:80", "169.254.169.254:80", "[fd00:ec2::254]:80", "203.0.113.1:443"];
    for address in addresses {
        TcpStream::connect(address).await.expect("somebody is there");
    }
    let seen = async || match canaries.seen() {
        found if found == addresses.len() => Ok(()),
        found => Err(format!("{found} connections")),
    };
    wait::until("all connections to be seen", Duration::from_secs(10), seen).await;
    let mut reached: Vec<String> =
        canaries.take().iter().map(|reached| reached.address.to_string()).collect();
    reached.sort();
    assert_eq!(reached, BTreeSet::from(addresses).into_iter().collect::<Vec<_>>());
    let failed = failed_connections();
    TcpStream::connect("203.0.113.1:20003").await.expect_err("nobody listens there");
    assert_eq!(failed_connections(), failed + 1);
}

/// The cases whose pods the server takes.
async fn create<'a>(server: &AnyServer, cases: &'a [Case]) -> Vec<&'a Case> {
    let cluster = server.cluster();
    cluster.namespace(NAMESPACE).await.expect("the namespace is made");
    let mut accepted = Vec::new();
    for case in cases {
        let (object, status) = case.object();
        let pods = format!("/api/v1/namespaces/{NAMESPACE}/pods");
        let status_path = format!("{pods}/{}/status", case.name());
        // A real server refuses addresses and names that are none.
        let made = async {
            cluster.post(&pods, &object).await?;
            cluster.merge(&status_path, &serde_json::json!({"status": status})).await
        };
        match made.await {
            Ok(_) => accepted.push(case),
            // It is left to the scripted server, which takes everything.
            Err(error) => assert!(error.contains("is invalid"), "{case:?}: {error}"),
        }
    }
    accepted
}

/// The address of a case that is asked, and what it is asked for: the request's target and host.
type Expected<'a> = (String, (&'a Case, (String, String)));

/// The product in one of its two shapes.
struct Started {
    drop_in: bool,
    page: String,
    grpc: String,
    _processes: (Option<Coordinator>, Option<Relay>, Option<Process>),
}

impl Started {
    async fn start(server: &AnyServer, drop_in: bool, directory: &Path) -> Self {
        let kubeconfig = server.kubeconfig_at(server.address(), directory);
        let started = if drop_in {
            Self::in_the_place_of_metrics_k8s_proxy(&kubeconfig, directory)
        } else {
            Self::coordinator_and_relay(&kubeconfig, directory).await
        };
        wait::until("the page's port to be open", Duration::from_secs(20), || async {
            http_client::get(&started.page.replace("/metrics", "/healthz"), &[]).await.map(drop)
        })
        .await;
        started
    }

    async fn coordinator_and_relay(kubeconfig: &Path, directory: &Path) -> Self {
        let config = format!(
            r#"
coordinator: {{expected_relays: 1}}
scrape_configs:
- job_name: pods
  relabel_configs:
  - {{source_labels: [__meta_kubernetes_pod_annotation_to], regex: (.+), target_label: __address__}}
  kubernetes_sd_configs:
  - role: pod
    kubeconfig_file: {}
    prometheus_io_annotations: {{}}
"#,
            kubeconfig.display()
        );
        let program = crate::program();
        let coordinator = Coordinator::start(&program, &config, directory).await;
        let relay = Relay::start(&program, "relay", coordinator.grpc, directory).await;
        let (page, grpc) = (relay.url(), coordinator.grpc.to_string());
        Self { drop_in: false, page, grpc, _processes: (Some(coordinator), Some(relay), None) }
    }

    fn in_the_place_of_metrics_k8s_proxy(kubeconfig: &Path, directory: &Path) -> Self {
        let (page, grpc) = (free_address(), free_address());
        let mut command = crate::program().command();
        command
            .args(["standalone", &format!("--grpc-listen={grpc}")])
            .env("KUBECONFIG", kubeconfig)
            .env("POD_LABEL_SELECTOR", "app=hostile")
            .env("PORT", page.port().to_string());
        let process = Process::start(command, &directory.join("drop_in.log")).expect("it starts");
        let processes = (None, None, Some(process));
        Self {
            drop_in: true,
            page: format!("http://{page}/metrics"),
            grpc: grpc.to_string(),
            _processes: processes,
        }
    }

    async fn check(&self, cases: &[&Case], canaries: &Canaries) {
        drop(canaries.take());
        let failed = failed_connections();
        self.scrape(cases).await;
        assert_eq!(failed_connections(), failed, "something was connected to where nobody listens");
        let expected: BTreeMap<_, _> = cases.iter().filter_map(|case| self.expected(case)).collect();
        let mut reached = BTreeMap::<_, BTreeSet<_>>::new();
        for Reached { address, target, host } in canaries.take() {
            reached.entry(address.to_string()).or_default().insert((target, host));
        }
        let mut wrong = Vec::new();
        for (address, (case, asked)) in &expected {
            let found = reached.remove(address).unwrap_or_default();
            if found != BTreeSet::from([asked.clone()]) {
                wrong.push(format!("{address} was asked {found:?}: {case:?}"));
            }
        }
        wrong
            .extend(reached.iter().map(|(address, asked)| format!("{address} was asked {asked:?}: no case")));
        // What operators see follows the page by a moment.
        let told = async || cases.first().map_or(Ok(()), |case| self.explained(case));
        wait::until("the first pod to be explained", Duration::from_secs(10), told).await;
        wrong.extend(cases.iter().filter_map(|case| self.explained(case).err()));
        assert!(wrong.is_empty(), "drop-in: {}\n{}", self.drop_in, wrong.join("\n"));
    }

    /// Asks the page until it has everyone who is to be scraped, and then some more.
    async fn scrape(&self, cases: &[&Case]) {
        let is_shown =
            |case: &&&Case| matches!(case.outcome(self.drop_in), Outcome::Scraped(_)) || self.is_down(case);
        let wanted = cases.iter().filter(is_shown).count();
        let pods = async || {
            let page = http_client::get(&self.page, &[]).await?;
            match page.text().lines().filter(|line| line.starts_with("up{")).count() {
                found if found == wanted => Ok(()),
                found => Err(format!("{found} of {wanted} pods on a page with status {}", page.status)),
            }
        };
        wait::until("all pods to be scraped", Duration::from_secs(60), pods).await;
        for _ in 0..SCRAPES {
            assert_eq!(pods().await, Ok(()));
        }
    }

    /// Whether it is on the page although nobody asks it: in the place of metrics-k8s-proxy what is refused is down.
    fn is_down(&self, case: &Case) -> bool {
        let is_refused = matches!(case.outcome(self.drop_in), Outcome::Refused(_));
        self.drop_in && is_refused && case.address().parse::<IpAddr>().is_ok()
    }

    /// The address that is asked, and what for: the request's target and host.
    fn expected<'a>(&self, case: &&'a Case) -> Option<Expected<'a>> {
        let Outcome::Scraped(url) = case.outcome(self.drop_in) else { return None };
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (host, path) = rest.split_once('/').expect("a path");
        // What is said in TLS is not heard.
        let asked = if scheme == "http" { (format!("/{path}"), host.to_owned()) } else { Default::default() };
        Some((host.to_owned(), (case, asked)))
    }

    /// Whether `explain` says of the pod what has come of it.
    fn explained(&self, case: &Case) -> Result<(), String> {
        let pod = format!("{NAMESPACE}/{}", case.name());
        let mut explain = crate::program().command();
        explain.args(["explain", &pod, "--server", &self.grpc]);
        let output = explain.output().expect("explain runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let dropped = text.lines().find(|line| line.starts_with("dropped "));
        let is_right = match (case.outcome(self.drop_in), dropped) {
            (Outcome::Scraped(_), dropped) => dropped.is_none() && text.contains("identity "),
            (Outcome::Refused(word), None) => {
                self.is_down(case) && text.contains(&format!("__meta_scraperelay_refused=\"{word}: "))
            }
            (Outcome::Refused(word), Some(dropped)) => dropped.contains(&format!("refused ({word}): ")),
            (Outcome::Nothing, Some(dropped)) => !dropped.contains("refused ("),
            (_, None) => false,
        };
        let error = String::from_utf8_lossy(&output.stderr);
        if output.status.success() && is_right {
            return Ok(());
        }
        Err(format!("explained as:\n{text}{error}: {case:?}"))
    }
}

/// How many connections from this namespace found nobody, or were given up, since it exists.
fn failed_connections() -> u64 {
    let counters = std::fs::read_to_string("/proc/thread-self/net/snmp").expect("Linux counts");
    let mut lines = counters.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
    let mut pairs = names.split(' ').zip(values.split(' '));
    let (_, value) = pairs.find(|(name, _)| *name == "AttemptFails").expect("a counter");
    value.parse().expect("a number")
}
