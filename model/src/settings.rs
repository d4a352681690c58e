//! Settings that hold for a whole relay: the `relay:`, `cache:` and `limits:` sections of the configuration.
//!
//! Plain data with the defaults; the coordinator sends them to its relays, whose own flags win. The bounds within
//! which a configuration may set them stand with the loader.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How much of the load is a relay's part, beside relays that say 1: from 0.01 to 100, in steps of 0.01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capacity(u32);

impl Capacity {
    /// The least.
    pub const LEAST: Self = Self(1);
    /// The most.
    pub const MOST: Self = Self(10_000);

    /// This capacity in hundredths; none where it is out of bounds.
    #[must_use]
    pub fn of_hundredths(hundredths: u32) -> Option<Self> {
        Some(Self(hundredths)).filter(|capacity| (Self::LEAST..=Self::MOST).contains(capacity))
    }

    /// This number, rounded to hundredths; none where that is out of bounds.
    #[must_use]
    pub fn of(number: f64) -> Option<Self> {
        let hundredths = (number * 100.0).round();
        // NaN and what is out of a u32's range become numbers that are out of bounds.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
        Self::of_hundredths(hundredths as u32)
    }

    /// In hundredths.
    #[must_use]
    pub fn hundredths(self) -> u32 {
        self.0
    }
}

impl Default for Capacity {
    fn default() -> Self {
        Self(100)
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 100.0)
    }
}

impl FromStr for Capacity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().and_then(Self::of);
        number.ok_or_else(|| format!("{text:?} is not a number from {} to {}", Self::LEAST, Self::MOST))
    }
}

/// `relay:`: how a relay works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelaySettings {
    /// Targets scraped at the same time.
    pub concurrency: usize,
    /// Bytes of answers that may be in memory before they are parsed, over all targets.
    pub bodies_in_flight: u64,
    /// The longest a page takes where the scraper's request does not say how long it waits.
    pub page_timeout: Duration,
    /// How old a stored slice may be that a relay serves when it starts and finds no coordinator.
    pub slice_max_age: Duration,
    /// How much of the load is the part of a relay that does not say so itself.
    pub capacity: Capacity,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            concurrency: 2048,
            bodies_in_flight: 256 << 20,
            page_timeout: Duration::from_secs(9),
            slice_max_age: Duration::from_secs(3600),
            capacity: Capacity::default(),
        }
    }
}

/// `cache:`: the last good scrapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// Whether they are kept and served at all.
    pub enabled: bool,
    /// How old a last good scrape may be when it is served.
    pub max_age: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { enabled: true, max_age: Duration::from_secs(900) }
    }
}

/// How far a sample's own timestamp may lie from the moment its page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampAge {
    /// How far back.
    pub past: Duration,
    /// How far ahead.
    pub future: Duration,
}

impl Default for TimestampAge {
    fn default() -> Self {
        Self { past: Duration::from_secs(300), future: Duration::from_secs(540) }
    }
}

/// `limits:`: what one target, one job or the scrape port may cost. A job's own body size, where it is set, takes
/// the place of the one here; of samples, labels and lengths the smaller of the two holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an answer after decompression, where the job's `body_size_limit` is 0.
    pub body_size: u64,
    /// Samples of a target after metric relabelling; a smaller limit of the job holds in its place.
    pub samples: u64,
    /// Labels of a sample; a smaller limit of the job holds in its place.
    pub labels: u64,
    /// Bytes of a label's value; a smaller limit of the job holds in its place.
    pub label_value_length: u64,
    /// Bytes of the head of a target's answer.
    pub response_headers: u64,
    /// How long a connection to a target may take to open.
    pub connect_timeout: Duration,
    /// Dropped targets remembered for each job, where the job's `keep_dropped_targets` is 0.
    pub dropped_targets: u64,
    /// Connections to the scrape port at the same time.
    pub connections: usize,
    /// Which timestamps of samples are passed on.
    pub timestamp_age: TimestampAge,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_size: 64 << 20,
            samples: 500_000,
            labels: 64,
            label_value_length: 8 << 10,
            response_headers: 16 << 10,
            connect_timeout: Duration::from_secs(3),
            dropped_targets: 1000,
            connections: 512,
            timestamp_age: TimestampAge::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Capacity;

    #[test]
    fn a_capacity_is_a_number_from_a_hundredth_to_a_hundred() {
        for (text, hundredths) in
            [("1", 100), ("0.5", 50), ("2.25", 225), ("0.01", 1), ("100", 10_000), ("1e1", 1000)]
        {
            let capacity: Capacity = text.parse().unwrap();
            assert_eq!(capacity.hundredths(), hundredths);
            assert_eq!(capacity.to_string().parse(), Ok(capacity));
        }
        for text in ["0", "-1", "0.001", "101", "NaN", "inf", "", "many"] {
            let error = format!("{text:?} is not a number from 0.01 to 100");
            assert_eq!(text.parse::<Capacity>(), Err(error));
        }
    }
}
