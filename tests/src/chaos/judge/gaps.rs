//! The longest time for which a target's series have no sample.
//!
//! In: stored samples of the counter, and the journal. Out: the worst gap and a complaint for each that is too long.
//! A cached copy is no sample of a target that can be reached, and any sample will do for one that cannot.

use super::{Fault, Judge};
use crate::chaos::journal::{History, Journal, Seconds, Span};
use crate::chaos::samples::{Samples, by_instance};

/// How much older than its time stamp a live value may look, in milliseconds.
const FRESH: f64 = 500.0;
/// How long after its time stamp a target may have been scraped.
const PAGE: Seconds = 5.0;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gaps {
    /// The longest, in seconds.
    pub worst: Seconds,
    /// One for each target that has too long a gap.
    pub faults: Vec<Fault>,
}

/// Reachable targets: no more than `limit` seconds without a fresh sample. `excepted` are not looked at.
#[must_use]
pub fn live(samples: &Samples, journal: &Journal, span: Span, limit: Seconds, excepted: &[String]) -> Gaps {
    let by_instance = by_instance(samples);
    let mut gaps = Gaps::default();
    for (instance, history) in journal.iter().filter(|(instance, _)| !excepted.contains(instance)) {
        let all = by_instance.get(instance.as_str()).map_or(&[][..], Vec::as_slice);
        let fresh: Vec<Seconds> =
            all.iter().filter(|(at, value)| is_fresh(history, *at, *value)).map(|(at, _)| *at).collect();
        gaps.add(Judge::Gap, instance, worst(&fresh, &history.reachable(span)), limit);
    }
    gaps
}

/// Dead targets: no more than `limit` seconds without any sample of the series they had.
#[must_use]
pub fn kept(samples: &Samples, journal: &Journal, span: Span, limit: Seconds) -> Gaps {
    let by_instance = by_instance(samples);
    let mut gaps = Gaps::default();
    for (instance, history) in journal {
        let all = by_instance.get(instance.as_str()).map_or(&[][..], Vec::as_slice);
        let times: Vec<Seconds> = all.iter().map(|(at, _)| *at).collect();
        gaps.add(Judge::Vanished, instance, worst(&times, &history.dead(span)), limit);
    }
    gaps
}

impl Gaps {
    fn add(&mut self, judge: Judge, instance: &str, gap: Option<Span>, limit: Seconds) {
        let Some(gap) = gap else { return };
        self.worst = self.worst.max(gap.length());
        if gap.length() > limit {
            let what = format!("{instance} has none for {:.1} s from {:.1} on", gap.length(), gap.from);
            self.faults.push(Fault::new(judge, what));
        }
    }
}

fn worst(times: &[Seconds], spans: &[Span]) -> Option<Span> {
    let gaps = spans.iter().map(|span| longest(times, *span));
    gaps.max_by(|one, other| one.length().total_cmp(&other.length()))
}

/// The longest part of `span` without any of `times`.
fn longest(times: &[Seconds], span: Span) -> Span {
    let inside = times.iter().copied().filter(|at| span.contains(*at));
    let (mut from, mut worst) = (span.from, Span { from: span.from, to: span.from });
    for to in inside.chain([span.to]) {
        let gap = Span { from, to };
        if gap.length() > worst.length() {
            worst = gap;
        }
        from = to;
    }
    worst
}

/// A value that the target had when it was scraped, and not before: between its time stamp and a page's time later.
fn is_fresh(history: &History, at: Seconds, value: f64) -> bool {
    let restarted = history.restarts().into_iter().any(|restart| restart > at && restart < at + PAGE);
    restarted || value >= history.counter(at) - FRESH
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{INSTANCE, counted, fives, journal, series};
    use super::*;
    use crate::chaos::journal::Event;

    const SPAN: Span = Span { from: 0.0, to: 60.0 };

    #[test]
    fn samples_in_every_round_are_no_gap() {
        let journal = journal(|_| ());
        let found = live(&series(&counted(&journal, fives(60))), &journal, SPAN, 5.5, &[]);
        assert_eq!(found, Gaps { worst: 5.0, faults: Vec::new() });
    }

    #[test]
    fn missing_samples_are_a_gap_at_the_start_in_between_and_at_the_end() {
        let journal = journal(|_| ());
        for left_out in [0.0..=10.0, 25.0..=35.0, 50.0..=60.0] {
            let times = fives(60).filter(|at| !left_out.contains(at));
            let found = live(&series(&counted(&journal, times)), &journal, SPAN, 11.0, &[]);
            assert_eq!(found.faults.len(), 1, "{left_out:?}: {found:?}");
        }
        assert_eq!(live(&Samples::new(), &journal, SPAN, 11.0, &[]).worst, 60.0);
        assert_eq!(live(&Samples::new(), &journal, SPAN, 11.0, &[INSTANCE.to_owned()]), Gaps::default());
    }

    #[test]
    fn a_cached_copy_is_no_sample_of_a_target_that_can_be_reached() {
        let journal = journal(|_| ());
        let mut samples = counted(&journal, fives(60));
        samples[6].1 = samples[4].1;
        samples[5].1 = samples[4].1;
        let found = live(&series(&samples), &journal, SPAN, 14.0, &[]);
        assert_eq!(found.worst, 15.0);
        assert_eq!(found.faults[0].judge, Judge::Gap);
    }

    #[test]
    fn only_the_time_in_which_a_target_can_be_reached_counts() {
        let journal = journal(|history| {
            history.add(20.0, Event::Died);
            history.add(40.0, Event::Restarted);
        });
        let times = fives(60).filter(|at| *at <= 20.0 || *at > 42.0);
        let found = live(&series(&counted(&journal, times)), &journal, SPAN, 5.5, &[]);
        assert_eq!(found, Gaps { worst: 5.0, faults: Vec::new() });
    }

    #[test]
    fn a_dead_targets_series_may_be_copies_but_must_not_stop() {
        let journal = journal(|history| history.add(20.0, Event::Died));
        let copies = |left_out: std::ops::Range<f64>| -> Samples {
            let times = fives(60).filter(|at| !left_out.contains(at));
            series(&times.map(|at| (at, at.min(20.0) * 1000.0)).collect::<Vec<_>>())
        };
        assert_eq!(kept(&copies(0.0..0.0), &journal, SPAN, 6.0).faults, []);
        let found = kept(&copies(30.0..45.0), &journal, SPAN, 6.0);
        assert_eq!((found.worst, found.faults[0].judge), (20.0, Judge::Vanished));
    }
}
