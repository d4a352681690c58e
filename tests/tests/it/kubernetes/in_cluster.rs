//! The product as a pod sees it: an address in the environment, and the files of a service account.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use integration::fake_target::{Behaviour, TEXT};
use integration::kubernetes::account::Account;
use integration::kubernetes::api_server::ApiServer;
use integration::kubernetes::network::Network;
use integration::kubernetes::pod::Pod;
use integration::process::{Process, free_address};
use integration::{http_client, wait};
use serde_json::json;

use super::watched::{MINUTE, PORT};

const CONFIG: &str = "scrape_configs:
- job_name: pods
  kubernetes_sd_configs:
  - role: pod
    namespaces: {own_namespace: true}
    prometheus_io_annotations: {}
";

/// Gives the program that follows a directory in place of a pod's service account, seen by no other process.
const AS_POD: &str = "mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount && \
     mount --bind \"$1\" /run/secrets/kubernetes.io/serviceaccount && shift && exec \"$@\"";

/// Starts `standalone` as a pod of this service account would; its process and where its page is.
fn standalone(account: &Path, server: SocketAddr, directory: &Path) -> (Process, SocketAddr) {
    let config = directory.join("config.yml");
    std::fs::write(&config, CONFIG).expect("the configuration is written");
    let page = free_address();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", AS_POD, "sh"]).arg(account);
    command.arg(crate::program().command().get_program());
    command
        .arg("standalone")
        .arg(format!("--config={}", config.display()))
        .arg(format!("--listen={page}"))
        .arg(format!("--http-listen={}", free_address()))
        .arg(format!("--grpc-listen={}", free_address()))
        .env_remove("KUBECONFIG")
        .env("KUBERNETES_SERVICE_HOST", server.ip().to_string())
        .env("KUBERNETES_SERVICE_PORT", server.port().to_string());
    let process = Process::start(command, &directory.join("standalone.log")).expect("it starts");
    (process, page)
}

/// Waits until `count` pods are on the page, and up.
async fn up(page: SocketAddr, count: usize) {
    wait::until("the pods on the page", MINUTE, || async {
        let answer = http_client::get(&format!("http://{page}/metrics"), &[]).await?;
        let up = answer.text().lines().filter(|line| line.starts_with("up{") && line.ends_with(" 1")).count();
        if up == count { Ok(()) } else { Err(format!("{up} of {count}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_pod_the_service_account_is_the_way_in_and_its_token_may_change() {
    let _alone = crate::alone().await;
    let Some(network) = Network::create() else { return };
    let Some(mut server) = ApiServer::start().await else { return };
    let _targets = network.targets(PORT, |_| Behaviour::Body(TEXT, "a 1\n".into())).expect("the pods answer");
    let cluster = server.cluster().clone();
    for namespace in ["own", "other"] {
        cluster.namespace(namespace).await.expect("a namespace");
    }
    let pod = |namespace, number: u16| {
        let pod = Pod::new(namespace, &format!("p-{number}")).address(network.pod(number));
        let pod = pod.annotation("prometheus.io/scrape", "true");
        pod.annotation("prometheus.io/port", &PORT.to_string())
    };
    cluster.create_pods(&[pod("own", 0), pod("own", 1), pod("other", 2)]).await.expect("the pods");
    let account = Account::create(&cluster, "own", "reader").await.expect("an account");
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]);
    account.allow_in("own", &rules).await.expect("its rights");
    let directory = tempfile::tempdir().expect("a directory");
    let files = directory.path().join("account");
    std::fs::create_dir(&files).expect("a directory");
    std::fs::copy(server.authority(), files.join("ca.crt")).expect("the authority");
    std::fs::write(files.join("namespace"), "own").expect("the namespace");
    std::fs::write(files.join("token"), account.token(3600).await.expect("a token")).expect("it is written");

    let (_process, page) = standalone(&files, server.address(), directory.path());
    up(page, 2).await;

    account.renew().await.expect("the account is made anew, and its tokens are void");
    std::fs::write(files.join("token"), account.token(3600).await.expect("a token")).expect("it is written");
    // What is watched goes on with the old token until its connection ends.
    server.restart().await;
    cluster.create_pod(&pod("own", 3)).await.expect("one more pod");
    up(page, 3).await;
}
