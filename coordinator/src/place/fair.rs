//! What a fair load of a relay is.
//!
//! In: the weights that may be placed and the capacities of the relays that take. Out: each relay's part of the load.
//! A unit that is heavier than any relay's part fills a relay by itself; the others share what remains.

use super::{CAPACITY, Role};

/// How the load is shared fairly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fair {
    /// The load without the units that are heavier than a share.
    load: u64,
    /// The capacities of the relays without one for each such unit, the largest first.
    capacity: u64,
    /// The largest part of a relay.
    largest: u64,
}

impl Fair {
    /// The fair load where `weights` are shared by relays of these `capacities`.
    pub(super) fn of(
        weights: impl Iterator<Item = u64> + Clone,
        capacities: impl Iterator<Item = u32>,
    ) -> Self {
        let mut capacities: Vec<_> = capacities.map(u64::from).collect();
        capacities.sort_unstable_by(|a, b| b.cmp(a));
        let mut known = 0;
        let mut fair = Self::among(weights.clone().sum(), &capacities);
        // Each round takes out units that are heavier than a share of the rest: there are fewer of them than relays.
        loop {
            let (mut count, mut heavy) = (0, 0);
            let mut load = 0;
            for weight in weights.clone() {
                load += weight;
                if weight > fair.largest {
                    count += 1;
                    heavy += weight;
                }
            }
            if count <= known || count >= capacities.len() {
                return fair;
            }
            known = count;
            fair = Self::among(load - heavy, capacities.get(count..).unwrap_or_default());
        }
    }

    fn among(load: u64, capacities: &[u64]) -> Self {
        let capacity = capacities.iter().sum();
        let largest = capacities.first().map_or(u64::MAX, |largest| part(load, *largest, capacity));
        Self { load, capacity, largest }
    }

    /// The part of a relay of this capacity, rounded up.
    #[must_use]
    pub fn share(&self, capacity: u32) -> u64 {
        part(self.load, u64::from(capacity), self.capacity)
    }

    /// The part of a relay of this capacity in `load` of the whole, rounded up.
    pub(super) fn part(&self, load: u64, capacity: u32) -> u64 {
        part(load, u64::from(capacity), self.capacity)
    }

    /// Whether a unit of this weight is more than a fair share of any relay: none can have it and be as loaded as
    /// the others.
    #[must_use]
    pub fn is_exceeded_by(&self, weight: u64) -> bool {
        weight > self.largest
    }
}

/// What an ordinary relay has on average, from each relay's role, capacity and load: of all load that is to be shared
/// by those that take, or, where none does, of all by all.
#[must_use]
pub fn mean(relays: impl Iterator<Item = (Role, u32, u64)> + Clone) -> f64 {
    let takes = relays.clone().any(|(role, ..)| role == Role::Takes);
    let (mut load, mut capacity) = (0, 0);
    for (role, part, has) in relays {
        load += if takes && role == Role::Holds { 0 } else { has };
        capacity += if takes && role != Role::Takes { 0 } else { u64::from(part) };
    }
    load as f64 * f64::from(CAPACITY) / capacity.max(1) as f64
}

/// A relay's load over its part of `mean`; 0 where there is no load.
#[must_use]
pub fn ratio(load: u64, capacity: u32, mean: f64) -> f64 {
    if mean > 0.0 { load as f64 * f64::from(CAPACITY) / (mean * f64::from(capacity.max(1))) } else { 0.0 }
}

/// `load` times `part` of `whole`, rounded up.
fn part(load: u64, part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    let share = (u128::from(load) * u128::from(part)).div_ceil(u128::from(whole));
    u64::try_from(share).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fair(weights: &[u64], capacities: &[u32]) -> Fair {
        Fair::of(weights.iter().copied(), capacities.iter().copied())
    }

    #[test]
    fn the_load_is_shared_by_capacity() {
        let fair = fair(&[10; 30], &[100, 150, 50]);
        assert_eq!([100, 150, 50].map(|capacity| fair.share(capacity)), [100, 150, 50]);
        assert!(!fair.is_exceeded_by(150) && fair.is_exceeded_by(151));
    }

    #[test]
    fn what_is_heavier_than_a_share_leaves_the_rest_to_the_others() {
        let mut weights = vec![10; 30];
        weights.push(1000);
        assert_eq!(fair(&weights, &[100; 4]).share(100), 100);
        // Without the heaviest the second is more than a share, too.
        weights.push(160);
        assert_eq!(fair(&weights, &[100; 4]).share(100), 150);
        assert!(fair(&weights, &[100; 4]).is_exceeded_by(1000));
    }

    #[test]
    fn the_mean_is_of_those_that_take() {
        use Role::{Holds, Leaves, Takes};
        let relays = [(Takes, 100, 30), (Takes, 50, 10), (Leaves, 100, 20), (Holds, 100, 7)];
        assert!((mean(relays.into_iter()) - 40.0).abs() < 1e-9);
        assert!((mean([(Holds, 100, 30), (Leaves, 200, 30)].into_iter()) - 20.0).abs() < 1e-9);
        assert!(mean(std::iter::empty()).abs() < 1e-9);
    }

    #[test]
    fn fewer_units_than_relays_and_nothing_at_all_are_shared_too() {
        assert!(fair(&[7, 7, 7], &[100; 5]).is_exceeded_by(7));
        assert_eq!(fair(&[], &[100; 5]).share(100), 0);
        assert_eq!(fair(&[7], &[]).share(100), 0);
        assert_eq!(fair(&[20, 10], &[100; 2]).share(100), 10);
        assert!(!fair(&[7], &[100]).is_exceeded_by(7));
    }
}
