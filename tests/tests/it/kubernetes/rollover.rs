//! A thousand pods replaced while they are scraped: nobody else is lost, and Prometheus stores what it would have stored.

#![allow(clippy::print_stdout, reason = "what is measured is told")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use integration::bodies;
use integration::fake_target::FakeTargets;
use integration::kubernetes::api_server::ApiServer;
use integration::kubernetes::network::Network;
use integration::kubernetes::pod::Pod;
use integration::prometheus::{Prometheus, Version};
use integration::wait;

use super::watched::{MINUTE, PORT, Ups, Watched, job};
use crate::compare::{differences, snapshot};

const PODS: u16 = 1000;
/// How many are made, and as many of the old ones deleted, at a time.
const BATCH: usize = 100;
const EVERY: Duration = Duration::from_secs(1);
/// How long a machine with more to do than it can may take to show what has happened.
const SETTLED: Duration = Duration::from_secs(3);

/// Series whose values tell of the scrape itself, not of the target.
const TIMING: [&str; 2] = ["scrape_duration_seconds", "scrape_series_added"];

/// When what happened to a pod.
#[derive(Clone, Debug, Default)]
struct Life {
    ready: Option<Instant>,
    /// Before the API server was asked.
    deleting: Option<Instant>,
    deleted: Option<Instant>,
    /// A page has shown it.
    seen: bool,
}

type Lives = Arc<Mutex<BTreeMap<String, Life>>>;

fn note(lives: &Lives, pods: &[Pod], change: impl Fn(&mut Life)) {
    let mut lives = lives.lock().expect("no panic while held");
    pods.iter().for_each(|pod| change(lives.entry(format!("pods/{}", pod.name)).or_default()));
}

/// What is wrong with a round of scrapes that began then.
fn wrong(lives: &mut BTreeMap<String, Life>, ups: &Ups, begun: Instant) -> Vec<String> {
    let settled = |at: Option<Instant>| at.is_some_and(|at| at + SETTLED < begun);
    let mut wrong = Vec::new();
    for (name, life) in lives.iter_mut() {
        let up = ups.is_up(name);
        if life.deleting.is_none() && !up && (life.seen || settled(life.ready)) {
            wrong.push(format!("{name} is not up: {life:?}"));
        }
        if settled(life.deleted) && ups.has(name) {
            wrong.push(format!("{name} is still there: {life:?}"));
        }
        life.seen |= up;
    }
    wrong
}

/// Scrapes every second until told to stop; gives how often it has and everything that was wrong.
async fn scrape(watched: &Watched, lives: &Lives, stop: &AtomicBool) -> (usize, Vec<String>) {
    let (mut rounds, mut all) = (0, Vec::new());
    let mut ticks = tokio::time::interval(EVERY);
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let begun = Instant::now();
        match watched.scrape().await {
            Ok(ups) => all.extend(wrong(&mut lives.lock().expect("no panic while held"), &ups, begun)),
            Err(error) => all.push(error),
        }
        rounds += 1;
    }
    (rounds, all)
}

fn pods(network: &Network, generation: u16) -> Vec<Pod> {
    let pod = |number: u16| {
        let name = format!("web-{generation}-{number}");
        let pod = Pod::new("shop", &name).label("app", "web").label("version", &generation.to_string());
        let owner = format!("web-{generation}");
        pod.address(network.pod(generation * PODS + number)).port("metrics", PORT).owner("ReplicaSet", &owner)
    };
    (0..PODS).map(pod).collect()
}

async fn create(server: &ApiServer, lives: &Lives, pods: &[Pod]) {
    server.cluster().create_pods(pods).await.expect("the pods");
    let now = Instant::now();
    note(lives, pods, |life| life.ready = Some(now));
}

async fn delete(server: &ApiServer, lives: &Lives, pods: &[Pod]) {
    let now = Instant::now();
    note(lives, pods, |life| life.deleting = Some(now));
    server.cluster().delete_pods(pods).await.expect("they are deleted");
    let now = Instant::now();
    note(lives, pods, |life| life.deleted = Some(now));
}

/// One Prometheus that scrapes the pods itself, one that scrapes the relays.
struct Both {
    direct: Prometheus,
    relayed: Prometheus,
}

impl Both {
    async fn start(watched: &Watched, jobs: &str) -> Option<Self> {
        let global = "global: {scrape_interval: 5s, scrape_timeout: 5s}\nscrape_configs:\n";
        let at = |name: &str| watched.directory().join(name);
        let config = format!("{global}{jobs}");
        let direct = Prometheus::start(Version::V3_15, &config, &at("direct")).await?;
        let relays: Vec<String> = watched.relays.iter().map(|relay| relay.metrics.to_string()).collect();
        let config = format!(
            "{global}- job_name: relays\n  honor_labels: true\n  static_configs: [{{targets: {relays:?}}}]\n"
        );
        let relayed = Prometheus::start(Version::V3_15, &config, &at("relayed")).await?;
        Some(Self { direct, relayed })
    }

    async fn have(&self, query: &str) {
        wait::until("both servers to have the pods", 2 * MINUTE, || async {
            for server in [&self.direct, &self.relayed] {
                match server.number(query).await? {
                    up if up == f64::from(PODS) => {}
                    up => return Err(format!("{up} pods")),
                }
            }
            Ok(())
        })
        .await;
    }

    /// Both store the same now, and have stored the same series all the while.
    async fn agree(&self, targets: &FakeTargets) {
        targets.freeze();
        wait::until("both servers to store the same", 2 * MINUTE, || async {
            let direct = snapshot(&self.direct, r#"{job="pods"}"#).await?;
            let relayed = snapshot(&self.relayed, r#"{job="pods"}"#).await?;
            let found = differences(&direct, &relayed, &TIMING);
            match found.first() {
                None => Ok(()),
                Some(first) => Err(format!("{} of {} differ: {first}", found.len(), direct.len())),
            }
        })
        .await;
        let all = r#"last_over_time({job="pods"}[1h])"#;
        let direct = snapshot(&self.direct, all).await.expect("what was stored");
        let relayed = snapshot(&self.relayed, all).await.expect("what was stored");
        let (direct, relayed): (BTreeSet<_>, BTreeSet<_>) =
            (direct.into_keys().collect(), relayed.into_keys().collect());
        let found: Vec<_> = direct.symmetric_difference(&relayed).take(5).collect();
        assert!(found.is_empty(), "{} and {} series: {found:#?}", direct.len(), relayed.len());
        println!("both have stored the same {} series in all", direct.len());
        for server in [&self.direct, &self.relayed] {
            let down = server.query(r#"min_over_time(up{job="pods"}[1h]) == 0"#).await.expect("an answer");
            assert!(down.is_empty(), "{} pods were down, such as {:?}", down.len(), down.first());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_pods_are_replaced_and_no_scrape_of_another_is_lost() {
    let _alone = crate::alone().await;
    assert!(runtime::open_files::raise().suffice(4 * u64::from(PODS)), "too few files may be open");
    let Some(network) = Network::create() else { return };
    let Some(server) = ApiServer::start().await else { return };
    let targets = network.targets(PORT, bodies::mixed).expect("the pods answer");
    server.cluster().namespace("shop").await.expect("a namespace");
    let [old, new] = [0, 1].map(|generation| pods(&network, generation));
    let lives = Lives::default();
    create(&server, &lives, &old).await;
    let jobs = job("pods", &server.kubeconfig(), "shop");
    let watched = Watched::start(&jobs, 3).await;
    let names: Vec<String> = old.iter().map(|pod| format!("pods/{}", pod.name)).collect();
    watched.has(&names).await;
    let Some(both) = Both::start(&watched, &jobs).await else { return };
    both.have(r#"sum(up{job="pods"})"#).await;

    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let roll = async {
        for (old, new) in old.chunks(BATCH).zip(new.chunks(BATCH)) {
            create(&server, &lives, new).await;
            delete(&server, &lives, old).await;
        }
        println!("{PODS} pods were replaced in {:?}", begun.elapsed());
        both.have(r#"sum(up{job="pods",version="1"})"#).await;
        stop.store(true, Ordering::Relaxed);
    };
    let ((), (rounds, wrong)) = tokio::join!(roll, scrape(&watched, &lives, &stop));
    assert!(wrong.is_empty(), "{} times: {:#?}", wrong.len(), wrong.iter().take(5).collect::<Vec<_>>());
    println!("{rounds} rounds of scrapes have lost nothing");
    both.agree(&targets).await;
}
