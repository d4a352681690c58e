//! Results that stand on a page which was asked for after they were scraped, and permissions that change meanwhile.

use std::sync::Arc;
use std::time::Duration;

use model::slice::Permission::{Discard, Keep, None as LiveOnly};
use model::slice::{Assignment, Permission};

use super::coordinator::FakeCoordinator;
use super::fleet::{RunningRelay, ask, assigned, delta, has, relay_with, until};
use super::target::{Behaviour, FakeTarget};

const UP: &str = r#"up{instance="a",job="j"} 1"#;
const FIRST: &str = r#"x{instance="a",job="j"} 1"#;
const SECOND: &str = r#"x{instance="a",job="j"} 2"#;

/// A target that its job wants scraped once a minute.
fn rarely(target: &FakeTarget, permission: Permission) -> Assignment {
    let often = assigned("a", target, permission);
    let mut target = (*often.target).clone();
    target.min_interval = Some(Duration::from_mins(1));
    Assignment { target: Arc::new(target), ..often }
}

async fn push(coordinator: &FakeCoordinator, revision: u64, assigned: Assignment) {
    coordinator.push(&delta(revision, vec![assigned], Vec::new())).await;
    coordinator.hears(|heard| heard.acknowledged.last() == Some(&revision)).await;
}

#[tokio::test]
async fn what_was_scraped_before_the_permission_changed_is_not_repeated_after_it() {
    for permissions in [[LiveOnly, Discard].as_slice(), &[Keep, Discard], &[Keep, LiveOnly, Keep]] {
        let a = FakeTarget::start("x 1\n").await;
        let (coordinator, relay) = relay_with(vec![rarely(&a, permissions[0])], None).await;
        assert!(has(&relay.page().await, FIRST));
        a.body("x 2\n");
        for (revision, permission) in (2..).zip(&permissions[1..]) {
            push(&coordinator, revision, rarely(&a, *permission)).await;
        }
        let page = relay.page().await;
        assert!(
            has(&page, SECOND),
            "another relay may have shown more than 1 meanwhile, {permissions:?}:\n{page}"
        );
        a.body("x 3\n");
        assert!(has(&relay.page().await, SECOND), "from now on a result stands for a minute");
        relay.stop().await;
    }
}

/// Asks for a page that lasts until `hanging` answers or its time is over, and waits until both targets are asked.
async fn slow_page(
    relay: &RunningRelay,
    (hanging, asked): (&FakeTarget, usize),
) -> tokio::task::JoinHandle<String> {
    let metrics = relay.metrics;
    let page = tokio::spawn(async move {
        let timeout = [("x-prometheus-scrape-timeout-seconds", "2")];
        let page = ask(metrics, http::Method::GET, "/metrics", &timeout).await;
        String::from_utf8(page.into_body().to_vec()).unwrap()
    });
    until("the hanging target is asked", async || hanging.requests() == asked).await;
    page
}

#[tokio::test]
async fn a_target_that_becomes_live_only_while_its_last_result_is_repeated_is_scraped_for_that_page() {
    let (a, b) = (FakeTarget::start("x 1\n").await, FakeTarget::start("y 1\n").await);
    let (coordinator, relay) = relay_with(vec![rarely(&a, Keep), assigned("b", &b, Keep)], None).await;
    assert!(has(&relay.page().await, FIRST));
    b.set(Behaviour::Hang);
    a.body("x 2\n");
    let page = slow_page(&relay, (&b, 2)).await;
    push(&coordinator, 2, rarely(&a, LiveOnly)).await;
    let page = page.await.unwrap();
    assert!(has(&page, SECOND) && has(&page, UP), "{page}");
    relay.stop().await;
}

#[tokio::test]
async fn a_page_shares_another_ones_results_only_where_no_target_is_live_only() {
    for (permission, shows) in [(Keep, FIRST), (LiveOnly, SECOND)] {
        let (a, b) = (FakeTarget::start("x 1\n").await, FakeTarget::start("y 1\n").await);
        let slice = vec![assigned("a", &a, permission), assigned("b", &b, Keep)];
        let (_coordinator, relay) = relay_with(slice, None).await;
        b.set(Behaviour::Hang);
        let first = slow_page(&relay, (&b, 1)).await;
        until("a is scraped", async || a.requests() == 1).await;
        a.body("x 2\n");
        let second = relay.page().await;
        assert!(has(&first.await.unwrap(), FIRST));
        assert!(has(&second, shows), "{permission:?}:\n{second}");
        relay.stop().await;
    }
}

#[tokio::test]
async fn a_target_that_becomes_live_only_while_a_page_runs_is_not_served_from_the_cache_on_it() {
    let (a, b) = (FakeTarget::start("x 1\n").await, FakeTarget::start("y 1\n").await);
    let slice = vec![assigned("a", &a, Keep), assigned("b", &b, Keep)];
    let (coordinator, relay) = relay_with(slice, None).await;
    relay.page().await;
    a.set(Behaviour::Close);
    assert!(has(&relay.page().await, FIRST));
    b.set(Behaviour::Hang);
    let page = slow_page(&relay, (&b, 3)).await;
    push(&coordinator, 2, assigned("a", &a, LiveOnly)).await;
    let page = page.await.unwrap();
    assert!(has(&page, r#"up{instance="a",job="j"} 0"#) && !page.contains("x{"), "{page}");
    relay.stop().await;
}

#[tokio::test]
async fn a_page_scrapes_beside_a_scrape_that_it_may_not_show() {
    let a = FakeTarget::start("x 1\n").await;
    let (_coordinator, relay) = relay_with(vec![assigned("a", &a, LiveOnly)], None).await;
    a.set(Behaviour::Hang);
    let first = slow_page(&relay, (&a, 1)).await;
    a.body("x 2\n");
    let second = relay.page().await;
    assert!(has(&second, SECOND) && has(&second, UP), "{second}");
    assert_eq!(a.requests(), 2);
    assert!(!first.await.unwrap().contains("x{"));
    relay.stop().await;
}

#[tokio::test]
async fn a_scrape_that_a_hurried_page_cut_off_is_not_repeated_where_there_is_more_time() {
    let a = FakeTarget::start("x 1\n").await;
    let mut rare = rarely(&a, Keep);
    Arc::make_mut(&mut rare.target).scrape_timeout = Duration::from_secs(10);
    let (_coordinator, relay) = relay_with(vec![rare], None).await;
    a.set(Behaviour::Hang);
    let hurried = slow_page(&relay, (&a, 1)).await.await.unwrap();
    assert!(!hurried.contains("x{"), "{hurried}");
    a.body("x 2\n");
    let patient = [("x-prometheus-scrape-timeout-seconds", "10")];
    let page = relay.ask(http::Method::GET, "/metrics", &patient).await;
    let page = String::from_utf8(page.into_body().to_vec()).unwrap();
    assert!(has(&page, SECOND) && has(&page, UP), "it is due in a minute only:\n{page}");
    relay.stop().await;
}
