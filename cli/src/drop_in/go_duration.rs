//! Durations in Go's grammar (`time.ParseDuration`), which is not Prometheus'.
//!
//! In: text such as `1.5s` or `-1h30m`. Out: nanoseconds, as Go counts them. Units are ns, us, µs, ms, s, m and h, in any
//! order and as often as one likes; numbers may have a fraction, and the whole a sign.

/// The units with their length in nanoseconds. The micro sign has two spellings in Unicode.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The most nanoseconds that Go holds, and one more where there is a minus.
const MOST: u64 = 1 << 63;

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GoDurationError {
    /// Nothing, a number that is none, or more than Go holds.
    #[error("it is no duration: write a number and a unit, for instance 9s or 1m30s")]
    Malformed,
    /// A number without a unit.
    #[error("a unit is missing: write for instance 9s, not 9")]
    NoUnit,
    /// A unit that Go does not know.
    #[error("it has an unknown unit: the units are ns, us, ms, s, m and h")]
    UnknownUnit,
}

/// Reads a duration; nanoseconds.
///
/// # Errors
/// Where Go refuses the text.
pub fn parse(text: &str) -> Result<i64, GoDurationError> {
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(GoDurationError::Malformed);
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (nanoseconds, after) = term(rest)?;
        total =
            total.checked_add(nanoseconds).filter(|sum| *sum <= MOST).ok_or(GoDurationError::Malformed)?;
        rest = after;
    }
    match (negative, i64::try_from(total)) {
        (false, Ok(total)) => Ok(total),
        (true, Ok(total)) => Ok(-total),
        (true, Err(_)) => Ok(i64::MIN),
        (false, Err(_)) => Err(GoDurationError::Malformed),
    }
}

/// One number with its unit in nanoseconds, and what follows it.
fn term(text: &str) -> Result<(u64, &str), GoDurationError> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(GoDurationError::Malformed);
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (name, rest) = rest.split_at_checked(end).expect("find gives a boundary");
    if name.is_empty() {
        return Err(GoDurationError::NoUnit);
    }
    let (_, unit) = UNITS.iter().find(|(known, _)| *known == name).ok_or(GoDurationError::UnknownUnit)?;
    let whole = if whole.is_empty() { Some(0) } else { whole.parse::<u64>().ok() };
    let whole = whole.and_then(|whole| whole.checked_mul(*unit)).filter(|whole| *whole <= MOST);
    let sum = whole.and_then(|whole| whole.checked_add(part(fraction, *unit))).filter(|sum| *sum <= MOST);
    Ok((sum.ok_or(GoDurationError::Malformed)?, rest))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).expect("find gives a boundary")
}

/// The digits behind a point as a part of `unit`; what is below a nanosecond is cut off, as are digits that 63 bits
/// do not hold.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "Go computes it in the same floating-point numbers, and the result is below the unit"
)]
fn part(digits: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1.0_f64);
    for digit in digits.bytes().map(|byte| u64::from(byte - b'0')) {
        let next = value.checked_mul(10).and_then(|value| value.checked_add(digit));
        let Some(next) = next.filter(|next| *next < MOST) else { break };
        value = next;
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go 1.26 gives.
    #[test]
    fn durations_are_gos() {
        const S: i64 = 1_000_000_000;
        for (text, nanoseconds) in [
            ("0", 0),
            ("-0", 0),
            ("5s", 5 * S),
            ("1478s", 1478 * S),
            ("-5s", -5 * S),
            ("+5s", 5 * S),
            ("5.0s", 5 * S),
            ("5.s", 5 * S),
            (".5s", S / 2),
            ("1.004s", 1_004_000_000),
            ("100.00100s", 100_001_000_000),
            ("10ns", 10),
            ("11us", 11_000),
            ("12\u{b5}s", 12_000),
            ("12\u{3bc}s10ns", 12_010),
            ("13ms", 13_000_000),
            ("15m", 900 * S),
            ("16h", 57_600 * S),
            ("3h30m", 12_600 * S),
            ("10.5s4m", 250_500_000_000),
            ("-2m3.4s", -123_400_000_000),
            ("39h9m14.425s", 140_954_425_000_000),
            ("1s1s", 2 * S),
            ("52763797000ns", 52_763_797_000),
            ("0.3333333333333333333h", 1_200 * S),
            ("0.100000000000000000000h", 360 * S),
            ("0.830103483285477580700h", 2_988_372_539_827),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
        ] {
            assert_eq!(parse(text), Ok(nanoseconds), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        use GoDurationError::{Malformed, NoUnit, UnknownUnit};
        for (text, error) in [
            ("", Malformed),
            ("3", NoUnit),
            ("-", Malformed),
            ("s", Malformed),
            (".", Malformed),
            ("-.", Malformed),
            (".s", Malformed),
            ("+.s", Malformed),
            ("1d", UnknownUnit),
            ("9 s", UnknownUnit),
            (" 9s", Malformed),
            ("9S", UnknownUnit),
            ("\u{ff}\u{ff}", Malformed),
            ("9223372036854775810ns", Malformed),
            ("9223372036854775808ns", Malformed),
            ("-9223372036854775809ns", Malformed),
            ("3000000h", Malformed),
            ("9223372036854775.8us1ns9223372036854775.8us", Malformed),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
