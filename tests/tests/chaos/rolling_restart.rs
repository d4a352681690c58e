//! Relays are restarted one by one, each away for some seconds, with dead targets among theirs.
//!
//! Nobody but Prometheus asks for pages: what a scraper has seen decides when a target is let go.

use std::time::Duration;

use integration::chaos::bed::{Bed, Plan};
use integration::chaos::casualties::{Casualties, Pace};
use integration::chaos::judge::Judge;
use integration::chaos::outcome::Outcome;
use integration::chaos::verdict::{self, Allowed};
use integration::fleet::Program;

/// A relay that was told to end has ended.
const ENDED: Duration = Duration::from_secs(30);

/// Each of three is away for each of `away` in turn.
pub(crate) async fn rolls(program: &Program, away: &[u64]) -> Option<Outcome> {
    let mut bed = Bed::start(program, Plan::new(3, 100)).await?;
    let mut outcome = Outcome::new(&format!("rolling restart, away for {away:?} s"));
    Casualties::start(&bed, Pace::SLOW).await;
    for seconds in away {
        for number in 0..bed.members.len() {
            bed.settled().await;
            let relay = &mut bed.members[number].relay;
            let code = relay.terminate(ENDED).await;
            outcome.expect(code == Ok(0), Judge::Process, || format!("{}: {code:?}", relay.name));
            tokio::time::sleep(Duration::from_secs(*seconds)).await;
            relay.start_again().await;
        }
    }
    bed.settled().await;
    // A dead target is handed over, not overlapped: it may miss one scrape.
    let allowed = Allowed { gap: 6.0, hidden: 11.0, excepted: Vec::new() };
    let span = bed.since_start();
    verdict::judge(&mut bed, span, &allowed, &mut outcome).await;
    Some(outcome)
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_restarted_one_by_one_hide_no_dead_target() {
    let away: &[u64] = if crate::long() { &[10, 15, 20] } else { &[10] };
    let Some(outcome) = rolls(&crate::program(), away).await else { return };
    outcome.is_clean();
}
