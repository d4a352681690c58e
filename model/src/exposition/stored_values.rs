//! The compact form of values, for a cache on disk that any relay may read.
//!
//! In: values, or bytes of unknown origin. Out: the other. Everything read is checked again, token by token, so that
//! nothing that a damaged or foreign disk holds can reach a page. Checksums are the cache's own business.

use super::entry::Format;
use super::layout::Layout;
use super::tail::parse_tail;
use super::values::{PADDING, Values, ValuesBuilder};

/// The first byte of the compact form.
const VERSION: u8 = 1;
/// Why stored values cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValuesError {
    /// Another version wrote them.
    #[error("stored values have version {0}, this build reads version 1")]
    Version(u8),
    /// They end too early, go on too long or hold something that is no value.
    #[error("stored values are damaged")]
    Damaged,
    /// They belong to a layout with another number of slots or timestamps.
    #[error("stored values do not fit the layout: they have {found} slots, it has {expected}")]
    Foreign {
        /// Slots in the values.
        found: usize,
        /// Slots in the layout.
        expected: usize,
    },
}

impl Values {
    /// The compact form: version, counts, lengths, tokens, timestamps, long tokens, exemplars.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let tokens = &self.tokens[..self.tokens.len() - PADDING];
        let mut out = Vec::with_capacity(tokens.len() + self.lengths.len() + 32);
        out.push(VERSION);
        put_u32(&mut out, self.lengths.len());
        put_u32(&mut out, self.timestamps.len());
        out.extend_from_slice(&self.lengths);
        out.extend_from_slice(tokens);
        out.extend(self.timestamps.iter().flat_map(|timestamp| timestamp.to_le_bytes()));
        put_u32(&mut out, self.long.len());
        for (slot, token) in &self.long {
            put_block(&mut out, *slot, token);
        }
        put_u32(&mut out, self.exemplars.len());
        for (slot, text) in &self.exemplars {
            put_block(&mut out, *slot, text.quoted());
        }
        out
    }

    /// Reads the compact form back for bodies of `layout`. Every token is checked again, so that nothing that a
    /// damaged or foreign disk holds can reach a page.
    ///
    /// # Errors
    /// Another version, another layout, damage.
    pub fn from_bytes(bytes: &[u8], layout: &Layout) -> Result<Self, ValuesError> {
        let (&version, bytes) = bytes.split_first().ok_or(ValuesError::Damaged)?;
        if version != VERSION {
            return Err(ValuesError::Version(version));
        }
        let mut source = Source(bytes);
        let found = source.u32().ok_or(ValuesError::Damaged)?;
        let stamps = source.u32().ok_or(ValuesError::Damaged)?;
        if found != layout.slots() || stamps != layout.stamps() {
            return Err(ValuesError::Foreign { found, expected: layout.slots() });
        }
        source.values(found, stamps, layout.format()).ok_or(ValuesError::Damaged)
    }
}

/// What is left of a compact form.
struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<usize> {
        let (bytes, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    }

    /// A slot beyond `last` and the block that belongs to it.
    fn block(&mut self, last: Option<usize>) -> Option<(usize, &'a [u8])> {
        let slot = self.u32()?;
        let length = self.u32()?;
        let block = self.take(length)?;
        last.is_none_or(|last| last < slot).then_some((slot, block))
    }

    fn blocks(&mut self, slots: usize) -> Option<Vec<(usize, &'a [u8])>> {
        let mut blocks: Vec<(usize, &[u8])> = Vec::new();
        for _ in 0..self.u32()? {
            let block = self.block(blocks.last().map(|(slot, _)| *slot))?;
            if block.0 >= slots {
                return None;
            }
            blocks.push(block);
        }
        Some(blocks)
    }

    fn values(mut self, slots: usize, stamps: usize, format: Format) -> Option<Values> {
        let lengths = self.take(slots)?;
        let mut tokens = self.take(lengths.iter().map(|&length| usize::from(length)).sum())?;
        let stamps = self.take(stamps.checked_mul(8)?)?;
        let long = self.blocks(slots)?;
        let exemplars = self.blocks(slots)?;
        if !self.0.is_empty() {
            return None;
        }
        let mut values = ValuesBuilder::with_slots(slots);
        let (mut long, mut exemplars) = (long.into_iter().peekable(), exemplars.into_iter().peekable());
        for (slot, &length) in lengths.iter().enumerate() {
            let token = if length == 0 {
                long.next_if(|(at, _)| *at == slot).filter(|(_, token)| token.len() > 255)?.1
            } else {
                let (token, rest) = tokens.split_at(usize::from(length));
                tokens = rest;
                token
            };
            let exemplar = exemplars.next_if(|(at, _)| *at == slot).map(|(_, text)| text);
            push_checked(&mut values, token, exemplar, format)?;
        }
        values.timestamps =
            stamps.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect();
        if format == Format::Text && values.timestamps.iter().any(|timestamp| *timestamp < 0) {
            return None;
        }
        (long.next().is_none() && exemplars.next().is_none()).then(|| values.finish())
    }
}

fn put_u32(out: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).expect("counts of a body are far below 2^32");
    out.extend_from_slice(&count.to_le_bytes());
}

fn put_block(out: &mut Vec<u8>, slot: u32, block: &[u8]) {
    out.extend_from_slice(&slot.to_le_bytes());
    put_u32(out, block.len());
    out.extend_from_slice(block);
}

/// A token from outside: parsed again, with its exemplar in the spelling of [`ExemplarText::quoted`].
fn push_checked(
    values: &mut ValuesBuilder,
    token: &[u8],
    exemplar: Option<&[u8]>,
    format: Format,
) -> Option<()> {
    let alone = parse_tail(format, token).ok()?;
    if alone.value.len() != token.len() {
        return None;
    }
    let Some(exemplar) = exemplar else {
        values.push_plain(token);
        return Some(());
    };
    let line = [token, exemplar].concat();
    let tail = parse_tail(Format::OpenMetrics, &line).ok().filter(|tail| tail.timestamp.is_none())?;
    values.push_tail(&tail);
    Some(())
}
