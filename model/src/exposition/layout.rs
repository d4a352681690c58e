//! The text of a body without its values: what stays the same from scrape to scrape.
//!
//! In: a parsed body. Out: a [`Layout`] that reads the next body by comparing bytes and taking the value tokens,
//! without parsing a line again. It knows nothing of labels, families or targets; a body that does not match is
//! simply not its own and goes to the parser.

use std::ops::Range;

use super::build::IngestError;
use super::entry::{Entry, Format};
use super::tail::parse_tail;
use super::values::{Values, ValuesBuilder};

/// The content hash of a layout: xxh3-128 over format and segments, the same in every process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LayoutHash(pub u128);

/// The immutable text of a body except what may change between scrapes.
///
/// The text is cut into segments by *slots*: a slot is everything of a sample line from the first byte of its value
/// up to its line feed. Comments, metadata and white space belong to the segments.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    format: Format,
    text: Box<[u8]>,
    ends: Box<[u32]>,
    stamped: Box<[u64]>,
    stamps: u32,
    lines: usize,
    hash: LayoutHash,
}

impl Layout {
    /// Parses `body`: its layout and its values.
    ///
    /// # Errors
    /// Where the parser refuses a line, and if the body is longer than 4 GiB.
    pub fn parse(format: Format, body: &[u8]) -> Result<(Self, Values), IngestError> {
        u32::try_from(body.len()).map_err(|_| IngestError::TooLong)?;
        let mut draft = Draft::with_capacity(body.len() / 100, body.len());
        let mut values = ValuesBuilder::with_slots(body.len() / 100);
        for entry in super::parse(format, body) {
            let entry = entry.map_err(IngestError::parse)?;
            if let Entry::Sample(sample) = entry {
                draft.push(body, sample.value_start..sample.end, sample.tail.timestamp.is_some());
                values.push_tail(&sample.tail);
            }
        }
        Ok((draft.finish(format, body), values.finish()))
    }

    /// The format of the bodies.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// How many samples a body of this layout has.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.ends.len() - 1
    }

    /// How many of them carry a timestamp.
    #[must_use]
    pub fn stamps(&self) -> usize {
        self.stamps as usize
    }

    /// Whether the sample of `slot` carries a timestamp.
    #[must_use]
    pub fn is_stamped(&self, slot: usize) -> bool {
        self.stamped.get(slot / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// How many line feeds its segments have: as many as every body of this layout.
    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    /// Bytes of all segments.
    pub(super) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// The content hash.
    #[must_use]
    pub fn hash(&self) -> LayoutHash {
        self.hash
    }

    /// Bytes of memory this layout holds.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.len() + self.ends.len() * 4 + self.stamped.len() * 8
    }

    /// The bytes from the start of the line of `slot` (as far as it lies in one segment) up to its value.
    pub(super) fn segment(&self, slot: usize) -> &[u8] {
        let start = slot.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.text[start..self.ends[slot] as usize]
    }

    /// A body of this layout whose values and timestamps are all `0` and which has no exemplars. Parsing it gives
    /// this layout again.
    #[must_use]
    pub fn skeleton(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.text.len() + 3 * self.slots());
        for slot in 0..self.slots() {
            body.extend_from_slice(self.segment(slot));
            body.extend_from_slice(if self.is_stamped(slot) { b"0 0" } else { b"0" });
        }
        body.extend_from_slice(self.segment(self.slots()));
        body
    }

    /// The values of `body`, or `None` if it has another layout or a value that the parser would refuse.
    #[must_use]
    pub fn read(&self, body: &[u8]) -> Option<Values> {
        let mut values = ValuesBuilder::with_slots(self.slots());
        let mut rest = body;
        let mut start = 0;
        let (&last, ends) = self.ends.split_last()?;
        let unstamped = self.stamps == 0;
        for (slot, &end) in ends.iter().enumerate() {
            rest = rest.strip_prefix(self.text.get(start..end as usize)?)?;
            start = end as usize;
            rest = match plain_token(rest) {
                Some(length) if unstamped || !self.is_stamped(slot) => values.push_start(rest, length)?,
                _ => self.read_tail(slot, rest, &mut values)?,
            };
        }
        (rest == self.text.get(start..last as usize)?).then(|| values.finish())
    }

    /// Takes a slot that is more than a plain number; the rest of the body behind it.
    fn read_tail<'a>(&self, slot: usize, rest: &'a [u8], values: &mut ValuesBuilder) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, rest) = rest.split_at(end);
        if let (true, Some((token, timestamp))) = (self.format == Format::Text, stamped_token(line)) {
            values.push_stamped(token, timestamp);
            return self.is_stamped(slot).then_some(rest);
        }
        if matches!(line.first(), None | Some(b' ' | b'\t')) {
            return None;
        }
        let tail = parse_tail(self.format, line).ok()?;
        values.push_tail(&tail);
        (tail.timestamp.is_some() == self.is_stamped(slot)).then_some(rest)
    }
}

/// How many line feeds there are.
pub(super) fn line_feeds(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

/// The segments of a layout while its body is walked.
#[derive(Default)]
pub(super) struct Draft {
    text: Vec<u8>,
    ends: Vec<u32>,
    stamped: Vec<u64>,
    stamps: u32,
    taken: usize,
}

impl Draft {
    /// An empty draft with room for about `slots` slots and `bytes` of text.
    pub(super) fn with_capacity(slots: usize, bytes: usize) -> Self {
        Self { text: Vec::with_capacity(bytes), ends: Vec::with_capacity(slots + 1), ..Self::default() }
    }

    /// Takes the next sample, whose slot is these bytes of the body.
    pub(super) fn push(&mut self, body: &[u8], slot: Range<usize>, stamped: bool) {
        let at = self.ends.len();
        if at.is_multiple_of(64) {
            self.stamped.push(0);
        }
        if stamped {
            self.stamped[at / 64] |= 1 << (at % 64);
            self.stamps += 1;
        }
        self.take(body, slot.start);
        self.taken = slot.end;
    }

    fn take(&mut self, body: &[u8], until: usize) {
        self.text.extend_from_slice(&body[self.taken..until]);
        self.ends.push(u32::try_from(self.text.len()).expect("no longer than the body, which was measured"));
    }

    pub(super) fn finish(mut self, format: Format, body: &[u8]) -> Layout {
        self.take(body, body.len());
        let hash = self.hash(format);
        Layout {
            format,
            lines: line_feeds(&self.text),
            text: self.text.into(),
            ends: self.ends.into(),
            stamped: self.stamped.into(),
            stamps: self.stamps,
            hash,
        }
    }

    fn hash(&self, format: Format) -> LayoutHash {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        hasher.update(match format {
            Format::Text => b"scrape-relay layout 1 text\n",
            Format::OpenMetrics => b"scrape-relay layout 1 openmetrics\n",
        });
        hasher.update(&self.text);
        let ends: Vec<u8> = self.ends.iter().flat_map(|end| end.to_le_bytes()).collect();
        hasher.update(&ends);
        let stamped: Vec<u8> = self.stamped.iter().flat_map(|word| word.to_le_bytes()).collect();
        hasher.update(&stamped);
        LayoutHash(hasher.digest128())
    }
}

/// Bytes that the mantissa of a plain number may have: fewer than overflow anything, more than any exporter prints.
const PLAIN_BYTES: usize = 32;

/// The length of the token at the start of `rest` if it is a plain number (`12`, `-0.5`, `1.5e+09`) and the line
/// ends behind it.
///
/// Whatever this accepts is a number to the parser too; what it does not know is left to the parser.
pub(super) fn plain_token(rest: &[u8]) -> Option<usize> {
    let whole = digits(rest, 0);
    if whole > 0 && rest.get(whole) == Some(&b'\n') {
        return (whole <= PLAIN_BYTES).then_some(whole);
    }
    fractional_token(rest)
}

/// [`plain_token`] for numbers with a sign, a point or an exponent.
fn fractional_token(rest: &[u8]) -> Option<usize> {
    let start = usize::from(rest.first() == Some(&b'-'));
    let mut at = digits(rest, start);
    if at == start {
        return None;
    }
    if rest.get(at) == Some(&b'.') {
        at = digits(rest, at + 1);
    }
    if at > PLAIN_BYTES {
        return None;
    }
    if rest.get(at) == Some(&b'e') {
        let sign = usize::from(matches!(rest.get(at + 1), Some(b'+' | b'-')));
        let start = at + 1 + sign;
        at = digits(rest, start);
        if !(1..=2).contains(&(at - start)) {
            return None;
        }
    }
    matches!(rest.get(at), Some(b'\n') | None).then_some(at)
}

/// Where the digits that start at `start` end.
fn digits(bytes: &[u8], start: usize) -> usize {
    let tail = bytes.get(start..).unwrap_or_default();
    start + tail.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(tail.len())
}

/// `VALUE MILLISECONDS` with a plain value, one space and at most 15 digits: what cAdvisor and kubelets send.
fn stamped_token(line: &[u8]) -> Option<(&[u8], i64)> {
    let space = memchr::memrchr(b' ', line)?;
    let (value, stamp) = (line.get(..space)?, line.get(space + 1..)?);
    if plain_token(value)? != value.len() || !(1..=15).contains(&stamp.len()) {
        return None;
    }
    let mut timestamp = 0i64;
    for byte in stamp {
        timestamp = timestamp * 10 + i64::from(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    Some((value, timestamp))
}
