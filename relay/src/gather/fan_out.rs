//! One fan-out: every target of a roster scraped at the same moment, for one page or several.
//!
//! In: a roster, the jobs wanted, a deadline. Out: one row per target, and the word that the cache has them. What is in
//! flight already is awaited where its result may stand on the page. Dropped by its last page, it is cancelled.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::attempt;
use super::deadline::{has_more_time, is_due, may_join};
use super::flight::Flight;
use super::outcome::{Failure, Outcome};
use super::roster::Roster;
use super::slot::Slot;
use super::{Context, FLUSH_WAIT};
use crate::copies::{Generation, Standing};

/// A scrape that ends with its deadline still has to be written down.
const LANDING: Duration = Duration::from_millis(50);
/// How often a scrape that another page's shorter time cut off is started again.
const RESTARTS: usize = 1;

/// Which jobs a page is of; empty for all. Sorted.
pub type Jobs = Arc<[String]>;

/// What a fan-out brought of one target.
#[derive(Clone)]
pub struct Row {
    /// The target.
    pub slot: Arc<Slot>,
    /// What its scrape came to.
    pub outcome: Arc<Outcome>,
    /// Under which permission that was taken.
    taken: Generation,
    /// When the scrape began; absent where the job asks for a distance between scrapes and this is an earlier result.
    began: Option<Instant>,
}

impl Row {
    /// Under which permission the result was taken, where that was before a page was `asked` for: then it is repeated.
    #[must_use]
    pub fn repeated(&self, asked: Instant) -> Option<Generation> {
        let live = self.began.is_some_and(|began| began >= asked);
        (!live).then_some(self.taken)
    }

    /// Whether the page may show what there is to show.
    fn stands(&self, asked: Instant, standing: Standing) -> bool {
        let repeated = self.repeated(asked).filter(|_| self.outcome.result.is_ok());
        repeated.is_none_or(|taken| self.slot.may_repeat(standing, Some(taken)))
    }
}

/// How far a fan-out is.
#[derive(Clone, Default)]
struct Progress {
    rows: Option<Arc<[Row]>>,
    flushed: bool,
}

/// A fan-out that runs or has run.
pub struct FanOut {
    roster: Arc<Roster>,
    jobs: Jobs,
    started: Instant,
    deadline: Instant,
    progress: watch::Receiver<Progress>,
    _cancel: DropGuard,
}

/// The rows of a fan-out, for one page.
#[derive(Clone)]
pub struct Gathered {
    /// One per target, in the order of the page.
    pub rows: Arc<[Row]>,
    /// What they were gathered from.
    pub roster: Arc<Roster>,
    /// When the page was asked for.
    pub asked: Instant,
    fan_out: Arc<FanOut>,
}

impl FanOut {
    /// Starts a fan-out for a page that was `asked` for a moment ago; it ends by `deadline`.
    #[must_use]
    pub fn start(
        context: &Arc<Context>,
        roster: &Arc<Roster>,
        jobs: &Jobs,
        (asked, deadline): (Instant, Instant),
    ) -> Arc<Self> {
        let (sender, progress) = watch::channel(Progress::default());
        let cancelled = CancellationToken::new();
        let (roster, jobs) = (roster.clone(), jobs.clone());
        let run =
            Run { context: context.clone(), roster: roster.clone(), jobs: jobs.clone(), asked, deadline };
        let cancel = cancelled.clone();
        context.tasks.work(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = run.run(sender) => {}
            }
        });
        let started = asked;
        Arc::new(Self { roster, jobs, started, deadline, progress, _cancel: cancelled.drop_guard() })
    }

    /// Whether a page of `roster` and `jobs` whose own deadline is `own` may join.
    #[must_use]
    pub fn suits(&self, roster: &Arc<Roster>, jobs: &Jobs, now: Instant, own: Instant) -> bool {
        let same = Arc::ptr_eq(&self.roster, roster) && self.jobs == *jobs;
        same && may_join(self.started, self.deadline, now, own)
    }

    /// Waits for the rows, for a page that was `asked` for. `None` if the fan-out was lost with its process's end.
    pub async fn gathered(self: &Arc<Self>, asked: Instant) -> Option<Gathered> {
        let mut progress = self.progress.clone();
        let reached = progress.wait_for(|progress| progress.rows.is_some()).await.ok()?;
        let rows = reached.rows.clone()?;
        Some(Gathered { rows, roster: self.roster.clone(), asked, fan_out: self.clone() })
    }
}

impl Gathered {
    /// Whether the page may show all that was gathered; otherwise it has to gather for itself.
    #[must_use]
    pub fn stands(&self, standing: Standing) -> bool {
        self.rows.iter().all(|row| row.stands(self.asked, standing))
    }

    /// Waits until the cache has what the page shows, or the time for that is over.
    pub async fn flushed(&self) {
        let mut progress = self.fan_out.progress.clone();
        // An error says that the fan-out's task is gone: nothing more to wait for.
        progress.wait_for(|progress| progress.flushed).await.ok();
    }
}

/// What the task of a fan-out works on.
struct Run {
    context: Arc<Context>,
    roster: Arc<Roster>,
    jobs: Jobs,
    asked: Instant,
    deadline: Instant,
}

/// Where a target's row comes from.
enum Source {
    Repeated(Arc<Outcome>, Generation),
    Flight(Arc<Flight>),
}

impl Run {
    async fn run(self, progress: watch::Sender<Progress>) {
        let slots: Vec<_> = self.roster.slots.iter().filter(|slot| self.wants(slot)).collect();
        let sources = self.sources(&slots);
        let rows = slots.into_iter().zip(sources).map(|(slot, source)| self.row(slot, source));
        let mut rows = join_all(rows).await;
        self.renew(&mut rows).await;
        progress.send_modify(|progress| progress.rows = Some(rows.into()));
        if !self.context.cache.flush(FLUSH_WAIT).await {
            self.context.flush_late.store(true, Ordering::Relaxed);
            self.context.changed.notify_one();
        }
        progress.send_modify(|progress| progress.flushed = true);
    }

    /// Scrapes what was to be repeated and may not be any more: the slice has changed meanwhile.
    async fn renew(&self, rows: &mut [Row]) {
        let standing = self.context.contact.standing();
        let outdated = rows.iter_mut().filter(|row| !row.stands(self.asked, standing));
        let renewals = outdated.map(async |row| {
            let slot = row.slot.clone();
            *row = self.row(&slot, Source::Flight(self.flight(&slot))).await;
        });
        join_all(renewals).await;
    }

    fn wants(&self, slot: &Slot) -> bool {
        self.jobs.is_empty() || self.jobs.iter().any(|job| **job == *slot.target.job)
    }

    /// Starts what has to be scraped. Those that failed last time start last: a hundred hanging targets must not hold
    /// the permits of the others.
    fn sources(&self, slots: &[&Arc<Slot>]) -> Vec<Source> {
        let mut order: Vec<usize> = (0..slots.len()).collect();
        order.sort_by_cached_key(|&at| slots[at].is_failing());
        let mut sources: Vec<Option<Source>> = slots.iter().map(|_| None).collect();
        for at in order {
            sources[at] = Some(self.source(slots[at]));
        }
        sources.into_iter().flatten().collect()
    }

    fn source(&self, slot: &Arc<Slot>) -> Source {
        let standing = self.context.contact.standing();
        let since = |outcome: &Arc<Outcome>| SystemTime::now().duration_since(outcome.began).ok();
        let time = self.deadline_of(slot).saturating_duration_since(Instant::now());
        let is_due = |last: &Arc<Outcome>| {
            is_due(since(last), slot.target.min_interval) || has_more_time(last.cut_off(), time)
        };
        match slot.repeatable(standing) {
            Some((last, taken)) if !is_due(&last) => Source::Repeated(last, taken),
            _ => Source::Flight(self.flight(slot)),
        }
    }

    fn flight(&self, slot: &Arc<Slot>) -> Arc<Flight> {
        let standing = self.context.contact.standing();
        let flight = slot.join_or_start((self.asked, standing), |generation, number| {
            let deadline = self.deadline_of(slot);
            let (flight, pilot) = Flight::new(deadline, generation);
            let limits = (flight.deadline.clone(), number);
            let scrape = attempt::scrape(self.context.clone(), slot.clone(), limits);
            self.context.tasks.work(pilot.fly(scrape));
            flight
        });
        // Two pages that each wait for what the other began late would see a slow target never.
        flight.deadline.put_off(self.deadline.min(flight.began + slot.target.scrape_timeout));
        flight
    }

    fn deadline_of(&self, slot: &Slot) -> Instant {
        self.deadline.min(Instant::now() + slot.target.scrape_timeout)
    }

    async fn row(&self, slot: &Arc<Slot>, source: Source) -> Row {
        let slot = slot.clone();
        match source {
            Source::Repeated(outcome, taken) => Row { slot, outcome, taken, began: None },
            Source::Flight(flight) => self.land(slot, flight).await,
        }
    }

    /// Awaits a scrape. One that an earlier page started is started again with this page's time where it ended for want
    /// of time, or where it may not stand for one that this page has asked for.
    async fn land(&self, slot: Arc<Slot>, mut flight: Arc<Flight>) -> Row {
        let own = self.deadline_of(&slot);
        for restarts in 0.. {
            let outcome = self.outcome(&flight).await;
            let cut_off = outcome.failure().is_some_and(|failure| failure.kind == "timeout")
                && flight.deadline.at() + LANDING < own;
            let row =
                Row { slot: slot.clone(), outcome, taken: flight.generation, began: Some(flight.began) };
            let outdated = !row.stands(self.asked, self.context.contact.standing());
            if !(cut_off || outdated) || restarts == RESTARTS {
                return row;
            }
            flight = self.flight(&slot);
        }
        unreachable!("the loop ends with the last restart")
    }

    async fn outcome(&self, flight: &Flight) -> Arc<Outcome> {
        match timeout_at(self.deadline + LANDING, flight.outcome()).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => failed(flight, "cancelled", "the scrape was given up"),
            Err(_) => failed(
                flight,
                "timeout",
                "still being scraped for another page when this page's time was over",
            ),
        }
    }
}

fn failed(flight: &Flight, kind: &'static str, message: &str) -> Arc<Outcome> {
    let failure = Failure::new(kind, message);
    Arc::new(Outcome::failed(SystemTime::now(), flight.began.elapsed(), failure))
}
