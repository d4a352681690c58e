//! Targets: what is scraped, made of a job and a target group.
//!
//! In: a job and a target group. Out: for each discovered target its URL, labels and times, or why it is not
//! scraped. The steps and checks are those of Prometheus 3. Nothing here resolves names or connects.

mod id;
mod resolve;
mod url;

use std::sync::Arc;
use std::time::Duration;

use crate::duration::DurationError;
use crate::labels::Labels;

pub use id::{PlacementKey, TargetId};
pub use resolve::{discovered_labels, resolve};

/// The label that holds the address.
pub const ADDRESS: &str = "__address__";
/// The label that holds the path.
pub const METRICS_PATH: &str = "__metrics_path__";
/// The label that holds the URL's scheme.
pub const SCHEME: &str = "__scheme__";
/// The label that holds the scrape interval.
pub const SCRAPE_INTERVAL: &str = "__scrape_interval__";
/// The label that holds the scrape timeout.
pub const SCRAPE_TIMEOUT: &str = "__scrape_timeout__";
/// The label that says whether classic histograms become native ones.
pub const CONVERT_CLASSIC_HISTOGRAMS: &str = "__convert_classic_histograms_to_nhcb__";
/// The label that says whether classic histograms are kept beside native ones.
pub const ALWAYS_SCRAPE_CLASSIC_HISTOGRAMS: &str = "__always_scrape_classic_histograms__";
/// The label that says whether native histograms are scraped.
pub const SCRAPE_NATIVE_HISTOGRAMS: &str = "__scrape_native_histograms__";
/// The job's label.
pub const JOB: &str = "job";
/// The instance's label.
pub const INSTANCE: &str = "instance";

/// A target to be scraped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Names this target with exactly these labels.
    pub id: TargetId,
    /// Names it whatever its labels are.
    pub key: PlacementKey,
    /// The name of its job in the configuration.
    pub job: Arc<str>,
    /// Its public labels, written on every sample.
    pub labels: Labels,
    /// Where it is scraped.
    pub url: Box<str>,
    /// The interval in force.
    pub scrape_interval: Duration,
    /// How long one scrape may take.
    pub scrape_timeout: Duration,
    /// The least distance between two scrapes: the interval, where the job or a label sets it.
    pub min_interval: Option<Duration>,
}

/// What became of a discovered target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// It is scraped.
    Target {
        /// The target.
        target: Target,
        /// Its labels before relabelling.
        discovered: Labels,
        /// Its labels after relabelling, internal ones (`__...`) included, `__meta_...` not.
        all_labels: Labels,
    },
    /// A rule dropped it.
    Dropped {
        /// Its labels before relabelling.
        discovered: Labels,
        /// The rule's index in `relabel_configs`.
        rule: usize,
    },
    /// It cannot be scraped.
    Failed {
        /// Its labels before relabelling.
        discovered: Labels,
        /// Why.
        error: TargetError,
    },
}

/// Why a target cannot be scraped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// There is no `__address__` after relabelling.
    #[error("no address: __address__ is missing after relabelling")]
    NoAddress,
    /// The address is a URL or has a path.
    #[error("{0:?} is not a valid hostname: write host:port, without scheme and path")]
    Address(Box<str>),
    /// The interval is no duration.
    #[error("error parsing scrape interval: {0}")]
    Interval(#[source] DurationError),
    /// The interval is zero.
    #[error("scrape interval cannot be 0")]
    ZeroInterval,
    /// The timeout is no duration.
    #[error("error parsing scrape timeout: {0}")]
    Timeout(#[source] DurationError),
    /// The timeout is zero.
    #[error("scrape timeout cannot be 0")]
    ZeroTimeout,
    /// The timeout is longer than the interval.
    #[error("scrape timeout cannot be greater than scrape interval ({timeout:?} > {interval:?})")]
    TimeoutTooLong {
        /// The timeout as its label has it.
        timeout: Box<str>,
        /// The interval as its label has it.
        interval: Box<str>,
    },
    /// An internal label that must be `true` or `false` is neither.
    #[error("error parsing {label}: {value:?} is neither true nor false")]
    Boolean {
        /// The label.
        label: &'static str,
        /// Its value.
        value: Box<str>,
    },
    /// A target label would overwrite a histogram's or summary's own label.
    #[error("the target label {0:?} is refused: it would overwrite the buckets or quantiles of its samples")]
    SampleLabel(&'static str),
    /// Discovery does not make a target of what a workload says of itself.
    #[error("refused ({word}): {sentence}")]
    Refused {
        /// A fixed word for the reason.
        word: &'static str,
        /// The reason, for people.
        sentence: Box<str>,
    },
}

impl TargetError {
    /// A fixed name for metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoAddress => "no_address",
            Self::Address(_) => "address",
            Self::Interval(_) | Self::ZeroInterval => "interval",
            Self::Timeout(_) | Self::ZeroTimeout | Self::TimeoutTooLong { .. } => "timeout",
            Self::Boolean { .. } => "boolean",
            Self::SampleLabel(_) => "sample_label",
            Self::Refused { word, .. } => word,
        }
    }
}
