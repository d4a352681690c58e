//! Records on their way: what a relay has sent of a failing target until the next owner has acknowledged it.
//!
//! In: records as relays release them. Out: the same, bounded. It does not know what is in a record.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::target::TargetId;

/// The largest record that is kept: with its target it still fits a message.
const LARGEST: usize = 1 << 20;
/// What all records kept at one time take at most; handovers are bounded so that it is hardly ever reached.
const TOTAL: usize = 64 << 20;

/// The records that are kept.
#[derive(Debug, Default)]
pub(super) struct Records {
    held: BTreeMap<TargetId, Bytes>,
    bytes: usize,
}

impl Records {
    /// Keeps a record in place of an older one.
    ///
    /// # Errors
    /// Where it is not kept: a fixed word for why.
    pub(super) fn keep(&mut self, id: TargetId, record: Bytes) -> Result<(), &'static str> {
        self.forget(id);
        if record.len() > LARGEST {
            return Err("too_large");
        }
        if self.bytes + record.len() > TOTAL {
            return Err("full");
        }
        self.bytes += record.len();
        self.held.insert(id, record);
        Ok(())
    }

    pub(super) fn get(&self, id: TargetId) -> Option<&Bytes> {
        self.held.get(&id)
    }

    pub(super) fn has(&self, id: TargetId) -> bool {
        self.held.contains_key(&id)
    }

    /// Whether there was one.
    pub(super) fn forget(&mut self, id: TargetId) -> bool {
        let Some(record) = self.held.remove(&id) else { return false };
        self.bytes -= record.len();
        true
    }

    /// What they take now.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bytes: usize) -> Bytes {
        Bytes::from(vec![0; bytes])
    }

    #[test]
    fn no_record_above_1_mib_and_no_more_than_64_mib_are_kept() {
        let mut records = Records::default();
        assert_eq!(records.keep(TargetId(0), record(LARGEST + 1)), Err("too_large"));
        for number in 1..=64 {
            assert_eq!(records.keep(TargetId(number), record(LARGEST)), Ok(()));
        }
        assert_eq!(records.keep(TargetId(65), record(1)), Err("full"));
        assert_eq!(records.keep(TargetId(1), record(7)), Ok(()), "it takes the place of an older one");
        assert_eq!(records.get(TargetId(1)), Some(&record(7)));
        assert!(records.forget(TargetId(1)) && !records.forget(TargetId(1)));
        assert_eq!(records.bytes(), TOTAL - LARGEST);
        assert_eq!(records.keep(TargetId(65), record(1)), Ok(()));
    }
}
