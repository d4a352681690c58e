//! A real kube-apiserver on etcd, as two processes on free ports of loopback.
//!
//! In: the programs that `.ci/tools` builds, or those that envtest's variables name. Out: an API server that authorizes by RBAC
//! and writes down who asked what. No kubelet, no scheduler, no controllers.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::audit::{self, Asked};
use super::certificates::Certificates;
use super::cluster::Cluster;
use crate::process::{Process, free_address};
use crate::{http_client, prometheus, wait};

/// A minute and a half: both are ready within 3 s on an idle machine.
const START: Duration = Duration::from_secs(90);

/// A running API server; dropping it ends both processes and removes their files.
#[derive(Debug)]
pub struct ApiServer {
    server: Process,
    _etcd: Process,
    places: Places,
    cluster: Cluster,
    _directory: TempDir,
}

/// What does not change when the server starts again.
#[derive(Debug)]
struct Places {
    program: PathBuf,
    directory: PathBuf,
    certificates: Certificates,
    etcd: SocketAddr,
    address: SocketAddr,
}

impl ApiServer {
    /// Starts one; nothing, and a sentence about it, where the machine has no kube-apiserver or etcd.
    ///
    /// # Panics
    /// Where it does not become ready in time.
    pub async fn start() -> Option<Self> {
        let program = program("TEST_ASSET_KUBE_APISERVER", "kube-apiserver", "kube-apiserver-1.36.3")?;
        let etcd_program = program_of_etcd()?;
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().to_path_buf();
        let certificates = Certificates::make(&path).expect("certificates are made");
        std::fs::write(path.join("audit.yaml"), audit::POLICY).expect("the audit policy is written");
        let (etcd, process) = start_etcd(&etcd_program, &path).await;
        let places = Places { program, directory: path, certificates, etcd, address: free_address() };
        std::fs::write(places.kubeconfig(), places.admin()).expect("the kubeconfig is written");
        let server = places.spawn();
        let cluster = Cluster::connect(&places.kubeconfig()).await.expect("the kubeconfig is good");
        let this = Self { server, _etcd: process, places, cluster, _directory: directory };
        this.ready().await;
        Some(this)
    }

    /// What a test does in it, with every right.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// A kubeconfig with every right.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.places.kubeconfig()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.places.address
    }

    /// The certificate of the authority that has signed its own.
    #[must_use]
    pub fn authority(&self) -> &Path {
        &self.places.certificates.authority
    }

    /// Its process, for signals: one that is stopped holds its connections and does not answer.
    pub fn process(&mut self) -> &mut Process {
        &mut self.server
    }

    /// SIGKILL; etcd goes on.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again on the same port, with the same certificates and data. What it had in memory is gone: a watch from a
    /// resource version before the start is answered 410 where something has changed since.
    pub async fn restart(&mut self) {
        self.kill();
        self.server = self.places.spawn();
        self.ready().await;
    }

    /// What was asked of it so far, oldest first: finished requests, and watches from their beginning.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        audit::read(&self.places.directory.join("audit.log"))
    }

    async fn ready(&self) {
        wait::until("the API server to be ready", START, || async {
            // Priority levels and roles are made after the first answers; only then does every right hold.
            self.cluster.get_text("/readyz").await.and_then(|text| match text.as_str() {
                "ok" => Ok(()),
                other => Err(other.to_owned()),
            })
        })
        .await;
    }
}

impl Places {
    fn kubeconfig(&self) -> PathBuf {
        self.directory.join("admin.kubeconfig")
    }

    fn admin(&self) -> String {
        let certificates = &self.certificates;
        let user = json!({"client-certificate": certificates.admin, "client-key": certificates.admin_key});
        kubeconfig(&format!("https://{}", self.address), Some(&certificates.authority), &user)
    }

    fn spawn(&self) -> Process {
        let certificates = &self.certificates;
        let file = |name: &str, path: &Path| format!("--{name}={}", path.display());
        let mut command = Command::new(&self.program);
        for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            command.env_remove(proxy);
        }
        command
            .arg(format!("--etcd-servers=http://{}", self.etcd))
            .arg(format!("--bind-address={}", self.address.ip()))
            .arg(format!("--secure-port={}", self.address.port()))
            .arg(file("cert-dir", &self.directory))
            .arg(file("tls-cert-file", &certificates.server))
            .arg(file("tls-private-key-file", &certificates.server_key))
            .arg(file("client-ca-file", &certificates.authority))
            .arg(file("service-account-key-file", &certificates.account_public))
            .arg(file("service-account-signing-key-file", &certificates.account_key))
            .arg("--service-account-issuer=https://issuer.test")
            .arg("--authorization-mode=RBAC")
            .arg("--service-cluster-ip-range=10.0.0.0/24")
            // It refuses pods whose service account no controller has made.
            .arg("--disable-admission-plugins=ServiceAccount")
            .arg(file("audit-policy-file", &self.directory.join("audit.yaml")))
            .arg(file("audit-log-path", &self.directory.join("audit.log")))
            // Not in batches: a test reads what was asked a moment ago.
            .arg("--audit-log-mode=blocking");
        Process::start(command, &self.directory.join("kube-apiserver.log")).expect("kube-apiserver starts")
    }
}

/// A kubeconfig with one cluster and one user, given as JSON (which is YAML).
pub(super) fn kubeconfig(server: &str, authority: Option<&Path>, user: &serde_json::Value) -> String {
    let mut cluster = json!({"server": server});
    if let Some(authority) = authority {
        cluster["certificate-authority"] = json!(authority);
    }
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    });
    config.to_string()
}

async fn start_etcd(program: &Path, directory: &Path) -> (SocketAddr, Process) {
    let (client, peer) = (free_address(), free_address());
    let mut command = Command::new(program);
    command
        .arg(format!("--data-dir={}", directory.join("etcd").display()))
        .arg(format!("--listen-client-urls=http://{client}"))
        .arg(format!("--advertise-client-urls=http://{client}"))
        .arg(format!("--listen-peer-urls=http://{peer}"))
        .arg(format!("--initial-advertise-peer-urls=http://{peer}"))
        .arg(format!("--initial-cluster=default=http://{peer}"))
        .arg("--unsafe-no-fsync")
        .arg("--log-level=warn");
    let process = Process::start(command, &directory.join("etcd.log")).expect("etcd starts");
    let url = format!("http://{client}/health");
    wait::until("etcd to be healthy", START, || async {
        match http_client::get(&url, &[]).await?.status {
            200 => Ok(()),
            status => Err(format!("status {status}")),
        }
    })
    .await;
    (client, process)
}

fn program_of_etcd() -> Option<PathBuf> {
    program("TEST_ASSET_ETCD", "etcd", "etcd-3.6.8")
}

/// The program that `variable` names, or the one called `name` in `$KUBEBUILDER_ASSETS`, or `built` by `.ci/tools`.
fn program(variable: &str, name: &str, built: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(|directory| PathBuf::from(directory).join(name));
    match named.or(assets) {
        Some(path) => {
            assert!(path.is_file(), "{}, which the environment names, is no file", path.display());
            Some(path)
        }
        None => prometheus::tool(built),
    }
}
