//! The cold path: a body parsed, labelled and sorted into families, once per shape.
//!
//! In: a layout, a body of it, a transform. Out: the [`Shape`], or why Prometheus would fail the scrape.

use std::sync::Arc;

use super::draft::VARIANT_FACTOR;
use super::entry::{Entry, ErrorKind, Format, ParseError};
use super::families;
use super::labelling::{LabelError, label};
use super::layout::{Draft, Layout};
use super::lines::{Before, Collected, Collector, Counted};
use super::memo::{KnownLine, KnownTail, Memo, Prefixes};
use super::reader::Entries;
use super::shape::{Shape, ShapeCounts};
use super::spelling::Escaping;
use super::transform::Transform;
use super::values::{Values, ValuesBuilder};

/// Why a body is refused: the scrape fails as a whole, as it does in Prometheus.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// A line that is not in the format.
    #[error("{error}")]
    Parse {
        /// Which line and why.
        error: Box<ParseError>,
        /// Samples read before it, the one that failed included if only its labels did: `scrape_samples_scraped`.
        scraped: u64,
        /// Samples that metric relabelling leaves of those before it.
        post_relabel: u64,
    },
    /// One sample's labels.
    #[error("{error}")]
    Label {
        /// What is wrong with them.
        error: Box<LabelError>,
        /// Samples up to this one: `scrape_samples_scraped`.
        scraped: u64,
        /// Samples that metric relabelling leaves of those before it.
        post_relabel: u64,
    },
    /// More samples than allowed after metric relabelling.
    #[error("{post_relabel} samples after metric relabelling, more than the limit of {limit}")]
    SampleLimit {
        /// Samples in the body.
        scraped: u64,
        /// Samples left by metric relabelling.
        post_relabel: u64,
        /// The limit.
        limit: u64,
    },
    /// More than 4 GiB.
    #[error("the body has more than 4 GiB")]
    TooLong,
}

impl IngestError {
    /// A fixed word for metric labels and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Parse { .. } => "parse",
            Self::Label { error, .. } => error.kind(),
            Self::SampleLimit { .. } => "sample_limit",
            Self::TooLong => "body_size",
        }
    }

    /// Samples that were read: `scrape_samples_scraped` of the failed scrape.
    #[must_use]
    pub fn scraped(&self) -> u64 {
        match self {
            Self::Parse { scraped, .. } | Self::Label { scraped, .. } | Self::SampleLimit { scraped, .. } => {
                *scraped
            }
            Self::TooLong => 0,
        }
    }

    /// Samples that metric relabelling left: `scrape_samples_post_metric_relabeling` of the failed scrape.
    #[must_use]
    pub fn post_relabel(&self) -> u64 {
        match self {
            Self::Parse { post_relabel, .. }
            | Self::Label { post_relabel, .. }
            | Self::SampleLimit { post_relabel, .. } => *post_relabel,
            Self::TooLong => 0,
        }
    }

    /// The refusal of a body at `error`, not counted yet.
    pub(super) fn parse(error: ParseError) -> Self {
        Self::Parse { error: Box::new(error), scraped: 0, post_relabel: 0 }
    }

    /// With the counts that Prometheus reports of a scrape that failed at a line of `body`: it has appended every
    /// sample before that line by then, and a sample with a wrong label was read, too.
    pub(super) fn counted(self, format: Format, body: &[u8], transform: &Transform) -> Self {
        let Self::Parse { error, .. } = self else { return self };
        let wrong_labels = matches!(error.kind, ErrorKind::DuplicateLabel | ErrorKind::InvalidName);
        let (mut scraped, mut post_relabel) = (u64::from(wrong_labels), 0);
        for entry in super::parse(format, body).map_while(Result::ok) {
            if let Entry::Sample(sample) = entry {
                scraped += 1;
                let kept = transform.rules.is_empty() || matches!(label(transform, &sample), Ok(Some(_)));
                post_relabel += u64::from(kept);
            }
        }
        Self::Parse { error, scraped, post_relabel }
    }
}

/// Builds the shape of `layout`, of which `body` is one body, under `transform`.
pub(super) fn shape(
    layout: Arc<Layout>,
    body: &[u8],
    transform: &Arc<Transform>,
) -> Result<Shape, IngestError> {
    let mut collector = Collector::new(transform, Escaping::Quoted, Vec::new());
    collector.expect(layout.slots(), layout.text_bytes());
    collect(&mut collector, &layout, body)?;
    let (shape, _) = finish(collector.finish(), layout, body, transform)?;
    Ok(shape)
}

/// A body read with the help of the shape that its target had before.
pub(super) struct Update {
    collected: Collected,
    prefixes: Prefixes,
}

impl Update {
    /// Reads `body`: lines that `before` has are taken from its memo, if it has one; the others are parsed.
    pub(super) fn read(body: &[u8], before: &Shape) -> Result<(Layout, Values, Self), IngestError> {
        u32::try_from(body.len()).map_err(|_| IngestError::TooLong)?;
        let format = before.layout.format();
        let mut update = Updating {
            before,
            draft: Draft::with_capacity(before.layout.slots(), body.len()),
            values: ValuesBuilder::with_slots(before.layout.slots()),
            collector: Collector::new(&before.transform, Escaping::Quoted, Vec::new()),
            prefixes: Prefixes::with_slots(before.layout.slots()),
        };
        update.collector.expect(before.layout.slots(), before.quoted.text.len());
        let mut entries = super::parse(format, body);
        while update.step(body, &mut entries)? {}
        let (layout, values) = (update.draft.finish(format, body), update.values.finish());
        let collected = update.collector.finish();
        Ok((layout, values, Self { collected, prefixes: update.prefixes }))
    }

    /// The shape, with a memo for the next one. `layout` is the one read, interned.
    pub(super) fn finish(
        self,
        layout: Arc<Layout>,
        body: &[u8],
        transform: &Arc<Transform>,
    ) -> Result<Shape, IngestError> {
        let (mut shape, lines) = finish(self.collected, layout, body, transform)?;
        shape.memo = (!lines.special).then(|| Memo::new(lines, self.prefixes));
        Ok(shape)
    }
}

/// A body while it is read beside the shape before.
struct Updating<'a> {
    before: &'a Shape,
    draft: Draft,
    values: ValuesBuilder,
    collector: Collector<'a>,
    prefixes: Prefixes,
}

impl Updating<'_> {
    /// Takes the next entry; `false` at the end.
    fn step(&mut self, body: &[u8], entries: &mut Entries<'_>) -> Result<bool, IngestError> {
        let (start, bound) = entries.place();
        if let Some(memo) = &self.before.memo
            && let Some(line) = memo.find(&self.before.layout, body, start, bound)
        {
            entries.skip_sample(line.end);
            self.prefixes.push(&body[start..line.value_start], bound);
            let known = self.known(body, memo, line);
            return known.map(|()| true).map_err(|error| label_error(&self.collector, error));
        }
        let Some(entry) = entries.next() else { return Ok(false) };
        let entry = entry.map_err(IngestError::parse)?;
        if let Entry::Sample(sample) = &entry {
            self.draft.push(body, sample.value_start..sample.end, sample.tail.timestamp.is_some());
            self.values.push_tail(&sample.tail);
            self.prefixes.push(&body[sample.start..sample.value_start], bound);
        }
        take(&mut self.collector, &entry)?;
        Ok(true)
    }

    fn known(&mut self, body: &[u8], memo: &Memo, line: KnownLine<'_>) -> Result<(), LabelError> {
        let stamped = line.tail.is_stamped();
        self.draft.push(body, line.value_start..line.end, stamped);
        match &line.tail {
            KnownTail::Plain(token) => self.values.push_plain(token),
            KnownTail::Parsed(tail) => self.values.push_tail(tail),
        }
        let (text, variants) = (&*self.before.quoted.text, &*self.before.variants);
        self.collector.known(&Before { memo, text, variants }, line.slot, stamped)
    }
}

/// Collects all lines of a body of `layout`.
fn collect(collector: &mut Collector<'_>, layout: &Layout, body: &[u8]) -> Result<(), IngestError> {
    for entry in super::parse(layout.format(), body) {
        take(collector, &entry.map_err(IngestError::parse)?)?;
    }
    Ok(())
}

fn take(collector: &mut Collector<'_>, entry: &Entry<'_>) -> Result<(), IngestError> {
    match entry {
        Entry::Sample(sample) => collector.sample(sample).map_err(|error| label_error(collector, error))?,
        Entry::Type { name, kind } => collector.declare(name, *kind),
        Entry::Help { name, text } => collector.help(name, text),
        Entry::Unit { name, unit } => collector.unit(name, unit),
        Entry::Comment(_) => {}
    }
    Ok(())
}

/// The refusal of the sample behind those that were collected.
fn label_error(collector: &Collector<'_>, error: LabelError) -> IngestError {
    let (before, post_relabel) = collector.counts();
    IngestError::Label { error: Box::new(error), scraped: before + 1, post_relabel }
}

/// The shape of what was collected with quoted names, and what is left of that but for the text; where a name is special, the body is read once more.
fn finish(
    mut quoted: Collected,
    layout: Arc<Layout>,
    body: &[u8],
    transform: &Arc<Transform>,
) -> Result<(Shape, Collected), IngestError> {
    let Counted { post_relabel, duplicates, .. } = quoted.counted;
    let (scraped, limit) = (layout.slots() as u64, transform.limits.samples);
    if limit > 0 && post_relabel - duplicates > limit {
        return Err(IngestError::SampleLimit { scraped, post_relabel, limit });
    }
    let mut variants = std::mem::take(&mut quoted.variants);
    let mut underscores = None;
    if quoted.special {
        let mut collector = Collector::new(transform, Escaping::Underscores, variants);
        collect(&mut collector, &layout, body)?;
        let mut collected = collector.finish();
        variants = std::mem::take(&mut collected.variants);
        underscores = Some(collected);
    }
    let counts = counts(&layout, quoted.counted, underscores.as_ref().map(|collected| collected.counted));
    let series = series(&quoted, &variants);
    let rendition = Arc::new(families::arrange(&mut quoted, layout.format()));
    let underscores = underscores.map(|mut lines| Arc::new(families::arrange(&mut lines, layout.format())));
    let shape = Shape {
        underscores: underscores.unwrap_or_else(|| rendition.clone()),
        quoted: rendition,
        transform: transform.clone(),
        variants: variants.into(),
        series,
        counts,
        layout,
        memo: None,
    };
    Ok((shape, quoted))
}

fn counts(layout: &Layout, quoted: Counted, underscores: Option<Counted>) -> ShapeCounts {
    let escaped = underscores.unwrap_or(quoted);
    ShapeCounts {
        scraped: layout.slots() as u64,
        post_relabel: quoted.post_relabel,
        reserved: quoted.reserved,
        duplicates: quoted.duplicates,
        escaped_labels: escaped.merged_labels,
        escaped_duplicates: escaped.duplicates.saturating_sub(quoted.duplicates),
    }
}

/// What the series of two shapes of one transform are compared by.
fn series(collected: &Collected, variants: &[u64]) -> Box<[u64]> {
    let injected = |variant: u16| variants[usize::from(variant)].wrapping_mul(VARIANT_FACTOR);
    let lines = collected.lines.iter().map(|draft| &draft.line);
    let mut series: Vec<u64> = lines.map(|line| line.hash.wrapping_add(injected(line.variant))).collect();
    series.sort_unstable();
    series.dedup();
    series.into()
}
