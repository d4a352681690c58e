//! A page of very many targets, some of them hanging.

use std::collections::HashMap;
use std::io::Read as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use integration::fleet::{Coordinator, Relay};
use integration::http_client;
use integration::load::{Load, PODS};
use integration::raw_target::RawTargets;
use integration::wait;
use model::exposition::entry::{Entry, Format};
use model::exposition::parse;

const LOAD: Load = Load { targets: 2000, bytes: 50_000, hanging: 10 };

/// What Prometheus says in `X-Prometheus-Scrape-Timeout-Seconds`.
const HEADER: u64 = 10;

/// What one scrape of the page gave.
struct Scrape {
    took: Duration,
    /// `up` of each instance.
    ups: HashMap<String, bool>,
    /// Samples of each instance that its target sent.
    samples: HashMap<String, usize>,
}

async fn scrape(relay: &Relay, coding: &str) -> Scrape {
    let begun = Instant::now();
    let header = HEADER.to_string();
    let headers = [
        ("Accept", "text/plain;version=0.0.4"),
        ("Accept-Encoding", coding),
        ("X-Prometheus-Scrape-Timeout-Seconds", &header),
    ];
    let answer = http_client::get(&relay.url(), &headers).await.expect("a page");
    let took = begun.elapsed();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = answer.headers.get("content-encoding").map(|value| value.as_bytes());
    assert_eq!(sent.unwrap_or(b"identity"), coding.as_bytes());
    let body = if coding == "gzip" { inflate(&answer.body) } else { answer.body.to_vec() };
    read(&body, took)
}

fn inflate(body: &Bytes) -> Vec<u8> {
    let mut inflated = Vec::new();
    MultiGzDecoder::new(&**body).read_to_end(&mut inflated).expect("the page is gzip");
    inflated
}

fn read(body: &[u8], took: Duration) -> Scrape {
    let mut scrape = Scrape { took, ups: HashMap::new(), samples: HashMap::new() };
    for entry in parse(Format::Text, body) {
        let Entry::Sample(sample) = entry.expect("the parser takes the page") else { continue };
        let instance = sample.labels.iter().find(|(name, _)| name == "instance");
        let instance = instance.map(|(_, value)| value.clone().into_owned()).unwrap_or_default();
        if sample.name == "up" {
            let before = scrape.ups.insert(instance, sample.tail.number == 1.0);
            assert_eq!(before, None, "one `up` for a target");
        } else if sample.name.starts_with("workload_") {
            *scrape.samples.entry(instance).or_default() += 1;
        }
    }
    scrape
}

impl Scrape {
    /// Every target has its `up`, those that answer all their samples, all of it before the deadline.
    fn is_whole(&self, targets: &RawTargets) {
        assert!(self.took < Duration::from_secs(HEADER), "the last byte came after {:?}", self.took);
        assert_eq!(self.ups.len(), LOAD.targets);
        let workloads: Vec<usize> = (0..LOAD.targets).step_by(PODS).map(|pod| LOAD.samples(pod)).collect();
        for (number, address) in targets.addresses().iter().enumerate() {
            let instance = address.to_string();
            let hangs = LOAD.hangs(number);
            assert_eq!(self.ups.get(&instance), Some(&!hangs), "target {number}");
            let samples = if hangs { 0 } else { workloads[number / PODS] };
            assert_eq!(self.samples.get(&instance).copied().unwrap_or(0), samples, "target {number}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_slice_with_hanging_targets_is_served_in_time_and_remembered() {
    let _alone = crate::alone().await;
    assert!(runtime::open_files::raise().suffice(3 * LOAD.targets as u64), "too few files may be open");
    let targets = RawTargets::start(LOAD.answers()).await.expect("the targets start");
    let directory = tempfile::tempdir().expect("a directory");
    let coordinator = Coordinator::start(&crate::program(), &config(&targets), directory.path()).await;
    let relay = Relay::start(&crate::program(), "relay", coordinator.grpc, directory.path()).await;
    // A relay gets targets once a scraper has asked its page.
    wait::until("the relay to have its slice", Duration::from_secs(60), || async {
        http_client::get(&format!("{}?job=none", relay.url()), &[]).await?;
        match relay.own_metric("scraperelay_relay_targets").await? {
            held if held >= LOAD.targets as f64 => Ok(()),
            held => Err(format!("{held} targets")),
        }
    })
    .await;
    scrape(&relay, "identity").await.is_whole(&targets);

    let before = counts(&relay, &targets).await;
    scrape(&relay, "gzip").await.is_whole(&targets);
    let after = counts(&relay, &targets).await;
    assert_eq!(after.cold, before.cold, "cold parses on the second scrape");
    assert!(before.cold > 0.0, "a first scrape parses");
    let answering = LOAD.targets * (100 - LOAD.hanging) / 100;
    let hanging = LOAD.targets - answering;
    // Those that hang are connected to anew for every scrape.
    let reconnected = after.connections - before.connections - hanging as f64;
    assert!(reconnected < answering as f64 / 100.0, "{reconnected} of {answering} connected again");
    let accepted = after.accepted - before.accepted - hanging as f64;
    assert!(accepted < answering as f64 / 100.0, "{accepted} of {answering} were connected to again");
    assert!(after.shapes > 0.0, "shapes are counted");
    assert!(after.shapes * 10.0 < answering as f64, "{} shapes for {answering} targets", after.shapes);
    scrape(&relay, "identity").await.is_whole(&targets);
}

/// What is counted from scrape to scrape.
struct Counted {
    cold: f64,
    /// By the relay.
    connections: f64,
    /// By all targets.
    accepted: f64,
    shapes: f64,
}

async fn counts(relay: &Relay, targets: &RawTargets) -> Counted {
    Counted {
        cold: relay.own_metric("scraperelay_cold_parses_total").await.expect("own metrics"),
        connections: relay.own_metric("scraperelay_new_connections_total").await.expect("own metrics"),
        accepted: targets.connections() as f64,
        shapes: relay.own_metric("scraperelay_shapes").await.expect("own metrics"),
    }
}

fn config(targets: &RawTargets) -> String {
    let targets: Vec<String> = targets.addresses().iter().map(|at| format!("'{at}'")).collect();
    format!("scrape_configs:\n- job_name: load\n  static_configs: [{{targets: [{}]}}]\n", targets.join(", "))
}
