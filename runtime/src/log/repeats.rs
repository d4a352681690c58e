//! Which repeated lines are left out. A decision on values: the time is an argument.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::time::{Duration, Instant};

/// One line of a kind goes out in this time.
const PERIOD: Duration = Duration::from_secs(30);
/// Kinds of lines that are told apart; beyond, all new kinds share one allowance.
const KINDS: usize = 4_096;
/// The kind that the overflow shares.
const OVERFLOW: u64 = 0;

/// What happened to each kind of line lately.
#[derive(Default)]
pub(super) struct Repeats {
    kinds: HashMap<u64, Kind>,
    hasher: RandomState,
}

struct Kind {
    written: Instant,
    suppressed: u64,
}

/// What to do with a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Write it and say how many of its kind were left out before it.
    Write {
        /// Lines left out since the last one written.
        suppressed: u64,
    },
    /// Leave it out.
    Suppress,
}

impl Repeats {
    /// Judges a line of the kind `key` at `now`.
    pub(super) fn judge(&mut self, key: &impl Hash, now: Instant) -> Verdict {
        let mut key = self.hasher.hash_one(key);
        if self.kinds.len() >= KINDS && !self.kinds.contains_key(&key) {
            self.kinds.retain(|_, kind| now.saturating_duration_since(kind.written) < PERIOD);
            if self.kinds.len() >= KINDS {
                key = OVERFLOW;
            }
        }
        let Some(kind) = self.kinds.get_mut(&key) else {
            self.kinds.insert(key, Kind { written: now, suppressed: 0 });
            return Verdict::Write { suppressed: 0 };
        };
        if now.saturating_duration_since(kind.written) < PERIOD {
            kind.suppressed += 1;
            return Verdict::Suppress;
        }
        kind.written = now;
        Verdict::Write { suppressed: std::mem::take(&mut kind.suppressed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_first_one_line_in_thirty_seconds_says_how_many_were_left_out() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(repeats.judge(&"a", at(0)), Verdict::Write { suppressed: 0 });
        assert_eq!(repeats.judge(&"a", at(10)), Verdict::Suppress);
        assert_eq!(repeats.judge(&"a", at(20)), Verdict::Suppress);
        assert_eq!(repeats.judge(&"b", at(20)), Verdict::Write { suppressed: 0 });
        assert_eq!(repeats.judge(&"a", at(30)), Verdict::Write { suppressed: 2 });
        assert_eq!(repeats.judge(&"a", at(60)), Verdict::Write { suppressed: 0 });
    }

    #[test]
    fn the_table_is_bounded_and_the_overflow_shares_one_allowance() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        let written = (0..100_000_u32).filter(|id| repeats.judge(id, start) != Verdict::Suppress).count();
        assert_eq!(written, KINDS + 1);
        assert!(repeats.kinds.len() <= KINDS + 1);
        assert_eq!(repeats.judge(&u32::MAX, start + PERIOD), Verdict::Write { suppressed: 0 });
        assert_eq!(repeats.kinds.len(), 1);
    }
}
