//! The product as the manifests ship it, against a real API server: with their configuration, their variables, and tokens
//! of their accounts. Out: that annotated pods are on the page, and that nothing was asked which is not allowed.

use std::path::Path;
use std::time::Duration;

use integration::drop_in::{DropIn, ups};
use integration::fake_target::{Behaviour, FakeTargets, TEXT};
use integration::fleet::{Coordinator, Program, Relay};
use integration::kubernetes::account::Account;
use integration::kubernetes::api_server::ApiServer;
use integration::kubernetes::network::Network;
use integration::kubernetes::pod::Pod;
use integration::{http_client, wait};

use crate::api_server::apply_all;
use crate::manifests::{self, KUBERNETES, Manifest, PROXY, one};

/// The coordinator waits up to 10 s for the second relay, which does not come.
const PAGE: Duration = Duration::from_secs(60);

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_scrape-relay-under-test"))
}

/// An API server with the manifests of a directory in it, and pods that answer.
struct Cluster {
    server: ApiServer,
    manifests: Vec<Manifest>,
    network: Network,
    _targets: FakeTargets,
}

impl Cluster {
    async fn with(directory: &str) -> Option<Self> {
        let network = Network::create()?;
        let server = ApiServer::start().await?;
        let targets = network.targets(8080, |_| Behaviour::Body(TEXT, "answered 1\n".into()));
        apply_all(&server.cluster().client(), manifests::of(directory)).await;
        let targets = targets.expect("pods answer");
        Some(Self { server, manifests: manifests::of(directory), network, _targets: targets })
    }

    /// Makes pods of the namespace `apps`: one that asks to be scraped, one that has finished, one that does not ask.
    async fn pods(&self) {
        let cluster = self.server.cluster();
        cluster.namespace("apps").await.expect("a namespace is made");
        for (number, (name, scrape)) in (0..).zip([("asks", "true"), ("done", "true"), ("silent", "false")]) {
            let pod = Pod::new("apps", name).label("app", "my-app").address(self.network.pod(number));
            let pod = pod.annotation("prometheus.io/scrape", scrape).annotation("prometheus.io/port", "8080");
            let pod = if name == "done" { pod.phase("Succeeded") } else { pod };
            cluster.create_pod(&pod).await.expect("a pod is made");
        }
    }

    /// The account that a workload names.
    fn account(&self, workload: &Manifest, namespace: &str) -> Account {
        let name = workload.text("/spec/template/spec/serviceAccountName");
        Account::existing(self.server.cluster(), namespace, name)
    }

    fn asked_only_for_pods(&self, account: &Account) {
        let asked = self.server.asked();
        let ours: Vec<_> = asked.iter().filter(|it| it.user == account.user()).collect();
        assert!(ours.iter().any(|it| it.verb == "watch"), "{ours:?}");
        for it in ours {
            let read = it.verb == "list" || it.verb == "watch";
            assert!(read && it.resource == "pods" && it.status == 200, "{it:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_installation_shows_annotated_pods_with_the_rights_it_ships() {
    let _alone = crate::alone().await;
    let Some(cluster) = Cluster::with(KUBERNETES).await else { return };
    cluster.pods().await;
    let workload = one(&cluster.manifests, "Deployment", "scrape-relay-coordinator");
    let account = cluster.account(workload, "scrape-relay");
    let directory = tempfile::tempdir().expect("a directory");
    let kubeconfig = account.kubeconfig(directory.path()).await.expect("a token is given");
    let config = one(&cluster.manifests, "ConfigMap", "scrape-relay").text("/data/config.yml");
    let coordinator =
        Coordinator::start(&program().with("KUBECONFIG", kubeconfig), config, directory.path()).await;
    let relay = Relay::start(&program(), "relay-0", coordinator.grpc, directory.path()).await;

    let expected = r#"job="pods",namespace="apps",pod="asks"} 1"#;
    let page = wait::until("the pod that asks", PAGE, || async {
        let page = http_client::get(&relay.url(), &[]).await?.text();
        let found = page.lines().any(|line| line.starts_with("up{") && line.ends_with(expected));
        if found { Ok(page) } else { Err(page) }
    })
    .await;
    assert!(page.lines().any(|line| line.starts_with("answered{") && line.ends_with(expected)), "{page}");
    assert_eq!(page.lines().filter(|line| line.starts_with("up{")).count(), 1, "{page}");
    cluster.asked_only_for_pods(&account);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_programs_deployment_shows_annotated_pods_with_the_rights_it_ships() {
    let _alone = crate::alone().await;
    let Some(cluster) = Cluster::with(PROXY).await else { return };
    cluster.pods().await;
    let workload = one(&cluster.manifests, "Deployment", "metrics-k8s-proxy");
    let account = cluster.account(workload, workload.text("/metadata/namespace"));
    let directory = tempfile::tempdir().expect("a directory");
    let kubeconfig = account.kubeconfig(directory.path()).await.expect("a token is given");
    let it = start_other(workload, &kubeconfig, directory.path()).await;
    let expected = [("apps/asks".to_owned(), "1".to_owned())];
    let page = wait::until("the pod that asks", PAGE, || async {
        let page = it.page().await;
        if ups(&page) == expected { Ok(page) } else { Err(page) }
    })
    .await;
    assert!(page.contains("answered{k8s_pod_name=\"asks\",k8s_namespace=\"apps\"} 1\n"), "{page}");
    cluster.asked_only_for_pods(&account);
}

/// The program with the deployment's variables, but for the port, which may be taken here.
async fn start_other(workload: &Manifest, kubeconfig: &Path, directory: &Path) -> DropIn {
    let variable = |name: &str| {
        let all = workload.container()["env"].as_array().expect("it has variables");
        let found = all.iter().find(|it| it["name"] == name).expect("it is set");
        found["value"].as_str().expect("it is a text").to_owned()
    };
    let (selector, timeout) = (variable("POD_LABEL_SELECTOR"), variable("SCRAPE_TIMEOUT"));
    DropIn::start_in_cluster(&program(), kubeconfig, (&selector, &timeout), directory).await
}
