//! What one scrape of one target came to.
//!
//! Plain values, shared by the pages that show them and the target's own memory. What may be shown of them is decided
//! elsewhere.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::exposition::injected::Injected;
use model::exposition::shape::Shape;
use model::exposition::values::Values;
use model::status::ScrapeFailure;

/// A good scrape, as it is exposed: live, or again as a cached copy.
#[derive(Debug)]
pub struct Good {
    /// What its body looks like.
    pub shape: Arc<Shape>,
    /// The target's labels, rendered for that shape.
    pub injected: Arc<Injected>,
    /// What it said.
    pub values: Arc<Values>,
    /// When it was scraped.
    pub scraped_at: SystemTime,
}

impl Good {
    /// How old it is at `now`; zero where the clock was set back since.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Duration {
        now.duration_since(self.scraped_at).unwrap_or_default()
    }
}

/// One scrape.
#[derive(Debug)]
pub struct Outcome {
    /// When it began.
    pub began: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// Bytes of the body after decompression.
    pub body_bytes: u64,
    /// Samples in the body: `scrape_samples_scraped`.
    pub scraped: u64,
    /// Samples after metric relabelling: `scrape_samples_post_metric_relabeling`.
    pub post_relabel: u64,
    /// Series that the last good scrape did not have: `scrape_series_added`.
    pub series_added: u64,
    /// The samples, or why there are none.
    pub result: Result<Arc<Good>, Failure>,
}

/// Why a scrape failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A fixed word.
    pub kind: &'static str,
    /// The sentence for people.
    pub message: String,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The limit of the relay or the job that was hit, if it was one.
    #[must_use]
    pub fn limit(&self) -> Option<&'static str> {
        let is_limit = self.kind.ends_with("_limit")
            || matches!(self.kind, "body_size" | "label_variants" | "memory" | "concurrency");
        is_limit.then_some(self.kind)
    }

    /// What is reported of it.
    #[must_use]
    pub fn report(&self) -> ScrapeFailure {
        ScrapeFailure { kind: self.kind.into(), message: self.message.as_str().into() }
    }
}

impl Outcome {
    /// A scrape that failed before there was a body.
    #[must_use]
    pub fn failed(began: SystemTime, duration: Duration, failure: Failure) -> Self {
        let result = Err(failure);
        Self { began, duration, body_bytes: 0, scraped: 0, post_relabel: 0, series_added: 0, result }
    }

    /// Why it failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.result.as_ref().err()
    }

    /// How long it took, if it failed for want of time: that says as much of the scraper as of the target.
    #[must_use]
    pub fn cut_off(&self) -> Option<Duration> {
        let late = |failure: &&Failure| matches!(failure.kind, "timeout" | "concurrency");
        self.failure().filter(late).map(|_| self.duration)
    }
}

/// Milliseconds since 1970.
#[must_use]
pub fn unix_ms(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The time that lies so many milliseconds after 1970; 1970 for what lies before.
#[must_use]
pub fn from_unix_ms(ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
