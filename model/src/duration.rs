//! Durations in Prometheus' grammar.
//!
//! In: text such as `1h30m`. Out: a [`Duration`], and back. One or more `<integer><unit>` with the units y, w, d,
//! h, m, s, ms in that order, none twice (prometheus/common `model.ParseDuration`). No fractions, no signs.

use std::fmt::Write;
use std::time::Duration;

/// The units from large to small with their length in milliseconds.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The longest duration that Prometheus can hold: a signed 64-bit count of nanoseconds.
const MAX_MILLIS: u64 = (i64::MAX / 1_000_000).unsigned_abs();

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// There is nothing to read.
    #[error("empty duration string: write a number and a unit, for instance 30s")]
    Empty,
    /// A number is missing, or has no unit, or is signed or fractional.
    #[error("not a valid duration string: {0:?}: write whole numbers with units, for instance 1m30s")]
    Malformed(Box<str>),
    /// The unit does not exist.
    #[error("unknown unit {unit:?} in duration {text:?}: the units are y, w, d, h, m, s and ms")]
    UnknownUnit {
        /// The unit.
        unit: Box<str>,
        /// The whole text.
        text: Box<str>,
    },
    /// A unit comes twice or after a smaller one.
    #[error("not a valid duration string: {0:?}: units go from large to small, each at most once")]
    Order(Box<str>),
    /// The duration does not fit.
    #[error("duration out of range: {0:?}: the longest is about 292 years")]
    OutOfRange(Box<str>),
}

/// Reads a duration. A lone `0` needs no unit.
///
/// # Errors
/// Where the text does not follow the grammar or the duration is longer than about 292 years.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    match text {
        "" => return Err(DurationError::Empty),
        "0" => return Ok(Duration::ZERO),
        _ => {}
    }
    let mut rest = text;
    let mut next_unit = 0;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (number, after) = split_while(rest, |c| c.is_ascii_digit());
        let (unit, after) = split_while(after, |c| !c.is_ascii_digit());
        if number.is_empty() || unit.is_empty() {
            return Err(DurationError::Malformed(text.into()));
        }
        let Some(at) = UNITS.iter().position(|(name, _)| *name == unit) else {
            return Err(DurationError::UnknownUnit { unit: unit.into(), text: text.into() });
        };
        if at < next_unit {
            return Err(DurationError::Order(text.into()));
        }
        next_unit = at + 1;
        let millis = number.parse::<u64>().ok().and_then(|number| number.checked_mul(UNITS[at].1));
        let sum = millis.and_then(|millis| total.checked_add(millis)).filter(|sum| *sum <= MAX_MILLIS);
        total = sum.ok_or_else(|| DurationError::OutOfRange(text.into()))?;
        rest = after;
    }
    Ok(Duration::from_millis(total))
}

fn split_while(text: &str, accept: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !accept(c)).unwrap_or(text.len());
    text.split_at_checked(end).expect("find gives a boundary")
}

/// Prints a duration as Prometheus does: years and weeks only where nothing else is left, then days to
/// milliseconds; `0s` for zero. What is below a millisecond is cut off.
#[must_use]
pub fn format(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if left == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    for (name, millis) in UNITS {
        let only_exact = matches!(name, "y" | "w");
        if only_exact && left % millis != 0 {
            continue;
        }
        if left >= millis {
            write!(out, "{}{name}", left / millis).expect("writing to a string cannot fail");
            left %= millis;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert_eq, proptest};

    #[test]
    fn durations_are_read_and_printed_as_prometheus_does() {
        let cases = [
            ("0", 0, "0s"),
            ("0w", 0, "0s"),
            ("0s", 0, "0s"),
            ("324ms", 324, "324ms"),
            ("3s", 3_000, "3s"),
            ("5m", 300_000, "5m"),
            ("1h", 3_600_000, "1h"),
            ("4d", 4 * 86_400_000, "4d"),
            ("4d1h", 4 * 86_400_000 + 3_600_000, "4d1h"),
            ("14d", 14 * 86_400_000, "2w"),
            ("3w", 21 * 86_400_000, "3w"),
            ("3w2d1h", 23 * 86_400_000 + 3_600_000, "23d1h"),
            ("10y", 3650 * 86_400_000, "10y"),
            ("1y2w", 379 * 86_400_000, "379d"),
            ("90s", 90_000, "1m30s"),
            ("007s", 7_000, "7s"),
            ("1s500ms", 1_500, "1s500ms"),
        ];
        for (text, millis, printed) in cases {
            let duration = parse(text).expect(text);
            assert_eq!(duration, Duration::from_millis(millis), "{text}");
            assert_eq!(format(duration), printed, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_its_reason() {
        let refused = |text: &str| parse(text).expect_err(text);
        assert_eq!(refused(""), DurationError::Empty);
        for text in ["5", "-1s", "+1s", "s", "1.5s", "1s 2ms", " 1s", "1 s", "00", "1s5"] {
            assert!(
                matches!(refused(text), DurationError::Malformed(_) | DurationError::UnknownUnit { .. }),
                "{text}"
            );
        }
        assert!(matches!(refused("2notseconds"), DurationError::UnknownUnit { .. }));
        for text in ["1s1m", "1m1m", "1ms1s"] {
            assert!(matches!(refused(text), DurationError::Order(_)), "{text}");
        }
        for text in ["300y", "99999999999999999999s", "9223372036855ms1s"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_duration_is_read_back(millis in 0_u64..MAX_MILLIS) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }

        #[test]
        fn what_is_read_is_printed_so_that_it_reads_the_same(text in "([0-9]{1,3}(y|w|d|h|m|s|ms)?){0,3}") {
            if let Ok(duration) = parse(&text) {
                prop_assert_eq!(parse(&format(duration)), Ok(duration));
            }
        }
    }
}
