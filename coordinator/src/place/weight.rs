//! How much load a unit is.

/// What a scrape costs whatever it brings, in samples: connection, request and bookkeeping take about as long as
/// parsing a few hundred samples.
const FIXED: u64 = 300;
/// The samples of a unit that has never had a good scrape, in a job where none has.
pub const UNMEASURED: u64 = 1000;

/// The weight of a unit whose last good scrape brought `samples`: a fixed cost plus the samples, rounded up to a
/// power of 1.25 so that noise does not move anything.
#[must_use]
pub fn weigh(samples: u64) -> u64 {
    let mut bucket = 1;
    while bucket < samples {
        bucket = next(bucket);
    }
    FIXED + bucket
}

fn next(bucket: u64) -> u64 {
    (bucket.saturating_mul(5) / 4).max(bucket.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_does_not_change_a_weight_and_growth_does() {
        let samples = [0, 1, 1000, 1010, 1030, 2000, 1_000_000, u64::MAX / 8];
        let weights: Vec<_> = samples.into_iter().map(weigh).collect();
        assert!(weights.is_sorted(), "{weights:?}");
        assert_eq!(weights[0], weights[1]);
        assert_eq!(weights[2], weights[3]);
        assert!(weights[4] < weights[5] && weights[5] < weights[6]);
        for (samples, weight) in samples.into_iter().zip(weights) {
            assert!(weight >= samples && weight <= samples / 4 * 5 + FIXED + 5, "{samples} weighs {weight}");
        }
    }
}
