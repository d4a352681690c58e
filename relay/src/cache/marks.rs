//! How new the store has to be: when the last scrape of each target was made that a page has shown.
//!
//! In and out: the bytes of a file beside the store, written after each page's flush. A store that lost its end, or got
//! another's files, is whole in every checksum and yet older than what was exposed: this tells.
//!
//! ```text
//! "scrape-relay marks 1\n" | owner's length 2 | owner | (target 16, scraped_at 8)* | xxh3-64 of all before
//! ```

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use super::record::Key;

/// What the file begins with; another version is another build's.
const MAGIC: &[u8] = b"scrape-relay marks 1\n";
/// What one target takes.
const ENTRY: usize = 24;

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// The relay whose store this is.
    pub(super) owner: String,
    /// For each target the time of its newest record, in milliseconds since 1970.
    pub(super) newest: HashMap<Key, i64>,
}

/// What the marks say of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Exactly what was shown last, or a result that came after it.
    Current,
    /// No page was ever flushed that shows its target: it was never exposed, or was removed since.
    Unconfirmed,
    /// A newer one has been exposed.
    Older,
}

impl Marks {
    pub(super) fn encode(owner: &str, newest: &HashMap<Key, i64>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAGIC.len() + 2 + owner.len() + newest.len() * ENTRY + 8);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&u16::try_from(owner.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend_from_slice(owner.as_bytes());
        for (target, scraped_at) in newest {
            bytes.extend_from_slice(target);
            bytes.extend_from_slice(&scraped_at.to_le_bytes());
        }
        let checksum = xxh3_64(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads the file; a fixed word for metrics and a sentence where it is none of ours.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, (&'static str, &'static str)> {
        let short = ("damaged", "the marks are torn");
        let (body, checksum) = bytes.split_last_chunk::<8>().ok_or(short)?;
        if xxh3_64(body) != u64::from_le_bytes(*checksum) {
            return Err(("damaged", "the marks are torn or altered"));
        }
        let body = body.strip_prefix(MAGIC).ok_or(("version", "another build wrote the marks"))?;
        let (length, body) = body.split_first_chunk::<2>().ok_or(short)?;
        let (owner, body) = body.split_at_checked(u16::from_le_bytes(*length).into()).ok_or(short)?;
        let owner = String::from_utf8_lossy(owner).into_owned();
        let (entries, rest) = body.as_chunks::<ENTRY>();
        if !rest.is_empty() {
            return Err(short);
        }
        let newest = entries.iter().filter_map(|entry| {
            let (target, at) = entry.split_first_chunk::<16>()?;
            Some((*target, i64::from_le_bytes(at.try_into().ok()?)))
        });
        Ok(Self { owner, newest: newest.collect() })
    }

    pub(super) fn judge(&self, target: &Key, scraped_at: i64) -> Verdict {
        match self.newest.get(target) {
            None => Verdict::Unconfirmed,
            Some(shown) if scraped_at < *shown => Verdict::Older,
            Some(_) => Verdict::Current,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> Marks {
        Marks { owner: "relay-0".into(), newest: HashMap::from([([1; 16], 10), ([2; 16], -5)]) }
    }

    fn bytes() -> Vec<u8> {
        Marks::encode(&marks().owner, &marks().newest)
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(Marks::decode(&bytes()), Ok(marks()));
    }

    #[test]
    fn any_altered_byte_and_any_shorter_file_is_refused() {
        for at in 0..bytes().len() {
            let mut altered = bytes();
            altered[at] ^= 0x10;
            assert!(Marks::decode(&altered).is_err(), "byte {at}");
            assert!(Marks::decode(&bytes()[..at]).is_err(), "{at} bytes");
        }
    }

    #[test]
    fn a_file_of_another_build_is_named_as_such() {
        let mut other = b"scrape-relay marks 2\n".to_vec();
        other.extend_from_slice(&xxh3_64(&other).to_le_bytes());
        assert_eq!(Marks::decode(&other).unwrap_err().0, "version");
    }

    #[test]
    fn a_record_older_than_what_was_shown_is_told_from_one_that_never_was() {
        let cases = [
            ([1; 16], 10, Verdict::Current),
            ([1; 16], 11, Verdict::Current),
            ([1; 16], 9, Verdict::Older),
            ([3; 16], 9, Verdict::Unconfirmed),
        ];
        for (target, at, verdict) in cases {
            assert_eq!(marks().judge(&target, at), verdict, "{target:?} at {at}");
        }
    }
}
