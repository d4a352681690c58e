//! What a page shows of targets that answer, fail and come back.

use http::Method;
use model::slice::Permission::{Discard, Keep, None as NoCopy};

use super::coordinator::FakeCoordinator;
use super::fleet::{RunningRelay, assigned, delta, has, relay_with, whole};
use super::target::{Behaviour, FakeTarget};

const UP: &str = r#"up{instance="a",job="j"} 1"#;
const DOWN: &str = r#"up{instance="a",job="j"} 0"#;

#[tokio::test]
async fn before_the_first_slice_the_page_is_503_and_an_empty_slice_is_an_empty_page() {
    let coordinator = FakeCoordinator::start().await;
    let relay = RunningRelay::start(&coordinator.url(), None).await;
    let refused = relay.ask(Method::GET, "/metrics", &[]).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.body().starts_with(b"this relay has no slice yet"));
    assert_eq!(refused.headers()["retry-after"], "1");
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(relay.ask(Method::GET, probe, &[]).await.status(), 404, "{probe} is on the other port");
    }
    assert_eq!(relay.ask(Method::HEAD, "/metrics", &[]).await.status(), 503);
    coordinator.push(&whole(1, Vec::new())).await;
    relay.ready().await;
    assert!(!relay.page().await.contains("up{"));
    relay.stop().await;
}

#[tokio::test]
async fn every_target_stands_on_the_page_with_its_labels_and_up() {
    let (a, b) = (FakeTarget::start("x_total 1\n").await, FakeTarget::start("x_total 2\ny 3\n").await);
    let (coordinator, relay) = relay_with(vec![assigned("a", &a, Keep), assigned("b", &b, Keep)], None).await;
    let page = relay.page().await;
    for line in [
        UP,
        r#"up{instance="b",job="j"} 1"#,
        r#"x_total{instance="a",job="j"} 1"#,
        r#"x_total{instance="b",job="j"} 2"#,
        r#"y{instance="b",job="j"} 3"#,
        r#"scrape_samples_scraped{instance="b",job="j"} 2"#,
        r#"scrape_series_added{instance="b",job="j"} 2"#,
    ] {
        assert!(has(&page, line), "{line} is missing in\n{page}");
    }
    a.body("x_total 5\n");
    let page = relay.page().await;
    assert!(has(&page, r#"x_total{instance="a",job="j"} 5"#));
    assert!(has(&page, r#"scrape_series_added{instance="a",job="j"} 0"#));
    assert!(relay.metric("scraperelay_cold_parses_total").await <= 2.0);
    assert_eq!(relay.metric("scraperelay_new_connections_total").await, 2.0);
    coordinator.hears(|heard| heard.acknowledged.contains(&1)).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_target_that_fails_in_any_way_is_down_and_its_last_series_stay_until_it_is_back() {
    let a = FakeTarget::start("x_total 1\n").await;
    let b = FakeTarget::start("z 9\n").await;
    let (coordinator, relay) = relay_with(vec![assigned("a", &a, Keep), assigned("b", &b, Keep)], None).await;
    assert!(has(&relay.page().await, UP));
    for (round, failure) in [
        Behaviour::Status(500),
        Behaviour::Close,
        Behaviour::Hang,
        Behaviour::Body("not an exposition".into()),
    ]
    .into_iter()
    .enumerate()
    {
        a.set(failure.clone());
        let page = relay.page().await;
        let last = format!(r#"x_total{{instance="a",job="j"}} {}"#, round + 1);
        assert!(has(&page, DOWN) && has(&page, &last), "{failure:?}:\n{page}");
        assert!(page.contains(r#"scraperelay_target_cache_age_seconds{instance="a",job="j"} "#), "{page}");
        assert!(has(&page, r#"z{instance="b",job="j"} 9"#), "the others go on");
        a.body(&format!("x_total {}\n", round + 2));
        let page = relay.page().await;
        assert!(
            has(&page, UP) && has(&page, &format!(r#"x_total{{instance="a",job="j"}} {}"#, round + 2)),
            "{page}"
        );
        assert!(!page.contains("scraperelay_target_cache_age_seconds{"), "{page}");
    }
    let stale = proto::assignment::v1::TargetState::StaleServed as i32;
    coordinator
        .hears(|heard| heard.statuses.iter().any(|it| it.state == stale && it.error_kind == "timeout"))
        .await;
    relay.stop().await;
}

#[tokio::test]
async fn hanging_targets_do_not_hold_a_page_beyond_its_time() {
    let mut targets = Vec::new();
    for _ in 0..20 {
        targets.push(FakeTarget::start("x 1\n").await);
    }
    let slice: Vec<_> =
        targets.iter().enumerate().map(|(n, it)| assigned(&format!("t{n}"), it, Keep)).collect();
    let (_coordinator, relay) = relay_with(slice, None).await;
    for target in targets.iter().take(10) {
        target.set(Behaviour::Hang);
    }
    let start = std::time::Instant::now();
    let headers = [("x-prometheus-scrape-timeout-seconds", "1.0")];
    let page = relay.ask(Method::GET, "/metrics", &headers).await.into_body();
    assert!(start.elapsed() < std::time::Duration::from_secs(1), "{:?}", start.elapsed());
    let page = String::from_utf8(page.to_vec()).unwrap();
    assert_eq!(
        page.lines().filter(|line| line.starts_with("up{") && line.ends_with(" 1")).count(),
        10,
        "{page}"
    );
    assert_eq!(page.lines().filter(|line| line.starts_with("up{") && line.ends_with(" 0")).count(), 10);
    relay.stop().await;
}

#[tokio::test]
async fn pages_asked_at_the_same_time_share_one_fan_out() {
    let a = FakeTarget::start("x 1\n").await;
    let (_coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], None).await;
    a.set(Behaviour::Hang);
    let (first, second) = tokio::join!(relay.page(), relay.page());
    assert!(has(&first, DOWN) && has(&second, DOWN));
    assert_eq!(a.requests(), 1);
    relay.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_scrapes_with_it() {
    let a = FakeTarget::start("x 1\n").await;
    let (_coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], None).await;
    a.set(Behaviour::Hang);
    let metrics = relay.metrics;
    let asking = tokio::spawn(async move { super::fleet::ask(metrics, Method::GET, "/metrics", &[]).await });
    super::fleet::until("the target is asked", async || a.requests() == 1).await;
    asking.abort();
    asking.await.ok();
    a.body("x 2\n");
    super::fleet::until("the next page is live", async || has(&relay.page().await, UP)).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_job_with_a_distance_between_scrapes_repeats_the_last_result() {
    let a = FakeTarget::start("x 1\n").await;
    let mut slow = assigned("a", &a, Keep);
    let mut target = (*slow.target).clone();
    target.min_interval = Some(std::time::Duration::from_secs(60));
    slow.target = target.into();
    let (coordinator, relay) = relay_with(vec![slow.clone()], None).await;
    assert!(has(&relay.page().await, r#"x{instance="a",job="j"} 1"#));
    a.body("x 2\n");
    let page = relay.page().await;
    assert!(has(&page, r#"x{instance="a",job="j"} 1"#) && has(&page, UP), "{page}");
    assert_eq!(a.requests(), 1);
    slow.permission = NoCopy;
    coordinator.push(&delta(2, vec![slow], Vec::new())).await;
    coordinator.hears(|heard| heard.acknowledged.contains(&2)).await;
    assert!(has(&relay.page().await, r#"x{instance="a",job="j"} 2"#), "under none it is scraped instead");
    relay.stop().await;
}

#[tokio::test]
async fn permissions_decide_what_a_failing_target_shows() {
    let a = FakeTarget::start("x 1\n").await;
    let (coordinator, relay) = relay_with(vec![assigned("a", &a, NoCopy)], None).await;
    assert!(has(&relay.page().await, UP));
    a.set(Behaviour::Status(500));
    let page = relay.page().await;
    assert!(has(&page, DOWN) && !page.contains("x{"), "under none nothing is served:\n{page}");
    coordinator.push(&delta(2, vec![assigned("a", &a, Keep)], Vec::new())).await;
    coordinator.hears(|heard| heard.acknowledged.contains(&2)).await;
    assert!(!relay.page().await.contains("x{"), "what was taken under none is gone when it ends");
    a.body("x 2\n");
    assert!(has(&relay.page().await, UP));
    a.set(Behaviour::Status(500));
    assert!(has(&relay.page().await, r#"x{instance="a",job="j"} 2"#));
    coordinator.push(&delta(3, vec![assigned("a", &a, Discard)], Vec::new())).await;
    coordinator.hears(|heard| heard.acknowledged.contains(&3)).await;
    assert!(!relay.page().await.contains("x{"), "discard drops the older copy");
    relay.stop().await;
}

#[tokio::test]
async fn a_target_that_leaves_the_slice_leaves_the_page() {
    let (a, b) = (FakeTarget::start("x 1\n").await, FakeTarget::start("x 2\n").await);
    let (coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], None).await;
    assert!(has(&relay.page().await, UP));
    let (first, second) = (assigned("a", &a, Keep), assigned("b", &b, Keep));
    coordinator.push(&delta(2, vec![second], vec![first.target.id])).await;
    coordinator.hears(|heard| heard.acknowledged.contains(&2)).await;
    let page = relay.page().await;
    assert!(!page.contains(r#"instance="a""#) && page.contains(r#"up{instance="b",job="j"} 1"#), "{page}");
    relay.stop().await;
}

#[tokio::test]
async fn the_page_speaks_the_scrapers_format_coding_and_methods() {
    let a = FakeTarget::start("x_total 1\n").await;
    let (_coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], None).await;
    let openmetrics = [("accept", "application/openmetrics-text;version=1.0.0"), ("accept-encoding", "gzip")];
    let response = relay.ask(Method::GET, "/metrics", &openmetrics).await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let content_type = response.headers()["content-type"].to_str().unwrap();
    assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"), "{content_type}");
    let mut page = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&response.body()[..]), &mut page)
        .unwrap();
    assert!(page.ends_with("# EOF\n") && page.contains(UP), "{page}");

    let head = relay.ask(Method::HEAD, "/metrics", &[]).await;
    assert!(head.status() == 200 && head.body().is_empty());
    assert!(head.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let post = relay.ask(Method::POST, "/metrics", &[]).await;
    assert_eq!((post.status().as_u16(), post.headers()["allow"].to_str().unwrap()), (405, "GET, HEAD"));
    assert_eq!(relay.ask(Method::GET, "/other", &[]).await.status(), 404);
    let other_job = relay.ask(Method::GET, "/metrics?job=other", &[]).await;
    assert!(other_job.status() == 200 && !String::from_utf8_lossy(other_job.body()).contains("up{"));
    let job = relay.ask(Method::GET, "/metrics?job=other&job=j", &[]).await;
    assert!(String::from_utf8_lossy(job.body()).contains(UP));
    relay.stop().await;
}

#[tokio::test]
async fn settings_that_change_take_hold_and_leave_what_is_remembered() {
    let (a, b) = (FakeTarget::start("x 1\n").await, FakeTarget::start("y 1\ny2 2\n").await);
    let slice = vec![assigned("a", &a, Keep), assigned("b", &b, Keep)];
    let (coordinator, relay) = relay_with(slice, None).await;
    assert!(has(&relay.page().await, UP));
    a.set(Behaviour::Status(500));
    let mut settings = model::slice::RelayConfig::default();
    settings.limits.samples = 1;
    let change = model::slice::SliceChange {
        config: Some(std::sync::Arc::new(settings.clone())),
        ..delta(2, Vec::new(), Vec::new())
    };
    coordinator.push(&change).await;
    coordinator.hears(|heard| heard.acknowledged.contains(&2)).await;
    let page = relay.page().await;
    assert!(
        has(&page, DOWN) && has(&page, r#"x{instance="a",job="j"} 1"#),
        "the copy outlives the change:\n{page}"
    );
    assert!(has(&page, r#"up{instance="b",job="j"} 0"#), "two samples are over the limit now:\n{page}");
    let limit = r#"scraperelay_target_limit_exceeded_total{limit="sample_limit"}"#;
    assert_eq!(relay.metric(limit).await, 1.0);
    settings.cache.enabled = false;
    let change = model::slice::SliceChange {
        config: Some(std::sync::Arc::new(settings)),
        ..delta(3, Vec::new(), Vec::new())
    };
    coordinator.push(&change).await;
    coordinator.hears(|heard| heard.acknowledged.contains(&3)).await;
    assert!(!relay.page().await.contains("x{"), "nothing is served from a cache that is off");
    relay.stop().await;
}
