//! How many moves there were: since the start, and in the last five minutes.

use std::collections::{BTreeMap, VecDeque};

use super::Now;

/// Minutes of which finished moves are told one by one.
const MINUTES: u64 = 5;

/// Moves that are over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MoveCounts {
    /// Those that came where they should, by [`Reason::kind`](super::Reason::kind).
    pub finished: BTreeMap<&'static str, u64>,
    /// Those that did not, by why.
    pub given_up: BTreeMap<&'static str, u64>,
    /// The finished ones of the last minutes, by minute since the start.
    minutes: VecDeque<(u64, BTreeMap<&'static str, u64>)>,
}

impl MoveCounts {
    pub(super) fn finish(&mut self, reason: &'static str, now: Now) {
        *self.finished.entry(reason).or_default() += 1;
        let minute = now.elapsed.as_secs() / 60;
        if self.minutes.back().is_none_or(|(last, _)| *last != minute) {
            self.minutes.push_back((minute, BTreeMap::new()));
        }
        self.minutes.retain(|(one, _)| one + MINUTES > minute);
        if let Some((_, counts)) = self.minutes.back_mut() {
            *counts.entry(reason).or_default() += 1;
        }
    }

    pub(super) fn give_up(&mut self, why: &'static str) {
        *self.given_up.entry(why).or_default() += 1;
    }

    /// The finished moves of this minute and the four before, by reason.
    #[must_use]
    pub fn lately(&self, now: Now) -> BTreeMap<&'static str, u64> {
        let minute = now.elapsed.as_secs() / 60;
        let mut sums = BTreeMap::new();
        for (reason, count) in
            self.minutes.iter().filter(|(one, _)| one + MINUTES > minute).flat_map(|(_, one)| one)
        {
            *sums.entry(*reason).or_default() += count;
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn moves_are_told_for_five_minutes_and_counted_for_ever() {
        let at = |seconds| Now { elapsed: Duration::from_secs(seconds), wall: SystemTime::UNIX_EPOCH };
        let mut counts = MoveCounts::default();
        for (reason, second) in [("fill", 0), ("fill", 59), ("drained", 61), ("fill", 290)] {
            counts.finish(reason, at(second));
        }
        assert_eq!(counts.lately(at(299)), [("drained", 1), ("fill", 3)].into());
        assert_eq!(counts.lately(at(300)), [("drained", 1), ("fill", 1)].into());
        assert_eq!(counts.lately(at(700)), BTreeMap::new());
        assert_eq!(counts.finished, [("drained", 1), ("fill", 3)].into());
    }
}
