//! Counters fall where their target was restarted, and nowhere else.
//!
//! In: stored samples of the counter, and the journal. Out: a complaint for each fall without a restart, and for each
//! restart without a fall.

use super::{Fault, Judge};
use crate::chaos::journal::{History, Journal, Seconds, Span};
use crate::chaos::samples::{Samples, by_instance};

/// How long after its time stamp a target may have been scraped.
const PAGE: Seconds = 5.0;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resets {
    /// How often counters fell.
    pub falls: usize,
    /// How many of the restarts in the judged time were seen as such falls.
    pub restarts: usize,
    /// One for each that is false or missing.
    pub faults: Vec<Fault>,
}

/// Compares; restarts in the last `settling` seconds of `span` need not be seen.
#[must_use]
pub fn resets(samples: &Samples, journal: &Journal, span: Span, settling: Seconds) -> Resets {
    let mut found = Resets::default();
    for (instance, values) in by_instance(samples) {
        let Some(history) = journal.get(instance) else { continue };
        let one = of_one(instance, &values, history, span, settling);
        found.falls += one.falls;
        found.restarts += one.restarts;
        found.faults.extend(one.faults);
    }
    found
}

fn of_one(
    instance: &str,
    values: &[(Seconds, f64)],
    history: &History,
    span: Span,
    settling: Seconds,
) -> Resets {
    let mut found = Resets::default();
    let mut restarts = history.restarts();
    restarts.retain(|at| span.contains(*at));
    let falls = values.windows(2).filter(|pair| pair[1].1 < pair[0].1);
    for pair in falls {
        found.falls += 1;
        let explains = |at: &Seconds| *at > pair[0].0 && *at < pair[1].0 + PAGE;
        match restarts.iter().position(explains) {
            Some(explained) => {
                restarts.remove(explained);
                found.restarts += 1;
            }
            None => found.faults.push(Fault::new(Judge::Reset, fall(instance, pair))),
        }
    }
    for at in restarts.into_iter().filter(|at| *at < span.to - settling) {
        let what = format!("{instance} was restarted at {at:.1}, and its counter did not fall");
        found.faults.push(Fault::new(Judge::Reset, what));
    }
    found
}

fn fall(instance: &str, pair: &[(Seconds, f64)]) -> String {
    let [before, after] = pair else { return String::new() };
    format!(
        "{instance} fell from {} at {:.3} to {} at {:.3} without a restart",
        before.1, before.0, after.1, after.0
    )
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{counted, fives, journal, series};
    use super::*;
    use crate::chaos::journal::Event;

    const SPAN: Span = Span { from: 0.0, to: 60.0 };

    #[test]
    fn a_restart_is_one_fall_and_a_death_none() {
        let journal = journal(|history| {
            history.add(12.0, Event::Restarted);
            history.add(31.0, Event::Died);
            history.add(44.0, Event::Returned);
        });
        let mut samples = counted(&journal, fives(60));
        samples[7].1 = samples[6].1;
        samples[8].1 = samples[6].1;
        let found = resets(&series(&samples), &journal, SPAN, 10.0);
        assert_eq!(found, Resets { falls: 1, restarts: 1, faults: Vec::new() });
    }

    #[test]
    fn an_older_value_after_a_newer_one_is_a_false_reset() {
        let journal = journal(|_| ());
        let mut samples = counted(&journal, fives(60));
        samples[6].1 = samples[4].1;
        let found = resets(&series(&samples), &journal, SPAN, 10.0);
        assert_eq!((found.falls, found.faults.len()), (1, 1));
        assert!(found.faults[0].what.contains("fell from 25000 at 25.000 to 20000 at 30.000"), "{found:?}");
    }

    #[test]
    fn a_false_reset_is_not_excused_by_a_restart_elsewhere_nor_one_restart_by_two_falls() {
        let journal = journal(|history| history.add(12.0, Event::Restarted));
        let mut samples = counted(&journal, fives(60));
        samples[6].1 = samples[4].1;
        assert_eq!(resets(&series(&samples), &journal, SPAN, 10.0).faults.len(), 1);
        let back_and_forth = [(10.0, 10_000.0), (12.5, 500.0), (13.0, 10_100.0), (15.0, 3_000.0)];
        assert_eq!(resets(&series(&back_and_forth), &journal, SPAN, 10.0).faults.len(), 1);
    }

    #[test]
    fn a_restart_that_nobody_saw_is_missing_unless_it_has_just_happened() {
        let journal = journal(|history| history.add(32.0, Event::Restarted));
        let samples: Vec<_> = fives(60).map(|at| (at, at * 1000.0)).collect();
        assert_eq!(resets(&series(&samples), &journal, SPAN, 10.0).faults.len(), 1);
        assert_eq!(resets(&series(&samples), &journal, SPAN, 30.0).faults, []);
    }
}
