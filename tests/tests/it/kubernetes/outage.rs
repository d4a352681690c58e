//! An API server that is away, and one that no longer takes what it took before.

#![allow(clippy::print_stdout, reason = "what is measured is told")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use integration::bodies;
use integration::kubernetes::account::Account;
use integration::kubernetes::api_server::ApiServer;
use integration::kubernetes::network::Network;
use integration::kubernetes::pod::Pod;
use integration::link::Link;
use serde_json::{Value, json};

use super::watched::{PORT, Watched, job, long};

/// How long the API server is away; ten minutes where long tests are asked for.
const AWAY: Duration = Duration::from_secs(20);
const LONG_AWAY: Duration = Duration::from_secs(600);
const BEFORE: u16 = 20;

fn away() -> Duration {
    if long() { LONG_AWAY } else { AWAY }
}

fn rules() -> Value {
    json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}])
}

fn pod(network: &Network, number: u16) -> Pod {
    let pod = Pod::new("shop", &format!("web-{number}")).label("app", "web");
    pod.address(network.pod(number)).port("metrics", PORT)
}

/// What the pages have of these jobs when they have the first `count` pods.
fn named(jobs: &[&str], count: u16) -> Vec<String> {
    let of = |job: &&str| (0..count).map(|number| format!("{job}/web-{number}")).collect::<Vec<_>>();
    let mut all: Vec<String> = jobs.iter().flat_map(of).collect();
    all.sort();
    all
}

async fn pods(server: &ApiServer, network: &Network) {
    server.cluster().namespace("shop").await.expect("a namespace");
    let pods: Vec<Pod> = (0..BEFORE).map(|number| pod(network, number)).collect();
    server.cluster().create_pods(&pods).await.expect("the pods");
}

/// Looks at the pages for `time`: every pod is on every one of them, and answers.
async fn keeps(watched: &Watched, all: &[String], time: Duration) {
    let begun = Instant::now();
    let mut scrapes = 0;
    while begun.elapsed() < time {
        assert_eq!(watched.scrape().await.expect("the pages").up(), all, "after {:?}", begun.elapsed());
        scrapes += 1;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    println!("{scrapes} scrapes in {time:?} have lost none of {} targets", all.len());
}

/// Makes one more pod, waits until all these jobs have it, and says how long that took.
async fn grows(server: &ApiServer, network: &Network, watched: &Watched, jobs: &[&str], count: u16) {
    server.cluster().create_pod(&pod(network, count - 1)).await.expect("one more pod");
    let begun = Instant::now();
    watched.has(&named(jobs, count)).await;
    println!("a new pod was scraped {:?} after it was made", begun.elapsed());
}

/// What an exec plugin prints.
fn credential(token: &str) -> String {
    json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}})
        .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_away_costs_nothing_and_new_credentials_are_picked_up() {
    let _alone = crate::alone().await;
    let Some(network) = Network::create() else { return };
    let Some(mut server) = ApiServer::start().await else { return };
    let _targets = network.targets(PORT, bodies::mixed).expect("the pods answer");
    pods(&server, &network).await;
    let account = Account::create(server.cluster(), "shop", "reader").await.expect("an account");
    account.allow_in("shop", &rules()).await.expect("its rights");
    let directory = tempfile::tempdir().expect("a directory");
    let (by_file, token) = account.kubeconfig_with_token_file(directory.path()).await.expect("a kubeconfig");
    let (by_exec, printed) = account.kubeconfig_with_exec(directory.path()).await.expect("a kubeconfig");
    let kubeconfigs = [("admin", server.kubeconfig()), ("file", by_file), ("exec", by_exec)];
    let jobs: String = kubeconfigs.iter().map(|(name, file)| job(name, file, "shop")).collect();
    let jobs_of = ["admin", "file", "exec"];
    let all = named(&jobs_of, BEFORE);
    let mut watched = Watched::start(&jobs, 2).await;
    watched.has(&all).await;

    // From here on no token of before is good for anything.
    account.renew().await.expect("the account is made anew");
    let new = account.token(3600).await.expect("a token");
    server.kill();
    std::fs::write(&token, &new).expect("the token is written");
    keeps(&watched, &all, away()).await;
    watched.tells(&["admin.kubeconfig", "failing", "connect"]).await;
    server.restart().await;
    watched.tells(&["exec.kubeconfig", "failing", "unauthorized"]).await;
    assert_eq!(watched.scrape().await.expect("the pages").up(), all, "while credentials are refused");
    std::fs::write(&printed, credential(&new)).expect("the credential is written");
    grows(&server, &network, &watched, &jobs_of, BEFORE + 1).await;
    for kubeconfig in ["admin.kubeconfig", "file.kubeconfig", "exec.kubeconfig"] {
        watched.tells(&[kubeconfig, "watching"]).await;
    }
    server.cluster().delete_pod(&pod(&network, BEFORE)).await.expect("it is deleted");
    watched.has(&all).await;
    assert!(watched.runs(), "a process has ended");
}

/// A kubeconfig of the account that leads over the link.
async fn over(link: &Link, server: &ApiServer, account: &Account, directory: &Path) -> PathBuf {
    let path = account.kubeconfig(directory).await.expect("a kubeconfig");
    let text = std::fs::read_to_string(&path).expect("it is there");
    let text = text.replace(&server.address().to_string(), &link.address.to_string());
    std::fs::write(&path, text).expect("it is written");
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_withdrawn_are_told_and_cost_nothing() {
    let _alone = crate::alone().await;
    let Some(network) = Network::create() else { return };
    let Some(server) = ApiServer::start().await else { return };
    let _targets = network.targets(PORT, bodies::mixed).expect("the pods answer");
    pods(&server, &network).await;
    let account = Account::create(server.cluster(), "shop", "reader").await.expect("an account");
    account.allow(&rules()).await.expect("its rights");
    let link = Link::to(server.address()).await.expect("a link");
    let directory = tempfile::tempdir().expect("a directory");
    let kubeconfig = over(&link, &server, &account, directory.path()).await;
    let all = named(&["pods"], BEFORE);
    let mut watched = Watched::start(&job("pods", &kubeconfig, "shop"), 2).await;
    watched.has(&all).await;
    watched.tells(&["kubeconfig", "watching", "20"]).await;

    account.forbid().await.expect("its rights are taken");
    // A watch that has begun goes on without rights; the next one is refused.
    link.cut();
    link.mend();
    watched.tells(&["kubeconfig", "failing", "20", "forbidden: 403"]).await;
    server.cluster().create_pod(&pod(&network, BEFORE)).await.expect("a pod that nobody may see");
    keeps(&watched, &all, Duration::from_secs(5)).await;
    account.allow(&rules()).await.expect("its rights are back");
    let begun = Instant::now();
    watched.has(&named(&["pods"], BEFORE + 1)).await;
    println!("the watch worked again {:?} after the rights were back", begun.elapsed());
    watched.tells(&["kubeconfig", "watching", "21"]).await;
    assert!(watched.runs(), "a process has ended");
}
