//! How soon a page shows what has happened to a pod.

#![allow(clippy::print_stdout, reason = "what is measured is told")]

use std::time::{Duration, Instant};

use integration::bodies;
use integration::kubernetes::api_server::ApiServer;
use integration::kubernetes::network::Network;
use integration::kubernetes::pod::Pod;
use serde_json::json;

use super::watched::{PORT, Ups, Watched, job};

/// A scrape that begins so long after an event shows it.
const PROMISED: Duration = Duration::from_secs(1);
const BEFORE: u16 = 20;
const ROUNDS: u16 = 5;

fn pod(network: &Network, number: u16) -> Pod {
    let pod = Pod::new("shop", &format!("web-{number}")).label("app", "web");
    pod.address(network.pod(number)).port("metrics", PORT)
}

/// Scrapes again and again until a page shows what was just done; how long after that the scrape began and ended.
async fn shows(watched: &Watched, what: &str, wanted: impl Fn(&Ups) -> bool) {
    let event = Instant::now();
    loop {
        let begun = event.elapsed();
        let ups = watched.scrape().await.expect("the pages");
        if wanted(&ups) {
            println!("{what}: shown by the scrape from {begun:?} to {:?} after it", event.elapsed());
            return;
        }
        assert!(begun < PROMISED, "{what}: not shown by a scrape {begun:?} after it: {:?}", ups.up());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_a_pod_is_on_a_page_within_a_second_and_a_scrape() {
    let _alone = crate::alone().await;
    let Some(network) = Network::create() else { return };
    let Some(server) = ApiServer::start().await else { return };
    let _targets = network.targets(PORT, bodies::mixed).expect("the pods answer");
    let cluster = server.cluster();
    cluster.namespace("shop").await.expect("a namespace");
    let pods: Vec<Pod> = (0..BEFORE).map(|number| pod(&network, number)).collect();
    cluster.create_pods(&pods).await.expect("the pods");
    let watched = Watched::start(&job("pods", &server.kubeconfig(), "shop"), 2).await;
    let before: Vec<String> = pods.iter().map(|pod| format!("pods/{}", pod.name)).collect();
    watched.has(&before).await;

    for number in BEFORE..BEFORE + ROUNDS {
        let pod = pod(&network, number).ready(false);
        let name = format!("pods/{}", pod.name);
        cluster.create_pod(&pod).await.expect("a pod");
        cluster.set_ready(&pod, true).await.expect("it is ready");
        shows(&watched, "ready", |ups| ups.is_up(&name)).await;
        cluster.set_labels(&pod, &json!({"version": "2"})).await.expect("another label");
        shows(&watched, "label", |ups| ups.is_up(&name) && ups.labelled(&name, "version", "2")).await;
        let annotation = json!({"metadata": {"annotations": {"team": "blue"}}});
        cluster.merge(&pod.path(), &annotation).await.expect("an annotation");
        shows(&watched, "annotation", |ups| ups.is_up(&name) && ups.labelled(&name, "team", "blue")).await;
        cluster.set_ready(&pod, false).await.expect("it is not ready");
        shows(&watched, "unready", |ups| !ups.has(&name)).await;
        cluster.set_ready(&pod, true).await.expect("it is ready again");
        shows(&watched, "ready again", |ups| ups.is_up(&name)).await;
        cluster.delete_pod(&pod).await.expect("it is deleted");
        shows(&watched, "deleted", |ups| !ups.has(&name)).await;
    }
    watched.has(&before).await;
}
