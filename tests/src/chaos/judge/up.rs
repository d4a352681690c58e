//! `up` says what was so.
//!
//! In: stored samples of `up`, and the journal. Out: complaints. Around a death or a return either answer is right.

use super::{Fault, Judge};
use crate::chaos::journal::{Journal, Seconds, Span};
use crate::chaos::samples::{Samples, by_instance};

/// Compares; what is stored within `margin` seconds of a change may be either.
#[must_use]
pub fn up(samples: &Samples, journal: &Journal, span: Span, margin: Seconds) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (instance, values) in by_instance(samples) {
        let Some(history) = journal.get(instance) else {
            faults.push(Fault::new(Judge::Up, format!("nobody knows {instance}")));
            continue;
        };
        let surely = |spans: Vec<Span>, at: Seconds| {
            spans.into_iter().any(|it| {
                let from = if it.from > span.from { it.from + margin } else { it.from };
                let to = if it.to < span.to { it.to - margin } else { it.to };
                from <= at && at <= to
            })
        };
        for (at, value) in values.into_iter().filter(|(at, _)| span.contains(*at)) {
            let wrong = match value {
                0.0 => surely(history.reachable(span), at),
                1.0 => surely(history.dead(span), at),
                _ => true,
            };
            if wrong {
                faults.push(Fault::new(Judge::Up, format!("{instance} is {value} at {at:.1}")));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{fives, journal, series};
    use super::*;
    use crate::chaos::journal::Event;

    const SPAN: Span = Span { from: 0.0, to: 60.0 };

    fn found(value: impl Fn(f64) -> f64) -> usize {
        let journal = journal(|history| {
            history.add(21.0, Event::Died);
            history.add(41.0, Event::Returned);
        });
        let samples: Vec<_> = fives(60).map(|at| (at, value(at))).collect();
        up(&series(&samples), &journal, SPAN, 2.0).len()
    }

    #[test]
    fn up_agrees_with_what_happened_save_around_a_change() {
        assert_eq!(found(|at| f64::from(!(21.0..41.0).contains(&at))), 0);
        assert_eq!(found(|at| f64::from(!(19.0..39.5).contains(&at))), 0);
    }

    #[test]
    fn a_dead_target_that_is_up_and_a_living_one_that_is_down_are_wrong() {
        assert_eq!(found(|_| 1.0), 3);
        assert_eq!(found(|_| 0.0), 8);
        assert_eq!(up(&series(&[(1.0, 1.0)]), &Journal::new(), SPAN, 2.0).len(), 1);
    }
}
