//! What the product makes of an API server that fails: nothing is removed, and afterwards everything is right.

#![allow(clippy::print_stdout, reason = "what is measured is told")]

use std::time::{Duration, Instant};

use integration::kubernetes::fake::{FakeApiServer, Fault, GONE, NO_WATCH_LIST};
use integration::kubernetes::pod::Pod;
use integration::link::Link;

use super::follower::{Follower, Who};
use super::server::AnyServer;
use super::watched::long;

const READY: &str = "Running ready";
const AWAY: Fault = Fault::Status(500, "InternalError", "etcdserver: request timed out");

/// How watches fail, how lists fail, and the reason that operators are told.
type Case = (Fault, Fault, &'static str);

/// Watches that are refused.
const REFUSED: [Case; 5] = [
    (AWAY, AWAY, "server"),
    (Fault::Text(503, "no healthy upstream"), AWAY, "server"),
    (Fault::TooManyRequests(2), AWAY, "throttled"),
    (NO_WATCH_LIST, AWAY, "refused"),
    (Fault::Status(401, "Unauthorized", "Unauthorized"), AWAY, "unauthorized"),
];

/// Watches that lead to a list, which fails; and answers that begin and do not go on.
const BROKEN: [Case; 4] = [
    (GONE, AWAY, "server"),
    (Fault::ExpiredEvent, Fault::CutAfter(60), "stream"),
    (GONE, Fault::SilentBody, SILENT),
    (Fault::SilentBody, AWAY, SILENT),
];

/// This is found out after more than a minute; without long tests the connection is closed before.
const SILENT: &str = "silent";

fn pod(number: usize) -> Pod {
    Pod::new("faults", &format!("pod-{number}")).address("10.9.9.1")
}

async fn follow(server: &AnyServer, link: &Link) -> (Follower, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let kubeconfig = server.kubeconfig_at(link.address, directory.path());
    (Follower::start(Who::Product, &kubeconfig, "faults", "").await, directory)
}

/// The connection ends, and whoever is on it begins anew.
async fn again(link: &Link) {
    link.cut();
    link.closed().await;
    link.mend();
}

async fn scripted() -> AnyServer {
    let server = FakeApiServer::start().await.expect("a server");
    server.cluster().namespace("faults").await.expect("a namespace");
    AnyServer::Scripted(Box::new(server))
}

/// In each case one pod is deleted and one made while the server fails: both are seen when it is well, and nothing before.
async fn costs_nothing(cases: impl IntoIterator<Item = Case>) {
    let any = scripted().await;
    let AnyServer::Scripted(server) = &any else { unreachable!("it was made so") };
    let link = Link::to(any.address()).await.expect("a link");
    let cluster = any.cluster();
    cluster.create_pods(&[pod(0), pod(1)]).await.expect("the pods");
    let (follower, _directory) = follow(&any, &link).await;
    let Follower::Product(product) = &follower else { unreachable!("it was started so") };
    for (round, (watch, list, reason)) in cases.into_iter().enumerate() {
        let names = [round, round + 1, round + 2].map(|number| format!("pod-{number}"));
        let [gone, stays, new] = names.each_ref().map(|name| (name.as_str(), READY));
        follower.sees(&[gone, stays]).await;
        let begun = Instant::now();
        let what = format!("watches: {watch:?}, lists: {list:?}");
        server.fail("watch", "pods", usize::MAX, watch);
        server.fail("list", "pods", usize::MAX, list);
        again(&link).await;
        if reason != SILENT || long() {
            product.fails(reason).await;
        }
        cluster.delete_pod(&pod(round)).await.expect("it is deleted");
        cluster.create_pod(&pod(round + 2)).await.expect("a pod");
        follower.keeps(&[gone, stays], Duration::from_secs(1)).await;
        server.heal();
        if reason == SILENT && !long() {
            again(&link).await;
        }
        follower.sees(&[stays, new]).await;
        println!("{:?} for {what}", begun.elapsed());
        // A watch that breaks within a second counts as one more failure, and the pause before the next try grows.
        follower.keeps(&[stays, new], Duration::from_millis(1200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_refuses_costs_no_pod() {
    let _alone = crate::alone().await;
    costs_nothing(REFUSED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_whose_answers_break_off_costs_no_pod() {
    let _alone = crate::alone().await;
    costs_nothing(BROKEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_of_a_list_that_cannot_be_read_costs_no_other() {
    let _alone = crate::alone().await;
    let any = scripted().await;
    let AnyServer::Scripted(server) = &any else { unreachable!("it was made so") };
    let link = Link::to(any.address()).await.expect("a link");
    let cluster = any.cluster();
    cluster.create_pods(&[pod(0), pod(1)]).await.expect("the pods");
    let (follower, _directory) = follow(&any, &link).await;
    follower.sees(&[("pod-0", READY), ("pod-1", READY)]).await;
    server.fail("list", "pods", 1, Fault::Undecodable);
    server.fail("watch", "pods", 1, GONE);
    link.cut();
    cluster.delete_pod(&pod(0)).await.expect("it is deleted");
    cluster.create_pod(&pod(2)).await.expect("a pod");
    link.mend();
    follower.sees(&[("pod-1", READY), ("pod-2", READY)]).await;
    let Follower::Product(product) = &follower else { unreachable!("it was started so") };
    assert_eq!((product.unreadable(), product.lists()), (1, 2), "it is counted");
}
