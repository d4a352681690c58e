//! The cache of a process that is killed with SIGKILL in the middle of its writes.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::global::meter;
use relay::cache::{Cache, LayoutSource, Record};
use relay::instruments::CacheInstruments;
use tempfile::TempDir;

/// Names the directory in the process that is going to be killed.
const DIRECTORY: &str = "RELAY_TEST_CACHE_OF_A_VICTIM";
const TARGETS: u8 = 20;

fn open(dir: &std::path::Path) -> (Cache, relay::cache::Loaded) {
    Cache::open(dir, "relay-0", CacheInstruments::new(&meter("test")))
}

fn record(target: u8, round: i64) -> Record {
    let values = format!("{target} {round} ").repeat(400).into_bytes();
    Record { target: [target; 16], labels: 1, scraped_at: round, layout: [1; 16], values }
}

/// Writes round after round, and says which round is on disk, until it is killed.
#[tokio::test]
async fn victim() {
    let Some(dir) = std::env::var_os(DIRECTORY) else { return };
    let (cache, _) = open(dir.as_ref());
    for round in 1.. {
        for target in 0..TARGETS {
            let layout = LayoutSource { hash: [1; 16], body: Arc::new(|| b"tx 0\n".to_vec()) };
            cache.put(record(target, round), layout);
        }
        assert!(cache.flush(Duration::from_secs(20)).await);
        println!("flushed {round}");
    }
}

#[test]
fn what_was_flushed_before_a_sigkill_is_there_and_nothing_is_wrong() {
    for kill_after in [1, 7, 30] {
        let dir = TempDir::new().unwrap();
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["killed::victim", "--exact", "--nocapture"])
            .env(DIRECTORY, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
        // The test harness may print its own words on the same line.
        let rounds = lines.filter_map(|line| line.rsplit_once("flushed ")?.1.parse::<i64>().ok());
        let flushed = rounds.take_while(|round| *round <= kill_after).last().unwrap();
        victim.kill().unwrap();
        victim.wait().unwrap();
        let (cache, mut loaded) = open(dir.path());
        assert!(cache.is_on_disk());
        for target in 0..TARGETS {
            let (found, _) = loaded.take(&[target; 16]).expect("flushed, so it is there");
            assert!(found.scraped_at >= flushed, "{} after {flushed} was flushed", found.scraped_at);
            assert_eq!(found, record(target, found.scraped_at));
        }
    }
}
