//! The values of one scrape, as spelled, without the text around them.
//!
//! In: tokens, in the order of the body. Out: the same tokens by slot. About six bytes a sample. It holds nothing that the layout or the shape holds.

use super::entry::Tail;
use super::exemplar::ExemplarText;

/// Slots between two known offsets: near enough that a family of one line, the most common one, finds its token fast.
const STRIDE: usize = 16;
/// Zero bytes behind the tokens, so that short tokens can be copied by a fixed width.
pub(super) const PADDING: usize = 16;

/// The values of one scrape: one token a slot, and what few slots have besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    /// All tokens, one behind the other, then [`PADDING`] zeros.
    pub(super) tokens: Box<[u8]>,
    /// The length of each token; 0 says that it is in `long`.
    pub(super) lengths: Box<[u8]>,
    /// Where the tokens of every [`STRIDE`]th slot begin.
    offsets: Box<[u32]>,
    /// Milliseconds since 1970 of the slots that carry a timestamp, in order.
    pub(super) timestamps: Box<[i64]>,
    /// Tokens of more than 255 bytes, by slot.
    pub(super) long: Box<[(u32, Box<[u8]>)]>,
    /// By slot.
    pub(super) exemplars: Box<[(u32, ExemplarText)]>,
}

impl Values {
    /// How many slots there are.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.lengths.len()
    }

    /// The token of `slot`; empty where there is no such slot.
    #[must_use]
    pub fn token(&self, slot: usize) -> &[u8] {
        let Some(&length) = self.lengths.get(slot) else { return &[] };
        if length == 0 {
            return self.long_token(slot);
        }
        let offset = self.offset(slot);
        &self.tokens[offset..offset + usize::from(length)]
    }

    /// The timestamp of the `nth` slot that carries one, in milliseconds since 1970.
    #[must_use]
    pub fn timestamp(&self, nth: usize) -> Option<i64> {
        self.timestamps.get(nth).copied()
    }

    /// Bytes of memory these values hold.
    #[must_use]
    pub fn size(&self) -> usize {
        let long: usize = self.long.iter().map(|(_, token)| token.len() + 24).sum();
        let exemplars: usize = self.exemplars.iter().map(|(_, text)| text.size() + 40).sum();
        let fixed = self.offsets.len() * 4 + self.timestamps.len() * 8;
        size_of::<Self>() + self.tokens.len() + self.lengths.len() + fixed + long + exemplars
    }

    /// Whether any slot has an exemplar.
    #[must_use]
    pub fn has_exemplars(&self) -> bool {
        !self.exemplars.is_empty()
    }

    /// The exemplar of `slot`.
    pub(super) fn exemplar(&self, slot: u32) -> Option<&ExemplarText> {
        let at = self.exemplars.binary_search_by_key(&slot, |(slot, _)| *slot).ok()?;
        Some(&self.exemplars[at].1)
    }

    /// A reader that keeps its place.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { values: self, slot: 0, offset: 0 }
    }

    /// Where the token of `slot` begins.
    pub(super) fn offset(&self, slot: usize) -> usize {
        let block = slot / STRIDE;
        let before: usize =
            self.lengths[block * STRIDE..slot].iter().map(|&length| usize::from(length)).sum();
        self.offsets[block] as usize + before
    }

    pub(super) fn long_token(&self, slot: usize) -> &[u8] {
        let found = self.long.binary_search_by_key(&slot, |(slot, _)| *slot as usize);
        found.map_or(&[], |at| &self.long[at].1)
    }
}

/// Reads tokens, fastest in the order of their slots.
pub(super) struct Reader<'a> {
    values: &'a Values,
    slot: usize,
    offset: usize,
}

impl Reader<'_> {
    /// Appends the token of `slot` and a line feed to `out`.
    pub(super) fn write_line(&mut self, out: &mut Vec<u8>, slot: usize) {
        if slot != self.slot {
            self.offset = self.values.offset(slot);
        }
        self.slot = slot + 1;
        let length = usize::from(self.values.lengths[slot]);
        let wide = self.values.tokens.get(self.offset..).and_then(|tokens| tokens.first_chunk::<PADDING>());
        if let (1..PADDING, Some(wide)) = (length, wide) {
            let start = out.len();
            out.extend_from_slice(wide);
            out.truncate(start + length);
        } else {
            out.extend_from_slice(self.values.token(slot));
        }
        out.push(b'\n');
        self.offset += length;
    }
}

/// Values under construction, slot by slot.
pub(super) struct ValuesBuilder {
    tokens: Vec<u8>,
    lengths: Vec<u8>,
    offsets: Vec<u32>,
    pub(super) timestamps: Vec<i64>,
    long: Vec<(u32, Box<[u8]>)>,
    exemplars: Vec<(u32, ExemplarText)>,
}

impl ValuesBuilder {
    pub(super) fn with_slots(slots: usize) -> Self {
        Self {
            tokens: Vec::with_capacity(slots * 6 + PADDING),
            lengths: Vec::with_capacity(slots),
            offsets: Vec::with_capacity(slots.div_ceil(STRIDE)),
            timestamps: Vec::new(),
            long: Vec::new(),
            exemplars: Vec::new(),
        }
    }

    /// A token that is known to be a number.
    pub(super) fn push_plain(&mut self, token: &[u8]) {
        let slot = self.lengths.len();
        self.begin_slot();
        if let Ok(length) = u8::try_from(token.len()) {
            self.lengths.push(length);
            self.tokens.extend_from_slice(token);
        } else {
            self.lengths.push(0);
            self.long.push((self.slot(slot), token.into()));
        }
    }

    /// The first `length` bytes of `rest`, known to be a number; what is left of `rest`.
    pub(super) fn push_start<'a>(&mut self, rest: &'a [u8], length: usize) -> Option<&'a [u8]> {
        let (token, left) = rest.split_at_checked(length)?;
        if length > PADDING || rest.len() < PADDING {
            self.push_plain(token);
            return Some(left);
        }
        self.begin_slot();
        self.lengths.push(u8::try_from(length).ok()?);
        let start = self.tokens.len();
        self.tokens.extend_from_slice(rest.first_chunk::<PADDING>()?);
        self.tokens.truncate(start + length);
        Some(left)
    }

    fn begin_slot(&mut self) {
        if self.lengths.len().is_multiple_of(STRIDE) {
            self.offsets.push(u32::try_from(self.tokens.len()).expect("shorter than the body"));
        }
    }

    /// A token that is known to be a number, and its time.
    pub(super) fn push_stamped(&mut self, token: &[u8], timestamp: i64) {
        self.push_plain(token);
        self.timestamps.push(timestamp);
    }

    /// What the parser found behind a series.
    pub(super) fn push_tail(&mut self, tail: &Tail<'_>) {
        let slot = self.slot(self.lengths.len());
        self.push_plain(tail.value.as_bytes());
        self.timestamps.extend(tail.timestamp);
        if let Some(text) = tail.exemplar.as_deref().map(ExemplarText::of) {
            self.exemplars.push((slot, text));
        }
    }

    fn slot(&self, slot: usize) -> u32 {
        u32::try_from(slot).expect("a body has fewer than 2^32 samples")
    }

    pub(super) fn finish(mut self) -> Values {
        self.tokens.extend_from_slice(&[0; PADDING]);
        Values {
            tokens: self.tokens.into(),
            lengths: self.lengths.into(),
            offsets: self.offsets.into(),
            timestamps: self.timestamps.into(),
            long: self.long.into(),
            exemplars: self.exemplars.into(),
        }
    }
}
