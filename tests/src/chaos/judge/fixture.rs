//! Synthetic histories and samples for the judges' own tests.

use crate::chaos::journal::{History, Journal, Seconds};
use crate::chaos::samples::{Labels, Samples};

/// The instance of all of them.
pub(super) const INSTANCE: &str = "127.0.0.1:1";

/// One target that answers from 0 on, after `change`.
pub(super) fn journal(change: impl FnOnce(&mut History)) -> Journal {
    let mut history = History::new("uid-0", 0.0);
    change(&mut history);
    [(INSTANCE.to_owned(), history)].into()
}

pub(super) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// One series of the target.
pub(super) fn series(values: &[(Seconds, f64)]) -> Samples {
    let labels = labels(&[("__name__", "c"), ("instance", INSTANCE), ("uid", "uid-0")]);
    [(labels, values.to_vec())].into()
}

/// What the target's counter says at those times.
pub(super) fn counted(journal: &Journal, times: impl IntoIterator<Item = Seconds>) -> Vec<(Seconds, f64)> {
    times.into_iter().map(|at| (at, journal[INSTANCE].counter(at))).collect()
}

/// Every fifth second up to `end`.
pub(super) fn fives(end: u32) -> impl Iterator<Item = Seconds> {
    (0..=end / 5).map(|turn| f64::from(turn * 5))
}
