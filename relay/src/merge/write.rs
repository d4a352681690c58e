//! The writer: a plan and its targets become the bytes of a page.
//!
//! In: a plan, the targets it was made for, and which timestamps may go out. Out: chunks, filled one at a time as the
//! caller asks for them, so that a slow reader holds no more than the chunk in its hands; and the counts of what was
//! written and left out. Samples are copied once, from shape, labels and values into the chunk.

use std::sync::Arc;

use model::exposition::entry::Format;
use model::exposition::expand::{Expansion, LineCounts, PageTail, Run};

use super::plan::Plan;
use super::sections::{Member, Section};
use super::{Exposed, PageTarget};

/// A chunk is handed out once it has this many bytes; it ends at most 64 lines above.
pub const CHUNK_BYTES: usize = 192 << 10;
/// What a chunk reserves: room for the lines above [`CHUNK_BYTES`], as long as they are no longer than 1 KiB.
const CHUNK_CAPACITY: usize = CHUNK_BYTES + (64 << 10);

/// Why a sample is not on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DropReason {
    /// Its series came before on the page, without timestamp.
    Duplicate,
    /// Its timestamp is too long ago.
    TooOld,
    /// Its timestamp is too far ahead.
    TooNew,
    /// Two of its labels, or two series, became one when names were escaped.
    EscapedCollision,
    /// It would be one of the series that the relay writes for its target, or bears the relay's prefix.
    ReservedName,
    /// Its target's values belong to another layout than its shape.
    ForeignValues,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Duplicate,
        Self::TooOld,
        Self::TooNew,
        Self::EscapedCollision,
        Self::ReservedName,
        Self::ForeignValues,
    ];

    /// The word for metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::TooOld => "too_old",
            Self::TooNew => "too_new",
            Self::EscapedCollision => "escaped_collision",
            Self::ReservedName => "reserved_name",
            Self::ForeignValues => "foreign_values",
        }
    }
}

/// Samples left out, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Drops([u64; DropReason::ALL.len()]);

impl Drops {
    pub(super) fn add(&mut self, reason: DropReason, samples: u64) {
        self.0[reason as usize] += samples;
    }
}

/// Timestamps that may go out, in milliseconds since 1970. Prometheus drops the whole page for one sample that is
/// too old where it takes samples out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampWindow {
    /// The oldest.
    pub oldest_ms: i64,
    /// The newest.
    pub newest_ms: i64,
}

/// What a page holds and what it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageCounts {
    /// Samples of targets.
    pub samples: u64,
    /// The relay's own series.
    pub own_series: u64,
    /// Bytes before compression.
    pub bytes: u64,
    drops: Drops,
}

impl PageCounts {
    /// Samples left out, by reason.
    pub fn dropped(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL.into_iter().zip(self.drops.0)
    }
}

/// Writes one page, chunk by chunk.
#[derive(Debug)]
pub struct PageWriter {
    plan: Arc<Plan>,
    targets: Arc<[PageTarget]>,
    tail: PageTail,
    at: Position,
    counts: PageCounts,
}

/// Where a page stands.
#[derive(Debug)]
struct Position {
    section: usize,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Header,
    /// The next own series: index into the section's, and target.
    Own(usize, usize),
    /// The next member, its next run, and how far that run has come.
    Member(u32, u32, Option<Run>),
    /// Everything is written.
    End,
}

impl PageWriter {
    /// A writer at the start of a page. `None` if the plan was made for other targets.
    #[must_use]
    pub fn new(plan: Arc<Plan>, targets: Arc<[PageTarget]>, window: TimestampWindow) -> Option<Self> {
        let format = plan.form().format;
        let fits = plan.is_for(plan.form(), &targets);
        let tail = PageTail { format, oldest_ms: window.oldest_ms, newest_ms: window.newest_ms };
        let counts = PageCounts { drops: plan.drops, ..PageCounts::default() };
        let at = Position { section: 0, step: Step::Header };
        fits.then_some(Self { plan, targets, tail, at, counts })
    }

    /// Appends the next chunk to `out`, which should be empty; it may be one that was used before. Returns whether
    /// there is more: the last chunk comes with `false`.
    pub fn fill(&mut self, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        out.reserve(CHUNK_CAPACITY.saturating_sub(start));
        let plan = self.plan.clone();
        let mut more = true;
        while more && out.len() < CHUNK_BYTES {
            let section = plan.sections.get(self.at.section);
            more = match section {
                Some(section) => {
                    self.step(out, section);
                    true
                }
                None => self.end(out),
            };
        }
        self.counts.bytes += (out.len() - start) as u64;
        more
    }

    /// What was written and left out so far; complete once [`PageWriter::fill`] has said so.
    #[must_use]
    pub fn counts(&self) -> PageCounts {
        self.counts
    }

    fn end(&mut self, out: &mut Vec<u8>) -> bool {
        if self.tail.format == Format::OpenMetrics && !matches!(self.at.step, Step::End) {
            out.extend_from_slice(b"# EOF\n");
        }
        self.at.step = Step::End;
        false
    }

    /// Writes what comes next in `section`, until that step is done or the chunk is full.
    fn step(&mut self, out: &mut Vec<u8>, section: &Section) {
        let step = std::mem::replace(&mut self.at.step, Step::End);
        self.at.step = match step {
            Step::Header => {
                out.extend_from_slice(&section.header);
                Step::Own(0, 0)
            }
            Step::Own(series, target) => self.own(out, section, series, target),
            Step::Member(member, run, begun) if member < section.members.end => {
                self.member(out, (member, run), begun)
            }
            Step::Member(..) | Step::End => {
                self.at.section += 1;
                Step::Header
            }
        };
    }

    fn own(&mut self, out: &mut Vec<u8>, section: &Section, series: usize, mut target: usize) -> Step {
        let Some(own) = section.own.get(series) else {
            return Step::Member(section.members.start, 0, None);
        };
        while let Some(planned) = self.plan.targets.get(target) {
            if out.len() >= CHUNK_BYTES {
                return Step::Own(series, target);
            }
            let labels = planned.own.as_deref();
            let written = labels.is_some_and(|labels| own.write(out, labels, &self.targets[target]));
            self.counts.own_series += u64::from(written);
            target += 1;
        }
        Step::Own(series + 1, 0)
    }

    fn member(&mut self, out: &mut Vec<u8>, (at, run): (u32, u32), begun: Option<Run>) -> Step {
        let plan = self.plan.clone();
        let Member { target, runs } = &plan.members[at as usize];
        let next = runs.start + run;
        if next >= runs.end {
            return Step::Member(at + 1, 0, None);
        }
        let planned = &plan.runs[next as usize];
        let mut state = begun.unwrap_or_else(|| {
            let lines = planned.lines.start as usize..planned.lines.end as usize;
            Run::within(planned.family as usize, planned.classes, lines)
        });
        let Some(exposed) = &self.targets[*target as usize].exposition else {
            return Step::Member(at + 1, 0, None);
        };
        let Exposed { shape, values, injected } = exposed;
        let Some(expansion) = Expansion::new(shape, plan.form().escaping, injected, values) else {
            let lines = planned.len(shape.rendition(plan.form().escaping));
            self.counts.drops.add(DropReason::ForeignValues, lines);
            return Step::Member(at, run + 1, None);
        };
        if !expansion.write(out, CHUNK_BYTES, &mut state, &self.tail) {
            return Step::Member(at, run, Some(state));
        }
        self.count(state.counts);
        Step::Member(at, run + 1, None)
    }

    fn count(&mut self, lines: LineCounts) {
        self.counts.samples += lines.written;
        self.counts.drops.add(DropReason::TooOld, lines.too_old);
        self.counts.drops.add(DropReason::TooNew, lines.too_new);
    }
}
