//! A *Shape*: everything a layout says once the job's rules have been applied, but for values and target labels.
//!
//! In: built once by the cold path. Out: families with their lines, ready to be written for any target of the same
//! transform by [`Expansion`](super::expand::Expansion). A shape never changes; it is shared by all targets that
//! have its layout and transform.

use std::ops::Range;
use std::sync::Arc;

use super::entry::{Format, MetricType};
use super::layout::Layout;
use super::memo::Memo;
use super::spelling::Escaping;
use super::transform::Transform;

/// The immutable result of a [`Layout`] under a [`Transform`].
#[derive(Debug)]
pub struct Shape {
    pub(super) layout: Arc<Layout>,
    pub(super) transform: Arc<Transform>,
    pub(super) quoted: Arc<Rendition>,
    pub(super) underscores: Arc<Rendition>,
    pub(super) variants: Box<[u64]>,
    pub(super) series: Box<[u64]>,
    pub(super) counts: ShapeCounts,
    pub(super) memo: Option<Memo>,
}

/// What became of the samples of a body; the same for every scrape of a shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShapeCounts {
    /// Samples in the body: `scrape_samples_scraped`.
    pub scraped: u64,
    /// Samples left by metric relabelling, duplicates included: `scrape_samples_post_metric_relabeling`.
    pub post_relabel: u64,
    /// Samples refused because they would be one of the relay's own series for that target, or bear the relay's
    /// own prefix.
    pub reserved: u64,
    /// Samples left out because their series came before in the same body.
    pub duplicates: u64,
    /// Samples left out of the underscore-escaped rendition because two of their labels became one.
    pub escaped_labels: u64,
    /// Samples left out of the underscore-escaped rendition because two series became one.
    pub escaped_duplicates: u64,
}

impl Shape {
    /// The layout.
    #[must_use]
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The transform.
    #[must_use]
    pub fn transform(&self) -> &Arc<Transform> {
        &self.transform
    }

    /// The families and lines for a page with this escaping. Both are the same object where every name is legal
    /// everywhere.
    #[must_use]
    pub fn rendition(&self, escaping: Escaping) -> &Arc<Rendition> {
        match escaping {
            Escaping::Quoted => &self.quoted,
            Escaping::Underscores => &self.underscores,
        }
    }

    /// What became of the body's samples.
    #[must_use]
    pub fn counts(&self) -> ShapeCounts {
        self.counts
    }

    /// Whether the labels that tell the target apart ([`PageStyle::identity`](super::page_style::PageStyle)) stand on
    /// every line, so that no line of this target can be the same series as one of a target that differs in them.
    #[must_use]
    pub fn forced_identity(&self) -> bool {
        self.transform.forces_identity()
    }

    /// Whether the lines of `variant` take these labels from the target, so that none of them can be the same series
    /// as one of a target that differs in them.
    #[must_use]
    pub fn carries_identity(&self, variant: usize) -> bool {
        let mask = self.variants.get(variant).copied().unwrap_or_default();
        self.transform.injects_identity(mask)
    }

    /// How many series this shape has that `before` has not; all of them where there was none.
    #[must_use]
    pub fn series_added(&self, before: Option<&Self>) -> u64 {
        let Some(before) = before else { return self.series.len() as u64 };
        if std::ptr::eq(self, before) {
            return 0;
        }
        self.series.iter().filter(|series| before.series.binary_search(series).is_err()).count() as u64
    }

    /// Bytes of memory this shape and its layout hold, about.
    #[must_use]
    pub fn size(&self) -> usize {
        let shared = Arc::ptr_eq(&self.quoted, &self.underscores);
        let underscores = if shared { 0 } else { self.underscores.size() };
        let memo = self.memo.as_ref().map_or(0, Memo::size);
        self.layout.size() + self.quoted.size() + underscores + self.series.len() * 8 + memo
    }
}

/// A shape's families and lines in one escaping of names.
#[derive(Debug)]
pub struct Rendition {
    /// The families, in the order of their first mention in the body.
    pub families: Box<[OwnFamily]>,
    pub(super) lines: Box<[Line]>,
    pub(super) text: Box<[u8]>,
    pub(super) escaping: Escaping,
}

impl Rendition {
    /// The hash of the series of each line of `family`, without the injected labels: add
    /// [`Injected::hash`](super::injected::Injected::hash) of the line's variant (wrapping) for the hash of the
    /// full label set, which is the same in every shape and for every target. The class and whether the line has
    /// a timestamp come with it.
    pub fn series<'a>(&'a self, family: &OwnFamily) -> impl Iterator<Item = LineSeries> + use<'a> {
        let lines = family.lines.start as usize..family.lines.end as usize;
        self.lines[lines].iter().map(|line| LineSeries {
            hash: line.hash,
            variant: usize::from(line.variant),
            class: usize::from(line.class),
            timestamped: line.stamp != UNSTAMPED,
        })
    }

    /// For each line of `family` in turn: whether its metric begins there, and the labels that are its own, as
    /// written. Lines of one metric have equal text here unless `le`, `quantile` or a state tells them apart.
    pub fn metrics<'a>(&'a self, family: &OwnFamily) -> impl Iterator<Item = (bool, &'a [u8])> + use<'a> {
        let lines = family.lines.start as usize..family.lines.end as usize;
        self.lines[lines].iter().map(|line| {
            let rest = (line.text + line.head) as usize;
            let labels = &self.text[rest..rest + line.rest as usize];
            (line.flags & FIRST_OF_METRIC != 0, labels)
        })
    }

    fn size(&self) -> usize {
        self.text.len() + self.lines.len() * size_of::<Line>() + self.families.len() * size_of::<OwnFamily>()
    }
}

/// What identifies one line among those of all targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineSeries {
    /// Hash of the line's own labels and name.
    pub hash: u64,
    /// Which injected text the line takes.
    pub variant: usize,
    /// Index into [`OwnFamily::classes`].
    pub class: usize,
    /// Whether the line goes out with a timestamp.
    pub timestamped: bool,
}

/// A metric family as the target itself sees it.
///
/// A sample's own family is that of the TYPE in force if the name belongs to it; else the target's TYPE line (the
/// last) whose family has that name or, except for histograms, that name with a suffix; else an unknown family of
/// the sample's name. A histogram's samples are only those read while its TYPE was in force.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnFamily {
    /// The family's name.
    pub name: Box<str>,
    /// The type; [`MetricType::Unknown`] without TYPE line.
    pub kind: MetricType,
    /// Whether there is a TYPE line.
    pub declared: bool,
    /// The format the target spoke: it decides which names belong to a type.
    pub format: Format,
    /// The last HELP of that name, unescaped.
    pub help: Option<Box<str>>,
    /// The last UNIT of that name.
    pub unit: Option<Box<str>>,
    /// The kinds of samples; at most [`ClassSet::MAX`].
    pub classes: Box<[SampleClass]>,
    pub(super) lines: Range<u32>,
    pub(super) stamped: bool,
}

impl OwnFamily {
    /// How many lines the family has; 0 for metadata without samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is metadata only.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether any line goes out with a timestamp.
    #[must_use]
    pub fn has_timestamps(&self) -> bool {
        self.stamped
    }
}

/// Samples of a family that the merger places alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleClass {
    /// The samples' name.
    pub name: Box<str>,
    /// What the name is to the family.
    pub role: Role,
    /// The `quantile` label.
    pub quantile: Quantile,
    /// Whether the samples have a label called like themselves, as those of a stateset do.
    pub state: bool,
    /// How many lines.
    pub lines: u32,
}

/// What a sample's name is to its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The family's name itself, with the family's `quantile` or state label or without.
    Plain,
    /// `_total`
    Total,
    /// `_created`
    Created,
    /// `_bucket`
    Bucket,
    /// `_sum`
    Sum,
    /// `_count`
    Count,
    /// `_gsum`
    GSum,
    /// `_gcount`
    GCount,
    /// `_info`
    Info,
}

impl Role {
    /// The suffix that this role adds to the family's name.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Total => "_total",
            Self::Created => "_created",
            Self::Bucket => "_bucket",
            Self::Sum => "_sum",
            Self::Count => "_count",
            Self::GSum => "_gsum",
            Self::GCount => "_gcount",
            Self::Info => "_info",
        }
    }
}

/// The `quantile` label of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantile {
    /// There is none.
    Absent,
    /// It is spelled as Prometheus 3 stores it (`0.99`, `1.0`).
    Canonical,
    /// It is spelled otherwise.
    Other,
}

/// A set of indices into [`OwnFamily::classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClassSet(pub u64);

impl ClassSet {
    /// Every class.
    pub const ALL: Self = Self(u64::MAX);
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// The most classes a family can have: nine roles, each with three kinds of quantile, with a state or without.
    pub const MAX: usize = 54;

    /// This set and `class`.
    #[must_use]
    pub fn with(self, class: usize) -> Self {
        Self(self.0 | 1 << class)
    }

    /// Whether `class` is in the set.
    #[must_use]
    pub fn has(self, class: usize) -> bool {
        self.0 >> class & 1 == 1
    }
}

/// No timestamp goes out with the line.
pub(super) const UNSTAMPED: u32 = u32::MAX;

/// One line to write: text `head`, injected labels, text `rest`, value.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Where `head` begins in the rendition's text; `rest` follows it.
    pub(super) text: u32,
    pub(super) head: u32,
    pub(super) rest: u32,
    pub(super) slot: u32,
    /// Which of the slots with a timestamp it is, or [`UNSTAMPED`].
    pub(super) stamp: u32,
    pub(super) variant: u16,
    pub(super) class: u8,
    pub(super) flags: u8,
    pub(super) hash: u64,
}

/// The line is the first of its metric.
pub(super) const FIRST_OF_METRIC: u8 = 1;
/// The line's name may carry an exemplar.
pub(super) const TAKES_EXEMPLAR: u8 = 2;
