//! One record of the cache: a target's last good scrape as bytes that any relay can read.
//!
//! In and out: [`Record`] and its bytes. Whatever is damaged, torn or foreign is refused, never half read. It knows
//! nothing of trees, files or expositions: values and layouts are bytes here.
//!
//! ```text
//! version 1 | flags 1 | target 16 | labels 8 | scraped_at 8 | layout 16 | length 4 | payload | xxh3-64 of all before 8
//! ```
//! Integers are little-endian; flag 1 says that the payload is zstd and `length` its size once unpacked.

use xxhash_rust::xxh3::xxh3_64;

/// The version this build writes and reads.
const VERSION: u8 = 1;
/// The flag of a compressed payload.
const ZSTD: u8 = 1;
/// Everything before the payload.
const HEAD: usize = 54;
/// The checksum behind it.
const TAIL: usize = 8;
/// A payload is refused above this before anything is reserved for it: the body limit that values come from.
const PAYLOAD_MOST: usize = 64 << 20;
/// zstd's fastest level: 25 us for a record of 9 KB.
const LEVEL: i32 = 1;

/// 16 bytes that name a target or a layout in the store.
pub type Key = [u8; 16];

/// The last good scrape of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Which target.
    pub target: Key,
    /// Fingerprint of the labels that its samples went out with.
    pub labels: u64,
    /// When it was scraped, in milliseconds since 1970.
    pub scraped_at: i64,
    /// Content hash of its layout.
    pub layout: Key,
    /// The values, in the form that reads them back with the layout.
    pub values: Vec<u8>,
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Another build wrote it.
    #[error("record has version {0}, this build reads version {VERSION}")]
    Version(u8),
    /// Torn or altered.
    #[error("record is damaged: {0}")]
    Damaged(&'static str),
}

impl RecordError {
    /// A fixed word for metrics.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Version(_) => "version",
            Self::Damaged(_) => "damaged",
        }
    }
}

impl Record {
    /// The record as bytes, compressed where that saves anything.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (flags, payload) = pack(&self.values);
        let mut bytes = Vec::with_capacity(HEAD + payload.len() + TAIL);
        bytes.extend_from_slice(&[VERSION, flags]);
        bytes.extend_from_slice(&self.target);
        bytes.extend_from_slice(&self.labels.to_le_bytes());
        bytes.extend_from_slice(&self.scraped_at.to_le_bytes());
        bytes.extend_from_slice(&self.layout);
        bytes.extend_from_slice(&length_of(&self.values));
        bytes.extend_from_slice(&payload);
        sealed(bytes)
    }

    /// Reads a record back.
    ///
    /// # Errors
    /// Another version, or anything that is not exactly what [`Record::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut body = Body::open(bytes)?;
        let flags = body.take::<1>()?[0];
        let target = body.take()?;
        let labels = u64::from_le_bytes(body.take()?);
        let scraped_at = i64::from_le_bytes(body.take()?);
        let layout = body.take()?;
        let length = u32::from_le_bytes(body.take()?);
        let values = unpack(flags, length, body.0)?;
        Ok(Self { target, labels, scraped_at, layout, values })
    }
}

/// A layout's body as it is stored: version, flags, length, payload, checksum.
#[must_use]
pub fn encode_layout(body: &[u8]) -> Vec<u8> {
    let (flags, payload) = pack(body);
    let mut bytes = vec![VERSION, flags];
    bytes.extend_from_slice(&length_of(body));
    bytes.extend_from_slice(&payload);
    sealed(bytes)
}

/// Reads what [`encode_layout`] wrote.
///
/// # Errors
/// Another version or damage.
pub fn decode_layout(bytes: &[u8]) -> Result<Vec<u8>, RecordError> {
    let mut body = Body::open(bytes)?;
    let flags = body.take::<1>()?[0];
    let length = u32::from_le_bytes(body.take()?);
    unpack(flags, length, body.0)
}

fn length_of(payload: &[u8]) -> [u8; 4] {
    u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes()
}

fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = xxh3_64(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

fn pack(payload: &[u8]) -> (u8, Vec<u8>) {
    match zstd::bulk::compress(payload, LEVEL) {
        Ok(packed) if packed.len() < payload.len() => (ZSTD, packed),
        _ => (0, payload.to_vec()),
    }
}

fn unpack(flags: u8, length: u32, payload: &[u8]) -> Result<Vec<u8>, RecordError> {
    let length = length as usize;
    if length > PAYLOAD_MOST {
        return Err(RecordError::Damaged("longer than any record"));
    }
    let values = match flags {
        0 => payload.to_vec(),
        ZSTD => zstd::bulk::decompress(payload, length).map_err(|_| RecordError::Damaged("compression"))?,
        _ => return Err(RecordError::Damaged("flags")),
    };
    if values.len() == length { Ok(values) } else { Err(RecordError::Damaged("length")) }
}

/// What lies between the version and the checksum, once both were found good.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, RecordError> {
        let torn = RecordError::Damaged("too short");
        let (body, checksum) = bytes.split_last_chunk::<TAIL>().ok_or(torn)?;
        if xxh3_64(body) != u64::from_le_bytes(*checksum) {
            return Err(RecordError::Damaged("checksum"));
        }
        let (&version, rest) = body.split_first().ok_or(torn)?;
        if version == VERSION { Ok(Self(rest)) } else { Err(RecordError::Version(version)) }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(RecordError::Damaged("too short"))?;
        self.0 = rest;
        Ok(*taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(values: Vec<u8>) -> Record {
        Record { target: [7; 16], labels: 42, scraped_at: 1_700_000_000_123, layout: [9; 16], values }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(values in proptest::collection::vec(any::<u8>(), 0..4096), at in any::<i64>()) {
            let written = Record { scraped_at: at, ..record(values.clone()) };
            prop_assert_eq!(Record::decode(&written.encode()).unwrap(), written);
            prop_assert_eq!(decode_layout(&encode_layout(&values)).unwrap(), values);
        }

        #[test]
        fn any_altered_byte_and_any_shorter_record_is_refused(at in any::<prop::sample::Index>(), flip in 1u8..) {
            let good = record(b"12345.5 ".repeat(40)).encode();
            let mut altered = good.clone();
            let at = at.index(good.len());
            altered[at] ^= flip;
            prop_assert!(Record::decode(&altered).is_err());
            prop_assert!(Record::decode(&good[..at]).is_err());
        }
    }

    #[test]
    fn values_that_repeat_are_compressed_and_short_ones_are_not() {
        assert!(record(b"12345.5 ".repeat(400)).encode().len() < 200);
        assert_eq!(record(b"1".to_vec()).encode().len(), HEAD + 1 + TAIL);
    }

    #[test]
    fn a_record_of_another_build_is_named_as_such() {
        let mut bytes = record(Vec::new()).encode();
        bytes.truncate(bytes.len() - TAIL);
        bytes[0] = 2;
        assert_eq!(Record::decode(&sealed(bytes)), Err(RecordError::Version(2)));
    }
}
