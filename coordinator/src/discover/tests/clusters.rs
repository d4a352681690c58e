//! Pods of an API server: what is said of them, and that nothing that goes wrong removes one.

use std::collections::BTreeMap;

use super::fake_cluster::{FakeCluster, pod};
use super::*;

/// What a discovery has said so far: addresses by pod.
struct Pods {
    running: Running,
    known: BTreeMap<String, String>,
    founds: usize,
}

async fn pods(cluster: &FakeCluster, more: &str) -> Pods {
    let yaml =
        format!("  kubernetes_sd_configs:\n  - {{role: pod, api_server: \"{}\"{more}}}\n", cluster.url());
    Pods { running: start(&yaml), known: BTreeMap::new(), founds: 0 }
}

fn address(group: &Group) -> String {
    match group {
        Group::Pod(pod) => pod.pod.ip.to_string(),
        Group::Whole(_) => panic!("not a pod: {group:?}"),
    }
}

impl Pods {
    async fn hear(&mut self) {
        match self.running.next().await {
            Report::Found(found) => {
                self.founds += 1;
                let key = |group: &Group| match group {
                    Group::Pod(pod) => pod.key.to_string(),
                    Group::Whole(_) => panic!("not a pod: {group:?}"),
                };
                self.known = found.groups.iter().map(|group| (key(group), address(group))).collect();
            }
            Report::Changed(changed) => {
                for (key, group) in changed.groups {
                    match group {
                        Some(group) => drop(self.known.insert(key.to_string(), address(&group))),
                        None => drop(self.known.remove(&*key)),
                    }
                }
            }
            Report::Failed(failed) => panic!("{failed:?}"),
        }
    }

    /// Waits until exactly these pods are known, each with its address.
    async fn are(&mut self, expected: &[(&str, &str)]) {
        let expected: BTreeMap<_, _> =
            expected.iter().map(|(name, ip)| (format!("pod/n/{name}"), (*ip).to_owned())).collect();
        while self.known != expected {
            self.hear().await;
        }
    }
}

#[tokio::test]
async fn pods_are_listed_in_pages_and_then_watched() {
    let cluster = FakeCluster::start().await;
    for name in ["a", "b", "c", "d", "e"] {
        cluster.set(name, "1");
    }
    let mut pods = pods(&cluster, "").await;
    pods.are(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1"), ("e", "1")]).await;
    cluster.set("a", "2");
    cluster.remove("b");
    cluster.set("f", "3");
    pods.are(&[("a", "2"), ("c", "1"), ("d", "1"), ("e", "1"), ("f", "3")]).await;
    assert_eq!((pods.founds, cluster.lists()), (1, 3), "changes are told one by one: {:?}", cluster.asked());
}

#[tokio::test]
async fn an_outage_removes_nothing_and_ends_where_it_began() {
    let cluster = FakeCluster::start().await;
    cluster.set("a", "1");
    cluster.set("b", "1");
    let mut pods = pods(&cluster, "").await;
    pods.are(&[("a", "1"), ("b", "1")]).await;
    // Each failure makes the next pause longer, so there are few.
    for failure in [(503, "", "<html>"), (403, "", "{}"), (401, "", "{}"), (429, "1", "{}")] {
        cluster.fail(Some(failure));
        let before = cluster.asked().len();
        while cluster.asked().len() == before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    cluster.remove("b");
    cluster.set("c", "1");
    cluster.fail(None);
    pods.are(&[("a", "1"), ("c", "1")]).await;
    assert_eq!((pods.founds, cluster.lists()), (1, 1), "{:?}", cluster.asked());
}

#[tokio::test]
async fn a_version_that_is_forgotten_is_listed_anew_and_only_then_replaced() {
    let cluster = FakeCluster::start().await;
    cluster.set("a", "1");
    cluster.set("b", "1");
    let mut pods = pods(&cluster, "").await;
    pods.are(&[("a", "1"), ("b", "1")]).await;
    cluster.fail(Some((503, "", "down")));
    cluster.remove("a");
    cluster.forget();
    cluster.fail(None);
    pods.are(&[("b", "1")]).await;
    assert_eq!(pods.founds, 2);
    let asked = cluster.asked();
    assert!(asked.iter().any(|asked| asked.contains("resourceVersion=3&resourceVersionMatch")), "{asked:?}");
}

#[tokio::test]
async fn a_pod_that_cannot_be_read_costs_only_itself() {
    let cluster = FakeCluster::start().await;
    cluster.set("a", "1");
    let mut bad = pod("b", "1");
    bad["spec"]["containers"] = serde_json::json!("none");
    cluster.set_object("b", bad.clone());
    cluster.set("c", "1");
    let mut pods = pods(&cluster, "").await;
    pods.are(&[("a", "1"), ("c", "1")]).await;
    bad["metadata"]["name"] = "a".into();
    cluster.set_object("a", bad);
    cluster.set("c", "2");
    pods.are(&[("a", "1"), ("c", "2")]).await;
}

#[tokio::test]
async fn a_token_that_changes_is_sent_without_losing_anything() {
    let cluster = FakeCluster::start().await;
    cluster.set("a", "1");
    let directory = tempfile::tempdir().expect("a directory");
    let token = directory.path().join("token");
    std::fs::write(&token, "one\n").expect("written");
    let more = format!(", authorization: {{credentials_file: \"{}\"}}", token.display());
    let mut pods = pods(&cluster, &more).await;
    pods.are(&[("a", "1")]).await;
    let asked = cluster.asked().len();
    std::fs::write(&token, "two\n").expect("written");
    // The watch begins anew with the new client, and from where it was.
    while cluster.asked().len() == asked {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    cluster.set("b", "1");
    pods.are(&[("a", "1"), ("b", "1")]).await;
    assert_eq!(cluster.lists(), 1);
}

#[tokio::test]
async fn selectors_and_namespaces_are_asked_of_the_server() {
    let cluster = FakeCluster::start().await;
    let more = ", namespaces: {names: [n, m]}, selectors: [{role: pod, label: x=y, field: a=b}]";
    let mut pods = pods(&cluster, more).await;
    cluster.set("a", "1");
    pods.are(&[("a", "1")]).await;
    let asked = cluster.asked();
    for namespace in ["n", "m"] {
        let of = format!("/api/v1/namespaces/{namespace}/pods?labelSelector=x%3Dy&fieldSelector=a%3Db&");
        assert!(asked.iter().any(|asked| asked.starts_with(&of)), "{asked:?}");
    }
}

#[tokio::test]
async fn one_namespace_that_is_forbidden_holds_up_the_others_for_a_while_only() {
    let cluster = FakeCluster::start().await;
    cluster.set("a", "1");
    cluster.forbid("/namespaces/m/");
    let mut pods = pods(&cluster, ", namespaces: {names: [n, m]}").await;
    pods.are(&[("a", "1")]).await;
    assert_eq!(pods.founds, 0, "the other namespace is not known");
    cluster.remove("a");
    pods.are(&[]).await;
    cluster.set("b", "1");
    pods.are(&[("b", "1")]).await;
    assert_eq!(pods.founds, 0);
}
