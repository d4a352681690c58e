//! A relay that is stopped or killed and comes back.

use model::slice::Permission::{Discard, Keep};
use model::slice::SliceChange;
use relay::contact::Timings;
use tempfile::TempDir;

use super::coordinator::FakeCoordinator;
use super::fleet::{QUICK, RunningRelay, assigned, delta, has, relay_with, whole};
use super::target::{Behaviour, FakeTarget};

const DOWN: &str = r#"up{instance="a",job="j"} 0"#;
const LAST: &str = r#"x_total{instance="a",job="j"} 41"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_targets_last_good_scrape_comes_back_from_disk() {
    let dir = TempDir::new().unwrap();
    let a = FakeTarget::start("# TYPE x_total counter\nx_total 41\n").await;
    let (coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], Some(dir.path())).await;
    assert!(has(&relay.page().await, LAST));
    a.set(Behaviour::Close);
    relay.stop().await;
    let relay = RunningRelay::start(&coordinator.url(), Some(dir.path())).await;
    relay.ready().await;
    let page = relay.page().await;
    assert!(has(&page, DOWN) && has(&page, LAST), "{page}");
    assert_eq!(relay.metric("scraperelay_cache_enabled").await, 1.0);
    a.body("# TYPE x_total counter\nx_total 42\n");
    assert!(has(&relay.page().await, r#"x_total{instance="a",job="j"} 42"#));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_process_told_to_discard_serves_nothing_old() {
    let dir = TempDir::new().unwrap();
    let a = FakeTarget::start("x_total 41\n").await;
    let (coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], Some(dir.path())).await;
    assert!(has(&relay.page().await, LAST));
    a.set(Behaviour::Close);
    relay.stop().await;
    coordinator.push(&whole(2, vec![assigned("a", &a, Discard)])).await;
    let relay = RunningRelay::start(&coordinator.url(), Some(dir.path())).await;
    relay.ready().await;
    let page = relay.page().await;
    assert!(has(&page, DOWN) && !page.contains("x_total{"), "{page}");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_coordinator_a_relay_goes_on_with_the_slice_it_kept() {
    let dir = TempDir::new().unwrap();
    let (a, b) = (FakeTarget::start("x_total 41\n").await, FakeTarget::start("y 1\n").await);
    let slice = vec![assigned("a", &a, Keep), assigned("b", &b, Keep)];
    let (coordinator, relay) = relay_with(slice, Some(dir.path())).await;
    relay.page().await;
    coordinator.hears(|heard| heard.heartbeats > 2).await;
    relay.stop().await;
    drop(coordinator);
    a.set(Behaviour::Close);
    let nobody = FakeCoordinator::start().await;
    nobody.stop_leading("127.0.0.1:1");
    let relay = RunningRelay::start(&nobody.url(), Some(dir.path())).await;
    relay.ready().await;
    let page = relay.page().await;
    assert!(has(&page, r#"y{instance="b",job="j"} 1"#), "{page}");
    assert!(
        has(&page, DOWN) && !page.contains("x_total{"),
        "live only, since a was up at the last contact:\n{page}"
    );
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_on_one_directory_both_work_and_one_is_in_memory_only() {
    let dir = TempDir::new().unwrap();
    let a = FakeTarget::start("x_total 41\n").await;
    let (coordinator, first) = relay_with(vec![assigned("a", &a, Keep)], Some(dir.path())).await;
    let second = RunningRelay::start(&coordinator.url(), Some(dir.path())).await;
    second.ready().await;
    assert!(has(&first.page().await, LAST) && has(&second.page().await, LAST));
    assert_eq!(second.metric("scraperelay_cache_enabled").await, 0.0);
    assert_eq!(first.metric("scraperelay_cache_enabled").await, 1.0);
    second.stop().await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_aborted_in_the_middle_of_a_page_ends_at_once() {
    let a = FakeTarget::start("x 1\n").await;
    let (_coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], None).await;
    a.set(Behaviour::Hang);
    let metrics = relay.metrics;
    let asking = tokio::spawn(super::fleet::ask(metrics, http::Method::GET, "/metrics", &[]));
    super::fleet::until("the target is asked", async || a.requests() == 1).await;
    relay.kill().await;
    // The connection may be dropped before the answer that says so gets out.
    if let Ok(answer) = asking.await {
        assert_eq!(answer.status(), 503);
        assert!(answer.body().starts_with(b"this relay is stopping"), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_was_dead_at_the_last_contact_stays_through_a_quick_restart_without_a_coordinator() {
    let dir = TempDir::new().unwrap();
    let a = FakeTarget::start("x_total 41\n").await;
    let (coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], Some(dir.path())).await;
    relay.page().await;
    a.set(Behaviour::Close);
    assert!(has(&relay.page().await, LAST));
    let stale = proto::assignment::v1::TargetState::StaleServed as i32;
    let heard = coordinator.hears(|heard| heard.statuses.iter().any(|it| it.state == stale)).await;
    // The heartbeat after the report is echoed, and that contact is written down, before the next but one.
    coordinator.hears(|later| later.heartbeats > heard.heartbeats + 3).await;
    relay.stop().await;
    let nobody = FakeCoordinator::start().await;
    nobody.stop_leading("127.0.0.1:1");
    // On a busy machine the restart itself may take longer than the quick timings call quick.
    let timings = Timings { alone_after_end: std::time::Duration::from_secs(20), ..QUICK };
    let relay = RunningRelay::start_with(&nobody.url(), Some(dir.path()), timings).await;
    relay.ready().await;
    let page = relay.page().await;
    assert!(has(&page, DOWN) && has(&page, LAST), "{page}");
    a.body("x_total 42\n");
    assert!(has(&relay.page().await, r#"x_total{instance="a",job="j"} 42"#));
    a.set(Behaviour::Close);
    assert!(!relay.page().await.contains("x_total{"), "scraped live since");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_relay_says_so_from_its_first_word_on_after_a_restart_without_targets() {
    let dir = TempDir::new().unwrap();
    let a = FakeTarget::start("x 1\n").await;
    let (coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], Some(dir.path())).await;
    let gone = vec![assigned("a", &a, Keep).target.id];
    coordinator.push(&SliceChange { drained: Some(true), ..delta(2, Vec::new(), gone) }).await;
    coordinator.hears(|heard| heard.acknowledged == [1, 2]).await;
    relay.stop().await;
    let next = FakeCoordinator::start().await;
    let relay = RunningRelay::start(&next.url(), Some(dir.path())).await;
    let heard = next.hears(|heard| !heard.hellos.is_empty()).await;
    assert!(heard.hellos[0].drained && heard.hellos[0].held.is_empty());
    next.push(&SliceChange { drained: Some(false), ..whole(1, Vec::new()) }).await;
    next.hears(|heard| heard.acknowledged == [1]).await;
    relay.stop().await;
    let relay = RunningRelay::start(&next.url(), Some(dir.path())).await;
    let heard = next.hears(|heard| heard.hellos.len() == 2).await;
    assert!(!heard.hellos[1].drained);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coordinator_that_is_not_ready_hears_what_is_held_once_the_kept_slice_is_taken() {
    let dir = TempDir::new().unwrap();
    let a = FakeTarget::start("x 1\n").await;
    let (coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], Some(dir.path())).await;
    relay.stop().await;
    drop(coordinator);
    let settling = FakeCoordinator::start().await;
    let relay = RunningRelay::start(&settling.url(), Some(dir.path())).await;
    let heard = settling.hears(|heard| heard.hellos.len() == 2).await;
    let said = |at: usize| (heard.hellos[at].held.len(), heard.hellos[at].highest_epoch);
    assert_eq!(
        (said(0), said(1)),
        ((0, 1), (1, 1)),
        "what is held has to be known before anything is decided"
    );
    let mut slice = whole(1, vec![assigned("a", &a, Keep)]);
    slice.reign = super::fleet::reign(2);
    settling.push(&slice).await;
    settling.hears(|heard| heard.acknowledged == [1] && heard.hellos.len() == 2).await;
    relay.stop().await;
}
