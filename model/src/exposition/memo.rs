//! What a shape remembers of its lines for the next one, where series come and go.
//!
//! In: the lines of the shape before and a body that has another layout. Out: the lines that both have, found by
//! their text, so that they need not be parsed, labelled and relabelled again. Only shapes of targets whose layout
//! has changed before carry a memo.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::draft::{DraftLine, Outcome};
use super::entry::{Format, Tail};
use super::identity::{HashedMap, Keyed};
use super::layout::{Layout, plain_token};
use super::lines::Collected;
use super::tail::parse_tail;

/// The lines of a shape by their text.
#[derive(Debug)]
pub(super) struct Memo {
    pub(super) drafts: Vec<DraftLine>,
    pub(super) names: Vec<Box<str>>,
    pub(super) outcomes: Vec<Outcome>,
    prefixes: Prefixes,
}

/// Where the lines of a layout are by hash of their text before the value.
#[derive(Debug)]
pub(super) struct Prefixes {
    slots: HashedMap<u32>,
    /// Bytes of each line before its value, and the label that was made canonical.
    lines: Vec<(u32, Bound)>,
}

/// The label that the TYPE in force makes canonical.
type Bound = Option<&'static str>;

/// A line that the shape before has, too.
pub(super) struct KnownLine<'a> {
    pub(super) slot: usize,
    /// Offset of the value.
    pub(super) value_start: usize,
    /// Offset of the line feed.
    pub(super) end: usize,
    pub(super) tail: KnownTail<'a>,
}

/// What follows a known series.
pub(super) enum KnownTail<'a> {
    /// A plain number.
    Plain(&'a [u8]),
    /// Anything else that the parser accepts.
    Parsed(Tail<'a>),
}

impl KnownTail<'_> {
    pub(super) fn is_stamped(&self) -> bool {
        matches!(self, Self::Parsed(Tail { timestamp: Some(_), .. }))
    }
}

impl Prefixes {
    /// None, with room for about `slots`.
    pub(super) fn with_slots(slots: usize) -> Self {
        let map = HashedMap::with_capacity_and_hasher(slots, Keyed::default());
        Self { slots: map, lines: Vec::with_capacity(slots) }
    }

    /// Enters the next slot of the layout.
    pub(super) fn push(&mut self, prefix: &[u8], bound: Bound) {
        let slot = u32::try_from(self.lines.len()).expect("fewer slots than bytes of a body");
        self.slots.insert(key(prefix, bound), slot);
        self.lines.push((u32::try_from(prefix.len()).expect("part of a body below 4 GiB"), bound));
    }

    /// The slot whose line has exactly this text before its value, read under the same TYPE.
    fn find(&self, layout: &Layout, prefix: &[u8], bound: Bound) -> Option<usize> {
        let slot = *self.slots.get(&key(prefix, bound))? as usize;
        let (length, known) = *self.lines.get(slot)?;
        let same =
            length as usize == prefix.len() && known == bound && layout.segment(slot).ends_with(prefix);
        same.then_some(slot)
    }
}

fn key(prefix: &[u8], bound: Bound) -> u64 {
    xxh3_64_with_seed(prefix, bound.map_or(0, |label| label.len() as u64))
}

impl Memo {
    /// Remembers what was collected for a shape.
    pub(super) fn new(collected: Collected, prefixes: Prefixes) -> Self {
        let Collected { lines, names, outcomes, .. } = collected;
        Self { drafts: lines, names, outcomes, prefixes }
    }

    /// Bytes of memory this holds, about.
    pub(super) fn size(&self) -> usize {
        let names: usize = self.names.iter().map(|name| name.len() + 16).sum();
        self.drafts.len() * size_of::<DraftLine>() + self.outcomes.len() * 40 + names
    }

    /// The line that starts at `start` of `body`, if `layout`, whose lines these are, has it and if its value is
    /// one to the parser. A line is known by all its bytes before the value, so the parser would read it alike.
    pub(super) fn find<'a>(
        &self,
        layout: &Layout,
        body: &'a [u8],
        start: usize,
        bound: Bound,
    ) -> Option<KnownLine<'a>> {
        let rest = body.get(start..)?;
        let line = rest.get(..memchr::memchr(b'\n', rest)?)?;
        let mut cut = line.len();
        for _ in 0..BLANKS {
            cut = memchr::memrchr(b' ', line.get(..cut)?)?;
            let (prefix, tail) = line.split_at(cut + 1);
            if let Some(slot) = self.prefixes.find(layout, prefix, bound) {
                let tail = read(layout.format(), tail)?;
                return Some(KnownLine { slot, value_start: start + cut + 1, end: start + line.len(), tail });
            }
        }
        None
    }
}

/// How many blanks from the end a series is looked for: before the value, before value and timestamp.
const BLANKS: usize = 2;

fn read(format: Format, tail: &[u8]) -> Option<KnownTail<'_>> {
    if plain_token(tail) == Some(tail.len()) {
        return Some(KnownTail::Plain(tail));
    }
    let blank = matches!(tail.first(), None | Some(b' ' | b'\t'));
    if blank { None } else { parse_tail(format, tail).ok().map(KnownTail::Parsed) }
}
