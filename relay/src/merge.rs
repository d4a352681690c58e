//! Merging: the expositions of a slice become one valid page.
//!
//! In: the page's targets in a stable order, each with what its last scrape was like and, where there is one, its
//! exposition (shape, values, injected labels). Out: chunks of a page of text 0.0.4 or OpenMetrics 1.0 in which every
//! family stands once, with one HELP and one TYPE, every series once, and every sample of every target, and the
//! counts of what was left out.
//!
//! Two steps. A [`Plan`] decides families, conflicts and order; it depends on the ordered targets' labels and shapes,
//! the page's format and escaping, looks at no value, and is kept until a shape comes or goes ([`PlanCache`]). A
//! [`PageWriter`] walks the plan and copies labels and values into chunks. Neither scrapes, waits, or reads a clock.

mod claims;
mod conflicts;
mod disputes;
mod duplicates;
mod metadata;
mod own_series;
mod page_family;
mod plan;
mod plan_cache;
mod runs;
mod sections;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;

use model::exposition::entry::Format;
use model::exposition::injected::Injected;
use model::exposition::page_style::PageStyle;
use model::exposition::shape::Shape;
use model::exposition::spelling::Escaping;
use model::exposition::values::Values;
use model::labels::Labels;

pub use conflicts::{CONFLICTS, Conflict, ConflictKey, ConflictKind, Conflicts, OwnConflicts, Verdict};
pub use disputes::{Dispute, Disputes, Sentences, Who, disputes, sentences};
pub use plan::Plan;
pub use plan_cache::{PLANS, PlanCache, PlanCacheCounts, PlanKey};
pub use write::{CHUNK_BYTES, DropReason, PageCounts, PageWriter, TimestampWindow};

/// What a page is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageForm {
    /// Text 0.0.4 or OpenMetrics 1.0.
    pub format: Format,
    /// What becomes of names that are no plain identifiers.
    pub escaping: Escaping,
    /// Which series the relay adds, and how targets are told apart.
    pub style: PageStyle,
}

/// One target of a page.
#[derive(Clone, Debug)]
pub struct PageTarget {
    /// The target's labels, those that the page's style leaves; those that start with `__` do not go out.
    pub labels: Labels,
    /// Whether the last scrape succeeded.
    pub up: bool,
    /// How long it took, in seconds.
    pub scrape_duration: f64,
    /// Samples in the body; 0 where the scrape failed.
    pub samples_scraped: u64,
    /// Samples after metric relabelling, duplicates included; 0 where the scrape failed.
    pub samples_post_metric_relabeling: u64,
    /// Series that the scrape before did not have; 0 where the scrape failed.
    pub series_added: u64,
    /// Age in seconds of an exposition that is served from the cache; none for a live one.
    pub cache_age: Option<f64>,
    /// What the target exposes; none where it is down and nothing is kept.
    pub exposition: Option<Exposed>,
}

/// A target's exposition. `injected` must come from [`Shape::inject`] of this shape with this target's labels,
/// `values` from a body of the shape's layout.
#[derive(Clone, Debug)]
pub struct Exposed {
    /// Layout, families and rules applied.
    pub shape: Arc<Shape>,
    /// The values of the last good scrape.
    pub values: Arc<Values>,
    /// The target's labels as text.
    pub injected: Arc<Injected>,
}

/// Brings targets into the order that pages are written in: by labels. Keep them in it, since a plan is made for an
/// ordered list; of two targets with equal labels the order given decides.
pub fn sort_targets(targets: &mut [PageTarget]) {
    targets.sort_by(|a, b| a.labels.cmp(&b.labels));
}
