//! The cache on a real disk.

use std::fs;
use std::path::{Path, PathBuf};

use opentelemetry::global::meter;
use tempfile::TempDir;

use super::*;

const BOUND: Duration = Duration::from_secs(20);

fn instruments() -> CacheInstruments {
    CacheInstruments::new(&meter("test"))
}

fn open(dir: &Path) -> (Cache, Loaded) {
    Cache::open(dir, "relay-0", instruments())
}

fn layout(n: u8) -> LayoutSource {
    LayoutSource { hash: [n; 16], body: Arc::new(move || format!("metric_{n} 0\n").into_bytes()) }
}

fn record(n: u8, scraped_at: i64) -> Record {
    Record { target: [n; 16], labels: 1, scraped_at, layout: [1; 16], values: vec![n; 300] }
}

/// A directory whose store holds records 0 to 19, scraped at 1000 to 1019.
async fn filled() -> TempDir {
    let dir = TempDir::new().unwrap();
    let (cache, loaded) = open(dir.path());
    assert!(cache.is_on_disk() && loaded.is_empty());
    for n in 0..20 {
        cache.put(record(n, 1000 + i64::from(n)), layout(1));
    }
    assert!(cache.flush(BOUND).await);
    assert!(!cache.is_behind());
    assert!(cache.close(BOUND).await);
    dir
}

fn quarantines(dir: &TempDir) -> usize {
    let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("cache.quarantine-")).count()
}

fn store_files(dir: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.path().join("store")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).collect()
}

#[tokio::test]
async fn what_was_flushed_is_there_after_a_restart() {
    let dir = filled().await;
    let (_cache, mut loaded) = open(dir.path());
    assert_eq!(loaded.len(), 20);
    let (found, body) = loaded.take(&[7; 16]).unwrap();
    assert_eq!(found, record(7, 1007));
    assert_eq!(body, b"metric_1 0\n");
    assert!(loaded.take(&[7; 16]).is_none());
}

#[tokio::test]
async fn a_record_replaces_the_older_one_and_a_removed_one_is_gone() {
    let dir = filled().await;
    let (cache, _) = open(dir.path());
    cache.put(record(3, 5000), layout(1));
    cache.remove([4; 16]);
    assert!(cache.close(BOUND).await);
    drop(cache);
    let (_cache, mut loaded) = open(dir.path());
    assert_eq!(loaded.take(&[3; 16]).unwrap().0.scraped_at, 5000);
    assert!(loaded.take(&[4; 16]).is_none());
}

#[tokio::test]
async fn records_older_than_asked_expire_and_no_others() {
    let dir = filled().await;
    let (_cache, mut loaded) = open(dir.path());
    let mut expired = loaded.expire(1003);
    expired.sort_unstable();
    assert_eq!(expired, [[0; 16], [1; 16], [2; 16]]);
    assert_eq!(loaded.len(), 17);
}

#[tokio::test]
async fn a_directory_that_is_held_means_memory_only_and_is_left_alone() {
    let dir = filled().await;
    let (first, _) = open(dir.path());
    let (second, loaded) = open(dir.path());
    assert!(first.is_on_disk() && !second.is_on_disk() && loaded.is_empty());
    second.put(record(1, 9), layout(1));
    assert!(second.flush(BOUND).await, "nothing to wait for");
    assert_eq!(quarantines(&dir), 0);
}

#[tokio::test]
async fn a_directory_that_cannot_be_created_means_memory_only() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "not a directory").unwrap();
    let (cache, _) = open(&file.join("cache"));
    assert!(!cache.is_on_disk() && !cache.is_behind());
}

#[tokio::test]
async fn a_directory_that_was_not_written_counts_as_given_up_and_one_that_nobody_asked_for_does_not() {
    let dir = filled().await;
    let _held = open(dir.path());
    let (second, _) = open(dir.path());
    assert!(second.has_given_up(), "what lies there grows old");
    assert!(!Cache::memory(instruments()).has_given_up());
}

#[tokio::test]
async fn another_relays_store_is_set_aside() {
    let dir = filled().await;
    let (cache, loaded) = Cache::open(dir.path(), "relay-1", instruments());
    assert!(cache.is_on_disk() && loaded.is_empty());
    assert_eq!(quarantines(&dir), 1);
}

#[tokio::test]
async fn a_store_that_went_back_behind_what_was_exposed_is_set_aside() {
    let dir = filled().await;
    let (cache, _) = open(dir.path());
    let old = fs::read(dir.path().join("store/marks")).unwrap();
    cache.put(record(3, 5000), layout(1));
    assert!(cache.close(BOUND).await);
    drop(cache);
    let new = fs::read(dir.path().join("store/marks")).unwrap();
    fs::write(dir.path().join("store/marks"), &old).unwrap();
    assert_eq!(open(dir.path()).1.len(), 20, "newer than the marks is what no page has shown yet");
    let dir = filled().await;
    fs::write(dir.path().join("store/marks"), new).unwrap();
    assert!(open(dir.path()).1.is_empty());
    assert_eq!(quarantines(&dir), 1);
}

#[tokio::test]
async fn a_record_that_no_flush_confirmed_and_all_behind_a_late_one_are_left_out() {
    let dir = filled().await;
    let marks = fs::read(dir.path().join("store/marks")).unwrap();
    let (cache, _) = open(dir.path());
    cache.put(record(50, 5000), layout(1));
    assert!(cache.close(BOUND).await);
    drop(cache);
    fs::write(dir.path().join("store/marks"), marks).unwrap();
    let (cache, loaded) = open(dir.path());
    assert_eq!((loaded.len(), loaded.refused["unconfirmed"]), (20, 1));
    assert!(cache.close(BOUND).await);
    drop(cache);
    fs::write(dir.path().join("store/late"), "").unwrap();
    let (cache, loaded) = open(dir.path());
    assert_eq!((loaded.len(), loaded.refused["late"]), (0, 20));
    assert!(cache.close(BOUND).await);
    drop(cache);
    let (cache, loaded) = open(dir.path());
    assert!(cache.is_on_disk() && loaded.is_empty() && loaded.refused.is_empty(), "it is said once");
    assert_eq!(quarantines(&dir), 0);
}

/// A pipe in the place of the lock: opening it waits for a reader that never comes, like a disk that does not answer.
#[tokio::test]
async fn a_directory_that_does_not_answer_costs_the_bound_and_no_more() {
    let dir = TempDir::new().unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, dir.path().join("lock"), rustix::fs::FileType::Fifo, mode, 0)
        .unwrap();
    let began = Instant::now();
    let (cache, loaded) = open(dir.path());
    assert!(!cache.is_on_disk() && cache.has_given_up() && loaded.is_empty());
    assert!((OPEN_WITHIN..OPEN_WITHIN + Duration::from_millis(500)).contains(&began.elapsed()));
}

/// Every byte position that is tried, in every file: no wrong record, and a fresh store where there was doubt. sled
/// may also hang on what it finds; then the cache is in memory, after the bound on opening.
#[tokio::test]
async fn damage_never_yields_a_wrong_record() {
    for step in 0..12 {
        let dir = filled().await;
        for path in store_files(&dir) {
            let mut bytes = fs::read(&path).unwrap();
            if let Some(last) = bytes.len().checked_sub(1) {
                let at = (last / 12 * step + step).min(last);
                bytes[at] ^= 0x55;
                fs::write(&path, bytes).unwrap();
            }
        }
        let began = Instant::now();
        let (cache, mut loaded) = open(dir.path());
        let hung = began.elapsed() >= OPEN_WITHIN;
        for n in 0..20 {
            if let Some((found, _)) = loaded.take(&[n; 16]) {
                assert_eq!(found, record(n, 1000 + i64::from(n)), "step {step}");
            }
        }
        assert!(cache.is_on_disk() || hung, "step {step}: a fresh store takes the place of a doubtful one");
    }
}

#[tokio::test]
async fn a_torn_store_is_set_aside_and_only_the_newest_of_those_is_kept() {
    let dir = filled().await;
    fs::create_dir(dir.path().join("cache.quarantine-1")).unwrap();
    fs::write(dir.path().join("store/conf"), "garbage".repeat(9)).unwrap();
    let (cache, loaded) = open(dir.path());
    assert!(cache.is_on_disk() && loaded.is_empty(), "a fresh one");
    assert_eq!(quarantines(&dir), 1);
    assert!(!dir.path().join("cache.quarantine-1").exists());
    cache.put(record(1, 1), layout(1));
    assert!(cache.close(BOUND).await);
    drop(cache);
    assert_eq!(open(dir.path()).1.len(), 1);
}

#[tokio::test]
async fn an_altered_record_makes_the_whole_store_doubtful() {
    let dir = filled().await;
    {
        let db = sled::Config::default().path(dir.path().join("store")).segment_size(4 << 20).open().unwrap();
        let tree = db.open_tree("records").unwrap();
        let mut bytes = tree.get([5; 16]).unwrap().unwrap().to_vec();
        bytes[30] ^= 1;
        tree.insert([5; 16], bytes).unwrap();
        db.flush().unwrap();
    }
    let (cache, loaded) = open(dir.path());
    assert!(cache.is_on_disk() && loaded.is_empty());
    assert_eq!(quarantines(&dir), 1);
}

#[tokio::test]
async fn a_record_too_large_for_the_store_removes_the_older_one() {
    let dir = filled().await;
    let (cache, _) = open(dir.path());
    let noise: Vec<u8> =
        (0..400_000u64).flat_map(|n| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()).to_le_bytes()).collect();
    cache.put(Record { values: noise, ..record(6, 7000) }, layout(1));
    assert!(cache.close(BOUND).await && !cache.is_behind());
    drop(cache);
    assert!(open(dir.path()).1.take(&[6; 16]).is_none());
}

/// A layout that the writer waits for until it is released.
fn blocked() -> (std::sync::mpsc::SyncSender<()>, LayoutSource) {
    let (release, blocked) = std::sync::mpsc::sync_channel::<()>(0);
    let blocked = parking_lot::Mutex::new(blocked);
    let body = Arc::new(move || {
        blocked.lock().recv_timeout(BOUND).ok();
        Vec::new()
    });
    (release, LayoutSource { hash: [2; 16], body })
}

#[tokio::test]
async fn the_note_of_a_late_flush_goes_once_the_disk_has_caught_up() {
    let dir = filled().await;
    let (cache, _) = open(dir.path());
    let (release, layout) = blocked();
    cache.put(record(1, 9000), layout);
    assert!(!cache.flush(Duration::from_millis(10)).await);
    let note = dir.path().join("store/late");
    while !note.exists() {
        tokio::task::yield_now().await;
    }
    release.send(()).unwrap();
    assert!(cache.flush(BOUND).await);
    assert!(!note.exists() && !cache.is_behind());
}

#[tokio::test]
async fn a_writer_that_makes_no_progress_is_given_up_and_its_store_set_aside() {
    let dir = filled().await;
    let (cache, _) = open(dir.path());
    let (release, layout) = blocked();
    cache.put(record(1, 1), layout);
    let shared = cache.shared.clone().unwrap();
    let later = Instant::now() + STUCK_AFTER + Duration::from_secs(5);
    while shared.busy_for(later).is_none() {
        tokio::task::yield_now().await;
    }
    cache.check_progress(Instant::now());
    assert!(cache.is_on_disk(), "too early");
    assert!(!cache.flush(Duration::from_millis(10)).await, "the page goes on");
    while !dir.path().join("store/late").exists() {
        tokio::task::yield_now().await;
    }
    cache.check_progress(later);
    assert!(!cache.is_on_disk() && cache.is_behind() && cache.has_given_up());
    assert!(cache.flush(BOUND).await, "nothing to wait for");
    release.send(()).unwrap();
    assert!(cache.close(BOUND).await);
    while quarantines(&dir) == 0 {
        tokio::task::yield_now().await;
    }
}
