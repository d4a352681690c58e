//! A relay that is told to end, and what it does until others have its targets.

use std::time::Duration;

use model::slice::Permission::Keep;

use super::coordinator::FakeCoordinator;
use super::fleet::{QUICK, RunningRelay, ask, assigned, delta, has, until, whole};
use super::target::FakeTarget;

const LONG: Duration = Duration::from_secs(60);
const SAMPLE: &str = r#"x{instance="a",job="j"} 1"#;

async fn relay_of(targets: &[&FakeTarget], most: Duration) -> (FakeCoordinator, RunningRelay) {
    let coordinator = FakeCoordinator::start().await;
    let named = ["a", "b"].iter().zip(targets);
    coordinator.push(&whole(1, named.map(|(name, target)| assigned(name, target, Keep)).collect())).await;
    let relay = RunningRelay::start_leaving(&coordinator.url(), None, QUICK, most).await;
    relay.ready().await;
    coordinator.hears(|heard| heard.acknowledged == [1] && heard.heartbeats > 1).await;
    (coordinator, relay)
}

#[tokio::test]
async fn it_says_so_and_serves_until_its_last_target_is_taken() {
    let (a, b) = (FakeTarget::start("x 1\n").await, FakeTarget::start("y 1\n").await);
    let (coordinator, relay) = relay_of(&[&a, &b], LONG).await;
    relay.ask_to_stop();
    let heard = coordinator.hears(|heard| heard.hellos.len() == 2).await;
    assert_eq!(heard.hellos.iter().map(|hello| hello.draining).collect::<Vec<_>>(), [false, true]);
    assert_eq!(heard.hellos[1].held.len(), 2);

    coordinator.push(&delta(2, Vec::new(), vec![assigned("b", &b, Keep).target.id])).await;
    let heard = coordinator.hears(|heard| heard.acknowledged == [1, 2]).await;
    coordinator.hears(|later| later.heartbeats > heard.heartbeats + 3).await;
    assert!(has(&relay.page().await, SAMPLE), "one target is left");
    assert_eq!(ask(relay.http, http::Method::GET, "/readyz", &[]).await.status(), 200, "pages are served");

    coordinator.push(&delta(3, Vec::new(), vec![assigned("a", &a, Keep).target.id])).await;
    until("it has ended", async || relay.has_ended()).await;
    relay.stop().await;
    let heard = coordinator.hears(|heard| heard.acknowledged == [1, 2, 3]).await;
    assert_eq!(heard.released.len(), 2, "said before the process ended");
}

#[tokio::test]
async fn one_that_holds_nothing_ends_at_once() {
    let (_coordinator, relay) = relay_of(&[], LONG).await;
    relay.ask_to_stop();
    until("it has ended", async || relay.has_ended()).await;
    relay.stop().await;
}

#[tokio::test]
async fn it_ends_when_nobody_takes_its_targets_in_time() {
    let a = FakeTarget::start("x 1\n").await;
    let (coordinator, relay) = relay_of(&[&a], Duration::from_millis(700)).await;
    let asked = tokio::time::Instant::now();
    relay.ask_to_stop();
    coordinator.hears(|heard| heard.hellos.len() == 2).await;
    assert!(has(&relay.page().await, SAMPLE));
    until("it has ended", async || relay.has_ended()).await;
    assert!(asked.elapsed() >= Duration::from_millis(700), "{:?}", asked.elapsed());
    relay.stop().await;
}

#[tokio::test]
async fn it_ends_when_there_is_no_coordinator_any_more_and_says_so_to_one_that_comes_meanwhile() {
    let a = FakeTarget::start("x 1\n").await;
    let (coordinator, relay) = relay_of(&[&a], LONG).await;
    relay.ask_to_stop();
    coordinator.hears(|heard| heard.hellos.len() == 2).await;
    let second = FakeCoordinator::start().await;
    let mut slice = whole(1, vec![assigned("a", &a, Keep)]);
    slice.reign = super::fleet::reign(2);
    second.push(&slice).await;
    coordinator.stop_leading(&second.address.to_string());
    let heard = second.hears(|heard| !heard.hellos.is_empty()).await;
    assert!(heard.hellos[0].draining);
    second.stop_leading("127.0.0.1:1");
    until("it has ended", async || relay.has_ended()).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_second_signal_ends_the_wait_at_once() {
    let a = FakeTarget::start("x 1\n").await;
    let (coordinator, relay) = relay_of(&[&a], LONG).await;
    relay.ask_to_stop();
    coordinator.hears(|heard| heard.hellos.len() == 2).await;
    relay.abort();
    until("it has ended", async || relay.has_ended()).await;
    relay.stop().await;
}
