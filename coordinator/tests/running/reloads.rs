//! What a changed configuration does.

use std::fs;
use std::time::Duration;

use coordinator::{Coordinator, Error};
use runtime::{Runtime, Shutdown, Telemetry};

use super::{FLEET, Running, get, started_with, until};

fn of(targets: &str) -> String {
    format!("scrape_configs:\n- job_name: j\n  static_configs:\n  - targets: [{targets}]\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_configuration_replaces_the_running_one_and_a_bad_one_does_not() {
    let many: Vec<String> = (0..30).map(|n| format!("h{n}:1")).collect();
    let running = Running::start(&of(&many.join(", "))).await;
    running.has(30).await;
    let good = "scraperelay_config_last_reload_successful 1";
    let bad = "scraperelay_config_last_reload_successful 0";
    until("the first read to count", || running.own_metric(good)).await;

    for broken in [&*of("a:1").replace("job_name", "job_nam"), "{", "scrape_configs: 1\n"] {
        running.write(broken);
        until("the bad read to count", || running.own_metric(bad)).await;
        assert_eq!(running.list("", 0, "").await.total_size, 30, "{broken}");
        running.write(&of(&many.join(", ")));
        until("the good read to count", || running.own_metric(good)).await;
    }
    // A change of the configuration is never held back, however much it removes.
    running.write(&of("a:1"));
    running.has(1).await;
    fs::remove_file(running.directory.path().join("config.yml")).expect("the test's own steps work");
    until("the missing file to count", || running.own_metric(bad)).await;
    assert_eq!(running.list("", 0, "").await.total_size, 1);
    running.write(&of("a:1, b:1"));
    running.has(2).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_loses_most_targets_is_read_twice_before_they_go() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("targets.json");
    let write = |count: usize| {
        let targets: Vec<String> = (0..count).map(|n| format!("\"h{n}:1\"")).collect();
        fs::write(&file, format!("[{{\"targets\": [{}]}}]", targets.join(", "))).expect("written");
    };
    write(30);
    let path = file.display();
    let config = format!("scrape_configs:\n- job_name: j\n  file_sd_configs:\n  - files: ['{path}']\n");
    let running = Running::start(&config).await;
    running.has(30).await;
    let held = |count| format!("scraperelay_coordinator_sd_mass_removal_held {count}");
    let changed = std::time::Instant::now();
    write(2);
    until("the removal to be held", || async { running.own_metric(&held(1)).await }).await;
    assert_eq!(running.list("", 0, "").await.total_size, 30);
    running.has(2).await;
    assert!(changed.elapsed() >= Duration::from_secs(5), "{:?}", changed.elapsed());
    assert!(running.own_metric(&held(0)).await);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reads_the_file_again() {
    let running = Running::start(&of("a:1")).await;
    running.has(1).await;
    let reloads = "scraperelay_config_reloads_total{result=\"ok\"} 1";
    assert!(!running.own_metric(reloads).await);
    let kill = std::process::Command::new("kill").args(["-HUP", &std::process::id().to_string()]).status();
    assert!(kill.expect("the test's own steps work").success());
    until("the read to count", || running.own_metric(reloads)).await;
    running.stop().await;
}

#[tokio::test]
async fn inline_secrets_go_to_relays_on_this_machine_only() {
    let directory = tempfile::tempdir().expect("the test's own steps work");
    let file = directory.path().join("config.yml");
    fs::write(&file, FLEET).expect("the test's own steps work");
    for (grpc, refused) in [("127.0.0.1:0", false), ("[::1]:0", false), ("0.0.0.0:0", true)] {
        let bound = Coordinator::bind(started_with(file.clone(), grpc)).await;
        assert_eq!(matches!(bound, Err(Error::InlineSecret { .. })), refused, "{grpc}");
        if let Err(error @ Error::InlineSecret { .. }) = bound {
            let told = error.to_string();
            assert!(told.contains("password_file") && !told.contains("s3cr3t"), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_brings_an_inline_secret_for_other_machines_is_refused() {
    let directory = tempfile::tempdir().expect("the test's own steps work");
    let file = directory.path().join("config.yml");
    fs::write(&file, of("a:1")).expect("the test's own steps work");
    let coordinator =
        Coordinator::bind(started_with(file.clone(), "0.0.0.0:0")).await.expect("the test's own steps work");
    let http = coordinator.bound().http;
    let shutdown = Shutdown::new();
    let rt = Runtime::new(Telemetry::metrics_only().expect("the test's own steps work"), shutdown.clone());
    let ended = tokio::spawn(coordinator.run(rt));
    fs::write(&file, FLEET).expect("the test's own steps work");
    until("the bad read to count", || async {
        let page = get(http, "/metrics").await.unwrap_or_default();
        page.lines().any(|line| line == "scraperelay_config_last_reload_successful 0")
    })
    .await;
    shutdown.drain();
    ended.await.expect("the test's own steps work").expect("the test's own steps work");
}
