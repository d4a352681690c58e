//! What happens next, and to which process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::fault::{Fault, Healing};
use super::judge::Sample;

/// A process of a machine: which relay or coordinator, and the how manieth process of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) index: usize,
    pub(super) number: u64,
}

/// A relay's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    Heartbeat,
    Status,
    /// A state has changed: it is reported at once.
    Changed,
    Silence,
    /// No answer to the Hello.
    Join,
}

/// One request for a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) prometheus: usize,
    pub(super) scrape: u64,
    /// When it came.
    pub(super) asked: Duration,
    pub(super) deadline: Duration,
}

#[derive(Clone, Debug)]
pub(super) enum Event {
    /// The coordinator looks at its clocks.
    Tick(Process),
    /// Its discovery has found all targets, or only those of one job.
    Discovered(Process, bool),
    /// Something may be delivered on a stream.
    Carry(u64),
    /// A relay looks for a coordinator; where it was told which one leads, that one.
    Connect(Process, Option<usize>),
    /// A timer of a stream.
    Stream(Process, u64, Timer),
    /// A relay on its way out looks whether it may go.
    Leave(Process),
    /// Time to take the slice that was kept.
    TakeKept(Process),
    /// A scraper's request has arrived.
    Requested(Process, Request),
    /// Scrapes under way have ended.
    Landed(Process, Arc<[u64]>),
    /// The time of a fan-out is over.
    TimeIsOver(Process, u64),
    /// A page has arrived at its scraper.
    Page(usize, u64, Arc<[Sample]>),
    /// Prometheus' next scrape of a relay, in the loop of this number.
    Scrape(usize, usize, u64),
    /// Prometheus gives a scrape up.
    GaveUp(usize, u64),
    /// Prometheus asks for the list of relays.
    Refresh(usize),
    /// Prometheus puts a list of relays in force.
    List(usize, Vec<usize>),
    /// Something breaks.
    Fault(Fault),
    /// Something is made good.
    Heal(Healing),
    /// The judge looks at what is not a page.
    Check,
}

impl Event {
    /// Whose process has to run for it: of a relay (`Ok`) or of a coordinator (`Err`).
    pub(super) fn process(&self) -> Option<Result<Process, Process>> {
        match self {
            Self::Tick(process) | Self::Discovered(process, _) => Some(Err(*process)),
            Self::Connect(process, _)
            | Self::Stream(process, ..)
            | Self::TakeKept(process)
            | Self::Leave(process)
            | Self::Requested(process, _)
            | Self::Landed(process, _)
            | Self::TimeIsOver(process, _) => Some(Ok(*process)),
            _ => None,
        }
    }
}

/// Events by their time; of one time in the order in which they were made.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    events: BTreeMap<(Duration, u64), Event>,
    made: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at: Duration, event: Event) {
        self.made += 1;
        self.events.insert((at, self.made), event);
    }

    pub(super) fn pop(&mut self, until: Duration) -> Option<(Duration, Event)> {
        let first = self.events.first_entry()?;
        if first.key().0 > until {
            return None;
        }
        let ((at, _), event) = first.remove_entry();
        Some((at, event))
    }
}
