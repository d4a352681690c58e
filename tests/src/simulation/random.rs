//! Random numbers that depend on nothing but their seed.

use std::time::Duration;

use crate::seeded::Seeded;

/// A sequence of numbers, as times, odds and orders.
#[derive(Clone, Debug)]
pub(super) struct Random(Seeded);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(Seeded::new(seed ^ 0x5eed_0000_0000_0000))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0.draw()
    }

    /// Less than `bound`, which is not zero.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound)
    }

    /// From `least` up to and without `most`.
    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least).max(1)
    }

    /// Milliseconds between two bounds.
    pub(super) fn ms(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.between(least, most))
    }

    /// A time between two numbers of seconds, exact to the millisecond.
    pub(super) fn seconds(&mut self, least: u64, most: u64) -> Duration {
        self.ms(least * 1000, most * 1000)
    }

    /// True in `percent` of a hundred cases.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// One of `all`, by the weights that come with them.
    pub(super) fn weighted<T: Copy>(&mut self, all: &[(u64, T)]) -> T {
        let total: u64 = all.iter().map(|(weight, _)| weight).sum();
        let mut at = self.next() % total.max(1);
        for (weight, one) in all {
            if at < *weight {
                return *one;
            }
            at -= weight;
        }
        all[0].1
    }

    /// Any order.
    pub(super) fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
    }
}
