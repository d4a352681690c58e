//! Behaviour that the real and the scripted API server share.

#![allow(clippy::unwrap_used, reason = "every line here is a test's")]

use std::time::Duration;

use integration::kubernetes::pod::Pod;
use integration::link::Link;
use serde_json::json;

use super::follower::{Follower, Who};
use super::server::AnyServer;

const READY: &str = "Running ready";

/// A pod that is a target: it has an address, where nobody answers.
fn pod(namespace: &str, name: &str) -> Pod {
    Pod::new(namespace, name).address("10.9.9.1")
}

/// Each in a namespace of its own.
pub(crate) async fn all(server: &mut AnyServer, who: Who) {
    creations_changes_and_deletions_are_seen(server, who).await;
    a_selector_shows_what_matches_now(server, who).await;
    what_happened_while_the_connection_was_cut_is_seen(server, who).await;
    what_happened_while_nothing_was_heard_is_seen(server, who).await;
    a_forgotten_resource_version_leads_to_a_new_list(server, who).await;
    a_list_comes_in_pages(server).await;
    a_watch_list_ends_with_a_bookmark(server).await;
}

async fn creations_changes_and_deletions_are_seen(server: &AnyServer, who: Who) {
    let cluster = server.cluster();
    cluster.namespace("seen").await.unwrap();
    let (a, b) = (pod("seen", "a"), pod("seen", "b").ready(false));
    cluster.create_pod(&a).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = server.kubeconfig_at(server.address(), directory.path());
    let follower = Follower::start(who, &kubeconfig, "seen", "").await;
    follower.sees(&[("a", READY)]).await;
    cluster.create_pod(&b).await.unwrap();
    follower.sees(&[("a", READY), ("b", "Running unready")]).await;
    cluster.set_ready(&b, true).await.unwrap();
    cluster.pod_status(&a, &json!({"phase": "Failed"})).await.unwrap();
    follower.sees(&[("a", "Failed ready"), ("b", READY)]).await;
    cluster.delete_pod(&a).await.unwrap();
    follower.sees(&[("b", READY)]).await;
    assert_eq!(follower.lists(), 1, "one list, then watching");
    let again = cluster.create_pod(&b).await.unwrap_err();
    assert!(again.contains("already exists"), "{again}");
}

async fn a_selector_shows_what_matches_now(server: &AnyServer, who: Who) {
    let cluster = server.cluster();
    cluster.namespace("select").await.unwrap();
    let (a, b) = (pod("select", "a").label("app", "x"), pod("select", "b").label("app", "y"));
    cluster.create_pods(&[a, b.clone()]).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = server.kubeconfig_at(server.address(), directory.path());
    let follower = Follower::start(who, &kubeconfig, "select", "app=x,!gone").await;
    follower.sees(&[("a", READY)]).await;
    cluster.set_labels(&b, &json!({"app": "x"})).await.unwrap();
    follower.sees(&[("a", READY), ("b", READY)]).await;
    cluster.set_labels(&b, &json!({"gone": "yes"})).await.unwrap();
    follower.sees(&[("a", READY)]).await;
    let list = cluster.get("/api/v1/namespaces/select/pods?fieldSelector=metadata.name%3Db").await.unwrap();
    assert_eq!(list["items"][0]["metadata"]["name"], "b");
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
}

async fn what_happened_while_the_connection_was_cut_is_seen(server: &AnyServer, who: Who) {
    let cluster = server.cluster();
    cluster.namespace("cut").await.unwrap();
    let (a, b) = (pod("cut", "a"), pod("cut", "b"));
    cluster.create_pods(&[a.clone(), b]).await.unwrap();
    let link = Link::to(server.address()).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let follower =
        Follower::start(who, &server.kubeconfig_at(link.address, directory.path()), "cut", "").await;
    follower.sees(&[("a", READY), ("b", READY)]).await;
    link.cut();
    cluster.delete_pod(&a).await.unwrap();
    cluster.create_pod(&pod("cut", "c")).await.unwrap();
    link.mend();
    follower.sees(&[("b", READY), ("c", READY)]).await;
}

async fn what_happened_while_nothing_was_heard_is_seen(server: &AnyServer, who: Who) {
    let cluster = server.cluster();
    cluster.namespace("silent").await.unwrap();
    let (a, b) = (pod("silent", "a"), pod("silent", "b"));
    cluster.create_pods(&[a.clone(), b]).await.unwrap();
    let link = Link::to(server.address()).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = server.kubeconfig_at(link.address, directory.path());
    let follower = Follower::start(who, &kubeconfig, "silent", "").await;
    follower.sees(&[("a", READY), ("b", READY)]).await;
    link.silence();
    cluster.delete_pod(&a).await.unwrap();
    cluster.create_pod(&pod("silent", "c")).await.unwrap();
    follower.keeps(&[("a", READY), ("b", READY)], Duration::from_secs(2)).await;
    link.mend();
    follower.sees(&[("b", READY), ("c", READY)]).await;
}

async fn a_forgotten_resource_version_leads_to_a_new_list(server: &mut AnyServer, who: Who) {
    server.cluster().namespace("forget").await.unwrap();
    let (a, b) = (pod("forget", "a"), pod("forget", "b"));
    server.cluster().create_pods(&[a.clone(), b]).await.unwrap();
    let link = Link::to(server.address()).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = server.kubeconfig_at(link.address, directory.path());
    let follower = Follower::start(who, &kubeconfig, "forget", "").await;
    follower.sees(&[("a", READY), ("b", READY)]).await;
    link.cut();
    server.cluster().delete_pod(&a).await.unwrap();
    server.forget().await;
    link.mend();
    follower.sees(&[("b", READY)]).await;
    assert_eq!(follower.lists(), 2, "the deletion could only be learnt from another list");
}

async fn a_list_comes_in_pages(server: &AnyServer) {
    let cluster = server.cluster();
    cluster.namespace("pages").await.unwrap();
    let pods: Vec<Pod> = (0..5).map(|number| Pod::new("pages", &format!("pod-{number}"))).collect();
    cluster.create_pods(&pods).await.unwrap();
    let (mut names, mut next) = (Vec::new(), String::new());
    for page in 0..3 {
        let path = format!("/api/v1/namespaces/pages/pods?limit=2&continue={next}");
        let list = cluster.get(&path).await.unwrap();
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), if page < 2 { 2 } else { 1 });
        names.extend(items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()));
        next = list["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!((names.join(" ").as_str(), next.as_str()), ("pod-0 pod-1 pod-2 pod-3 pod-4", ""));
}

async fn a_watch_list_ends_with_a_bookmark(server: &AnyServer) {
    let cluster = server.cluster();
    cluster.namespace("stream").await.unwrap();
    cluster.create_pod(&Pod::new("stream", "a")).await.unwrap();
    let query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1";
    let text = cluster.get_text(&format!("/api/v1/namespaces/stream/pods?{query}")).await.unwrap();
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["type"], "ADDED");
    assert_eq!(events[0]["object"]["metadata"]["name"], "a");
    assert_eq!(events[1]["type"], "BOOKMARK");
    assert_eq!(events[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
}
