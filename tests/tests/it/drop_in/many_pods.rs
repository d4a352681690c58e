//! Very many pods: what their page costs in memory, and how often they are connected to.

#![allow(clippy::print_stdout, reason = "what is measured is told")]

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use integration::drop_in::{DropIn, ups};
use integration::fake_target::{Behaviour, TEXT};
use integration::process_cost::ProcessCost;
use integration::wait;

use super::stage::{SELECTOR, Stage};

const PODS: u16 = 2000;
const SERIES: usize = 500;
/// Pods of one workload have the same series.
const WORKLOADS: usize = 20;
/// How many bodies a pod has, one after the other.
const TURNS: usize = 4;
/// Enough for a program that was not built for release; what is measured here is not time.
const PATIENCE: &str = "30s";

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_pods_cost_less_than_one_and_a_half_pages_and_are_connected_to_once() {
    let _alone = crate::alone().await;
    assert!(runtime::open_files::raise().suffice(4 * u64::from(PODS)), "too few files may be open");
    let Some(stage) = Stage::set().await else { return };
    let targets = stage.network.targets(8080, bodies()).expect("pods answer");
    let begun = Instant::now();
    let pods: Vec<_> =
        (0..PODS).map(|number| stage.pod("n", &format!("pod-{number}"), number, 8080)).collect();
    stage.cluster().create_pods(&pods).await.expect("the pods are made");
    println!("{PODS} pods were made in {:?}", begun.elapsed());
    let kubeconfig = stage.kubeconfig(stage.server.address()).await;
    let mut it = stage.start_with(&kubeconfig, (SELECTOR, PATIENCE)).await;
    ready(&it).await;
    let before = ProcessCost::of(it.process().id()).expect("it runs");
    println!("before the first page: {} MB, at most {} MB", before.rss >> 20, before.peak_rss >> 20);

    let page = whole(&mut it, "identity").await;
    let connections = targets.connections();
    assert_eq!(connections, u64::from(PODS), "the first page connects to every pod, once");
    // One after the other: what a page needed has to be there for the next one.
    for coding in ["identity", "gzip"].repeat(5) {
        whole(&mut it, coding).await;
    }
    assert_eq!(targets.scrapes(), 11 * u64::from(PODS), "every page asked every pod");
    let anew = targets.connections() - connections;
    assert!(anew < u64::from(PODS) / 100, "{anew} connections were made anew for ten pages");
    let peak = ProcessCost::of(it.process().id()).expect("it runs").peak_rss;
    assert!(peak < page + page / 2, "{peak} bytes of memory for a page of {page} bytes");
}

/// Set where the workspace is built, in `.cargo/config.toml`.
#[test]
fn memory_is_given_back_soon_after_a_page() {
    let mut command = crate::program().command();
    command.arg("--version").env("_RJEM_MALLOC_CONF", "stats_print:true");
    let output = command.output().expect("it runs");
    let settings = String::from_utf8_lossy(&output.stderr);
    for setting in ["opt.background_thread: true", "opt.dirty_decay_ms: 500", "opt.muzzy_decay_ms: 0"] {
        assert!(settings.contains(setting), "no {setting}: {settings}");
    }
}

async fn ready(it: &DropIn) {
    wait::until("the pods to be known", Duration::from_secs(60), || async {
        let answer = it.get("/readyz", &[]).await?;
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
}

/// Asks for the page, which has all samples of all pods; gives the bytes of it that were sent.
async fn whole(it: &mut DropIn, coding: &str) -> u64 {
    let begun = Instant::now();
    let answer = it.get("/metrics", &[("Accept-Encoding", coding)]).await.expect("a page");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let cost = ProcessCost::of(it.process().id()).expect("it runs");
    let bytes = answer.body.len();
    println!(
        "{coding}: {bytes} bytes in {:?}; {} MB of memory, at most {} MB, {:.2} of the page",
        begun.elapsed(),
        cost.rss >> 20,
        cost.peak_rss >> 20,
        cost.peak_rss as f64 / bytes as f64
    );
    if coding == "identity" {
        let page = answer.text();
        let up = ups(&page).iter().filter(|(_, up)| up == "1").count();
        assert_eq!(up, usize::from(PODS), "pods that are up");
        let samples = page.lines().filter(|line| line.starts_with("workload_")).count();
        assert_eq!(samples, usize::from(PODS) * SERIES, "samples of pods");
    }
    bytes as u64
}

/// What the pods answer: 500 series each, whose values differ from pod to pod and from page to page.
fn bodies() -> impl Fn(usize) -> Behaviour + Send + Sync + 'static {
    let bodies: Vec<Bytes> =
        (0..WORKLOADS * TURNS).map(|number| body(number / TURNS, number % TURNS)).collect();
    let turn = AtomicUsize::new(0);
    move |number| {
        let turn = turn.fetch_add(1, Ordering::Relaxed) % TURNS;
        Behaviour::Body(TEXT, bodies[number % WORKLOADS * TURNS + turn].clone())
    }
}

fn body(workload: usize, turn: usize) -> Bytes {
    let mut body = String::new();
    for family in 0..SERIES / 20 {
        let name = format!("workload_{workload:02}_part_{family:02}_requests_total");
        writeln!(body, "# HELP {name} Requests that were answered.\n# TYPE {name} counter")
            .expect("a string takes any text");
        for route in 0..20 {
            let value = 1_000_000 + turn * 100_000 + family * 1000 + route;
            writeln!(body, "{name}{{code=\"200\",route=\"/api/v1/orders/{route:02}\"}} {value}")
                .expect("a string takes any text");
        }
    }
    assert!((43_000..46_000).contains(&body.len()), "{} bytes are not about 44.8 kB", body.len());
    body.into()
}
