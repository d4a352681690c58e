//! How much load a unit is.

/// What a scrape costs whatever it brings, in samples: connection, request and bookkeeping take about as long as
/// parsing a few hundred samples.
const FIXED: u64 = 300;
/// The samples of a unit that has never had a good scrape, in a job where none has.
pub const UNMEASURED: u64 = 1000;
/// A new measurement changes the average by one part in this many of the difference.
const SMOOTHING: u64 = 4;
/// An average is kept in parts of a sample, so that small differences are not lost.
const SCALE: u64 = 256;

/// The weight of a unit that brings `samples`: a fixed cost, and the samples to the next power of 1.25.
#[must_use]
pub fn weigh(samples: u64) -> u64 {
    FIXED + bucket(samples)
}

/// The power of 1.25 that is nearest.
fn bucket(samples: u64) -> u64 {
    let mut bucket = 1;
    loop {
        let next = (bucket / 4 * 5 + bucket % 4 * 5 / 4).max(bucket + 1);
        // The border is the middle by ratio; every power has a next one below 2^62.
        if samples <= bucket + (next - bucket) * 9 / 19 || next >= 1 << 62 {
            return bucket;
        }
        bucket = next;
    }
}

/// The samples of a unit's good scrapes, averaged, with the weight that this comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    average: u64,
    bucket: u64,
}

impl Measure {
    /// After the first good scrape.
    #[must_use]
    pub fn of(samples: u64) -> Self {
        Self { average: samples.min(1 << 50) * SCALE, bucket: bucket(samples) }
    }

    /// After another one. The weight changes only once the average is a whole power of 1.25 away.
    #[must_use]
    pub fn and(self, samples: u64) -> Self {
        let new = samples.min(1 << 50) * SCALE;
        let average = self.average - self.average / SMOOTHING + new / SMOOTHING;
        let samples = (average + SCALE / 2) / SCALE;
        let stays = samples * 5 >= self.bucket * 4 - 4 && samples * 4 <= self.bucket * 5 + 4;
        Self { average, bucket: if stays { self.bucket } else { bucket(samples) } }
    }

    /// Samples of a scrape, on average.
    #[must_use]
    pub fn samples(&self) -> u64 {
        (self.average + SCALE / 2) / SCALE
    }

    /// The weight.
    #[must_use]
    pub fn weight(&self) -> u64 {
        FIXED + self.bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_grow_with_the_samples_and_are_near_them() {
        let samples = [0, 1, 5, 100, 1000, 1010, 1030, 2000, 1_000_000, 1 << 50];
        let weights: Vec<_> = samples.into_iter().map(weigh).collect();
        assert!(weights.is_sorted(), "{weights:?}");
        for (samples, weight) in samples.into_iter().zip(weights) {
            let near = (samples * 8 / 9).saturating_sub(2)..=samples * 9 / 8 + 2;
            assert!(near.contains(&(weight - FIXED)), "{samples} weighs {weight}");
        }
        assert!(weigh(u64::MAX) > 1 << 60);
    }

    #[test]
    fn noise_does_not_change_a_weight_and_growth_does() {
        let noise = [0, 10, -10, 7, -3, 10, 10, -10, -10, -10, 10, 10];
        for samples in [0, 20, 100, 777, 1000, 1118, 50_000, 1_000_000_u64] {
            let mut measure = Measure::of(samples);
            let weight = measure.weight();
            for percent in noise {
                measure = measure.and(samples.saturating_add_signed(samples as i64 * percent / 100));
                assert_eq!(measure.weight(), weight, "{samples} {percent}");
            }
        }
        let mut grown = Measure::of(1000);
        for _ in 0..20 {
            grown = grown.and(100_000);
        }
        assert!(grown.samples() > 99_000 && grown.weight() > 89_000, "{grown:?}");
        let shrunk = (0..60).fold(grown, |measure, _| measure.and(0));
        assert!(shrunk.weight() < FIXED + 10, "{shrunk:?}");
        assert!(Measure::of(u64::MAX).and(u64::MAX).weight() > 1 << 49);
    }
}
