//! A disk that is full, and one that is read-only.

use std::time::Duration;

use crate::mounted::Mounted;
use crate::setup::Setup;

const TARGETS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_costs_the_cache_and_no_page() {
    let _alone = crate::alone().await;
    let Some(mut setup) = Setup::start_on(Mounted::small, TARGETS).await else { return };
    let filler = setup.disk().fill();
    let took = setup.pages_until_memory_only(Duration::from_secs(60)).await;
    assert_eq!(setup.reasons("scraperelay_cache_memory_only_total").await, ["full"]);
    assert!(setup.relay.process().log().contains("cache goes on in memory only"));
    println!("memory only {took:?} after the disk was full");
    for _ in 0..5 {
        setup.page_in_time().await;
    }
    setup.disk().fill();
    setup.kill_targets();
    setup.restart().await;
    assert!(!setup.is_on_disk().await);
    assert_eq!(setup.reasons("scraperelay_cache_memory_only_total").await, ["full"]);
    setup.page_in_time().await;
    std::fs::remove_file(filler).expect("room is made");
    setup.restart().await;
    assert!(setup.is_on_disk().await, "what the cache took is free again\n{}", setup.relay.process().log());
    setup.page_in_time().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_disk_costs_the_cache_and_what_lies_there_is_not_served_later() {
    let _alone = crate::alone().await;
    let Some(mut setup) = Setup::start_on(Mounted::small, TARGETS).await else { return };
    setup.relay.kill();
    setup.disk().read_only(true);
    setup.restart().await;
    assert_eq!(setup.reasons("scraperelay_cache_memory_only_total").await, ["unwritable"]);
    assert!(setup.relay.process().log().contains("cache is in memory only"));
    for _ in 0..5 {
        let seen = setup.page_in_time().await;
        assert!(seen.iter().all(|seen| seen.up), "{seen:?}");
    }
    setup.relay.kill();
    setup.kill_targets();
    setup.disk().read_only(false);
    setup.restart().await;
    assert!(setup.is_on_disk().await);
    let seen = setup.page_in_time().await;
    assert!(seen.iter().all(|seen| seen.body.is_none()), "older than what was shown meanwhile: {seen:?}");
}
