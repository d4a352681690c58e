//! Sample values and timestamps.
//!
//! They follow Go's `strconv.ParseFloat` without hexadecimal floats and underscores, as Prometheus restricts it.

use std::str;

/// Integer digits plus exponent up to which a number cannot leave the range of a double.
const SAFE_MAGNITUDE: usize = 300;

/// Whether `token` is exactly one value that Prometheus accepts: decimal, an infinity or `NaN` in the spellings of
/// Go, and within the range of a double. Reads no float unless the number is enormous.
#[must_use]
pub fn is_plain_number(token: &[u8]) -> bool {
    if is_unsigned(token) {
        return true;
    }
    match shape(token) {
        Shape::Safe => true,
        Shape::Huge => parse_decimal(token).is_some(),
        Shape::Other => is_special(token),
    }
}

/// Whether `token` is digits with one point at most, in one pass: the usual value.
fn is_unsigned(token: &[u8]) -> bool {
    let mut points = 0;
    for byte in token {
        match byte {
            b'0'..=b'9' => {}
            b'.' => points += 1,
            _ => return false,
        }
    }
    points <= 1 && (points + 1..SAFE_MAGNITUDE).contains(&token.len())
}

/// The value of `token`, or `None` where Prometheus refuses it. Every NaN is one NaN.
pub(super) fn parse_value(token: &[u8]) -> Option<f64> {
    if let Some(number) = parse_short(token) {
        return Some(number);
    }
    match shape(token) {
        Shape::Other => special(token),
        Shape::Safe | Shape::Huge => parse_decimal(token),
    }
}

pub(super) enum Shape {
    /// Decimal, and certainly in range.
    Safe,
    /// Decimal, perhaps out of range.
    Huge,
    /// No decimal number.
    Other,
}

pub(super) fn shape(token: &[u8]) -> Shape {
    let unsigned = match token.first() {
        Some(b'+' | b'-') => &token[1..],
        _ => token,
    };
    let (whole, rest) = digits(unsigned);
    let (fraction, rest) = match rest.split_first() {
        Some((b'.', rest)) => digits(rest),
        _ => (0, rest),
    };
    if whole + fraction == 0 {
        return Shape::Other;
    }
    let exponent = match rest.split_first() {
        None => 0,
        Some((b'e' | b'E', rest)) => match exponent(rest) {
            Some(exponent) => exponent,
            None => return Shape::Other,
        },
        Some(_) => return Shape::Other,
    };
    if whole.saturating_add(exponent) < SAFE_MAGNITUDE { Shape::Safe } else { Shape::Huge }
}

/// How many digits `bytes` starts with, and what follows them.
pub(super) fn digits(bytes: &[u8]) -> (usize, &[u8]) {
    let count = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
    (count, &bytes[count..])
}

/// The size of a well-formed exponent, 0 where it is negative.
fn exponent(bytes: &[u8]) -> Option<usize> {
    let (negative, bytes) = match bytes.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, bytes),
    };
    let (count, rest) = digits(bytes);
    if count == 0 || !rest.is_empty() {
        return None;
    }
    let size = bytes
        .iter()
        .fold(0_usize, |sum, digit| sum.saturating_mul(10).saturating_add(usize::from(digit - b'0')));
    Some(if negative { 0 } else { size })
}

/// Digits that a double holds exactly.
pub(super) const EXACT_DIGITS: usize = 15;

/// The powers of ten that a double holds exactly and that a short fraction needs.
const TENS: [f64; EXACT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Reads a decimal of few digits without an exponent, the usual value: both its digits and the power of ten are
/// exact, so one division rounds correctly.
fn parse_short(token: &[u8]) -> Option<f64> {
    let (negative, digits) = match token.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, token),
    };
    if digits.len() > EXACT_DIGITS {
        return None;
    }
    let (mut whole, mut fraction) = (0_u64, None);
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => whole = whole * 10 + u64::from(byte - b'0'),
            b'.' if fraction.is_none() => fraction = Some(digits.len() - at - 1),
            _ => return None,
        }
    }
    if digits.len() == usize::from(fraction.is_some()) {
        return None;
    }
    let number = whole as f64 / TENS[fraction.unwrap_or(0)];
    Some(if negative { -number } else { number })
}

/// Reads a token that [`shape`] called decimal; `None` if it is out of range.
pub(super) fn parse_decimal(token: &[u8]) -> Option<f64> {
    let number: f64 = str::from_utf8(token).ok()?.parse().ok()?;
    number.is_finite().then_some(number)
}

fn is_special(token: &[u8]) -> bool {
    special(token).is_some()
}

/// `inf` and `infinity` with an optional sign, `nan` without one, in any case.
fn special(token: &[u8]) -> Option<f64> {
    if token.eq_ignore_ascii_case(b"nan") {
        return Some(f64::NAN);
    }
    let (sign, word) = match token.split_first()? {
        (b'-', rest) => (-1.0, rest),
        (b'+', rest) => (1.0, rest),
        _ => (1.0, token),
    };
    let infinite = word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity");
    infinite.then_some(sign * f64::INFINITY)
}

/// Milliseconds of a timestamp in seconds, truncated after the multiplication as Prometheus does it. What does not
/// fit comes out as the least integer, as Go's conversion gives it on amd64.
pub(super) fn milliseconds(seconds: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let milliseconds = seconds * 1000.0;
    if (-LIMIT..LIMIT).contains(&milliseconds) { milliseconds as i64 } else { i64::MIN }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::{is_plain_number, milliseconds, parse_value};

    #[test]
    fn numbers_out_of_range_are_refused_however_they_are_spelled() {
        let huge = format!("1{}", "0".repeat(309));
        for token in ["1e309", "-1e309", "0.1e400", "1e99999999999999999999999", &huge, "1.8e308"] {
            assert!(!is_plain_number(token.as_bytes()), "{token}");
            assert_eq!(parse_value(token.as_bytes()), None, "{token}");
        }
        let fine = format!("{}1", "0".repeat(400));
        for token in ["1.7e308", "0e400", "1e-400", "0.0000000001e308", &fine] {
            assert!(is_plain_number(token.as_bytes()), "{token}");
            assert!(parse_value(token.as_bytes()).is_some(), "{token}");
        }
    }

    #[test]
    fn more_than_one_value_is_no_plain_number() {
        for token in
            ["", "1 ", " 1", "1 2", "1\n", "1\0", "1 # {} 1", "+", "-", "+nan", "-NaN", "infinit", "0x1"]
        {
            assert!(!is_plain_number(token.as_bytes()), "{token:?}");
        }
        for token in ["0", "NaN", "nan", "+Inf", "-inf", "Infinity", "1.", ".1", "+1e+1", "1E-1"] {
            assert!(is_plain_number(token.as_bytes()), "{token:?}");
        }
    }

    #[test]
    fn milliseconds_are_truncated_and_what_does_not_fit_is_the_least() {
        assert_eq!(milliseconds(1_605_301_325.999_9), 1_605_301_325_999);
        assert_eq!(milliseconds(-0.0019), -1);
        assert_eq!(milliseconds(1e300), i64::MIN);
        assert_eq!(milliseconds(-1e300), i64::MIN);
    }

    proptest! {
        #[test]
        fn short_decimals_are_read_like_all_others(whole in 0_u64..10_000_000_000, fraction in "[0-9]{0,9}") {
            let token = format!("{whole}.{fraction}");
            let expected: f64 = token.parse().expect("it is a decimal");
            prop_assert_eq!(parse_value(token.as_bytes()).map(f64::to_bits), Some(expected.to_bits()));
        }
    }
}
