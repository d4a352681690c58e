//! The page of a real cluster's pods as a real Prometheus takes it, whatever one of the pods answers.

use integration::prometheus::Version;

use super::stage::{SELECTOR, Stage, shows};

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_takes_the_page_of_a_cluster_whatever_one_pod_answers() {
    let _alone = crate::alone().await;
    let Some(stage) = Stage::set().await else { return };
    let targets = stage.network.targets(8080, super::plain).expect("pods answer");
    for number in 0..2 {
        stage.create(&stage.pod("n", &format!("pod-{number}"), number, 8080)).await;
    }
    let it = stage.start(SELECTOR).await;
    shows(&it, "both pods", &[("n/pod-0", 1), ("n/pod-1", 1)]).await;
    super::every_scenario_over(&it, &targets, Version::V3_15).await;
    stage.asked_for_nothing_but(&[SELECTOR]);
}
