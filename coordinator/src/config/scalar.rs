//! What a plain scalar means where a number or a truth value is wanted, as go-yaml v2 (YAML 1.1) resolves it.

use super::tree::Scalar;

/// `true`/`false` in any of YAML 1.1's spellings; quoted text is no truth value.
pub(super) fn bool(scalar: &Scalar) -> Option<bool> {
    if !scalar.plain {
        return None;
    }
    match scalar.text.as_str() {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// A whole number that is not negative: decimal, `0x`, `0o`, `0b`, octal with a leading `0`, with `_` between digits.
/// A number with a fraction is cut off (`1.5` is 1).
pub(super) fn unsigned(scalar: &Scalar) -> Option<u64> {
    if !scalar.plain {
        return None;
    }
    let compact = without_underscores(&scalar.text)?;
    let text = compact.strip_prefix('+').unwrap_or(&compact);
    if text == "-0" {
        return Some(0);
    }
    integer(text).or_else(|| {
        let number = float_text(text)?;
        let whole = number.trunc();
        // 2^64 as a float is the first value that does not fit; the cast cuts nothing off below it.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
        (number > -1.0 && whole < 18_446_744_073_709_551_616.0).then_some(whole as u64)
    })
}

/// A number that may have a fraction.
pub(super) fn float(scalar: &Scalar) -> Option<f64> {
    if !scalar.plain {
        return None;
    }
    let compact = without_underscores(&scalar.text)?;
    match compact.as_str() {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Some(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        _ => {}
    }
    #[allow(clippy::cast_precision_loss, reason = "a float field takes the nearest float")]
    integer(&compact).map(|n| n as f64).or_else(|| float_text(&compact))
}

/// The digits that `_` groups; a text that starts with `_`, or with `.` before one, is no number.
fn without_underscores(text: &str) -> Option<String> {
    let grouped = text.contains('_') && !text.starts_with(['_', '.']);
    (grouped || !text.contains('_')).then(|| text.replace('_', ""))
}

/// Whether the text is what its tag `!!int`, `!!float`, `!!bool` or `!!null` says.
pub(super) fn is_of_tag(scalar: &Scalar, tag: &str) -> bool {
    match tag {
        "null" => scalar.is_null(),
        "bool" => bool(scalar).is_some(),
        "int" => integer(scalar.text.trim_start_matches(['+', '-'])).is_some() && float(scalar).is_some(),
        _ => float(scalar).is_some(),
    }
}

fn integer(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let (digits, radix) = match bytes {
        [b'0', b'x' | b'X', ..] => (text.get(2..)?, 16),
        [b'0', b'o' | b'O', ..] => (text.get(2..)?, 8),
        [b'0', b'b' | b'B', ..] => (text.get(2..)?, 2),
        [b'0', _, ..] => (text.get(1..)?, 8),
        _ => (text, 10),
    };
    let only_digits = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    only_digits.then(|| u64::from_str_radix(digits, radix).ok())?
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn float_text(text: &str) -> Option<f64> {
    let has_digit = text.bytes().any(|b| b.is_ascii_digit());
    let legal = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    (has_digit && legal).then(|| text.parse().ok())?.filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::{bool, float, unsigned};
    use crate::config::tree::Scalar;

    fn plain(text: &str) -> Scalar {
        Scalar { text: text.to_owned(), plain: true }
    }

    #[test]
    fn whole_numbers_are_read_as_yaml_1_1_does() {
        let cases = [
            ("8", Some(8)),
            ("+8", Some(8)),
            ("1.5", Some(1)),
            ("1e3", Some(1000)),
            ("0x1F", Some(31)),
            ("017", Some(15)),
            ("0o17", Some(15)),
            ("0b101", Some(5)),
            ("1_000", Some(1000)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-1", None),
            ("-1.5", None),
            ("-0.5", Some(0)),
            ("_1", None),
            ("._5", None),
            ("1__0", Some(10)),
            ("-0", Some(0)),
            (".inf", None),
            ("eight", None),
            ("", None),
            ("e", None),
            ("0x", None),
        ];
        for (text, number) in cases {
            assert_eq!(unsigned(&plain(text)), number, "{text}");
        }
        assert_eq!(unsigned(&Scalar { text: "8".to_owned(), plain: false }), None);
    }

    #[test]
    fn truth_values_have_yaml_1_1_spellings_and_no_quotes() {
        assert_eq!(bool(&plain("yes")), Some(true));
        assert_eq!(bool(&plain("Off")), Some(false));
        assert_eq!(bool(&plain("tRUE")), None);
        assert_eq!(bool(&Scalar { text: "true".to_owned(), plain: false }), None);
    }

    #[test]
    fn fractions_are_read_for_fields_that_take_them() {
        assert_eq!(float(&plain("1.1")), Some(1.1));
        assert_eq!(float(&plain("2")), Some(2.0));
        assert_eq!(float(&plain(".5")), Some(0.5));
        assert_eq!(float(&plain("x")), None);
        assert_eq!(float(&plain("1e400")), None);
    }
}
