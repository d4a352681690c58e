//! What a relay says of targets that it lets go, and what another makes of it.

use bytes::Bytes;
use model::slice::Permission::{Discard, Keep, None as LiveOnly, Record};
use model::slice::{Assignment, Permission};
use proto::assignment::v1::ReleasedTarget;

use super::coordinator::FakeCoordinator;
use super::fleet::{RunningRelay, assigned, delta, has, relay_with, whole};
use super::target::{Behaviour, FakeTarget};

const BODY: &str = "# HELP x_total what\n# TYPE x_total counter\nx_total{le=\"1\"} 4.10e1\n# TYPE h histogram\n\
    h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n";

/// What `coordinator` hears when it takes `gone`, as change number `revision`; all of it comes before the acknowledgement.
async fn taken(coordinator: &FakeCoordinator, revision: u64, gone: &[&Assignment]) -> Vec<ReleasedTarget> {
    let ids = gone.iter().map(|one| one.target.id).collect();
    coordinator.push(&delta(revision, Vec::new(), ids)).await;
    let heard = coordinator.hears(|heard| heard.acknowledged.last() == Some(&revision)).await;
    let before = heard.acknowledged.len() - 1;
    let said = heard.released.into_iter().filter(|(acknowledged, _)| *acknowledged == before);
    said.flat_map(|(_, targets)| targets).collect()
}

/// The lines of a page that the target said itself, and their metadata.
fn samples(page: &str) -> Vec<&str> {
    let own = |line: &&str| !line.contains("scrape") && !line.starts_with("up") && !line.contains(" up ");
    page.lines().filter(own).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_targets_record_goes_to_the_next_relay_which_shows_the_very_same_samples() {
    let a = FakeTarget::start(BODY).await;
    let held = assigned("a", &a, Keep);
    let (coordinator, relay) = relay_with(vec![held.clone()], None).await;
    let live = relay.page().await;
    a.set(Behaviour::Close);
    let cached = relay.page().await;
    assert_eq!(samples(&live), samples(&cached));
    assert_eq!(samples(&live).len(), 8, "{live}");

    let said = taken(&coordinator, 2, &[&held]).await;
    assert_eq!(said.len(), 1);
    assert!(!said[0].never_good && !said[0].record.is_empty());
    assert!(!relay.page().await.contains("instance="), "nothing of it is shown any more");
    assert_eq!(relay.metric("scraperelay_records_handed_over_total{result=\"sent\"}").await, 1.0);
    relay.stop().await;

    let (coordinator, relay) = relay_with(Vec::new(), None).await;
    let record = Some(Bytes::from(said[0].record.clone()));
    let handed = Assignment { record, ..assigned("a", &a, Record) };
    coordinator.push(&delta(2, vec![handed.clone()], Vec::new())).await;
    coordinator.hears(|heard| heard.acknowledged == [1, 2]).await;
    let page = relay.page().await;
    assert_eq!(samples(&page), samples(&live));
    assert!(has(&page, r#"up{instance="a",job="j"} 0"#), "{page}");

    let said_next = taken(&coordinator, 3, &[&handed]).await;
    assert!(said_next[0].never_good, "a record taken over is no good scrape");
    assert_eq!(said_next[0].record, said[0].record, "it can be handed on as it is");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_target_given_to_this_very_process_is_known_to_have_never_gone_well() {
    let (a, b, c) =
        (FakeTarget::start("x 1\n").await, FakeTarget::start("x 2\n").await, FakeTarget::start("").await);
    a.set(Behaviour::Close);
    b.set(Behaviour::Close);
    let (early, late, well) =
        (assigned("a", &a, Keep), assigned("b", &b, LiveOnly), assigned("c", &c, LiveOnly));
    let (coordinator, relay) = relay_with(vec![early.clone()], None).await;
    coordinator.push(&delta(2, vec![late.clone(), well.clone()], Vec::new())).await;
    coordinator.hears(|heard| heard.acknowledged == [1, 2]).await;
    relay.page().await;
    let said = taken(&coordinator, 3, &[&early, &late, &well]).await;
    let never: Vec<bool> = said.iter().map(|one| one.never_good).collect();
    assert_eq!(never, [false, true, false], "the first may have been good in an earlier process");
    assert!(said.iter().all(|one| one.record.is_empty()));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_record_of_a_target_that_is_well_or_live_only() {
    for (permission, dies) in [(Keep, false), (Discard, false), (LiveOnly, true)] {
        let a = FakeTarget::start("x 1\n").await;
        let held = assigned("a", &a, permission);
        let (coordinator, relay) = relay_with(vec![held.clone()], None).await;
        relay.page().await;
        if dies {
            a.set(Behaviour::Close);
            relay.page().await;
        }
        let said = taken(&coordinator, 2, &[&held]).await;
        assert!(said[0].record.is_empty() && !said[0].never_good, "{permission:?}: {said:?}");
        relay.stop().await;
    }
}

/// Numbers that no compression makes much smaller.
fn noise(samples: u64, seed: u64) -> String {
    let mut state = seed;
    let mut line = |number: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("x{{n=\"{number}\"}} {}\n", state >> 11)
    };
    (0..samples).map(&mut line).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_sent_in_messages_of_at_most_a_mebibyte_and_too_large_ones_are_left_out() {
    let mut targets = Vec::new();
    for number in 0..8 {
        let samples = if number == 3 { 200_000 } else { 40_000 };
        targets.push(FakeTarget::start(&noise(samples, number)).await);
    }
    let name = |at: usize| ["a", "b", "c", "d", "e", "f", "g", "h"][at];
    let give = |permission: Permission| {
        let all = targets.iter().enumerate();
        all.map(|(at, target)| assigned(name(at), target, permission)).collect::<Vec<_>>()
    };
    let (coordinator, relay) = relay_with(give(Keep), None).await;
    let asked = [("x-prometheus-scrape-timeout-seconds", "20")];
    let page = relay.ask(http::Method::GET, "/metrics", &asked).await;
    assert!(page.body().len() > 8 << 20, "{}", page.body().len());
    for target in &targets {
        target.set(Behaviour::Close);
    }
    relay.ask(http::Method::GET, "/metrics", &asked).await;

    coordinator.push(&whole(2, Vec::new())).await;
    let heard = coordinator.hears(|heard| heard.acknowledged == [1, 2]).await;
    assert!(heard.released.len() > 2, "{}", heard.released.len());
    for (_, message) in &heard.released {
        let size: usize = message.iter().map(|one| one.record.len() + 20).sum();
        assert!(size <= 1 << 20, "{size}");
    }
    let said: Vec<_> = heard.released.into_iter().flat_map(|(_, targets)| targets).collect();
    assert_eq!(said.len(), 8);
    assert_eq!(said.iter().filter(|one| one.record.is_empty()).count(), 1);
    assert_eq!(relay.metric("scraperelay_records_handed_over_total{result=\"too_large\"}").await, 1.0);
    assert_eq!(heard.hellos.len(), 1, "the stream is still the first");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_let_go_does_not_come_back_from_disk() {
    let dir = tempfile::TempDir::new().unwrap();
    let a = FakeTarget::start("x 1\n").await;
    let held = assigned("a", &a, Keep);
    let (coordinator, relay) = relay_with(vec![held.clone()], Some(dir.path())).await;
    relay.page().await;
    a.set(Behaviour::Close);
    relay.page().await;
    assert!(!taken(&coordinator, 2, &[&held]).await[0].record.is_empty());
    relay.kill().await;
    coordinator.push(&whole(3, vec![held])).await;
    let relay = RunningRelay::start(&coordinator.url(), Some(dir.path())).await;
    relay.ready().await;
    let page = relay.page().await;
    assert!(!page.contains("x{"), "{page}");
    relay.stop().await;
}
