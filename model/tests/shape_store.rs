//! The store of shapes: which bodies are parsed, and which are read by a shape that is known.

use model::exposition::entry::Format;
use model::exposition::store::{Ingested, Path, ShapeStore};
use model::exposition::transform::{SampleLimits, Transform};
use model::job::ScrapeSettings;
use model::labels::Labels;

/// The page of a pod of the workload that exposes this many counters.
fn page(counters: usize, value: usize) -> String {
    (0..counters).map(|counter| format!("c{counter} {value}\n")).collect()
}

/// Two pods of each of `workloads` in one job, first all of the first ones: how the second ones were read.
fn second_pods(workloads: &[String], others: &[String]) -> Vec<Path> {
    let store = ShapeStore::new();
    let labels = Labels::from_pairs([("job", "pods"), ("instance", "a:1")]);
    let transform =
        store.transform(Transform::new(&ScrapeSettings::new("pods"), &labels, &SampleLimits::default()));
    let read = |body: &String| {
        store.ingest(Format::Text, body.as_bytes(), &transform, None).expect("an accepted body")
    };
    let first: Vec<Ingested> = workloads.iter().map(read).collect();
    assert!(first.iter().all(|ingested| ingested.path == Path::Cold));
    others.iter().map(|body| read(body).path).collect()
}

#[test]
fn of_many_workloads_each_pod_but_the_first_is_read_without_parsing() {
    let (one, other): (Vec<_>, Vec<_>) =
        (1..500).map(|counters| (page(counters, 1), page(counters, 27))).unzip();
    assert!(second_pods(&one, &other).iter().all(|path| *path == Path::Known));
}

#[test]
fn workloads_with_as_many_lines_are_told_apart_as_far_as_the_bound_goes() {
    let name = |workload: usize, value: usize| format!("a 1\nw{workload} {value}\n");
    let (one, other): (Vec<_>, Vec<_>) =
        (0..16).map(|workload| (name(workload, 1), name(workload, 2))).unzip();
    assert!(second_pods(&one, &other).iter().all(|path| *path == Path::Known));
    let (one, other): (Vec<_>, Vec<_>) =
        (0..17).map(|workload| (name(workload, 1), name(workload, 2))).unzip();
    assert_eq!(second_pods(&one, &other)[0], Path::Cold, "the one used longest ago is forgotten");
}
