//! What truly happened to the targets, written down by whoever did it.
//!
//! In: deaths, returns and restarts with their times. Out: when each target could be reached, when it was restarted, and
//! what its counter said at any time. It does not know what anyone saw of that.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds of the wall clock since 1970, as Prometheus stamps samples.
pub type Seconds = f64;

/// What the wall clock says.
#[must_use]
pub fn now() -> Seconds {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Its start.
    pub from: Seconds,
    /// Its end.
    pub to: Seconds,
}

impl Span {
    /// How long it is.
    #[must_use]
    pub fn length(self) -> Seconds {
        self.to - self.from
    }

    /// Whether `at` is in it.
    #[must_use]
    pub fn contains(self, at: Seconds) -> bool {
        self.from <= at && at <= self.to
    }
}

/// What can happen to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It answers no more.
    Died,
    /// It answers again; its counter has gone on.
    Returned,
    /// It begins anew: its counter starts at zero. A dead one answers again.
    Restarted,
}

/// One target's story.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What it writes into its samples.
    pub uid: String,
    /// When it was started first.
    pub began: Seconds,
    events: Vec<(Seconds, Event)>,
}

impl History {
    /// A target that answers from `began` on.
    #[must_use]
    pub fn new(uid: &str, began: Seconds) -> Self {
        Self { uid: uid.to_owned(), began, events: Vec::new() }
    }

    /// Writes down what happened at `at`, after everything that was written down before.
    pub fn add(&mut self, at: Seconds, event: Event) {
        self.events.push((at, event));
    }

    /// When it could be reached, within `span`.
    #[must_use]
    pub fn reachable(&self, span: Span) -> Vec<Span> {
        self.spans(span, true)
    }

    /// When it could not, within `span`.
    #[must_use]
    pub fn dead(&self, span: Span) -> Vec<Span> {
        self.spans(span, false)
    }

    /// When it was restarted.
    #[must_use]
    pub fn restarts(&self) -> Vec<Seconds> {
        let restarts = self.events.iter().filter(|(_, event)| *event == Event::Restarted);
        restarts.map(|(at, _)| *at).collect()
    }

    /// What its counter of milliseconds said at `at`.
    #[must_use]
    pub fn counter(&self, at: Seconds) -> f64 {
        let began = self.restarts().into_iter().rfind(|restart| *restart <= at).unwrap_or(self.began);
        (at - began) * 1000.0
    }

    fn spans(&self, span: Span, wanted: bool) -> Vec<Span> {
        let mut spans = Vec::new();
        let (mut from, mut reachable) = (self.began, true);
        let end = (f64::INFINITY, if wanted { Event::Died } else { Event::Returned });
        for (at, event) in self.events.iter().copied().chain([end]) {
            let next = event != Event::Died;
            if next == reachable {
                continue;
            }
            if reachable == wanted {
                spans.push(Span { from: from.max(span.from), to: at.min(span.to) });
            }
            (from, reachable) = (at, next);
        }
        spans.retain(|span| span.length() > 0.0);
        spans
    }
}

/// The stories of all targets, by instance.
pub type Journal = BTreeMap<String, History>;

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: Seconds, to: Seconds) -> Span {
        Span { from, to }
    }

    #[test]
    fn a_history_says_when_its_target_could_be_reached() {
        let mut history = History::new("uid", 10.0);
        history.add(20.0, Event::Died);
        history.add(30.0, Event::Returned);
        history.add(40.0, Event::Restarted);
        history.add(50.0, Event::Died);
        assert_eq!(history.reachable(span(0.0, 60.0)), [span(10.0, 20.0), span(30.0, 50.0)]);
        assert_eq!(history.dead(span(0.0, 60.0)), [span(20.0, 30.0), span(50.0, 60.0)]);
        assert_eq!(history.reachable(span(12.0, 15.0)), [span(12.0, 15.0)]);
        assert_eq!(history.dead(span(31.0, 45.0)), []);
        history.add(55.0, Event::Restarted);
        assert_eq!(history.dead(span(45.0, 60.0)), [span(50.0, 55.0)]);
    }

    #[test]
    fn a_counter_goes_on_while_its_target_is_dead_and_starts_anew_with_a_restart() {
        let mut history = History::new("uid", 10.0);
        history.add(20.0, Event::Died);
        history.add(30.0, Event::Returned);
        history.add(40.0, Event::Restarted);
        assert_eq!(history.counter(35.0), 25_000.0);
        assert_eq!(history.counter(41.0), 1_000.0);
        assert_eq!(history.restarts(), [40.0]);
    }
}
