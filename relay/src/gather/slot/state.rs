//! What a slot remembers of its target from scrape to scrape, and how that is reported.

use std::sync::{Arc, Weak};
use std::time::SystemTime;

use model::exposition::injected::Injected;
use model::exposition::shape::Shape;
use model::slice::Stamp;
use model::status::{TargetState, TargetStatus};
use model::target::Target;
use parking_lot::Mutex;

use crate::contact::BootTime;
use crate::copies::{Copies, Generation};
use crate::gather::flight::Flight;
use crate::gather::outcome::{Failure, Good, Outcome};
use crate::merge::Sentences;

/// What changes.
pub(super) struct State {
    pub(super) copies: Copies,
    pub(super) stamp: Stamp,
    /// Whether the slice still has this slot.
    pub(super) released: bool,
    /// Whether it is known that no scrape has gone well since the target was assigned here.
    pub(super) never_good: bool,
    /// Scrapes that were begun, and which of them were the last of which the result is known, and of these the last
    /// that went well.
    pub(super) flights: u64,
    last_known: u64,
    pub(super) last_good: u64,
    pub(super) last: Option<Arc<Outcome>>,
    /// Under which permission the last scrape was started.
    pub(super) last_taken: Generation,
    pub(super) copy: Option<Arc<Good>>,
    pub(super) shape: Option<Arc<Shape>>,
    /// The target's labels, rendered for the shape they were last rendered for.
    pub(super) injected: Option<(Arc<Shape>, Arc<Injected>)>,
    pub(super) flight: Weak<Flight>,
    pub(super) state: TargetState,
    pub(super) state_changed: Option<SystemTime>,
    pub(super) scrapes_total: u64,
    pub(super) failures_total: u64,
    pub(super) consecutive_failures: u64,
    /// What other targets see otherwise in its families.
    pub(super) conflicts: Sentences,
    pub(super) dirty: bool,
    /// The state that was reported last.
    pub(super) reported: Option<TargetState>,
}

/// What a slot remembers of its target.
pub struct SlotState(pub(super) Arc<Mutex<State>>);

impl SlotState {
    /// Nothing yet.
    #[must_use]
    pub fn new(copies: Copies, stamp: Stamp) -> Self {
        Self(Arc::new(Mutex::new(State {
            last_taken: copies.generation(),
            copies,
            stamp,
            released: false,
            never_good: false,
            flights: 0,
            last_known: 0,
            last_good: 0,
            last: None,
            copy: None,
            shape: None,
            injected: None,
            flight: Weak::new(),
            state: TargetState::Pending,
            state_changed: None,
            scrapes_total: 0,
            failures_total: 0,
            consecutive_failures: 0,
            conflicts: None,
            dirty: true,
            reported: None,
        })))
    }
}

impl State {
    /// Takes in what scrape `number`, which began under `generation`, says of the target; its series aside.
    pub(super) fn count(&mut self, outcome: &Arc<Outcome>, (generation, number): (Generation, u64)) {
        let failed = outcome.result.is_err();
        self.scrapes_total += 1;
        self.failures_total += u64::from(failed);
        self.never_good &= failed;
        self.dirty = true;
        if number > self.last_known {
            self.last_known = number;
            self.last = Some(outcome.clone());
            self.last_taken = generation;
            self.consecutive_failures = if failed { self.consecutive_failures + 1 } else { 0 };
        }
    }

    /// Enters a state; whether it is another one.
    pub(super) fn enter(&mut self, next: TargetState, now: SystemTime) -> bool {
        let changed = self.state != next;
        if changed {
            self.state = next;
            self.state_changed = Some(now);
            self.dirty = true;
        }
        changed
    }

    /// What is reported now, which counts as sent.
    pub(super) fn report(&mut self, target: &Target, now: BootTime) -> TargetStatus {
        self.dirty = false;
        self.reported = Some(self.state);
        self.copies.on_reported(now);
        self.status(target)
    }

    fn status(&self, target: &Target) -> TargetStatus {
        let last = self.last.as_deref();
        let failure = last.and_then(Outcome::failure);
        TargetStatus {
            target: target.id,
            state: self.state,
            state_changed: self.state_changed,
            last_scrape: last.map(|last| last.began),
            last_duration: last.map(|last| last.duration),
            last_samples: last.map_or(0, |last| last.post_relabel),
            last_body_bytes: last.map_or(0, |last| last.body_bytes),
            failure: failure.map(Failure::report),
            cached_scrape: self.copy.as_ref().map(|copy| copy.scraped_at),
            scrapes_total: self.scrapes_total,
            failures_total: self.failures_total,
            consecutive_failures: self.consecutive_failures,
            limits_hit: failure.and_then(Failure::limit).into_iter().map(Into::into).collect(),
            conflicts: self.conflicts.iter().flat_map(|all| all.iter().cloned()).collect(),
        }
    }
}
