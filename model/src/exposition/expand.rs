//! From shape, injected labels and values to the lines of a page: the only copy of a sample in user space.
//!
//! In: what a target is remembered by. Out: bytes behind those that the caller's chunk has. No metadata lines are
//! written here; which family a line goes to is the merger's decision.

use std::ops::Range;

use super::entry::{Format, MetricType};
use super::exemplar::push_seconds;
use super::injected::Injected;
use super::shape::{ClassSet, FIRST_OF_METRIC, Line, OwnFamily, Rendition, Shape, TAKES_EXEMPLAR, UNSTAMPED};
use super::spelling::Escaping;
use super::values::Values;

/// What a page is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageTail {
    /// The page's format.
    pub format: Format,
    /// Samples with a timestamp before this (milliseconds since 1970) are left out.
    pub oldest_ms: i64,
    /// Samples with a timestamp after this are left out.
    pub newest_ms: i64,
}

impl PageTail {
    /// The oldest timestamp that can be written: text 0.0.4 has no sign before timestamps, OpenMetrics has.
    fn oldest(&self) -> i64 {
        match self.format {
            Format::Text => self.oldest_ms.max(0),
            Format::OpenMetrics => self.oldest_ms,
        }
    }
}

/// What became of the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// Lines written.
    pub written: u64,
    /// Lines left out because their timestamp is too old.
    pub too_old: u64,
    /// Lines left out because their timestamp is too far ahead.
    pub too_new: u64,
}

impl LineCounts {
    /// Adds what `other` counted.
    pub fn add(&mut self, other: Self) {
        self.written += other.written;
        self.too_old += other.too_old;
        self.too_new += other.too_new;
    }
}

/// Where the writing of one family of one target stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    family: usize,
    classes: ClassSet,
    next: usize,
    end: usize,
    /// What was written and left out so far.
    pub counts: LineCounts,
    /// The timestamp of the metric written last.
    before: Option<Option<i64>>,
    /// Whether a metric has begun since.
    boundary: bool,
}

impl Run {
    /// The lines of these classes of the family at `family` in [`Rendition::families`].
    #[must_use]
    pub fn new(family: usize, classes: ClassSet) -> Self {
        Self::within(family, classes, 0..usize::MAX)
    }

    /// The same, but only of `lines`, counted from the family's first as [`Rendition::series`] yields them.
    #[must_use]
    pub fn within(family: usize, classes: ClassSet, lines: Range<usize>) -> Self {
        let counts = LineCounts::default();
        Self { family, classes, next: lines.start, end: lines.end, counts, before: None, boundary: true }
    }
}

/// One target's samples, ready to be written to pages of one escaping.
#[derive(Clone, Copy, Debug)]
pub struct Expansion<'a> {
    rendition: &'a Rendition,
    injected: &'a Injected,
    values: &'a Values,
    escaping: Escaping,
}

impl<'a> Expansion<'a> {
    /// Puts together what belongs together: `injected` must come from [`Shape::inject`] of this very shape and
    /// `values` from a body of its layout. `None` if the values have another number of slots.
    #[must_use]
    pub fn new(
        shape: &'a Shape,
        escaping: Escaping,
        injected: &'a Injected,
        values: &'a Values,
    ) -> Option<Self> {
        let fits = values.slots() == shape.layout().slots();
        fits.then(|| Self { rendition: shape.rendition(escaping), injected, values, escaping })
    }

    /// Appends the lines of `run` to `out` until they are all written or `out` has reached `full` bytes (it may
    /// end up to 64 lines above). Returns whether all are written; otherwise call again with the same `run` and
    /// another chunk. What was written and left out is added to [`Run::counts`].
    pub fn write(&self, out: &mut Vec<u8>, full: usize, run: &mut Run, page: &PageTail) -> bool {
        let Some(family) = self.rendition.families.get(run.family) else { return true };
        let lines = &self.rendition.lines[family.lines.start as usize..family.lines.end as usize];
        let lines = &lines[..lines.len().min(run.end)];
        let plain = self.is_plain(family, run, page);
        while run.next < lines.len() && out.len() < full {
            let batch = &lines[run.next..lines.len().min(run.next + BATCH)];
            if plain {
                self.write_plain(out, batch);
                run.counts.written += batch.len() as u64;
            } else {
                let first = family.lines.start as usize + run.next;
                let mut writer = Writer { expansion: self, page, family, run };
                writer.batch(out, batch, first);
            }
            run.next += batch.len();
        }
        run.next >= lines.len()
    }

    /// Whether every line of the family is head, injected labels, rest, value.
    fn is_plain(&self, family: &OwnFamily, run: &Run, page: &PageTail) -> bool {
        let every_class = (0..family.classes.len()).all(|class| run.classes.has(class));
        let exemplars = page.format == Format::OpenMetrics && self.values.has_exemplars();
        every_class && !family.stamped && !exemplars && self.injected.suppressed(self.escaping).is_empty()
    }

    fn write_plain(&self, out: &mut Vec<u8>, lines: &[Line]) {
        let (text, injected) = (&*self.rendition.text, self.injected.texts(self.escaping));
        let mut values = self.values.reader();
        for line in lines {
            let start = line.text as usize;
            let (head, rest) =
                text[start..start + (line.head + line.rest) as usize].split_at(line.head as usize);
            out.extend_from_slice(head);
            out.extend_from_slice(&injected[usize::from(line.variant)]);
            out.extend_from_slice(rest);
            values.write_line(out, line.slot as usize);
        }
    }
}

/// Lines between two looks at the size of the chunk.
const BATCH: usize = 64;

/// Writes lines that need a closer look.
struct Writer<'e, 'a, 'r> {
    expansion: &'e Expansion<'a>,
    page: &'e PageTail,
    family: &'e OwnFamily,
    run: &'r mut Run,
}

impl Writer<'_, '_, '_> {
    fn batch(&mut self, out: &mut Vec<u8>, lines: &[Line], first: usize) {
        let suppressed = self.expansion.injected.suppressed(self.expansion.escaping);
        for (at, line) in (first..).zip(lines) {
            self.run.boundary |= line.flags & FIRST_OF_METRIC != 0;
            let wanted = self.run.classes.has(usize::from(line.class));
            let hidden = !suppressed.is_empty()
                && u32::try_from(at).is_ok_and(|at| suppressed.binary_search(&at).is_ok());
            if wanted && !hidden {
                self.line(out, line);
            }
        }
    }

    fn line(&mut self, out: &mut Vec<u8>, line: &Line) {
        let expansion = self.expansion;
        let timestamp =
            if line.stamp == UNSTAMPED { None } else { expansion.values.timestamp(line.stamp as usize) };
        match timestamp {
            Some(timestamp) if timestamp < self.page.oldest() => return self.run.counts.too_old += 1,
            Some(timestamp) if timestamp > self.page.newest_ms => return self.run.counts.too_new += 1,
            _ => {}
        }
        self.part(out, timestamp);
        let start = line.text as usize;
        let text = &expansion.rendition.text[start..start + (line.head + line.rest) as usize];
        let (head, rest) = text.split_at(line.head as usize);
        out.extend_from_slice(head);
        out.extend_from_slice(expansion.injected.text(expansion.escaping, usize::from(line.variant)));
        out.extend_from_slice(rest);
        out.extend_from_slice(expansion.values.token(line.slot as usize));
        self.push_timestamp(out, timestamp);
        if self.page.format == Format::OpenMetrics
            && line.flags & TAKES_EXEMPLAR != 0
            && let Some(exemplar) = expansion.values.exemplar(line.slot)
        {
            out.extend_from_slice(exemplar.text(expansion.escaping));
        }
        out.push(b'\n');
        self.run.counts.written += 1;
    }

    fn push_timestamp(&self, out: &mut Vec<u8>, timestamp: Option<i64>) {
        let Some(timestamp) = timestamp else { return };
        out.push(b' ');
        match self.page.format {
            Format::Text => out.extend_from_slice(itoa::Buffer::new().format(timestamp).as_bytes()),
            Format::OpenMetrics => push_seconds(out, timestamp),
        }
    }

    /// Puts a comment between two histograms of a text page that differ in their timestamps: Prometheus 3.15 gives
    /// a histogram that it converts to a native one the timestamp of the next sample line, unless another line
    /// comes between.
    fn part(&mut self, out: &mut Vec<u8>, timestamp: Option<i64>) {
        let histogram = self.family.kind == MetricType::Histogram && self.family.stamped;
        if !histogram || self.page.format != Format::Text || !self.run.boundary {
            return;
        }
        if self.run.before != Some(timestamp) {
            out.extend_from_slice(b"#\n");
        }
        (self.run.before, self.run.boundary) = (Some(timestamp), false);
    }
}
