//! The coordinator is away, restarts again and again, or stands still: nothing moves, and what was shown goes on.

use std::time::Duration;

use integration::chaos::bed::{Bed, Plan};
use integration::chaos::casualties::{Casualties, Pace, cached};
use integration::chaos::journal::{Span, now};
use integration::chaos::judge::{Judge, gaps, owners};
use integration::chaos::outcome::Outcome;
use integration::chaos::placement::moved;
use integration::chaos::targets::COUNTER;
use integration::chaos::verdict::{self, Allowed};
use integration::fleet::Program;
use rustix::process::Signal;

/// Targets that die while it is away.
const DYING: std::ops::Range<usize> = 1..5;
/// How long it stands still.
const PAUSED: Duration = Duration::from_secs(20);
/// Until the series of what died meanwhile are back with it.
const BACK: Duration = Duration::from_secs(30);

/// Away for `down`.
pub(crate) async fn away(program: &Program, down: Duration) -> Option<Outcome> {
    let mut bed = Bed::start(program, Plan::new(3, 100)).await?;
    let mut outcome = Outcome::new(&format!("coordinator away for {down:?}"));
    let casualties = Casualties::start(&bed, Pace::SLOW).await;
    let before = bed.settled().await;
    let watcher = bed.watch();
    bed.coordinator.kill();
    let since = now();
    // Long enough for every relay to know that it is alone.
    tokio::time::sleep(down / 4).await;
    for number in DYING {
        bed.targets.die(number);
    }
    let died = now();
    tokio::time::sleep(down - down / 4).await;
    let absent = Span { from: since, to: now() };
    bed.coordinator.restart().await;
    let restarted = tokio::time::Instant::now();
    let back = cached(&bed, casualties.dead.len() + DYING.len(), BACK + BACK).await;
    let is_back = back.is_ok();
    outcome.late("series of what died meanwhile are back", BACK, back.map(|()| restarted.elapsed()));
    if !is_back {
        return Some(outcome);
    }
    down_without_series(&bed, Span { from: died, to: absent.to }, &mut outcome).await;
    let after = bed.settled().await;
    moves(&mut outcome, &moved(&before, &after));
    outcome.add(owners::owners(&watcher.stop().await));
    let span = bed.since_start();
    let journal = bed.targets.journal();
    let dying: Vec<String> = DYING.map(|number| bed.targets.instance(number)).collect();
    let mut others = journal.clone();
    others.retain(|instance, _| !dying.contains(instance));
    let kept = gaps::kept(&bed.stored(COUNTER, span).await, &others, span, 6.0);
    outcome.figure("largest gap of those dead before", "6 s", format!("{:.1} s", kept.worst));
    outcome.add(kept.faults);
    let allowed = Allowed { gap: 6.0, hidden: f64::INFINITY, excepted: Vec::new() };
    verdict::judge(&mut bed, span, &allowed, &mut outcome).await;
    Some(outcome)
}

/// What died while nobody leads has `up 0`, and no copy of it is shown.
async fn down_without_series(bed: &Bed, span: Span, outcome: &mut Outcome) {
    let page = 6.0;
    let settled = Span { from: span.from + page, to: span.to };
    let (ups, counters) = (bed.stored("up", settled).await, bed.stored(COUNTER, settled).await);
    for instance in DYING.map(|number| bed.targets.instance(number)) {
        let has = |samples: &integration::chaos::samples::Samples| {
            samples.keys().any(|labels| labels.get("instance") == Some(&instance))
        };
        outcome.expect(has(&ups), Judge::Up, || format!("{instance} has no up"));
        outcome.expect(!has(&counters), Judge::Copies, || format!("a copy of {instance} is shown"));
    }
}

/// Restarted so many times, `every` so often, and then paused.
pub(crate) async fn restarts(program: &Program, times: usize, every: Duration) -> Option<Outcome> {
    let mut bed = Bed::start(program, Plan::new(3, 100)).await?;
    let mut outcome = Outcome::new(&format!("coordinator restarted {times} times"));
    let casualties = Casualties::start(&bed, Pace::SLOW).await;
    let before = bed.settled().await;
    for _ in 0..times {
        bed.coordinator.restart().await;
        moves(&mut outcome, &bed.moved(&before, every).await);
    }
    outcome.figure("moved by restarts", 0, moved(&before, &bed.settled().await).len());
    bed.coordinator.process().signal(Signal::STOP).expect("it runs");
    tokio::time::sleep(PAUSED).await;
    bed.coordinator.process().signal(Signal::CONT).expect("it runs");
    moves(&mut outcome, &bed.moved(&before, PAUSED).await);
    outcome.figure("moved by a pause of 20 s", 0, moved(&before, &bed.settled().await).len());
    let shown = cached(&bed, casualties.dead.len(), BACK).await;
    outcome.expect(shown.is_ok(), Judge::Vanished, || format!("{shown:?}"));
    let allowed = Allowed { gap: 6.0, hidden: 6.0, excepted: Vec::new() };
    let span = bed.since_start();
    verdict::judge(&mut bed, span, &allowed, &mut outcome).await;
    Some(outcome)
}

fn moves(outcome: &mut Outcome, moved: &[impl std::fmt::Debug]) {
    outcome.expect(moved.is_empty(), Judge::Moved, || format!("{moved:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_coordinator_is_away_restarts_or_stands_still_nothing_moves_and_what_was_shown_goes_on() {
    let (down, times, every) = if crate::long() { (600, 20, 15) } else { (60, 3, 8) };
    let program = crate::program();
    let (away, restarted) = tokio::join!(
        away(&program, Duration::from_secs(down)),
        restarts(&program, times, Duration::from_secs(every))
    );
    away.into_iter().chain(restarted).for_each(|outcome| outcome.is_clean());
}
