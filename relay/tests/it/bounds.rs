//! Bounds that are hit: a job's, a page's, a target's.

use std::sync::Arc;
use std::time::Duration;

use model::job::{OverTargetLimit, ScrapeSettings};
use model::slice::Permission::Keep;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::fleet::{assigned, delta, has, relay_with, until};
use super::target::{Behaviour, FakeTarget};

const UP: &str = r#"up{instance="a",job="j"} 1"#;
const DOWN: &str = r#"up{instance="a",job="j"} 0"#;

#[tokio::test]
async fn a_job_over_its_target_limit_is_down_without_a_request_or_a_copy_until_it_is_within_it() {
    let a = FakeTarget::start("x_total 1\n").await;
    let (coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], None).await;
    assert!(has(&relay.page().await, UP));
    let asked = a.requests();
    let with = |over_target_limit, revision| {
        let settings = ScrapeSettings { over_target_limit, ..ScrapeSettings::new("j") };
        let change = delta(revision, Vec::new(), Vec::new());
        model::slice::SliceChange { jobs: vec![Arc::new(settings)], ..change }
    };
    coordinator.push(&with(OverTargetLimit::of(3, 2), 2)).await;
    coordinator.hears(|heard| heard.acknowledged.contains(&2)).await;
    let page = relay.page().await;
    assert!(has(&page, DOWN) && !page.contains("x_total{"), "{page}");
    assert_eq!(a.requests(), asked, "nobody is asked");
    let limit = r#"scraperelay_target_limit_exceeded_total{limit="target_limit"}"#;
    assert_eq!(relay.metric(limit).await, 1.0);
    let sentence = "job \"j\" has 3 targets and may have 2";
    coordinator
        .hears(|heard| {
            heard.statuses.iter().any(|it| it.error_kind == "target_limit" && it.error.contains(sentence))
        })
        .await;
    coordinator.push(&with(None, 3)).await;
    coordinator.hears(|heard| heard.acknowledged.contains(&3)).await;
    assert!(has(&relay.page().await, UP));
    relay.stop().await;
}

#[tokio::test]
async fn a_page_whose_scraper_reads_too_slowly_is_cut_off_and_counted() {
    const TIMEOUT: Duration = Duration::from_secs(3);
    // Far more than what the sockets between them hold.
    let body: String = (0..300_000).map(|at| format!("a_metric{{number=\"{at}\"}} {at}\n")).collect();
    let a = FakeTarget::start(&body).await;
    let (_coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], None).await;
    let start = tokio::time::Instant::now();
    let mut slow = tokio::net::TcpStream::connect(relay.metrics).await.unwrap();
    let head = "GET /metrics HTTP/1.1\r\nHost: a\r\nX-Prometheus-Scrape-Timeout-Seconds: 3\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 15];
    slow.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    tokio::time::sleep_until(start + TIMEOUT).await;
    let mut rest = Vec::new();
    // Whether the end is seen as one or as a reset is up to the kernel; it is not the end of a whole page.
    let _reset = slow.read_to_end(&mut rest).await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "{} bytes, the whole page", rest.len());
    let late = r#"scraperelay_merged_scrapes_cut_off_total{reason="late"}"#;
    until("the page is counted", async || relay.metric(late).await == 1.0).await;
    // One that goes away in the middle is another case.
    let mut gone = tokio::net::TcpStream::connect(relay.metrics).await.unwrap();
    gone.write_all(head.as_bytes()).await.unwrap();
    gone.read_exact(&mut first).await.unwrap();
    drop(gone);
    let abandoned = r#"scraperelay_merged_scrapes_cut_off_total{reason="abandoned"}"#;
    until("the page is counted", async || relay.metric(abandoned).await == 1.0).await;
    assert_eq!(relay.metric(late).await, 1.0);
    relay.stop().await;
}

#[tokio::test]
async fn a_connection_to_a_target_that_never_answers_is_counted() {
    let a = FakeTarget::start("x 1\n").await;
    let (_coordinator, relay) = relay_with(vec![assigned("a", &a, Keep)], None).await;
    a.set(Behaviour::Hang);
    assert!(has(&relay.page().await, DOWN));
    assert_eq!(relay.metric("scraperelay_new_connections_total").await, 1.0);
    assert!(has(&relay.page().await, DOWN));
    assert_eq!(relay.metric("scraperelay_new_connections_total").await, 2.0);
    relay.stop().await;
}
