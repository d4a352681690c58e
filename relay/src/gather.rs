//! Gathering: on a scraper's request, every target of the slice is scraped at that moment.
//!
//! In: requests with their budgets, and the slice as it changes. Out: rows of outcomes. It does not know how a page is
//! written or sent, nor who assigns targets.

mod attempt;
pub mod deadline;
pub mod fan_out;
mod flight;
pub mod job;
pub mod outcome;
pub mod roster;
pub mod slot;
mod stored;
mod take_over;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use model::exposition::page_style::PageStyle;
use model::exposition::store::ShapeStore;
use parking_lot::Mutex;
use runtime::Tasks;
use runtime::listen::Room;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::cache::{Cache, Loaded};
use crate::guards::Guards;
use crate::instruments::Instruments;
use crate::scrape::AddressGuard;
use crate::standing::SharedContact;
use deadline::page_budget;
use fan_out::{FanOut, Gathered, Jobs};
use outcome::unix_ms;
use roster::Roster;
use slot::PageMoment;

pub use take_over::Departed;

/// A page's last byte waits this long for what it shows to be on disk.
const FLUSH_WAIT: Duration = Duration::from_millis(100);

/// What every scrape and page of a relay shares.
pub struct Context {
    /// Shapes, shared by all targets.
    pub shapes: ShapeStore,
    /// Where good scrapes go.
    pub cache: Cache,
    /// What is known of the coordinator.
    pub contact: SharedContact,
    /// What is counted.
    pub instruments: Instruments,
    /// Where scrapes run.
    pub tasks: Tasks,
    /// Which addresses are not scraped.
    pub guard: AddressGuard,
    /// What pages show of a target.
    pub style: PageStyle,
    /// Which rules of the protocol hold: all, save in tests.
    pub guards: Guards,
    /// How many scrapers may be connected.
    pub room: Room,
    /// Rung when something has to be reported at once.
    pub changed: Notify,
    /// Whether a page went out before what it showed was on disk, and nobody was told the end of it yet.
    pub flush_late: AtomicBool,
}

/// Why there is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotGathered {
    /// An empty page would end every series that Prometheus has.
    #[error("this relay has no slice yet: no coordinator has told it what to scrape")]
    NoSlice,
    /// The scrapes were dropped with the process's end.
    #[error("this relay is stopping: its scrapes were given up")]
    Stopped,
}

/// A relay's targets and the fan-outs that run over them.
pub struct Gather {
    /// Shared with every scrape.
    pub context: Arc<Context>,
    roster: ArcSwapOption<Roster>,
    running: Mutex<Vec<Weak<FanOut>>>,
    loaded: Mutex<Loaded>,
    /// Microseconds that merging and sending the last page took.
    last_page: AtomicU64,
    last_asked: Mutex<Option<SystemTime>>,
}

impl Gather {
    /// No targets yet; `loaded` is what the cache had at start.
    #[must_use]
    pub fn new(context: Arc<Context>, loaded: Loaded) -> Self {
        Self {
            context,
            roster: ArcSwapOption::empty(),
            running: Mutex::default(),
            loaded: Mutex::new(loaded),
            last_page: AtomicU64::new(0),
            last_asked: Mutex::new(None),
        }
    }

    /// The roster in force; none before the first slice.
    #[must_use]
    pub fn roster(&self) -> Option<Arc<Roster>> {
        self.roster.load_full()
    }

    /// Scrapes the targets of `jobs` (all if empty) for a scraper that waits for `header`.
    ///
    /// # Errors
    /// Before the first slice, and when the process is told to stop at once.
    pub async fn gather(&self, header: Option<Duration>, jobs: Jobs) -> Result<Gathered, NotGathered> {
        *self.last_asked.lock() = Some(SystemTime::now());
        let roster = self.roster().ok_or(NotGathered::NoSlice)?;
        let budget = page_budget(header, self.last_page(), roster.config.relay.page_timeout);
        let asked = Instant::now();
        let times = (asked, asked + budget);
        if let Some(joined) = self.join(&roster, &jobs, times) {
            let gathered = joined.gathered(asked).await.ok_or(NotGathered::Stopped)?;
            if gathered.stands(self.context.contact.standing()) {
                self.context.instruments.pages_joined.add(1, &[]);
                return Ok(gathered);
            }
        }
        let started = FanOut::start(&self.context, &roster, &jobs, times);
        self.running.lock().push(Arc::downgrade(&started));
        started.gathered(asked).await.ok_or(NotGathered::Stopped)
    }

    /// A fan-out under way that a page may share. What it brings was taken before the page was asked for, so none is
    /// shared while any target is live only, or all are.
    fn join(
        &self,
        roster: &Arc<Roster>,
        jobs: &Jobs,
        (asked, deadline): (Instant, Instant),
    ) -> Option<Arc<FanOut>> {
        let mut running = self.running.lock();
        running.retain(|fan_out| fan_out.strong_count() > 0);
        let mut candidates = running.iter().filter_map(Weak::upgrade);
        let suits = candidates.find(|it| it.suits(roster, jobs, asked, deadline))?;
        let standing = self.context.contact.standing();
        roster.slots.iter().all(|slot| slot.may_repeat(standing, None)).then_some(suits)
    }

    /// What merging and sending the last page took.
    #[must_use]
    pub fn last_page(&self) -> Duration {
        Duration::from_micros(self.last_page.load(Ordering::Relaxed))
    }

    /// Says what merging and sending a page took.
    pub fn set_last_page(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.last_page.store(micros, Ordering::Relaxed);
    }

    /// When a scraper last asked for the page.
    #[must_use]
    pub fn last_asked(&self) -> Option<SystemTime> {
        *self.last_asked.lock()
    }

    /// How things stand at this moment, for what `roster` shows.
    #[must_use]
    pub fn moment(&self, roster: &Roster) -> PageMoment {
        let cache = &roster.config.cache;
        PageMoment {
            standing: self.context.contact.standing(),
            now: SystemTime::now(),
            copy_max_age: cache.enabled.then_some(cache.max_age),
        }
    }

    /// Drops what was loaded at start and is too old to be served by now, from disk too. To be called now and then.
    pub fn expire_loaded(&self, now: SystemTime) {
        let Some(roster) = self.roster() else { return };
        let oldest = now.checked_sub(roster.config.cache.max_age).unwrap_or(SystemTime::UNIX_EPOCH);
        for key in self.loaded.lock().expire(unix_ms(oldest)) {
            self.context.cache.remove(key);
        }
    }

    /// Looks at what the cache had at start.
    pub fn with_loaded<T>(&self, look: impl FnOnce(&Loaded) -> T) -> T {
        look(&self.loaded.lock())
    }
}
