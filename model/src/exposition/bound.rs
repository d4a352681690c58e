//! The values of `le` and `quantile`, in the one spelling that Prometheus 3 stores.
//!
//! They are read as Go's `strconv.ParseFloat` reads them, hexadecimal floats and underscores included, and written
//! in the float format of OpenMetrics with the digits that Go takes.

use std::borrow::Cow;

use super::number::{EXACT_DIGITS, Shape, digits, parse_decimal, parse_value, shape};

/// `value` of `le` or `quantile` in the float format of OpenMetrics, as Prometheus 3 stores it: `1` becomes `1.0`,
/// `100000000` becomes `1e+08`, `inf` becomes `+Inf`. What is no number stays as it is.
#[must_use]
pub fn canonical_bound(value: Cow<'_, str>) -> Cow<'_, str> {
    if is_canonical(value.as_bytes()) {
        return value;
    }
    match parse_go_float(value.as_bytes()) {
        Some(number) => {
            let canonical = open_metrics_float(number);
            if canonical == value { value } else { Cow::Owned(canonical) }
        }
        None => value,
    }
}

/// Whether `value` is certainly canonical: a short decimal without superfluous zeros, or `+Inf`.
fn is_canonical(value: &[u8]) -> bool {
    if value == b"+Inf" {
        return true;
    }
    let (whole, rest) = digits(value.strip_prefix(b"-").unwrap_or(value));
    let Some((b'.', fraction)) = rest.split_first() else { return false };
    let (count, rest) = digits(fraction);
    let number = &value[value.len() - whole - 1 - count..];
    let zero = whole == 1 && number[0] == b'0';
    let short = (1..=6).contains(&whole) && count >= 1 && whole + count <= EXACT_DIGITS;
    if !short || !rest.is_empty() || (number[0] == b'0' && !zero) {
        return false;
    }
    let integral = fraction == b"0";
    let trimmed = fraction.last() != Some(&b'0');
    if zero { trimmed && !fraction.starts_with(b"0000") } else { integral || trimmed }
}

/// A number in the float format of OpenMetrics: shortest digits that read back the same, an exponent below 1e-4 and
/// from 1e+06 on, always a point or an exponent.
#[must_use]
pub fn open_metrics_float(number: f64) -> String {
    if number == 0.0 {
        return "0.0".to_owned();
    }
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    let scientific = shortest(number);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().expect("the exponent of a double is a small integer");
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let plain = plain(mantissa, exponent);
    if plain.contains('.') { plain } else { plain + ".0" }
}

/// The fewest digits that read back the same, as `d.ddde±x`. Where two such decimals are equally near, Go takes the
/// one with the even last digit, and Rust the greater.
fn shortest(number: f64) -> String {
    /// Fewer digits are never equally near to a double as others that read back the same.
    const TIE_LENGTH: usize = "1.234567890123456e0".len();
    let scientific = format!("{number:e}");
    if scientific.len() < TIE_LENGTH {
        return scientific;
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let (Ok(digits), Ok(power)) = (i32::try_from(digits), exponent.parse::<i32>()) else { return scientific };
    let odd = mantissa.bytes().last().filter(|last| last % 2 == 1);
    let Some(last) = odd.filter(|_| ends_in_five_at(number, power - digits)) else { return scientific };
    let stem = mantissa.get(..mantissa.len() - 1).unwrap_or_default();
    let even = format!("{stem}{}e{exponent}", char::from(last - 1));
    if even.parse() == Ok(number) { even } else { scientific }
}

/// Whether the last digit of the exact decimal is a 5 that counts `10^position`: it is an odd multiple of
/// `5 * 10^position`. `number` is finite and not zero.
fn ends_in_five_at(number: f64, position: i32) -> bool {
    const FRACTION: u32 = f64::MANTISSA_DIGITS - 1;
    let bits = number.abs().to_bits();
    let (fraction, biased) = (bits & ((1 << FRACTION) - 1), bits >> FRACTION);
    let (mantissa, exponent) = match i32::try_from(biased) {
        Ok(0) | Err(_) => (fraction, -1074),
        Ok(biased) => (fraction | 1 << FRACTION, biased - 1075),
    };
    let twos = mantissa.trailing_zeros();
    let fives = match u32::try_from(position + 1) {
        Ok(power) => 5_u64.checked_pow(power).is_some_and(|fives| (mantissa >> twos) % fives == 0),
        Err(_) => true,
    };
    i32::try_from(twos) == Ok(position - exponent) && fives
}

/// `d.ddd` times ten to `exponent`, which is between -4 and 5, without an exponent.
fn plain(mantissa: &str, exponent: i32) -> String {
    let (sign, unsigned) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let mut digits: String = unsigned.chars().filter(|char| *char != '.').collect();
    let Ok(whole) = usize::try_from(exponent + 1) else {
        let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
        return format!("{sign}0.{}{digits}", "0".repeat(zeros));
    };
    if whole == 0 {
        return format!("{sign}0.{digits}");
    }
    while digits.len() < whole {
        digits.push('0');
    }
    if digits.len() > whole {
        digits.insert(whole, '.');
    }
    sign.to_owned() + &digits
}

/// All that Go's `strconv.ParseFloat` accepts, hexadecimal floats and underscores included; `None` where it fails
/// or the number is out of range.
fn parse_go_float(token: &[u8]) -> Option<f64> {
    let (negative, unsigned) = match token.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, token),
    };
    if !token.contains(&b'_') && !is_hexadecimal(unsigned) {
        return parse_value(token);
    }
    if !underscores_separate_digits(unsigned) {
        return None;
    }
    let mut spelled: Vec<u8> = unsigned.to_vec();
    spelled.retain(|byte| *byte != b'_');
    let number = match spelled.get(..2) {
        Some([b'0', b'x' | b'X']) => parse_hexadecimal(&spelled[2..])?,
        _ if spelled.first().is_some_and(|byte| matches!(byte, b'+' | b'-')) => return None,
        _ => match shape(&spelled) {
            Shape::Other => return None,
            Shape::Safe | Shape::Huge => parse_decimal(&spelled)?,
        },
    };
    Some(if negative { -number } else { number })
}

fn is_hexadecimal(unsigned: &[u8]) -> bool {
    matches!(unsigned, [b'0', b'x' | b'X', ..])
}

/// The rule of Go for underscores in numbers: only between digits, or between a base prefix and a digit.
fn underscores_separate_digits(unsigned: &[u8]) -> bool {
    let hexadecimal = is_hexadecimal(unsigned);
    let (mut after_digit, rest) = if hexadecimal { (true, &unsigned[2..]) } else { (false, unsigned) };
    let mut after_underscore = false;
    for byte in rest {
        let digit = byte.is_ascii_digit() || hexadecimal && byte.is_ascii_hexdigit();
        let underscore = *byte == b'_';
        if underscore && !after_digit || after_underscore && !digit {
            return false;
        }
        (after_digit, after_underscore) = (digit, underscore);
    }
    !after_underscore
}

/// `1.8p-3` as it stands behind `0x`, rounded to the nearest double; the exponent is required.
fn parse_hexadecimal(text: &[u8]) -> Option<f64> {
    let at = text.iter().position(|byte| matches!(byte, b'p' | b'P'))?;
    let scale = binary_exponent(&text[at + 1..])?;
    let (mut mantissa, mut dropped, mut shift) = (0_u64, false, 0_i64);
    let (mut seen, mut point) = (false, false);
    for byte in &text[..at] {
        if *byte == b'.' && !point {
            point = true;
            continue;
        }
        let digit = char::from(*byte).to_digit(16)?;
        seen = true;
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | u64::from(digit);
            shift -= if point { 4 } else { 0 };
        } else {
            dropped |= digit != 0;
            shift += if point { 0 } else { 4 };
        }
    }
    let number = scaled(mantissa | u64::from(dropped), shift.saturating_add(scale));
    (seen && number.is_finite()).then_some(number)
}

fn binary_exponent(text: &[u8]) -> Option<i64> {
    let (sign, text) = match text.split_first()? {
        (b'-', rest) => (-1, rest),
        (b'+', rest) => (1, rest),
        _ => (1, text),
    };
    let (count, rest) = digits(text);
    if count == 0 || !rest.is_empty() {
        return None;
    }
    let size = text.iter().fold(0_i64, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(100_000));
    Some(sign * size)
}

/// `mantissa * 2^exponent`, rounded once, half to even.
fn scaled(mantissa: u64, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let top = 64 - i64::from(mantissa.leading_zeros()) + exponent;
    if top > 1024 {
        return f64::INFINITY;
    }
    let drop = ((top - 53).max(-1074) - exponent).max(0);
    let (kept, exponent) = (round_off(mantissa, drop), exponent + drop);
    // In two steps, as the power itself may be no normal double.
    let half = (exponent / 2) as i32;
    kept as f64 * 2_f64.powi(half) * 2_f64.powi(exponent as i32 - half)
}

/// `mantissa / 2^bits`, rounded half to even.
fn round_off(mantissa: u64, bits: i64) -> u64 {
    match bits {
        0 => mantissa,
        1..=63 => {
            let (kept, rest, half) = (mantissa >> bits, mantissa & ((1 << bits) - 1), 1_u64 << (bits - 1));
            kept + u64::from(rest > half || rest == half && kept & 1 == 1)
        }
        64 => u64::from(mantissa > 1 << 63),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{canonical_bound, open_metrics_float, parse_value};

    #[test]
    fn bounds_come_out_as_prometheus_3_stores_them() {
        let table = [
            ("1", "1.0"),
            ("1.0", "1.0"),
            ("01.0", "1.0"),
            ("1.50", "1.5"),
            ("0.990", "0.99"),
            (".5", "0.5"),
            ("5.", "5.0"),
            ("-0", "0.0"),
            ("-0.0", "0.0"),
            ("-1", "-1.0"),
            ("100000", "100000.0"),
            ("999999.5", "999999.5"),
            ("1000000", "1e+06"),
            ("1000000.0", "1e+06"),
            ("1234567.5", "1.2345675e+06"),
            ("100000000", "1e+08"),
            ("1e21", "1e+21"),
            ("1e100", "1e+100"),
            ("0.0001", "0.0001"),
            ("0.00011", "0.00011"),
            ("0.00010", "0.0001"),
            ("0.00001", "1e-05"),
            ("1e-7", "1e-07"),
            ("0.1234567890123456789", "0.12345678901234568"),
            ("964756502495726.24", "9.647565024957262e+14"),
            ("0.00095462799072265625", "0.0009546279907226562"),
            ("inf", "+Inf"),
            ("+Inf", "+Inf"),
            ("-Infinity", "-Inf"),
            ("nan", "NaN"),
            ("0x10p-2", "4.0"),
            ("0x1.8p1", "3.0"),
            ("-0x_1p0", "-1.0"),
            ("0x1p-1074", "5e-324"),
            ("0x1.fffffffffffff8p1023", "0x1.fffffffffffff8p1023"),
            ("1_000", "1000.0"),
            ("1__0", "1__0"),
            ("_1", "_1"),
            ("+-1", "+-1"),
            ("_+1", "_+1"),
            ("0x10", "0x10"),
            ("1e400", "1e400"),
            ("", ""),
            ("x", "x"),
            (" 1", " 1"),
            ("-", "-"),
            (".", "."),
        ];
        for (sent, stored) in table {
            assert_eq!(canonical_bound(Cow::Borrowed(sent)), stored, "{sent:?}");
            assert_eq!(canonical_bound(Cow::Borrowed(stored)), stored, "{stored:?} is canonical");
        }
    }

    #[test]
    fn a_canonical_bound_is_not_copied() {
        for bound in ["0.005", "1.0", "+Inf", "-2.5", "999999.0"] {
            assert!(matches!(canonical_bound(Cow::Borrowed(bound)), Cow::Borrowed(_)), "{bound}");
        }
    }

    proptest! {
        #[test]
        fn every_double_is_read_back_from_its_canonical_form(number in any::<f64>()) {
            let spelled = open_metrics_float(number);
            let read = parse_value(spelled.as_bytes()).expect("it is a number");
            prop_assert_eq!(read == number || read.is_nan(), true);
            prop_assert_eq!(canonical_bound(Cow::Borrowed(&spelled)), &*spelled);
        }
    }
}
