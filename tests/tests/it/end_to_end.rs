//! Through relays Prometheus stores what it would have stored by scraping every target itself.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use integration::bodies;
use integration::fake_target::{Behaviour, FakeTargets};
use integration::fleet::{Coordinator, Relay};
use integration::prometheus::{Prometheus, Version};
use integration::wait;

use crate::compare::{differences, snapshot};

const TARGETS: usize = 300;
const MINUTE: Duration = Duration::from_secs(60);
const ALL: &str = r#"{job=~"app|other"}"#;

/// Series whose values tell of the scrape itself, not of the target.
const TIMING: [&str; 2] = ["scrape_duration_seconds", "scrape_series_added"];

/// A fleet with one Prometheus behind relays and one that scrapes the targets itself.
struct Setup {
    targets: FakeTargets,
    coordinator: Coordinator,
    relays: Vec<Relay>,
    direct: Prometheus,
    relayed: Prometheus,
    _directory: tempfile::TempDir,
}

impl Setup {
    async fn start(version: Version) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let targets = FakeTargets::start(TARGETS, bodies::mixed).await.expect("the targets start");
        write_targets(&targets, &directory.path().join("targets.json"));
        let jobs = jobs(directory.path());
        let config = format!("{GLOBAL}{jobs}");
        let direct = Prometheus::start(version, &config, &directory.path().join("direct")).await?;
        let program = crate::program();
        let config = format!("coordinator: {{expected_relays: 3}}\n{jobs}");
        let coordinator = Coordinator::start(&program, &config, &directory.path().join("coordinator")).await;
        let mut relays = Vec::new();
        for number in 0..3 {
            let name = format!("relay-{number}");
            relays.push(Relay::start(&program, &name, coordinator.grpc, directory.path()).await);
        }
        let config = format!(
            "{GLOBAL}scrape_configs:\n- job_name: relays\n  honor_labels: true\n  http_sd_configs:\n  - url: http://{}/sd/prometheus\n    refresh_interval: 1s\n",
            coordinator.http
        );
        let relayed = Prometheus::start(version, &config, &directory.path().join("relayed")).await?;
        Some(Self { targets, coordinator, relays, direct, relayed, _directory: directory })
    }

    /// Waits until both servers hold the same, once the targets stand still.
    async fn same(&self) {
        self.targets.freeze();
        wait::until("both servers to store the same", 2 * MINUTE, || async {
            let direct = snapshot(&self.direct, ALL).await?;
            let relayed = snapshot(&self.relayed, ALL).await?;
            if direct.len() < TARGETS * 15 {
                return Err(format!("only {} series directly", direct.len()));
            }
            let found = differences(&direct, &relayed, &TIMING);
            if found.is_empty() {
                return Ok(());
            }
            let first: Vec<&String> = found.iter().take(5).collect();
            Err(format!("{} of {} differ: {first:#?}", found.len(), direct.len()))
        })
        .await;
    }

    async fn up(&self, count: usize) {
        wait::until("targets to be up", MINUTE, || async {
            match self.relayed.number(r#"sum(up{job=~"app|other"})"#).await? {
                up if up == count as f64 => Ok(()),
                up => Err(format!("{up} of {count} are up")),
            }
        })
        .await;
    }
}

const GLOBAL: &str = "global: {scrape_interval: 1s, scrape_timeout: 1s}\n";

fn write_targets(targets: &FakeTargets, file: &Path) {
    let mut out = String::from("[");
    for (number, address) in targets.addresses().iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let job = if number % 5 == 0 { r#", "job": "other""# } else { "" };
        write!(out, r#"{comma}{{"targets": ["{address}"], "labels": {{"zone": "z{}"{job}}}}}"#, number % 3)
            .expect("a String takes any text");
    }
    out.push(']');
    std::fs::write(file, out).expect("the target file is written");
}

fn jobs(directory: &Path) -> String {
    format!(
        r"scrape_configs:
- job_name: app
  file_sd_configs:
  - files: ['{}/targets.json']
  relabel_configs:
  - source_labels: [__address__]
    target_label: instance
  metric_relabel_configs:
  - source_labels: [__name__]
    regex: only_in_some_targets_2
    action: drop
",
        directory.display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_3_stores_through_relays_what_it_stores_directly() {
    let _alone = crate::alone().await;
    let Some(setup) = Setup::start(Version::V3_15).await else { return };
    setup.up(TARGETS).await;
    setup.same().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_2_stores_through_relays_what_it_stores_directly() {
    let _alone = crate::alone().await;
    let Some(setup) = Setup::start(Version::V2_42).await else { return };
    setup.up(TARGETS).await;
    setup.same().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_fails_is_down_and_its_series_go_on() {
    let _alone = crate::alone().await;
    let Some(setup) = Setup::start(Version::V3_15).await else { return };
    setup.up(TARGETS).await;
    let failures = [
        Behaviour::Close,
        Behaviour::Hang,
        Behaviour::Status(500),
        Behaviour::Body(integration::fake_target::TEXT, "broken{ 1\n".into()),
    ];
    for (number, behaviour) in failures.iter().enumerate() {
        setup.targets.set(number, behaviour.clone());
    }
    setup.up(TARGETS - failures.len()).await;
    let served = r#"count(scraperelay_target_cache_age_seconds{job=~"app|other"} > 2)"#;
    wait::until("cached scrapes to grow old", MINUTE, || async {
        match setup.relayed.number(served).await? {
            4.0 => Ok(()),
            other => Err(format!("{other} are served from the cache")),
        }
    })
    .await;
    for number in 0..failures.len() {
        let instance = setup.targets.addresses()[number];
        let series = setup.relayed.number(&format!(r#"count({{instance="{instance}"}})"#)).await;
        assert!(series.is_ok_and(|count| count > 15.0), "the series of {instance} are gone");
        setup.targets.reset(number);
    }
    setup.up(TARGETS).await;
    setup.same().await;
    let resets = setup.relayed.number(r#"sum(resets(http_requests_total{job=~"app|other"}[10m]))"#).await;
    assert_eq!(resets, Ok(0.0), "counters seemed to fall");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_relay_serves_what_it_last_exposed_of_a_dead_target() {
    let _alone = crate::alone().await;
    let Some(mut setup) = Setup::start(Version::V3_15).await else { return };
    setup.up(TARGETS).await;
    setup.targets.set(7, Behaviour::Close);
    setup.up(TARGETS - 1).await;
    let instance = setup.targets.addresses()[7].to_string();
    let mut owner = None;
    for relay in &mut setup.relays {
        let page = integration::http_client::get(&relay.url(), &[]).await.expect("a page").text();
        if page.lines().any(|line| line.starts_with("up{") && line.contains(&instance)) {
            owner = Some(relay);
        }
    }
    let owner = owner.expect("some relay owns the target");
    owner.restart().await;
    let url = owner.url();
    wait::until("the dead target's series after SIGKILL", MINUTE, || async {
        let page = integration::http_client::get(&url, &[]).await?.text();
        let series = page.lines().filter(|line| !line.starts_with('#') && line.contains(&instance));
        match series.clone().any(|line| line.starts_with("jobs_total{")) {
            true => Ok(()),
            false => {
                Err(format!("{} series of it: {:?}", series.clone().count(), series.collect::<Vec<_>>()))
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_coordinator_moves_nothing_and_no_page_stops() {
    let _alone = crate::alone().await;
    let Some(mut setup) = Setup::start(Version::V3_15).await else { return };
    setup.up(TARGETS).await;
    let owners = owners(&setup.relays).await;
    setup.coordinator.kill();
    for relay in &setup.relays {
        let page =
            integration::http_client::get(&relay.url(), &[]).await.expect("a page without a coordinator");
        assert_eq!(page.status, 200, "{}", page.text());
    }
    setup.coordinator.restart().await;
    let http = setup.coordinator.http;
    wait::until("the coordinator to lead again", MINUTE, || async {
        let answer = integration::http_client::get(&format!("http://{http}/sd/prometheus"), &[]).await?;
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
    setup.up(TARGETS).await;
    assert_eq!(self::owners(&setup.relays).await, owners, "targets moved");
    let led = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    wait::until("a scrape of each relay since", MINUTE, || async {
        let last = setup.relayed.number("min(timestamp(up{job=\"relays\"}))").await?;
        if last > led { Ok(()) } else { Err(format!("the last at {last}, led again at {led}")) }
    })
    .await;
    let lowest = setup.relayed.number("min(min_over_time(up{job=\"relays\"}[2m]))").await;
    assert_eq!(lowest, Ok(1.0), "a relay's page failed meanwhile");
}

/// Which `up` lines each relay's page has.
async fn owners(relays: &[Relay]) -> Vec<Vec<String>> {
    let mut owners = Vec::new();
    for relay in relays {
        let page = integration::http_client::get(&relay.url(), &[]).await.expect("a page").text();
        let lines = page.lines().filter(|line| line.starts_with("up{"));
        let mut lines: Vec<String> =
            lines.map(|line| line.split(" ").next().unwrap_or_default().to_owned()).collect();
        lines.sort();
        owners.push(lines);
    }
    owners
}
