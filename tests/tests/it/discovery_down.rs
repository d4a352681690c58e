//! A coordinator that restarts while a discovery is down takes nothing from relays.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use integration::bodies;
use integration::fake_target::{Behaviour, FakeTargets};
use integration::fleet::{Coordinator, Relay};
use integration::http_client;
use integration::wait;

const MINUTE: Duration = Duration::from_secs(60);
/// Targets 0 to 3 are listed in the file, 4 to 11 by the server that is number 12.
const LISTED: usize = 4;
const FOUND: std::ops::Range<usize> = 4..12;
const SERVER: usize = 12;

/// The values of `up` on one page, by instance.
type Ups = BTreeMap<String, String>;

fn addresses(targets: &FakeTargets, numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| targets.addresses()[number].to_string()).collect()
}

/// What the server of the discovery answers when it is there.
fn found(targets: &FakeTargets, numbers: std::ops::Range<usize>) -> Behaviour {
    let body = format!("[{{\"targets\": {:?}}}]", addresses(targets, numbers));
    Behaviour::Body("application/json", body.into())
}

fn config(targets: &FakeTargets, listed: std::ops::Range<usize>) -> String {
    format!(
        r"coordinator:
  expected_relays: 2
scrape_configs:
- job_name: listed
  static_configs:
  - targets: {:?}
- job_name: found
  http_sd_configs:
  - url: http://{}/
    refresh_interval: 1s
",
        addresses(targets, listed),
        targets.addresses()[SERVER]
    )
}

async fn page(relay: &Relay) -> Result<String, String> {
    let page = http_client::get(&relay.url(), &[]).await?;
    if page.status == 200 { Ok(page.text()) } else { Err(format!("{}: {}", page.status, page.text())) }
}

/// `up` of the targets of `job` on the relay's page.
async fn ups(relay: &Relay, job: &str) -> Result<Ups, String> {
    let (page, job) = (page(relay).await?, format!("job=\"{job}\""));
    let lines = page.lines().filter(|line| line.starts_with("up{") && line.contains(&job));
    let pair = |line: &str| {
        let (_, rest) = line.split_once("instance=\"")?;
        let (instance, _) = rest.split_once('"')?;
        Some((instance.to_owned(), line.rsplit(' ').next()?.to_owned()))
    };
    Ok(lines.filter_map(pair).collect())
}

/// The instances of `job` that any of the relays has.
async fn instances(relays: &[Relay], job: &str) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    for relay in relays {
        all.extend(ups(relay, job).await?.into_keys());
    }
    all.sort();
    Ok(all)
}

async fn has(relays: &[Relay], job: &str, mut wanted: Vec<String>) {
    wanted.sort();
    wait::until("the relays to have the targets", MINUTE, || async {
        match instances(relays, job).await? {
            all if all == wanted => Ok(()),
            all => Err(format!("job {job} has {all:?}")),
        }
    })
    .await;
}

/// A value of the coordinator's own metrics; 0 where there is none.
async fn own_metric(coordinator: &Coordinator, series: &str) -> Result<f64, String> {
    let page = http_client::get(&format!("http://{}/metrics", coordinator.http), &[]).await?.text();
    let value = page.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
    Ok(value.unwrap_or(0.0))
}

async fn is_served_from_cache(relays: &[Relay], instance: &str) -> Result<(), String> {
    for relay in relays {
        let page = page(relay).await?;
        let age = |line: &&str| line.starts_with("scraperelay_target_cache_age_seconds{");
        if page.lines().filter(age).any(|line| line.contains(instance)) {
            return Ok(());
        }
    }
    Err(format!("{instance} is not served from the cache"))
}

/// Waits until the discovery has failed so often that what it gave would be long gone, and looks at the pages all the
/// while.
async fn keeps(coordinator: &Coordinator, relays: &[Relay], before: &[Ups]) {
    let failures = "scraperelay_coordinator_sd_failures_total{mechanism=\"http\"}";
    wait::until("the discovery to fail for over 20 s", 2 * MINUTE, || async {
        for (relay, before) in relays.iter().zip(before) {
            let now = ups(relay, "found").await.expect("a page");
            assert_eq!(now, *before, "{} has lost or got targets", relay.name);
        }
        match own_metric(coordinator, failures).await? {
            failures if failures >= 22.0 => Ok(()),
            failures => Err(format!("{failures} failures")),
        }
    })
    .await;
}

/// What operators are told of a target.
fn explained(coordinator: &Coordinator, instance: &str) -> String {
    let mut command = crate::program().command();
    command.args(["explain", instance]).arg(format!("--server={}", coordinator.grpc));
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

async fn start(targets: &FakeTargets, directory: &Path) -> (Coordinator, Vec<Relay>) {
    let program = crate::program();
    let file = config(targets, 0..LISTED - 1);
    let coordinator = Coordinator::start(&program, &file, &directory.join("coordinator")).await;
    let mut relays = Vec::new();
    for name in ["relay-0", "relay-1"] {
        relays.push(Relay::start(&program, name, coordinator.grpc, directory).await);
    }
    has(&relays, "listed", addresses(targets, 0..LISTED - 1)).await;
    has(&relays, "found", addresses(targets, FOUND)).await;
    (coordinator, relays)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_restarts_while_a_discovery_is_down_takes_nothing_from_relays() {
    let _alone = crate::alone().await;
    let directory = tempfile::tempdir().expect("a directory");
    let targets = FakeTargets::start(SERVER + 1, bodies::mixed).await.expect("the targets start");
    targets.set(SERVER, found(&targets, FOUND));
    let (mut coordinator, mut relays) = start(&targets, directory.path()).await;
    let dead = targets.addresses()[FOUND.start].to_string();
    targets.set(FOUND.start, Behaviour::Close);
    wait::until("the copy of the dead target", MINUTE, || is_served_from_cache(&relays, &dead)).await;
    let mut before = Vec::new();
    for relay in &relays {
        before.push(ups(relay, "found").await.expect("a page"));
    }

    coordinator.kill();
    targets.set(SERVER, Behaviour::Status(503));
    let file = config(&targets, 1..LISTED);
    std::fs::write(coordinator.directory().join("config.yml"), file).expect("the configuration is written");
    coordinator.restart().await;

    // The other job does not wait: what its new configuration says is there, what it says no more is gone.
    has(&relays, "listed", addresses(&targets, 1..LISTED)).await;
    keeps(&coordinator, &relays, &before).await;
    is_served_from_cache(&relays, &dead).await.expect("the copy stays");
    let unlisted = "scraperelay_coordinator_unlisted_targets{job=\"found\"}";
    assert_eq!(own_metric(&coordinator, unlisted).await, Ok(FOUND.len() as f64));

    let told = explained(&coordinator, &dead);
    assert!(told.contains("by relay (relay-") && told.contains("only its relay knows it"), "{told}");

    // What a relay leaves behind goes to the other one, although no discovery has told of it.
    let mut lost = relays.pop().expect("there are two");
    lost.kill();
    has(&relays, "found", addresses(&targets, FOUND)).await;

    targets.set(SERVER, found(&targets, FOUND.start..FOUND.end - 3));
    has(&relays, "found", addresses(&targets, FOUND.start..FOUND.end - 3)).await;
    wait::until("all targets to be listed", MINUTE, || async {
        match own_metric(&coordinator, unlisted).await? {
            0.0 => Ok(()),
            count => Err(format!("{count} are not")),
        }
    })
    .await;
}
