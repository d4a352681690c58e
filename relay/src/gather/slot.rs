//! One target's place in the relay: what it is, how it did, and the copy of its last good scrape.
//!
//! In: assignments, outcomes, pages. Out: what a page may show, what the cache has to store, what is reported. One lock,
//! held for a few field accesses and never across an await, guards what changes.

mod state;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::exposition::injected::Injected;
use model::exposition::shape::Shape;
use model::exposition::transform::Transform;
use model::job::OverTargetLimit;
use model::labels::Labels;
use model::slice::{Held, Permission, Stamp};
use model::status::{TargetState, TargetStatus};
use model::target::Target;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::flight::Flight;
use super::job::JobScrape;
use super::outcome::{Failure, Good, Outcome};
use crate::contact::BootTime;
use crate::copies::{Generation, OnAssigned, OnGood, Standing};
use crate::merge::Sentences;
use crate::scrape::{Client, Clients};
use state::State;

pub use state::SlotState;

/// One target of the slice.
pub struct Slot {
    /// The target.
    pub target: Arc<Target>,
    /// Its job.
    pub job: Arc<JobScrape>,
    /// Those of its labels that stand on pages.
    pub labels: Labels,
    /// What its bodies become.
    pub transform: Arc<Transform>,
    /// `None` where its URL cannot be scraped; the text says why.
    pub client: Result<Clients, String>,
    /// Scrapes that may run at once, over all targets.
    pub permits: Arc<Semaphore>,
    state: Arc<Mutex<State>>,
}

/// What a target is scraped with.
pub struct Means {
    /// Those of its labels that stand on pages.
    pub labels: Labels,
    /// What its bodies become.
    pub transform: Arc<Transform>,
    /// Its client, or why there is none.
    pub client: Result<Client, String>,
    /// Scrapes that may run at once, over all targets.
    pub permits: Arc<Semaphore>,
}

/// The moment at which a page is merged.
#[derive(Clone, Copy, Debug)]
pub struct PageMoment {
    /// What is known of the coordinator.
    pub standing: Standing,
    /// The time.
    pub now: SystemTime,
    /// How old a copy may be; `None` where copies are not served at all.
    pub copy_max_age: Option<Duration>,
}

/// What a page shows of a target.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its samples, if any.
    pub good: Option<Arc<Good>>,
    /// Their age, where they are a copy that stands for a failed scrape.
    pub cache_age: Option<Duration>,
    /// Whether the scrape went well: `up`.
    pub up: bool,
    /// Whether this page changed the target's state.
    pub state_changed: bool,
}

/// What is known of a target as it leaves the slice.
#[derive(Debug)]
pub struct Release {
    /// Whether no scrape of it went well since it was assigned here.
    pub never_good: bool,
    /// Its last good scrape, where its last scrape did not go well and the copy might have been served.
    pub copy: Option<Arc<Good>>,
}

impl Slot {
    /// A target just assigned.
    #[must_use]
    pub fn new(target: Arc<Target>, job: Arc<JobScrape>, means: Means, state: SlotState) -> Self {
        let Means { labels, transform, client, permits } = means;
        let client = client.map(Clients::new);
        Self { target, job, labels, transform, client, permits, state: state.0 }
    }

    /// The memory, for a slot that takes this one's place because its job has changed. It stays one: a scrape that the
    /// old slot still has under way brings its result to the new one.
    #[must_use]
    pub fn state(&self) -> SlotState {
        SlotState(self.state.clone())
    }

    /// The scrape under way, if there is one.
    #[must_use]
    pub fn flight(&self) -> Option<Arc<Flight>> {
        self.state.lock().flight.upgrade()
    }

    /// The scrape under way, if its result may stand on a page that was `asked` for, else the one that `start` begins
    /// with its number. Of two that are under way at a time the one with the higher number is the newer.
    pub fn join_or_start(
        &self,
        (asked, standing): (Instant, Standing),
        start: impl FnOnce(Generation, u64) -> Arc<Flight>,
    ) -> Arc<Flight> {
        let mut state = self.state.lock();
        let stands = |flight: &Arc<Flight>| {
            flight.began >= asked || state.copies.may_repeat(standing, flight.generation)
        };
        let under_way = state.flight.upgrade().filter(|flight| !flight.is_over());
        if let Some(flight) = under_way.filter(stands) {
            return flight;
        }
        state.flights += 1;
        let flight = start(state.copies.generation(), state.flights);
        state.flight = Arc::downgrade(&flight);
        flight
    }

    /// What a scrape has to know as it starts: under which permission, and what the last body looked like.
    #[must_use]
    pub fn start(&self) -> (Generation, Option<Arc<Shape>>) {
        let state = self.state.lock();
        (state.copies.generation(), state.shape.clone())
    }

    /// The target's labels as pages have them, rendered for `shape`.
    #[must_use]
    pub fn injected(&self, shape: &Arc<Shape>) -> Arc<Injected> {
        let known = self.state.lock().injected.clone();
        if let Some((of, injected)) = known
            && Arc::ptr_eq(&of, shape)
        {
            return injected;
        }
        let injected = Arc::new(shape.inject(&self.labels));
        self.state.lock().injected = Some((shape.clone(), injected.clone()));
        injected
    }

    /// The last scrape and under which permission it was taken, if its result may stand for a new one: not where a newer
    /// one is under way, which a page that was asked for earlier will show.
    #[must_use]
    pub fn repeatable(&self, standing: Standing) -> Option<(Arc<Outcome>, Generation)> {
        let state = self.state.lock();
        let taken = state.last_taken;
        let under_way = state.flight.upgrade().is_some_and(|flight| !flight.is_over());
        let may = !under_way && state.copies.may_repeat(standing, taken) && !self.is_refused();
        state.last.clone().filter(|_| may).map(|last| (last, taken))
    }

    /// Whether a result that was `taken` before a page was asked for may stand on it; without `taken`, whether one of
    /// this moment may.
    #[must_use]
    pub fn may_repeat(&self, standing: Standing, taken: Option<Generation>) -> bool {
        let state = self.state.lock();
        state.copies.may_repeat(standing, taken.unwrap_or(state.copies.generation()))
    }

    fn is_refused(&self) -> bool {
        self.job.settings.over_target_limit.is_some()
    }

    /// Why no scrape of the target may be made at all: its job has more targets than its `target_limit`. As in
    /// Prometheus its series end meanwhile, so no copy stands in for them.
    #[must_use]
    pub fn refusal(&self) -> Option<Failure> {
        let OverTargetLimit { targets, limit } = self.job.settings.over_target_limit?;
        let message = format!(
            "target_limit exceeded: job {:?} has {targets} targets and may have {limit}; none of them is asked \
             until it has fewer or the limit is raised",
            self.job.settings.job_name
        );
        Some(Failure::new("target_limit", message))
    }

    /// Whether the last scrape failed.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.state.lock().consecutive_failures > 0
    }

    /// Takes in what scrape `number`, which began under `generation`, came to. Where it went well and none that began
    /// later did, `carry_out` is told what to do with the copy, before anything else can happen to this slot; it must
    /// not wait.
    pub fn record(
        &self,
        outcome: &Arc<Outcome>,
        (generation, number): (Generation, u64),
        carry_out: impl FnOnce(OnGood),
    ) -> Option<OnGood> {
        let mut state = self.state.lock();
        if state.released {
            return None;
        }
        state.count(outcome, (generation, number));
        let good = outcome.result.as_ref().ok().filter(|_| number > state.last_good)?;
        state.last_good = number;
        state.shape = Some(good.shape.clone());
        let action = state.copies.on_good(generation);
        state.copy = (action == OnGood::Store).then(|| good.clone());
        carry_out(action);
        Some(action)
    }

    /// What the page merged at `moment` shows, when the fan-out brought `outcome`; `repeated` says under which permission
    /// it was taken, where that was before the page was asked for. `None` if the target is no longer this relay's.
    pub fn show(
        &self,
        outcome: &Arc<Outcome>,
        repeated: Option<Generation>,
        moment: &PageMoment,
    ) -> Option<Shown> {
        let mut state = self.state.lock();
        if state.released {
            return None;
        }
        let may = repeated.is_none_or(|taken| state.copies.may_repeat(moment.standing, taken));
        let live = outcome.result.as_ref().ok().filter(|_| may);
        let copy = state.copy.clone().filter(|copy| live.is_none() && self.may_show(&state, copy, moment));
        state.copies.on_shown(copy.is_some());
        let next = match (live, &copy) {
            (Some(_), _) => TargetState::Up,
            (None, Some(_)) => TargetState::StaleServed,
            (None, None) => TargetState::Down,
        };
        let state_changed = state.enter(next, moment.now);
        let cache_age = copy.as_ref().map(|copy| copy.age(moment.now));
        Some(Shown { up: live.is_some(), good: live.cloned().or(copy), cache_age, state_changed })
    }

    fn may_show(&self, state: &State, copy: &Good, moment: &PageMoment) -> bool {
        self.is_fresh(copy, moment) && state.copies.may_serve(moment.standing)
    }

    fn is_fresh(&self, copy: &Good, moment: &PageMoment) -> bool {
        moment.copy_max_age.is_some_and(|most| copy.age(moment.now) <= most) && !self.is_refused()
    }

    /// Takes what the last whole page found of this target's families that others see otherwise.
    pub fn disagrees(&self, conflicts: Sentences) {
        let mut state = self.state.lock();
        if state.conflicts != conflicts {
            state.conflicts = conflicts;
            state.dirty = true;
        }
    }

    /// An assignment of this very target has arrived; what to do with the copy.
    pub fn assign(&self, permission: Permission, stamp: Stamp) -> OnAssigned {
        let mut state = self.state.lock();
        state.stamp = stamp;
        let action = state.copies.assign(permission);
        if action != OnAssigned::Leave {
            state.copy = None;
        }
        action
    }

    /// Whether nothing is known of what the target says: then an earlier process's copy, where it may be kept, is the
    /// newest of this relay.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.state.lock().shape.is_none()
    }

    /// Takes a copy that was read from a record.
    pub fn restore(&self, copy: Arc<Good>) {
        let mut state = self.state.lock();
        state.shape.get_or_insert_with(|| copy.shape.clone());
        state.copy = Some(copy);
        state.dirty = true;
    }

    /// The target has just been given to this relay, which did not hold it. To be said only where no earlier process by
    /// the relay's name can have held it: what that one exposed is not known here.
    pub fn newly_assigned(&self) {
        self.state.lock().never_good = true;
    }

    /// The target has left the slice; what is known of it at `moment`. A relay that is alone may not be the last that
    /// exposed it, so its copy is nobody's. A copy that is still there under `none` has been followed by no good scrape
    /// here; whether it is the newest of all is for the coordinator to know.
    pub fn release(&self, moment: &PageMoment) -> Release {
        let mut state = self.state.lock();
        state.released = true;
        let failing = state.last.as_ref().is_none_or(|last| last.result.is_err());
        let copy =
            state.copy.take().filter(|copy| failing && !moment.standing.alone && self.is_fresh(copy, moment));
        Release { never_good: state.never_good, copy }
    }

    /// What a Hello says of this target. Whoever reads it knows nothing else yet: everything is reported anew. A relay
    /// that is alone may not be the only one that exposes it, so a coordinator that begins here must not take it so: a
    /// copy that may not be served at this moment is one that is held with `none`.
    pub fn introduce(&self, standing: Standing) -> Held {
        let mut state = self.state.lock();
        let (permission, may_serve) = (state.copies.permission(), state.copies.may_serve(standing));
        state.dirty = true;
        state.reported = None;
        Held {
            target: self.target.id,
            stamp: state.stamp,
            permission: if may_serve { permission } else { Permission::None },
            held_back: !may_serve && permission != Permission::None,
            served_from_cache: state.copies.is_served(),
            samples: state.shape.as_ref().map_or(0, |shape| shape.counts().post_relabel),
            described: Some(self.target.clone()),
        }
    }

    /// The permission in force and when it was given.
    #[must_use]
    pub fn assignment(&self) -> (Permission, Stamp) {
        let state = self.state.lock();
        (state.copies.permission(), state.stamp)
    }

    /// Since when the coordinator can know that the target is served from the cache.
    #[must_use]
    pub fn served_since(&self) -> Option<BootTime> {
        self.state.lock().copies.served_since()
    }

    /// The state that pages have shown last.
    #[must_use]
    pub fn target_state(&self) -> TargetState {
        self.state.lock().state
    }

    /// What is to be reported, if anything has changed since the last report; it counts as sent at `now`.
    pub fn report(&self, now: BootTime) -> Option<TargetStatus> {
        let mut state = self.state.lock();
        if !state.dirty {
            return None;
        }
        Some(state.report(&self.target, now))
    }

    /// As [`Slot::report`], if the target's state is another one than the last reported.
    pub fn report_state(&self, now: BootTime) -> Option<TargetStatus> {
        let mut state = self.state.lock();
        if state.reported == Some(state.state) {
            return None;
        }
        Some(state.report(&self.target, now))
    }
}

#[cfg(test)]
mod tests;
