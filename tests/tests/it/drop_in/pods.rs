//! What becomes of the page while pods come, change and go in a real cluster.

use std::time::Instant;

use http::request::Parts;
use integration::drop_in::{DropIn, ups};
use integration::fake_target::{Behaviour, FakeTargets, TEXT};
use serde_json::json;

use super::stage::{SELECTOR, Stage, shows};

/// Whatever a situation leaves as it is.
const STAYS: (&str, u8) = ("a/stays", 1);

/// Says which path it was asked for.
fn told(request: &Parts) -> (u16, String) {
    (200, format!("asked{{path=\"{}\"}} 1\n", request.uri))
}

fn other(_: usize) -> Behaviour {
    Behaviour::Body(TEXT, "other_port 1\n".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_the_pods_of_the_cluster_as_they_are_now() {
    let _alone = crate::alone().await;
    let Some(stage) = Stage::set().await else { return };
    let targets = stage.network.targets(8080, |_| Behaviour::Depends(told)).expect("pods answer");
    let _others = stage.network.targets(8081, other).expect("pods answer");
    let unasked = stage.network.targets(80, other).expect("pods answer");
    stage.create(&stage.pod("a", "stays", 0, 8080)).await;
    let it = stage.start(SELECTOR).await;
    shows(&it, "the pod that was there before", &[STAYS]).await;

    ports_that_are_none(&stage, &it, &unasked).await;
    namespaces_and_labels(&stage, &it).await;
    host_network(&stage, &it).await;
    an_address_that_is_used_again(&stage, &it).await;
    a_name_that_is_used_again(&stage, &it).await;
    annotations_that_change(&stage, &it).await;
    phases(&stage, &it).await;
    a_slow_pod(&stage, &it, &targets).await;
    stage.asked_for_nothing_but(&[SELECTOR]);
}

async fn ports_that_are_none(stage: &Stage, it: &DropIn, unasked: &FakeTargets) {
    let pods = [(1, "8080,9090"), (2, "http"), (3, "70000"), (4, "-1")].map(|(number, port)| {
        let pod = stage.pod("n", &format!("bad-{number}"), number, 0);
        pod.annotation("prometheus.io/port", port)
    });
    for pod in &pods {
        stage.create(pod).await;
    }
    let down = [STAYS, ("n/bad-1", 0), ("n/bad-2", 0), ("n/bad-3", 0), ("n/bad-4", 0)];
    shows(it, "pods whose port is none", &down).await;
    assert_eq!(unasked.connections(), 0, "no port is guessed");
    stage.annotate(&pods[1], "port", "").await;
    let page = shows(
        it,
        "port 80 where none is said",
        &down.map(|(name, up)| (name, up.max(u8::from(name == "n/bad-2")))),
    )
    .await;
    assert!(page.contains("other_port{k8s_pod_name=\"bad-2\",k8s_namespace=\"n\"} 1\n"));
    for pod in &pods {
        stage.delete(pod).await;
    }
    shows(it, "none of them", &[STAYS]).await;
}

async fn namespaces_and_labels(stage: &Stage, it: &DropIn) {
    let (pod, namesake) = (stage.pod("n", "one", 5, 8080), stage.pod("a", "one", 6, 8080));
    let unlabelled = stage.pod("a", "not-selected", 7, 8080).label("app", "other");
    for pod in [&pod, &namesake, &unlabelled] {
        stage.create(pod).await;
    }
    shows(it, "pods of all namespaces", &[STAYS, ("n/one", 1), ("a/one", 1)]).await;
    stage.cluster().set_labels(&pod, &json!({"app": null})).await.expect("the label goes");
    stage.cluster().set_labels(&unlabelled, &json!({"app": "shown"})).await.expect("the label comes");
    shows(it, "labels that change", &[STAYS, ("a/not-selected", 1), ("a/one", 1)]).await;
    for pod in [&pod, &namesake, &unlabelled] {
        stage.delete(pod).await;
    }
    shows(it, "none of them", &[STAYS]).await;
}

async fn host_network(stage: &Stage, it: &DropIn) {
    let (first, second) = (stage.pod("n", "first", 8, 8080), stage.pod("n", "second", 8, 8081));
    let (first, second) = (first.host_network(), second.host_network());
    stage.create(&first).await;
    stage.create(&second).await;
    let page = shows(it, "both pods of one address", &[STAYS, ("n/first", 1), ("n/second", 1)]).await;
    assert!(
        page.contains("asked{k8s_pod_name=\"first\",k8s_namespace=\"n\",path=\"/metrics\"} 1\n"),
        "{page}"
    );
    assert!(page.contains("other_port{k8s_pod_name=\"second\",k8s_namespace=\"n\"} 1\n"), "{page}");
    stage.delete(&first).await;
    let page = shows(it, "only the deleted one goes", &[STAYS, ("n/second", 1)]).await;
    assert!(page.contains("other_port{k8s_pod_name=\"second\""), "{page}");
    stage.delete(&second).await;
    let kubelet = stage.pod("n", "kubelet", 8, 10250).host_network();
    stage.create(&kubelet).await;
    shows(it, "a port of the kubelet is not reached by annotation", &[STAYS, ("n/kubelet", 0)]).await;
    stage.delete(&kubelet).await;
    shows(it, "none of them", &[STAYS]).await;
}

async fn an_address_that_is_used_again(stage: &Stage, it: &DropIn) {
    let (old, new) = (stage.pod("n", "old", 9, 8080), stage.pod("n", "new", 9, 8080));
    stage.create(&old).await;
    shows(it, "the old pod", &[STAYS, ("n/old", 1)]).await;
    stage.create(&new).await;
    shows(it, "both", &[STAYS, ("n/old", 1), ("n/new", 1)]).await;
    stage.delete(&old).await;
    let page = shows(it, "the new pod stays", &[STAYS, ("n/new", 1)]).await;
    assert!(page.contains("asked{k8s_pod_name=\"new\""), "{page}");
    // An address that changes is no second pod.
    let status = new.clone().address(stage.network.pod(10)).status();
    stage.cluster().pod_status(&new, &status).await.expect("the address changes");
    shows(it, "the pod at its other address", &[STAYS, ("n/new", 1)]).await;
    stage.delete(&new).await;
    shows(it, "none of them", &[STAYS]).await;
}

async fn a_name_that_is_used_again(stage: &Stage, it: &DropIn) {
    let (old, new) = (stage.pod("n", "web-0", 11, 8080), stage.pod("n", "web-0", 12, 8081));
    stage.create(&old).await;
    shows(it, "the old pod", &[STAYS, ("n/web-0", 1)]).await;
    stage.delete(&old).await;
    stage.create(&new).await;
    for _ in 0..2 {
        let page = super::until_page_has(it, "other_port{k8s_pod_name=\"web-0\"").await;
        assert_eq!(ups(&page).len(), 2, "{page}");
        assert!(!page.contains("asked{k8s_pod_name=\"web-0\""), "{page}");
    }
    stage.delete(&new).await;
    shows(it, "none of them", &[STAYS]).await;
}

async fn annotations_that_change(stage: &Stage, it: &DropIn) {
    let pod = stage.pod("n", "flips", 13, 8080);
    let shown = [STAYS, ("n/flips", 1)];
    stage.create(&pod).await;
    shows(it, "an annotated pod", &shown).await;
    for (off, why) in [("false", "false"), ("", "removed"), ("True", "not exactly true")] {
        stage.annotate(&pod, "scrape", off).await;
        shows(it, why, &[STAYS]).await;
        stage.annotate(&pod, "scrape", "true").await;
        shows(it, "true again", &shown).await;
    }
    for (annotation, value, line) in [
        ("path", "/own?x=1", "asked{k8s_pod_name=\"flips\",k8s_namespace=\"n\",path=\"/own?x=1\"} 1\n"),
        ("path", "own", "asked{k8s_pod_name=\"flips\",k8s_namespace=\"n\",path=\"/own\"} 1\n"),
        ("path", "", "asked{k8s_pod_name=\"flips\",k8s_namespace=\"n\",path=\"/metrics\"} 1\n"),
        ("port", "8081", "other_port{k8s_pod_name=\"flips\",k8s_namespace=\"n\"} 1\n"),
        ("scheme", "https", "other_port{k8s_pod_name=\"flips\",k8s_namespace=\"n\"} 1\n"),
        ("port", "8080", "asked{k8s_pod_name=\"flips\",k8s_namespace=\"n\",path=\"/metrics\"} 1\n"),
    ] {
        stage.annotate(&pod, annotation, value).await;
        let page = super::until_page_has(it, line).await;
        let lines = page.lines().filter(|line| line.contains("k8s_pod_name=\"flips\"")).count();
        assert_eq!(lines, 2, "{annotation}={value}: {page}");
    }
    stage.delete(&pod).await;
    shows(it, "none of them", &[STAYS]).await;
}

async fn phases(stage: &Stage, it: &DropIn) {
    let pending = stage.pod("n", "pending", 14, 8080).phase("Pending").ready(false);
    let unready = stage.pod("n", "unready", 15, 8080).ready(false);
    let done = [stage.pod("n", "succeeded", 16, 8080), stage.pod("n", "failed", 17, 8080)];
    let ending = stage.pod("n", "ending", 18, 8080);
    let nowhere = integration::kubernetes::pod::Pod::new("n", "nowhere");
    let nowhere = nowhere.label("app", "shown").annotation("prometheus.io/scrape", "true");
    for pod in [&pending, &unready, &done[0], &done[1], &ending, &nowhere] {
        stage.create(pod).await;
    }
    let living = [STAYS, ("n/pending", 1), ("n/unready", 1), ("n/ending", 1)];
    shows(it, "all with an address", &[&living[..], &[("n/succeeded", 1), ("n/failed", 1)]].concat()).await;
    for (pod, phase) in done.iter().zip(["Succeeded", "Failed"]) {
        stage.cluster().pod_status(pod, &json!({"phase": phase})).await.expect("the phase changes");
    }
    stage.cluster().terminate_pod(&ending).await.expect("it is to end");
    shows(it, "those that have not finished", &living).await;
    let status = nowhere.clone().address(stage.network.pod(19)).status();
    stage.cluster().pod_status(&nowhere, &status).await.expect("the address comes");
    stage.annotate(&nowhere, "port", "8081").await;
    shows(it, "a pod that got its address", &[&living[..], &[("n/nowhere", 1)]].concat()).await;
    for pod in [&pending, &unready, &done[0], &done[1], &ending, &nowhere] {
        stage.delete(pod).await;
    }
    shows(it, "none of them", &[STAYS]).await;
}

async fn a_slow_pod(stage: &Stage, it: &DropIn, targets: &FakeTargets) {
    targets.set(20, Behaviour::Hang);
    let slow = stage.pod("n", "slow", 20, 8080);
    stage.create(&slow).await;
    shows(it, "the slow pod", &[STAYS, ("n/slow", 0)]).await;
    for (seconds, least, most) in [("2", 0.5, 2.0), ("30", 2.5, 4.5)] {
        let start = Instant::now();
        let header = [("X-Prometheus-Scrape-Timeout-Seconds", seconds)];
        let answer = it.get("/metrics", &header).await.expect("a page");
        let took = start.elapsed().as_secs_f64();
        assert!((least..most).contains(&took), "{seconds}: {took}");
        let expected = [("a/stays", "1"), ("n/slow", "0")].map(|(n, up)| (n.to_owned(), up.to_owned()));
        assert_eq!(ups(&answer.text()), expected, "{}", answer.text());
    }
    stage.delete(&slow).await;
    shows(it, "none of them", &[STAYS]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn selectors_are_those_of_kubernetes() {
    let _alone = crate::alone().await;
    let Some(stage) = Stage::set().await else { return };
    let _targets = stage.network.targets(8080, |_| Behaviour::Depends(told)).expect("pods answer");
    let pods = [("a/x", "x", "1"), ("a/y", "y", "2"), ("n/x", "x", ""), ("n/z", "z", "3")];
    for (number, (name, app, n)) in (0..).zip(pods) {
        let (namespace, name) = name.split_once('/').expect("both parts");
        let pod = stage.pod(namespace, name, number, 8080).label("app", app);
        stage.create(&if n.is_empty() { pod } else { pod.label("tier", n) }).await;
    }
    // The variable, what the API server is asked, the pods that are shown.
    let table = [
        ("app=x", "app=x", "a/x n/x"),
        ("app==x,tier", "app==x,tier", "a/x"),
        ("app!=x", "app!=x", "a/y n/z"),
        (" app in (x, y) , !tier,", "app in (x, y),!tier", "n/x"),
        ("app notin (x,z)", "app notin (x,z)", "a/y"),
        ("tier>1,tier<3", "tier>1,tier<3", "a/y"),
        ("app=nobody", "app=nobody", ""),
    ];
    for (selector, _, expected) in &table {
        let it = stage.start(selector).await;
        let up: Vec<(&str, u8)> = expected.split_whitespace().map(|name| (name, 1)).collect();
        let page = shows(&it, selector, &up).await;
        assert_eq!(page.is_empty(), expected.is_empty(), "{selector}: {page}");
    }
    stage.asked_for_nothing_but(&table.map(|(_, sent, _)| sent));
}
