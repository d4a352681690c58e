//! SIGKILL at any moment while pages are scraped.

use std::time::Duration;

use integration::http_client;
use integration::seeded::Seeded;

use crate::setup::{Setup, spread};

const TARGETS: usize = 60;
/// A page of these targets takes some 20 ms: this hits every part of several.
const WITHIN_MS: u64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_killed_at_any_moment_is_ready_again_and_serves_nothing_wrong() {
    let _alone = crate::alone().await;
    let rounds = if crate::long() { 100 } else { 8 };
    let mut seeded = Seeded::new(1);
    let mut setup = Setup::start(TARGETS).await;
    let (mut ready, mut remarks) = (Vec::new(), Vec::new());
    let (mut copies, mut nothing) = (0, 0);
    for round in 0..rounds {
        setup.targets.revive();
        setup.page().await;
        scrape_until_killed(&mut setup, Duration::from_millis(seeded.draw() % WITHIN_MS)).await;
        let dead: Vec<usize> = (0..TARGETS).filter(|_| seeded.below(2) == 0).collect();
        dead.iter().for_each(|number| setup.targets.die(*number));
        ready.push(setup.restart().await);
        let seen = setup.page().await;
        let served = dead.iter().filter(|number| seen[**number].body.is_some()).count();
        let said = setup.remarks().await;
        let is_whole = served == dead.len();
        assert!(is_whole || !said.is_empty(), "round {round}: {served} of {}, no word why", dead.len());
        copies += served;
        nothing += dead.len() - served;
        remarks.extend(said);
    }
    let (middle, most) = spread(&mut ready);
    println!(
        "{rounds} kills: ready after {middle:?}, at most {most:?}; {copies} copies, {nothing} without; {remarks:?}"
    );
    assert!(copies > 10 * nothing, "most copies survive a kill");
}

/// Pages one after the other; the last one that was whole counts, also where its relay was killed as it was sent.
async fn scrape_until_killed(setup: &mut Setup, moment: Duration) {
    let url = setup.relay.url();
    let killing = tokio::time::sleep(moment);
    tokio::pin!(killing);
    loop {
        let page = http_client::get(&url, &[]);
        tokio::pin!(page);
        tokio::select! {
            page = &mut page => drop(setup.judge(&page.expect("a whole page"))),
            () = &mut killing => {
                setup.relay.kill();
                if let Ok(page) = page.await {
                    setup.judge(&page);
                }
                return;
            }
        }
    }
}
