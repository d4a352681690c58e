//! Seeds: whatever goes wrong, the protocol keeps its promises.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use integration::simulation::{Outcome, run_seed};

/// How many seeds are run where nothing else is said.
const SEEDS: u64 = 500;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")))
}

/// The seeds to run: `SCRAPE_RELAY_SEED` for one, `SCRAPE_RELAY_SEEDS` for how many.
fn seeds() -> std::ops::Range<u64> {
    if let Some(one) = number("SCRAPE_RELAY_SEED") {
        return one..one + 1;
    }
    0..number("SCRAPE_RELAY_SEEDS").unwrap_or(SEEDS)
}

fn run_all(seeds: std::ops::Range<u64>) -> Vec<(u64, Outcome)> {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut failed = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return failed;
            }
            let outcome = run_seed(seed);
            if !outcome.violations.is_empty() {
                let first = &outcome.violations[0];
                eprintln!("seed {seed}: {:?}: {}", first.property, first.text);
                failed.push((seed, outcome));
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a seed does not panic")).collect()
    })
}

#[test]
fn whatever_goes_wrong_the_promises_are_kept() {
    let mut failed = run_all(seeds());
    failed.sort_by_key(|(seed, _)| *seed);
    let Some((seed, outcome)) = failed.first() else { return };
    let all: Vec<_> = failed.iter().map(|(seed, _)| *seed).collect();
    panic!(
        "{} seeds fail: {all:?}\nthe first, again with SCRAPE_RELAY_SEED={seed}:\n{}{:#?}",
        failed.len(),
        outcome.written,
        outcome.violations
    );
}
