//! How new the store has to be: when the last scrape of each target was made that a page has shown.
//!
//! In and out: the bytes of a file beside the store, written after each page's flush. A store that lost its end, or got
//! another's files, is whole in every checksum and yet older than what was exposed: this tells.
//!
//! ```text
//! sealed for the relay: (target 16, scraped_at 8)*
//! ```

use std::collections::HashMap;

use super::record::Key;
use crate::seal::{Broken, opened, sealed};

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
        let entries = newest.iter().flat_map(|(target, at)| target.iter().copied().chain(at.to_le_bytes()));
        sealed(MAGIC, owner, &entries.collect::<Vec<u8>>())
    }

    /// Reads the file; a fixed word for metrics and a sentence where it is none of ours.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, (&'static str, &'static str)> {
        let torn = ("damaged", "the marks are torn or altered");
        let (owner, body) = opened(MAGIC, bytes).map_err(|broken| match broken {
            Broken::Version => ("version", "another build wrote the marks"),
            Broken::Short | Broken::Altered => torn,
        })?;
        let (entries, rest) = body.as_chunks::<ENTRY>();
        if !rest.is_empty() {
            return Err(torn);
        }
        let newest = entries.iter().filter_map(|entry| {
            let (target, at) = entry.split_first_chunk::<16>()?;
            Some((*target, i64::from_le_bytes(at.try_into().ok()?)))
        });
        Ok(Self { owner: owner.into_owned(), newest: newest.collect() })
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
    use xxhash_rust::xxh3::xxh3_64;

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
