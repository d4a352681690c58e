//! Watches over gRPC.

use proto::admin::v1::{ChangeType, WatchTargetsRequest};
use tonic::Code;

use super::{FLEET, Running, until};

/// Reads a watch up to its bookmark: types and instances, and the token.
async fn watched(running: &Running, resume_token: &str) -> (Vec<String>, String) {
    let request = WatchTargetsRequest { resume_token: resume_token.to_owned(), ..Default::default() };
    let answer = running.targets.clone().watch_targets(request).await.expect("the test's own steps work");
    let (mut messages, mut told) = (answer.into_inner(), Vec::new());
    loop {
        let message = messages.message().await.expect("a stream").expect("it goes on");
        let instance = message.target.iter().find_map(|target| target.labels.get("instance")).cloned();
        let kind = message.r#type();
        if kind == ChangeType::Bookmark {
            return (told, message.resume_token);
        }
        told.push(format!("{} {}", kind.as_str_name(), instance.unwrap_or_default()));
        if !resume_token.is_empty() && kind != ChangeType::Reset {
            return (told, message.resume_token);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_where_its_token_says() {
    let running =
        Running::start("scrape_configs:\n- job_name: j\n  static_configs: [{targets: ['a:1']}]\n").await;
    running.has(1).await;
    let (told, token) = watched(&running, "").await;
    assert_eq!(told, ["CHANGE_TYPE_RESET ", "CHANGE_TYPE_ADDED a:1"]);
    running.write("scrape_configs:\n- job_name: j\n  static_configs: [{targets: ['a:1', 'b:1']}]\n");
    running.has(2).await;
    let (told, later) = watched(&running, &token).await;
    assert_eq!(told, ["CHANGE_TYPE_ADDED b:1"]);
    running.write("scrape_configs:\n- job_name: j\n  static_configs: [{targets: ['b:1']}]\n");
    running.has(1).await;
    assert_eq!(watched(&running, &later).await.0, ["CHANGE_TYPE_REMOVED "]);
    let other = format!("other:{}", later.rsplit_once(':').expect("a token").1);
    assert_eq!(watched(&running, &other).await.0[0], "CHANGE_TYPE_RESET ");

    let request = WatchTargetsRequest { resume_token: "nonsense".to_owned(), ..Default::default() };
    let refused = running.targets.clone().watch_targets(request).await.expect_err("no token");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(running.own_metric("scraperelay_coordinator_target_watch_lists_total{reason=\"token\"} 1").await);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_watches_and_all_end_with_the_coordinator() {
    let running = Running::start(FLEET).await;
    running.has(4).await;
    let mut open = Vec::new();
    for _ in 0..32 {
        let answer = running.targets.clone().watch_targets(WatchTargetsRequest::default()).await;
        open.push(answer.expect("the test's own steps work").into_inner());
    }
    let refused = running.targets.clone().watch_targets(WatchTargetsRequest::default()).await;
    assert_eq!(refused.expect_err("there are too many").code(), Code::ResourceExhausted);
    drop(open.pop());
    until("a free place", || async {
        running.targets.clone().watch_targets(WatchTargetsRequest::default()).await.is_ok()
    })
    .await;
    running.shutdown.drain();
    for mut messages in open {
        while messages.message().await.is_ok_and(|message| message.is_some()) {}
    }
    running.stop().await;
}
