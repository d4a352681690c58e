//! A real API server, addresses for its pods, and an account that may do what the drop-in needs and no more.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use integration::drop_in::{DropIn, ups};
use integration::fleet::Program;
use integration::kubernetes::account::Account;
use integration::kubernetes::api_server::ApiServer;
use integration::kubernetes::cluster::Cluster;
use integration::kubernetes::network::Network;
use integration::kubernetes::pod::Pod;
use integration::wait;
use serde_json::json;
use tempfile::TempDir;

/// What the pods of these tests have in common.
pub(super) const SELECTOR: &str = "app=shown";
pub(super) const TIMEOUT: &str = "3s";

/// Where a situation is played.
pub(super) struct Stage {
    pub(super) server: ApiServer,
    pub(super) network: Network,
    account: Account,
    directory: TempDir,
}

impl Stage {
    /// One with the namespaces `a` and `n`; nothing where this machine cannot have it.
    pub(super) async fn set() -> Option<Self> {
        let network = Network::create()?;
        let server = ApiServer::start().await?;
        let directory = tempfile::tempdir().expect("a directory");
        let cluster = server.cluster();
        for namespace in ["a", "n", "proxies"] {
            cluster.namespace(namespace).await.expect("a namespace is made");
        }
        let account = Account::create(cluster, "proxies", "proxy").await.expect("an account is made");
        let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]);
        account.allow(&rules).await.expect("it gets its rights");
        Some(Self { server, network, account, directory })
    }

    pub(super) fn cluster(&self) -> &Cluster {
        self.server.cluster()
    }

    /// A kubeconfig of the account, for the server's other address `at`.
    pub(super) async fn kubeconfig(&self, at: SocketAddr) -> PathBuf {
        let path = self.account.kubeconfig(self.directory.path()).await.expect("a token is given");
        let text = std::fs::read_to_string(&path).expect("the kubeconfig is there");
        let text = text.replace(&self.server.address().to_string(), &at.to_string());
        std::fs::write(&path, text).expect("it is written");
        path
    }

    /// The product over the pods that `selector` selects.
    pub(super) async fn start(&self, selector: &str) -> DropIn {
        let kubeconfig = self.kubeconfig(self.server.address()).await;
        self.start_with(&kubeconfig, (selector, TIMEOUT)).await
    }

    /// The product with another kubeconfig, selector and timeout of a scrape.
    pub(super) async fn start_with(&self, kubeconfig: &Path, (selector, timeout): (&str, &str)) -> DropIn {
        let program = Program::new(env!("CARGO_BIN_EXE_scrape-relay-under-test"));
        let directory = tempfile::tempdir_in(self.directory.path()).expect("a directory").keep();
        DropIn::start_in_cluster(&program, kubeconfig, (selector, timeout), &directory).await
    }

    /// A pod that asks to be scraped, at the address `number`.
    pub(super) fn pod(&self, namespace: &str, name: &str, number: u16, port: u16) -> Pod {
        let pod = Pod::new(namespace, name).label("app", "shown").address(self.network.pod(number));
        pod.annotation("prometheus.io/scrape", "true").annotation("prometheus.io/port", &port.to_string())
    }

    pub(super) async fn create(&self, pod: &Pod) {
        self.cluster().create_pod(pod).await.expect("the pod is made");
    }

    pub(super) async fn delete(&self, pod: &Pod) {
        self.cluster().delete_pod(pod).await.expect("the pod is deleted");
    }

    /// Sets an annotation of a pod that lives; an empty value removes it.
    pub(super) async fn annotate(&self, pod: &Pod, name: &str, value: &str) {
        let value = if value.is_empty() { json!(null) } else { json!(value) };
        let name = format!("prometheus.io/{name}");
        let patch = json!({"metadata": {"annotations": {name: value}}});
        self.cluster().merge(&pod.path(), &patch).await.expect("the pod is changed");
    }

    /// What was asked of the API server for the product was the pods that `selectors` select, and nothing else.
    pub(super) fn asked_for_nothing_but(&self, selectors: &[&str]) {
        let asked = self.server.asked();
        let ours: Vec<_> = asked.iter().filter(|it| it.user == self.account.user()).collect();
        for it in &ours {
            let reads = ["get", "list", "watch"].contains(&it.verb.as_str());
            assert!(reads && it.resource == "pods" && selectors.contains(&it.labels.as_str()), "{it:?}");
            assert!(it.namespace.is_empty() && it.fields.is_empty(), "{it:?}");
        }
        for verb in ["list", "watch"] {
            for selector in selectors {
                let done =
                    ours.iter().any(|it| it.verb == verb && it.labels == *selector && it.status == 200);
                assert!(done, "{verb} {selector}: {ours:?}");
            }
        }
        let strangers: Vec<_> = asked.iter().filter(|it| it.user == "system:anonymous").collect();
        assert!(strangers.is_empty(), "{strangers:?}");
    }
}

/// Waits until the page has these pods and no others, each with this `up`; gives the page.
pub(super) async fn shows(it: &DropIn, what: &str, pods: &[(&str, u8)]) -> String {
    let mut expected: Vec<(String, String)> =
        pods.iter().map(|(name, up)| ((*name).to_owned(), up.to_string())).collect();
    expected.sort_unstable();
    wait::until(what, Duration::from_secs(20), || async {
        let page = it.page().await;
        let found = ups(&page);
        if found == expected { Ok(page) } else { Err(format!("{found:?} instead of {expected:?}")) }
    })
    .await
}
