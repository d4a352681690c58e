//! A relay is killed: others serve its targets within 6 s; one that is back within 4 s keeps them.

use std::time::{Duration, Instant};

use integration::chaos::bed::{Bed, Plan};
use integration::chaos::judge::Judge;
use integration::chaos::outcome::Outcome;
use integration::chaos::pages;
use integration::chaos::verdict::{self, Allowed};
use integration::fleet::Program;

use crate::{busiest, of};

/// From SIGKILL until other relays serve the targets.
const MOVED: Duration = Duration::from_secs(6);
/// A relay that is back by then moves nothing.
const BACK: Duration = Duration::from_secs(4);

/// Kills the busiest relay again and again; a fleet of three.
pub(crate) async fn kills(program: &Program, interval: u32, times: usize, gap: f64) -> Option<Outcome> {
    let mut bed = Bed::start(program, Plan { interval, ..Plan::new(3, 120) }).await?;
    let mut outcome = Outcome::new(&format!("relay killed, every {interval} s"));
    bed.settled().await;
    back_at_once(&mut bed, &mut outcome).await;
    let mut worst = Duration::ZERO;
    for _ in 0..times {
        let placement = bed.settled().await;
        let victim = busiest(&placement);
        bed.member(&victim).relay.kill();
        let others = bed.pages(&[&victim]);
        match pages::until_up(&others, &of(&placement, &victim), 3 * MOVED).await {
            Ok(took) => worst = worst.max(took),
            Err(missing) => outcome.expect(false, Judge::Late, || missing),
        }
        bed.member(&victim).relay.start_again().await;
    }
    outcome.figure(&format!("{times} kills: served by others"), "6 s", format!("{worst:.1?}"));
    outcome.expect(worst <= MOVED, Judge::Late, || format!("others served its targets after {worst:?}"));
    bed.settled().await;
    let allowed = Allowed { gap, hidden: f64::INFINITY, excepted: Vec::new() };
    let span = bed.since_start();
    verdict::judge(&mut bed, span, &allowed, &mut outcome).await;
    Some(outcome)
}

async fn back_at_once(bed: &mut Bed, outcome: &mut Outcome) {
    let before = bed.settled().await;
    let victim = busiest(&before);
    let killed = Instant::now();
    bed.member(&victim).relay.restart().await;
    let took = killed.elapsed();
    let moved = bed.moved(&before, 2 * MOVED).await;
    outcome.figure(
        "moved by a restart",
        format!("0 if within {BACK:?}"),
        format!("{} ({took:.1?})", moved.len()),
    );
    outcome.expect(moved.is_empty() || took > BACK, Judge::Moved, || format!("{moved:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_relays_targets_are_served_by_others_within_6_s() {
    let times = if crate::long() { 10 } else { 2 };
    // Two scrapes of 5 s may be missed.
    let Some(outcome) = kills(&crate::program(), 5, times, 16.0).await else { return };
    outcome.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_relay_costs_its_targets_one_scrape_of_15_s() {
    if !crate::long() {
        println!("LEFT OUT: SCRAPE_RELAY_LONG_TESTS is not 1");
        return;
    }
    let Some(outcome) = kills(&crate::program(), 15, 3, 31.0).await else { return };
    outcome.is_clean();
}
