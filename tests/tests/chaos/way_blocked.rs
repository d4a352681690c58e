//! Nothing passes between a relay and its coordinator in one direction, while Prometheus goes on scraping that relay: it
//! asks for the list of relays now and then only.

use std::time::Duration;

use integration::chaos::bed::{Bed, Plan};
use integration::chaos::casualties::{Casualties, Pace};
use integration::chaos::judge::owners;
use integration::chaos::outcome::Outcome;
use integration::chaos::pages;
use integration::chaos::verdict::{self, Allowed};
use integration::fleet::Program;
use integration::link::Direction;

use crate::of;

/// How long nothing passes.
const BLOCKED: Duration = Duration::from_secs(45);
/// Until every target that can be reached is served by others, or still by the relay.
const MOVED: Duration = Duration::from_secs(20);
/// How long it is looked at afterwards.
const MENDED: Duration = Duration::from_secs(25);

/// One relay of four, so many times; Prometheus asks for the list every `refresh` seconds.
pub(crate) async fn blocks(
    program: &Program,
    direction: Direction,
    (times, refresh): (usize, u32),
) -> Option<Outcome> {
    let mut bed = Bed::start(program, Plan { refresh, ..Plan::new(4, 120) }).await?;
    let mut outcome = Outcome::new(&format!("{direction:?} blocked for 45 s"));
    let mut casualties = Casualties::start(&bed, Pace::FAST).await;
    for _ in 0..times {
        block(&mut bed, direction, &mut casualties, &mut outcome).await;
    }
    let allowed = Allowed { gap: 20.0, hidden: f64::INFINITY, excepted: casualties.dead };
    let span = bed.since_start();
    verdict::judge(&mut bed, span, &allowed, &mut outcome).await;
    Some(outcome)
}

async fn block(bed: &mut Bed, direction: Direction, casualties: &mut Casualties, outcome: &mut Outcome) {
    let placement = bed.settled().await;
    let victim = casualties.holder(&placement);
    let its = casualties.steady(bed, &of(&placement, &victim));
    // Where both are shown live, somebody who looks often would keep the relay's copies fresh, and hide what is wrong.
    let watcher = (direction == Direction::FromServer).then(|| bed.watch());
    bed.member(&victim).link.hold(direction);
    casualties.happen(bed, MOVED).await;
    let all = bed.pages(&[]);
    let served = pages::until_up(&all, &its, Duration::from_secs(1)).await;
    outcome.late("served by any, 20 s later", Duration::from_secs(1), served);
    casualties.happen(bed, BLOCKED - MOVED).await;
    // Whoever asks for pages from here on would be taken for Prometheus having seen what has moved back.
    if let Some(watcher) = watcher {
        outcome.add(owners::copies(&watcher.stop().await));
    }
    bed.member(&victim).link.mend();
    casualties.happen(bed, MENDED).await;
    casualties.heal(bed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_and_a_coordinator_of_which_one_cannot_hear_the_other_make_no_counter_fall() {
    let (program, times) = (crate::program(), if crate::long() { 4 } else { 1 });
    let (deaf, mute) = tokio::join!(
        blocks(&program, Direction::FromServer, (times, 30)),
        blocks(&program, Direction::ToServer, (times, 30))
    );
    deaf.into_iter().chain(mute).for_each(|outcome| outcome.is_clean());
}
