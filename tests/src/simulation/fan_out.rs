//! A fan-out: the rows that a page is made of, and the scrapes that they wait for.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::exposition::shape::Shape;
use relay::copies::{Generation, Standing};
use relay::gather::outcome::Outcome;
use relay::gather::roster::Roster;
use relay::gather::slot::Slot;

use super::event::Request;
use super::targets::Value;

/// A scrape that ends with its deadline still has to be written down.
pub(super) const LANDING: Duration = Duration::from_millis(50);

/// One target's part of a fan-out.
pub(super) struct Row {
    pub(super) slot: Arc<Slot>,
    pub(super) outcome: Option<Arc<Outcome>>,
    /// Under which permission the outcome was taken.
    pub(super) taken: Generation,
    /// When its scrape began; absent where an earlier result stands for it.
    pub(super) began: Option<Duration>,
    /// The scrape that it waits for.
    pub(super) awaits: Option<u64>,
    /// Whether it was scraped again already.
    pub(super) restarted: bool,
}

impl Row {
    /// Under which permission the outcome was taken, where that was before a page was `asked` for.
    pub(super) fn repeated(&self, asked: Duration) -> Option<Generation> {
        let live = self.began.is_some_and(|began| began >= asked);
        (!live).then_some(self.taken)
    }

    /// Whether a page that was `asked` for then may show it.
    pub(super) fn stands(&self, asked: Duration, standing: Standing) -> bool {
        let is_good = self.outcome.as_ref().is_some_and(|outcome| outcome.result.is_ok());
        let repeated = self.repeated(asked).filter(|_| is_good);
        repeated.is_none_or(|taken| self.slot.may_repeat(standing, Some(taken)))
    }

    pub(super) fn restart(&mut self) {
        (self.outcome, self.awaits) = (None, None);
    }
}

/// A fan-out under way.
pub(super) struct FanOut {
    pub(super) roster: Arc<Roster>,
    pub(super) started: Duration,
    pub(super) deadline: Duration,
    pub(super) rows: Vec<Row>,
    pub(super) missing: usize,
    /// Whether what may not be shown was scraped again.
    pub(super) again: bool,
    /// Who waits; the first one has started it.
    pub(super) requests: Vec<Request>,
}

impl FanOut {
    /// Takes what a scrape came to. One that ended for want of time, or may not stand on this page, is begun again, once.
    /// Whether something is to be done now.
    pub(super) fn take(
        &mut self,
        at: usize,
        (flight, outcome): (&Flight, &Arc<Outcome>),
        standing: Standing,
    ) -> bool {
        let row = &mut self.rows[at];
        if row.awaits != Some(flight.number) {
            return false;
        }
        (row.outcome, row.awaits) = (Some(outcome.clone()), None);
        (row.began, row.taken) = (Some(flight.began_at), flight.generation);
        let cut_off = outcome.failure().is_some_and(|failure| failure.kind == "timeout")
            && flight.deadline + LANDING < self.deadline;
        let again = cut_off || !row.stands(self.started, standing);
        if again && !std::mem::replace(&mut row.restarted, true) {
            row.restart();
            return true;
        }
        self.missing -= 1;
        self.missing == 0
    }
}

/// A scrape under way.
pub(super) struct Flight {
    pub(super) slot: Arc<Slot>,
    pub(super) generation: Generation,
    pub(super) number: u64,
    pub(super) shape: Option<Arc<Shape>>,
    pub(super) began: SystemTime,
    pub(super) began_at: Duration,
    pub(super) deadline: Duration,
    /// What the target says, if it answers.
    pub(super) value: Option<Value>,
    /// When it would answer, and what, if it is waited for long enough.
    pub(super) answers: Option<(Duration, Value)>,
    pub(super) lands: Duration,
    pub(super) rows: Vec<(u64, usize)>,
}

impl Flight {
    /// The scrape goes on until `deadline`, for a page that has more time. Whether it lands at another time now.
    pub(super) fn put_off(&mut self, deadline: Duration) -> bool {
        if deadline <= self.deadline {
            return false;
        }
        let is_late = self.lands >= self.deadline;
        self.deadline = deadline;
        if is_late {
            let answer = self.answers.filter(|(at, _)| *at < deadline);
            self.value = answer.map(|(_, value)| value);
            self.lands = answer.map_or(deadline, |(at, _)| at);
        }
        is_late
    }
}
