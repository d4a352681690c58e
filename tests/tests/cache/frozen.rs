//! Disks that do not answer: one that freezes under a relay, one that never answers it.

use std::time::Duration;

use crate::mounted::Mounted;
use crate::setup::Setup;

const TARGETS: usize = 40;
/// Without progress for 10 s the writer is given up; that is looked at every second.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(13);

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_freezes_holds_up_no_page_and_the_writer_is_given_up() {
    let _alone = crate::alone().await;
    let Some(mut setup) = Setup::start_on(Mounted::ext4, TARGETS).await else { return };
    setup.disk().freeze();
    let took = setup.pages_until_memory_only(GIVEN_UP_WITHIN).await;
    assert!(took > Duration::from_secs(9), "given up after {took:?}");
    assert_eq!(setup.reasons("scraperelay_cache_memory_only_total").await, ["stuck"]);
    assert!(setup.relay.process().log().contains("cache goes on in memory only"));
    let late = setup.relay.own_metric("scraperelay_cache_late_flushes_total").await;
    assert!(late.is_ok_and(|late| late > 10.0), "each page that did not wait is counted");
    println!("given up after {took:?}");
    for _ in 0..5 {
        setup.page_in_time().await;
    }
    setup.kill_targets();
    setup.disk().thaw();
    setup.restart().await;
    setup.page_in_time().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_on_a_frozen_disk_starts_without_it() {
    let _alone = crate::alone().await;
    let Some(mut setup) = Setup::start_on(Mounted::ext4, TARGETS).await else { return };
    setup.relay.kill();
    setup.disk().freeze();
    let took = setup.restart().await;
    println!("ready after {took:?}");
    assert_eq!(setup.reasons("scraperelay_cache_memory_only_total").await, ["stuck"]);
    setup.page_in_time().await;
    setup.disk().thaw();
    setup.kill_targets();
    setup.restart().await;
    setup.page_in_time().await;
}
