//! Chance that a seed repeats.

use xxhash_rust::xxh3::xxh3_64;

/// Numbers as good as random, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    /// Begins the row of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, thrown: 0 }
    }

    /// The next number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.thrown += 1;
        mixed(&[self.seed, self.thrown]) % bound
    }

    /// One of `choices`, which is not empty.
    pub fn choose<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let at = self.below(choices.len() as u64);
        &choices[usize::try_from(at).expect("below a length")]
    }
}

/// A number that any change of `of` changes.
#[must_use]
pub fn mixed(of: &[u64]) -> u64 {
    let bytes: Vec<u8> = of.iter().flat_map(|number| number.to_le_bytes()).collect();
    xxh3_64(&bytes)
}
