//! A relay stands still for 45 s and goes on, while targets die, return and restart.

use std::time::Duration;

use integration::chaos::bed::{Bed, Plan};
use integration::chaos::casualties::{Casualties, Pace};
use integration::chaos::judge::owners;
use integration::chaos::outcome::Outcome;
use integration::chaos::pages;
use integration::chaos::verdict::{self, Allowed};
use integration::fleet::Program;
use rustix::process::Signal;
use tokio::time::Instant;

use crate::of;

/// How long it stands still.
const FROZEN: Duration = Duration::from_secs(45);
/// Until every target that can be reached is served by others.
const MOVED: Duration = Duration::from_secs(20);
/// How long it is looked at afterwards.
const THAWED: Duration = Duration::from_secs(20);

/// One relay of four stands still, so many times.
pub(crate) async fn freezes(program: &Program, times: usize) -> Option<Outcome> {
    let mut bed = Bed::start(program, Plan::new(4, 120)).await?;
    let mut outcome = Outcome::new("relay frozen for 45 s");
    let mut casualties = Casualties::start(&bed, Pace::SLOW).await;
    let watcher = bed.watch();
    for _ in 0..times {
        freeze(&mut bed, &mut casualties, &mut outcome).await;
    }
    outcome.add(owners::copies(&watcher.stop().await));
    // The last sample is up to 5 s old when it stops; lost after 16 s; scraped elsewhere within 5 s.
    let allowed = Allowed { gap: 27.0, hidden: f64::INFINITY, excepted: casualties.dead };
    let span = bed.since_start();
    verdict::judge(&mut bed, span, &allowed, &mut outcome).await;
    Some(outcome)
}

async fn freeze(bed: &mut Bed, casualties: &mut Casualties, outcome: &mut Outcome) {
    let placement = bed.settled().await;
    let victim = casualties.holder(&placement);
    let its = casualties.steady(bed, &of(&placement, &victim));
    bed.member(&victim).relay.process().signal(Signal::STOP).expect("it runs");
    let frozen = Instant::now();
    let others = bed.pages(&[&victim]);
    let served = pages::until_up(&others, &its, FROZEN - MOVED / 2);
    let (served, ()) = tokio::join!(served, casualties.happen(bed, FROZEN));
    outcome.late("its targets are served by others", MOVED, served);
    let thawed = frozen + FROZEN;
    tokio::time::sleep_until(thawed).await;
    bed.member(&victim).relay.process().signal(Signal::CONT).expect("it runs");
    casualties.happen(bed, THAWED).await;
    casualties.heal(bed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_relay_that_goes_on_makes_no_counter_fall() {
    let times = if crate::long() { 4 } else { 1 };
    let Some(outcome) = freezes(&crate::program(), times).await else { return };
    outcome.is_clean();
}
