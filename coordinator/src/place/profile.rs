//! How each relay's load is made up of heavy and light units.
//!
//! A bound on the whole load alone would let one relay have all heavy units and another all light ones: balanced only
//! as long as the weights are right. So the load of the units that are at least so heavy is shared out, too, class by
//! class.

/// Classes of weights: four for each power of two.
pub(super) const CLASSES: usize = 256;

/// The class of a weight; a heavier unit has no lower class.
pub(super) fn class(weight: u64) -> usize {
    let weight = weight.max(1);
    let power = weight.ilog2();
    let quarter = if power >= 2 { weight >> (power - 2) } else { weight << (2 - power) } & 3;
    power as usize * 4 + quarter as usize
}

/// The load of each relay by class.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    loads: Vec<[u64; CLASSES]>,
}

impl Profile {
    pub(super) fn new(relays: usize) -> Self {
        Self { loads: vec![[0; CLASSES]; relays] }
    }

    pub(super) fn add(&mut self, relay: usize, weight: u64) {
        self.loads[relay][class(weight)] += weight;
    }

    pub(super) fn remove(&mut self, relay: usize, weight: u64) {
        self.loads[relay][class(weight)] -= weight;
    }

    /// Adds each relay's load in units of this class.
    pub(super) fn add_class(&self, class: usize, sums: &mut [u64]) {
        for (sum, loads) in sums.iter_mut().zip(&self.loads) {
            *sum += loads[class];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_grow_with_the_weight_and_are_narrow() {
        let weights = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 1000, 1250, 1563, 1_000_000, u64::MAX];
        assert!(weights.is_sorted_by_key(|weight| class(*weight)));
        assert_eq!(class(1000), class(1020));
        assert_ne!(class(1000), class(1250));
        assert_eq!(class(u64::MAX), CLASSES - 1);
    }

    #[test]
    fn each_class_is_counted_for_itself() {
        let mut profile = Profile::new(2);
        for weight in [10, 100, 100, 1000] {
            profile.add(1, weight);
        }
        profile.remove(1, 1000);
        let mut sums = vec![7, 7];
        profile.add_class(class(100), &mut sums);
        profile.add_class(class(1000), &mut sums);
        assert_eq!(sums, [7, 207]);
    }
}
