//! Directories that are somebody else's, or answer to nobody.

use std::time::Duration;

use rustix::fs::{CWD, FileType, FlockOperation, Mode, flock, mknodat};

use crate::setup::Setup;

const TARGETS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_a_living_process_holds_is_left_to_it() {
    let _alone = crate::alone().await;
    let mut setup = Setup::start(TARGETS).await;
    setup.relay.kill();
    let lock = std::fs::File::open(setup.relay.cache().join("lock")).expect("the lock");
    flock(&lock, FlockOperation::NonBlockingLockExclusive).expect("nobody holds it");
    setup.restart().await;
    assert_eq!(setup.reasons("scraperelay_cache_memory_only_total").await, ["locked"]);
    assert!(setup.relay.process().log().contains("reason=locked"), "{}", setup.relay.process().log());
    setup.page_in_time().await;
    assert!(setup.relay.cache().join("store/marks").exists(), "it was not ours to set aside");
    setup.relay.kill();
    drop(lock);
    setup.kill_targets();
    setup.restart().await;
    let seen = setup.page_in_time().await;
    assert!(seen.iter().all(|seen| seen.body.is_none()), "older than what was shown meanwhile: {seen:?}");
}

/// A pipe in the place of the lock: whoever opens it waits for a reader that never comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_never_answers_keeps_a_relay_neither_from_being_ready_nor_from_ending() {
    let _alone = crate::alone().await;
    let mut setup = Setup::start(TARGETS).await;
    setup.relay.kill();
    let lock = setup.relay.cache().join("lock");
    std::fs::remove_file(&lock).expect("the lock goes");
    mknodat(CWD, &lock, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    let took = setup.restart().await;
    println!("ready after {took:?}");
    assert_eq!(setup.reasons("scraperelay_cache_memory_only_total").await, ["stuck"]);
    setup.page_in_time().await;
    setup.relay.process().signal(rustix::process::Signal::TERM).expect("it runs");
    // It waits 25 s for somebody to take its targets: there is no other relay.
    assert_eq!(setup.relay.process().exit_code(Duration::from_secs(45)).await, Ok(0));
}
