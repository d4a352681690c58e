//! One hostile or broken target costs that target and nobody else.
//!
//! Twenty good targets stand behind one relay with every body of the corpus; the page is read by strict readers and
//! by real Prometheus servers.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use integration::bodies;
use integration::fake_target::FakeTargets;
use integration::fleet::{Coordinator, Relay};
use integration::hostile::{self, Hostile, Verdict};
use integration::http_client;
use integration::prometheus::{Prometheus, Version};
use integration::raw_target::RawTargets;
use integration::wait;
use model::exposition::entry::{Entry, Format, SampleLine};
use model::exposition::parse;

use crate::compare::{differences, snapshot};

mod stored;
pub(crate) mod strict;

const GOOD: usize = 20;
const MINUTE: Duration = Duration::from_secs(60);
const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";
const TEXT: &str = "text/plain;version=0.0.4";

/// Limits of Prometheus that are the product's defaults; redirects are not followed.
const LIMITS: &str = "\n  body_size_limit: 64MB\n  label_limit: 64\n  label_value_length_limit: 8192\n  follow_redirects: false\n  sample_limit: 500000";

/// Good targets and the corpus beside them.
struct Setup {
    good: FakeTargets,
    hostile: RawTargets,
    corpus: Vec<Hostile>,
    directory: tempfile::TempDir,
}

impl Setup {
    async fn start() -> Self {
        let good = FakeTargets::start(GOOD, bodies::mixed).await.expect("the good targets start");
        good.freeze();
        // Other numbers than the usual ones find other mistakes.
        let first = std::env::var("HOSTILE_FIRST").map_or(0, |first| first.parse().expect("a number"));
        let corpus = hostile::targets(first);
        let answers = corpus.iter().map(|target| target.answer.clone());
        let hostile = RawTargets::start(answers).await.expect("the hostile targets start");
        Self { good, hostile, corpus, directory: tempfile::tempdir().expect("a directory") }
    }

    fn good_job(&self) -> String {
        let targets: Vec<String> = self.good.addresses().iter().map(|at| format!("'{at}'")).collect();
        format!("- job_name: good\n  static_configs: [{{targets: [{}]}}]\n", targets.join(", "))
    }

    /// A job for each hostile target, so that pages can be asked for with some of them.
    fn hostile_jobs(&self, fields: &str) -> String {
        let mut jobs = String::new();
        for (number, address) in self.hostile.addresses().iter().enumerate() {
            let job = job(number);
            writeln!(jobs, "- job_name: {job}{fields}\n  static_configs: [{{targets: ['{address}']}}]")
                .expect("a String takes any text");
        }
        jobs
    }

    /// A coordinator with one relay for these jobs, once its page has that many targets.
    async fn relay(&self, name: &str, jobs: &str, targets: usize) -> (Coordinator, Relay) {
        let directory = self.directory.path().join(name);
        let config = format!("scrape_configs:\n{jobs}");
        let coordinator = Coordinator::start(&crate::program(), &config, &directory).await;
        let relay = Relay::start(&crate::program(), name, coordinator.grpc, &directory).await;
        let url = relay.url();
        wait::until("every target to be on the page", MINUTE, || async {
            let page = page(&url, TEXT).await?;
            let found = instances(&page).len();
            if found == targets { Ok(()) } else { Err(format!("{found} of {targets}: {}", first(&page))) }
        })
        .await;
        (coordinator, relay)
    }

    fn good_jobs(&self) -> impl Iterator<Item = String> {
        std::iter::once("good".to_owned())
    }

    fn good_addresses(&self) -> HashSet<String> {
        self.good.addresses().iter().map(ToString::to_string).collect()
    }

    fn write(&self, name: &str, page: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, page).expect("the page is written");
        path
    }

    fn target(&self, job: &str) -> Hostile {
        let number = job.trim_start_matches('h').parse::<usize>().expect("a job of the corpus");
        self.corpus[number].clone()
    }

    fn describe(&self, number: usize) -> String {
        let target = &self.corpus[number];
        let body =
            target.body.as_ref().map(|(_, body)| body.get(..4000).unwrap_or(body).escape_ascii().to_string());
        format!("{}: {}", target.name, body.unwrap_or_default())
    }
}

/// The instances that have an `up` of the relay's on a text page.
fn instances(page: &str) -> HashSet<String> {
    let samples = parse(Format::Text, page.as_bytes()).filter_map(|entry| match entry.ok()? {
        Entry::Sample(sample) if sample.name == "up" => Some(sample),
        _ => None,
    });
    let instance = |sample: SampleLine<'_>| {
        let (_, value) = sample.labels.iter().find(|(name, _)| name == "instance")?;
        Some(value.clone().into_owned())
    };
    samples.filter_map(instance).collect()
}

fn job(number: usize) -> String {
    format!("h{number:04}")
}

fn first(page: &str) -> String {
    page.chars().take(200).collect()
}

async fn page(url: &str, accept: &str) -> Result<String, String> {
    let headers = [("Accept", accept), ("X-Prometheus-Scrape-Timeout-Seconds", "30")];
    let answer = http_client::get(url, &headers).await?;
    if answer.status != 200 {
        return Err(format!("{}: {}", answer.status, answer.text()));
    }
    String::from_utf8(answer.body.to_vec()).map_err(|error| format!("a page that is not UTF-8: {error}"))
}

/// The URL of the page of some jobs.
fn jobs_url(url: &str, jobs: impl Iterator<Item = String>) -> String {
    let jobs: Vec<String> = jobs.map(|job| format!("job={job}")).collect();
    format!("{url}?{}", jobs.join("&"))
}

/// Every sample of the good targets on a page: labels, then value, timestamp and exemplar.
fn good_samples(format: Format, page: &str, addresses: &HashSet<String>) -> Vec<String> {
    let mut samples = Vec::new();
    for entry in parse(format, page.as_bytes()) {
        let Entry::Sample(sample) = entry.expect("the parser takes the page") else { continue };
        let labels: BTreeMap<_, _> = sample.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
        let timing = ["scrape_duration_seconds", "scrape_series_added"].contains(&&*sample.name);
        if labels.get("instance").is_some_and(|instance| addresses.contains(*instance)) && !timing {
            samples.push(format!("{} {labels:?} {:?}", sample.name, sample.tail));
        }
    }
    samples.sort();
    samples
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_says_to_every_case_what_the_corpus_says() {
    let _alone = crate::alone().await;
    let setup = Setup::start().await;
    let config = format!("{GLOBAL}scrape_configs:\n{}", setup.hostile_jobs(LIMITS));
    let directory = setup.directory.path().join("direct");
    let Some(prometheus) = Prometheus::start(Version::V3_15, &config, &directory).await else { return };
    let health =
        wait::until("every target to be scraped", MINUTE, || health(&prometheus, setup.corpus.len())).await;
    let mut wrong = Vec::new();
    for (number, target) in setup.corpus.iter().enumerate() {
        let up = health[&job(number)];
        // Prometheus has no limit for a response's head.
        let known = target.verdict.filter(|_| !target.name.starts_with("a header"));
        let expected = known.map(|verdict| matches!(verdict, Verdict::Up | Verdict::Refused));
        if expected.is_some_and(|expected| expected != up) {
            wrong.push(format!("up {up}: {}", setup.describe(number)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const GLOBAL: &str = "global: {scrape_interval: 5s, scrape_timeout: 5s}\n";

/// Which jobs' targets Prometheus itself holds to be up, once it has scraped that many.
async fn health(prometheus: &Prometheus, count: usize) -> Result<BTreeMap<String, bool>, String> {
    let answer = prometheus.api("targets?state=active").await?;
    let targets = answer["data"]["activeTargets"].as_array().ok_or("no targets")?;
    let known = targets.iter().filter(|target| target["health"] != "unknown");
    let health: BTreeMap<String, bool> = known
        .map(|target| {
            let job = target["labels"]["job"].as_str().unwrap_or_default();
            (job.to_owned(), target["health"] == "up")
        })
        .collect();
    if health.len() == count { Ok(health) } else { Err(format!("{} of {count} are", health.len())) }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_targets_change_no_sample_of_good_ones_and_strict_readers_take_the_page() {
    let _alone = crate::alone().await;
    let setup = Setup::start().await;
    let jobs = format!("{}{}", setup.good_job(), setup.hostile_jobs(""));
    let (_coordinator, relay) = setup.relay("with", &jobs, GOOD + setup.corpus.len()).await;
    let (_other, alone) = setup.relay("without", &setup.good_job(), GOOD).await;
    for (format, accept) in [(Format::Text, TEXT), (Format::OpenMetrics, OPENMETRICS)] {
        let with = page(&relay.url(), accept).await.expect("a page");
        let without = page(&alone.url(), accept).await.expect("a page");
        let addresses = setup.good_addresses();
        let (with, without) =
            (good_samples(format, &with, &addresses), good_samples(format, &without, &addresses));
        assert!(without.len() > GOOD * 15, "only {} samples", without.len());
        let changed: Vec<_> = with.iter().filter(|sample| !without.contains(sample)).take(5).collect();
        let lost: Vec<_> = without.iter().filter(|sample| !with.contains(sample)).take(5).collect();
        assert_eq!(with.len(), without.len(), "{format:?}: changed {changed:#?}, lost {lost:#?}");
        assert!(changed.is_empty(), "{format:?}: changed {changed:#?}, lost {lost:#?}");
    }
    promtool_takes_the_text_page(&setup, &relay.url()).await;
    a_strict_reader_takes_the_openmetrics_page(&setup, &relay.url()).await;
}

/// All targets but those of which promtool refuses their own samples.
async fn promtool_takes_the_text_page(setup: &Setup, url: &str) {
    let refused = |target: &Hostile| {
        let Some((kind, body)) = &target.body else { return false };
        let format = if kind.starts_with("app") { Format::OpenMetrics } else { Format::Text };
        strict::promtool_refuses(format, body)
    };
    let taken: Vec<usize> = (0..setup.corpus.len()).filter(|at| !refused(&setup.corpus[*at])).collect();
    assert!(taken.len() * 20 > setup.corpus.len() * 19, "only {} are asked for", taken.len());
    let url = jobs_url(url, setup.good_jobs().chain(taken.into_iter().map(job)));
    let text = setup.write("page.txt", &page(&url, TEXT).await.expect("a page"));
    for tool in ["promtool-2.42", "promtool-3.15"] {
        assert_eq!(strict::promtool(tool, &text).unwrap_or(Ok(())), Ok(()));
    }
}

/// All targets whose own page the reader takes, but for what cannot agree on one page.
async fn a_strict_reader_takes_the_openmetrics_page(setup: &Setup, url: &str) {
    let pages = stream::iter(0..setup.corpus.len()).map(|number| async move {
        let own = page(&jobs_url(url, [job(number)].into_iter()), OPENMETRICS).await.expect("a page");
        setup.write(&format!("{number}.om"), &strict::agreed(&own))
    });
    let pages: Vec<PathBuf> = pages.buffered(4).collect().await;
    let Some(verdicts) = strict::openmetrics(&pages) else { return };
    let taken: Vec<usize> = (0..pages.len()).filter(|at| verdicts[*at] == "ok").collect();
    assert!(taken.len() * 10 > pages.len() * 8, "only {} are taken alone", taken.len());
    let joined = jobs_url(url, setup.good_jobs().chain(taken.into_iter().map(job)));
    let joined = strict::agreed(&page(&joined, OPENMETRICS).await.expect("a page"));
    let verdicts = strict::openmetrics(&[setup.write("joined.om", &joined)]);
    assert_eq!(verdicts.expect("the reader was there before"), ["ok"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_prometheus_takes_the_page_and_stores_good_and_hostile_samples_as_it_would_directly() {
    let _alone = crate::alone().await;
    let setup = Setup::start().await;
    let directory = setup.directory.path();
    let direct = format!("{GLOBAL}scrape_configs:\n{}{}", setup.good_job(), setup.hostile_jobs(LIMITS));
    let direct = Prometheus::start(Version::V3_15, &direct, &directory.join("direct")).await;
    let Some(direct) = direct else { return };
    let jobs = format!("{}{}", setup.good_job(), setup.hostile_jobs(""));
    let (_coordinator, relay) = setup.relay("with", &jobs, GOOD + setup.corpus.len()).await;
    let scrape = format!(
        "scrape_configs:\n- job_name: relay\n  honor_labels: true\n  static_configs: [{{targets: ['{}']}}]\n",
        relay.metrics
    );
    let window = "storage: {tsdb: {out_of_order_time_window: 10m}}\n";
    let mut servers = Vec::new();
    for (name, version, more) in
        [("2.42", Version::V2_42, ""), ("3.15", Version::V3_15, ""), ("window", Version::V3_15, window)]
    {
        let config = format!("{GLOBAL}{more}{scrape}");
        let server = Prometheus::start(version, &config, &directory.join(name)).await;
        servers.extend(server.map(|server| (name, version, server)));
    }
    let all = setup.corpus.len() + 1;
    wait::until("every target to be scraped directly", MINUTE, || health(&direct, all)).await;
    for (name, version, server) in &servers {
        takes_the_page(name, server).await;
        stores_good_samples(name, &direct, server).await;
        if *version == Version::V3_15 {
            let found = stored::differences(&direct, server, |job| setup.target(job)).await;
            assert_eq!(found, Ok(Vec::new()), "{name}");
        }
    }
}

/// Not one scrape of the relay fails.
async fn takes_the_page(name: &str, server: &Prometheus) {
    wait::until("two scrapes of the relay", MINUTE, || async {
        match server.number(r#"count_over_time(up{job="relay"}[10m])"#).await? {
            scrapes if scrapes >= 2.0 => Ok(()),
            scrapes => Err(format!("{scrapes}: {}", server.log())),
        }
    })
    .await;
    let up = server.number(r#"min_over_time(up{job="relay"}[10m])"#).await;
    assert_eq!(up, Ok(1.0), "{name}: {:?}", last_error(server).await);
}

async fn stores_good_samples(name: &str, direct: &Prometheus, server: &Prometheus) {
    let good = r#"{job="good"}"#;
    let [direct, relayed] = [snapshot(direct, good).await, snapshot(server, good).await].map(Result::unwrap);
    assert!(direct.len() > GOOD * 15, "only {} series", direct.len());
    let found = differences(&direct, &relayed, &TIMING);
    assert!(found.is_empty(), "{name}: {} differ: {:#?}", found.len(), &found[..found.len().min(20)]);
}

/// Why the last scrape of the first target failed.
async fn last_error(prometheus: &Prometheus) -> Result<String, String> {
    let answer = prometheus.api("targets?state=active").await?;
    Ok(answer["data"]["activeTargets"][0]["lastError"].to_string())
}

/// Series whose values tell of the scrape itself, not of the target.
const TIMING: [&str; 2] = ["scrape_duration_seconds", "scrape_series_added"];
