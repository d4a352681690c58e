//! Planned changes: relays come and go, are drained and restarted, and no sample is lost.
//!
//! Nobody but Prometheus asks for pages here: what a scraper has seen decides when a target is let go.

use std::time::Duration;

use integration::chaos::bed::{Bed, Plan};
use integration::chaos::casualties::{Casualties, Pace};
use integration::chaos::judge::Judge;
use integration::chaos::outcome::Outcome;
use integration::chaos::verdict::{self, Allowed};
use integration::fleet::Program;

const TARGETS: usize = 200;
/// A relay that was told to end has handed over its targets and ended.
const ENDED: Duration = Duration::from_secs(90);
/// Until every relay has its share: a twentieth of the load is on its way at a time.
const SHARES: Duration = Duration::from_secs(120);
/// Every round of 5 s has a sample; a dead target is handed over, not overlapped, and may miss one.
const EVERY_ROUND: f64 = 6.0;
const ONE_MISSED: f64 = 11.0;
/// Moves over what is needed.
const IDEAL: f64 = 1.25;

/// A bed with dead targets, and what was given to relays before anything happened.
struct Change {
    bed: Bed,
    outcome: Outcome,
    given: f64,
}

impl Change {
    async fn start(program: &Program, relays: usize, name: &str) -> Option<Self> {
        let bed = Bed::start(program, Plan::new(relays, TARGETS)).await?;
        Casualties::start(&bed, Pace::SLOW).await;
        let mut outcome = Outcome::new(name);
        outcome.add(bed.balanced(SHARES).await.err());
        let given = bed.given().await;
        Some(Self { bed, outcome, given })
    }

    async fn balanced(&mut self) -> bool {
        let began = std::time::Instant::now();
        let uneven = self.bed.balanced(SHARES).await.err();
        self.outcome.figure(
            "until everyone has its share",
            format!("{SHARES:?}"),
            format!("{:.1?}", began.elapsed()),
        );
        let is_even = uneven.is_none();
        self.outcome.add(uneven);
        is_even
    }

    /// SIGTERM for the relay of that number, and its end.
    async fn terminate(&mut self, number: usize) {
        let relay = &mut self.bed.members[number].relay;
        let began = std::time::Instant::now();
        let code = relay.terminate(ENDED).await;
        self.outcome.expect(code == Ok(0), Judge::Process, || format!("{}: {code:?}", relay.name));
        self.outcome.figure(
            "from SIGTERM to the end",
            format!("{ENDED:?}"),
            format!("{:.1?}", began.elapsed()),
        );
    }

    /// What Prometheus stored, and how much moved: `ideal` targets had to.
    async fn finish(mut self, ideal: f64) -> Outcome {
        let moves = self.bed.given().await - self.given;
        self.outcome.figure("moves", format!("{:.0} ({IDEAL} times {ideal:.0})", IDEAL * ideal), moves);
        self.outcome
            .expect(moves <= IDEAL * ideal, Judge::Moved, || format!("{moves} moves, {ideal} needed"));
        let allowed = Allowed { gap: EVERY_ROUND, hidden: ONE_MISSED, excepted: Vec::new() };
        let span = self.bed.since_start();
        verdict::judge(&mut self.bed, span, &allowed, &mut self.outcome).await;
        self.outcome
    }
}

/// From two relays to `most` and back.
pub(crate) async fn scales(program: &Program, most: usize) -> Option<Outcome> {
    let mut change = Change::start(program, 2, &format!("2 to {most} relays and back")).await?;
    let mut ideal = 0.0;
    for relays in 3..=most {
        change.bed.add_relay().await;
        if !change.balanced().await {
            return Some(change.outcome);
        }
        ideal += TARGETS as f64 / relays as f64;
    }
    for relays in (3..=most).rev() {
        change.terminate(relays - 1).await;
        change.bed.members.pop();
        change.balanced().await;
        ideal += TARGETS as f64 / relays as f64;
    }
    Some(change.finish(ideal).await)
}

/// Each relay of three in turn is drained and taken back, so many times in all.
pub(crate) async fn drains(program: &Program, times: usize) -> Option<Outcome> {
    let mut change = Change::start(program, 3, &format!("{times} drains")).await?;
    for turn in 0..times {
        let name = change.bed.members[turn % 3].relay.name.clone();
        for command in ["drain", "undrain"] {
            let mut asked = program.command();
            asked.args(["relays", command, &name]).arg(format!("--server={}", change.bed.coordinator.grpc));
            let told = tokio::task::spawn_blocking(move || asked.output()).await.expect("it does not panic");
            let told = told.expect("the program runs");
            let error = || format!("{command} {name}: {}", String::from_utf8_lossy(&told.stderr));
            change.outcome.expect(told.status.success(), Judge::Late, error);
        }
        change.balanced().await;
    }
    let ideal = times as f64 * 2.0 * TARGETS as f64 / 3.0;
    Some(change.finish(ideal).await)
}

/// Each relay of three is told to end and started again, one after the other, so many times.
pub(crate) async fn rolls(program: &Program, times: usize) -> Option<Outcome> {
    let mut change = Change::start(program, 3, &format!("{times} rolling restarts")).await?;
    for _ in 0..times {
        for number in 0..3 {
            change.terminate(number).await;
            change.bed.members[number].relay.start_again().await;
            change.bed.settled().await;
        }
    }
    // Each relay's targets go, and as many come back.
    Some(change.finish(times as f64 * 2.0 * TARGETS as f64).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_that_come_go_drain_and_restart_cost_no_sample() {
    let (most, times, rounds) = if crate::long() { (5, 10, 3) } else { (3, 1, 1) };
    let program = crate::program();
    let (scaled, drained, restarted) =
        tokio::join!(scales(&program, most), drains(&program, times), rolls(&program, rounds));
    [scaled, drained, restarted].into_iter().flatten().for_each(|outcome| outcome.is_clean());
}
