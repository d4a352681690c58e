//! A relay that has lost its coordinator.

use model::slice::Permission::Keep;

use super::coordinator::FakeCoordinator;
use super::fleet::{assigned, has, relay_with, until, whole};
use super::target::{Behaviour, FakeTarget};

const DOWN: &str = r#"up{instance="a",job="j"} 0"#;

#[tokio::test]
async fn alone_a_target_that_dies_has_no_series_until_contact_is_back() {
    let a = FakeTarget::start("x 1\n").await;
    let (coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], None).await;
    assert!(has(&relay.page().await, r#"x{instance="a",job="j"} 1"#));
    coordinator.stop_leading("127.0.0.1:1");
    until("alone", async || relay.metric("scraperelay_alone ").await == 1.0).await;
    assert!(has(&relay.page().await, r#"x{instance="a",job="j"} 1"#), "live results go on");
    a.set(Behaviour::Status(500));
    let page = relay.page().await;
    assert!(has(&page, DOWN) && !page.contains("x{"), "{page}");
    coordinator.lead();
    let page = relay.page_until("in contact again", |page| page.contains("x{")).await;
    assert!(has(&page, DOWN) && has(&page, r#"x{instance="a",job="j"} 1"#), "{page}");
    relay.stop().await;
}

#[tokio::test]
async fn alone_a_target_that_was_dead_at_contact_stays_until_it_was_scraped_live() {
    let a = FakeTarget::start("x 1\n").await;
    let (coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], None).await;
    relay.page().await;
    a.set(Behaviour::Status(500));
    relay.page().await;
    let stale = proto::assignment::v1::TargetState::StaleServed as i32;
    coordinator.hears(|heard| heard.statuses.iter().any(|it| it.state == stale)).await;
    let beats = coordinator.hears(|_| true).await.heartbeats;
    coordinator.hears(|heard| heard.heartbeats > beats + 2).await;
    coordinator.stop_leading("127.0.0.1:1");
    until("alone", async || relay.metric("scraperelay_alone ").await == 1.0).await;
    let page = relay.page().await;
    assert!(has(&page, DOWN) && has(&page, r#"x{instance="a",job="j"} 1"#), "{page}");
    a.body("x 2\n");
    assert!(has(&relay.page().await, r#"x{instance="a",job="j"} 2"#));
    a.set(Behaviour::Status(500));
    let page = relay.page().await;
    assert!(has(&page, DOWN) && !page.contains("x{"), "scraped live since:\n{page}");
    relay.stop().await;
}

#[tokio::test]
async fn an_older_reign_is_ignored_and_not_acknowledged() {
    let a = FakeTarget::start("x 1\n").await;
    let (coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], None).await;
    let mut old = whole(9, Vec::new());
    old.reign = super::fleet::reign(0);
    coordinator.push(&old).await;
    coordinator.push(&whole(10, vec![assigned("a", &a, Keep)])).await;
    coordinator.hears(|heard| heard.acknowledged == [1, 10]).await;
    assert!(has(&relay.page().await, r#"x{instance="a",job="j"} 1"#));
    relay.stop().await;
}

#[tokio::test]
async fn a_coordinator_that_freezes_makes_a_relay_alone_and_new_streams_without_a_slice_do_not_end_it() {
    let a = FakeTarget::start("x 1\n").await;
    let (coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], None).await;
    relay.page().await;
    coordinator.mute();
    until("alone", async || relay.metric("scraperelay_alone ").await == 1.0).await;
    coordinator.hears(|heard| heard.hellos.len() > 2).await;
    assert_eq!(relay.metric("scraperelay_alone ").await, 1.0);
    a.set(Behaviour::Status(500));
    assert!(!relay.page().await.contains("x{"));
    relay.stop().await;
}

#[tokio::test]
async fn a_relay_follows_to_the_leader_that_it_is_told_of_and_says_what_it_holds() {
    let a = FakeTarget::start("x 1\n").await;
    let (first, relay) = relay_with(vec![assigned("a", &a, Keep)], None).await;
    relay.page().await;
    let second = FakeCoordinator::start().await;
    let mut slice = whole(1, vec![assigned("a", &a, Keep)]);
    slice.reign = super::fleet::reign(2);
    second.push(&slice).await;
    first.stop_leading(&second.address.to_string());
    let heard = second.hears(|heard| heard.acknowledged == [1] && !heard.statuses.is_empty()).await;
    let hello = &heard.hellos[0];
    assert_eq!((hello.name.as_str(), hello.highest_epoch), ("r1", 1));
    assert_eq!(hello.held.len(), 1);
    assert_eq!(hello.held[0].samples, 1);
    assert_eq!(hello.advertise, relay.metrics.to_string());
    assert!(has(&relay.page().await, r#"x{instance="a",job="j"} 1"#));
    relay.stop().await;
}
