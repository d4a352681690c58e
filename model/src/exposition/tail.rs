//! What follows the series on a sample line: value, timestamp, exemplar.

use std::borrow::Cow;
use std::fmt;
use std::str;

use super::entry::{Exemplar, Format, Tail};
use super::lex::{Cursor, Fault, describe};
use super::number::{milliseconds, parse_value};
use super::series::read_exemplar_braces;

/// Why the rest of a sample line is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailError {
    /// Offset of the offending byte within the bytes given.
    pub at: usize,
    /// What was wrong, in words that name what was expected.
    pub message: Cow<'static, str>,
}

impl fmt::Display for TailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TailError {}

impl From<Fault> for TailError {
    fn from(fault: Fault) -> Self {
        Self { at: fault.at, message: fault.message }
    }
}

/// Reads a sample line from its value on, without the line feed that ends it.
///
/// # Errors
/// Where Prometheus 3 refuses the line.
pub fn parse_tail(format: Format, bytes: &[u8]) -> Result<Tail<'_>, TailError> {
    match format {
        Format::Text => text_tail(bytes),
        Format::OpenMetrics => open_metrics_tail(bytes),
    }
}

fn fault(at: usize, message: impl Into<Cow<'static, str>>) -> TailError {
    TailError { at, message: message.into() }
}

/// Tokens are separated by any run of blanks; the timestamp is an integer of milliseconds.
fn text_tail(bytes: &[u8]) -> Result<Tail<'_>, TailError> {
    let end = position(bytes, |byte| matches!(byte, b' ' | b'\t' | b'{' | 0));
    let (token, rest) = bytes.split_at(end);
    let (value, number) = read_value(token, 0)?;
    let at = end + blanks(rest);
    let rest = &bytes[at..];
    if rest.is_empty() {
        return Ok(Tail { value, number, timestamp: None, exemplar: None });
    }
    let digits = position(rest, |byte| !byte.is_ascii_digit());
    if digits == 0 || at == end {
        let found = describe(rest.first().copied());
        let message = format!("expected a timestamp in digits or the end of the line, found {found}");
        return Err(fault(at, message));
    }
    let timestamp = integer(&rest[..digits])
        .ok_or_else(|| fault(at, "the timestamp is out of the range of 64-bit milliseconds"))?;
    let end = at + digits + blanks(&rest[digits..]);
    match bytes.get(end) {
        None => Ok(Tail { value, number, timestamp: Some(timestamp), exemplar: None }),
        found => Err(fault(
            end,
            format!("expected the end of the line after the timestamp, found {}", describe(found.copied())),
        )),
    }
}

/// Tokens are separated by one space; timestamps are seconds; an exemplar may follow ` # `.
fn open_metrics_tail(bytes: &[u8]) -> Result<Tail<'_>, TailError> {
    const EXEMPLAR: &[u8] = b" # {";
    let mut at = position(bytes, |byte| byte == b' ');
    let (value, number) = read_value(&bytes[..at], 0)?;
    let mut timestamp = None;
    if at < bytes.len() && !bytes[at..].starts_with(EXEMPLAR) {
        let (read, end) = read_timestamp(bytes, at)?;
        (timestamp, at) = (Some(read), end);
    }
    if at == bytes.len() {
        return Ok(Tail { value, number, timestamp, exemplar: None });
    }
    if !bytes[at..].starts_with(EXEMPLAR) {
        return Err(fault(at, "expected the end of the line or an exemplar (` # {`) after the timestamp"));
    }
    let exemplar = read_exemplar(bytes, at + EXEMPLAR.len())?;
    Ok(Tail { value, number, timestamp, exemplar: Some(Box::new(exemplar)) })
}

fn read_exemplar(bytes: &[u8], at: usize) -> Result<Exemplar<'_>, TailError> {
    let mut cursor = Cursor::new(bytes);
    cursor.at = at;
    let labels = read_exemplar_braces(&mut cursor)?;
    if cursor.peek() != Some(b' ') {
        let message = format!("expected a space and the exemplar's value, found {}", cursor.found());
        return Err(fault(cursor.at, message));
    }
    let start = cursor.at + 1;
    let end = start + position(&bytes[start..], |byte| byte == b' ');
    let (value, number) = read_value(&bytes[start..end], start)?;
    if end == bytes.len() {
        return Ok(Exemplar { labels, value, number, timestamp: None });
    }
    let (timestamp, end) = read_timestamp(bytes, end)?;
    if end < bytes.len() {
        return Err(fault(end, "expected the end of the line after the exemplar's timestamp"));
    }
    Ok(Exemplar { labels, value, number, timestamp: Some(timestamp) })
}

/// Reads the timestamp behind the space at `at`; returns it with the offset of its end.
fn read_timestamp(bytes: &[u8], at: usize) -> Result<(i64, usize), TailError> {
    let start = at + 1;
    let end = start + position(&bytes[start..], |byte| byte == b' ');
    match parse_value(&bytes[start..end]) {
        Some(seconds) if seconds.is_finite() => Ok((milliseconds(seconds), end)),
        Some(_) => Err(fault(start, "a timestamp must be finite")),
        None if start == end => Err(fault(at, "a space must be followed by a timestamp or an exemplar")),
        None => Err(fault(start, "the timestamp is not a number of seconds")),
    }
}

fn read_value(token: &[u8], at: usize) -> Result<(&str, f64), TailError> {
    match (parse_value(token), str::from_utf8(token)) {
        (Some(number), Ok(value)) => Ok((value, number)),
        _ if token.is_empty() => Err(fault(at, "expected a value")),
        _ => Err(fault(at, format!("{:?} is not a value", String::from_utf8_lossy(token)))),
    }
}

fn position(bytes: &[u8], stop: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| stop(*byte)).unwrap_or(bytes.len())
}

fn blanks(bytes: &[u8]) -> usize {
    position(bytes, |byte| !matches!(byte, b' ' | b'\t'))
}

fn integer(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |sum, digit| sum.checked_mul(10)?.checked_add(i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::super::entry::Format;
    use super::parse_tail;

    #[test]
    fn a_tail_keeps_the_spelling_beside_the_number() {
        let tail = parse_tail(Format::Text, b"01.50\t 7 ").expect("a value and a timestamp");
        assert_eq!((tail.value, tail.number, tail.timestamp), ("01.50", 1.5, Some(7)));
        let tail = parse_tail(Format::OpenMetrics, b"1 0.5 # {a=\"b\"} 2e0 1").expect("all there can be");
        assert_eq!((tail.value, tail.timestamp), ("1", Some(500)));
        let exemplar = tail.exemplar.expect("an exemplar");
        assert_eq!((exemplar.value, exemplar.number, exemplar.timestamp), ("2e0", 2.0, Some(1000)));
    }

    #[test]
    fn errors_name_the_offset_within_the_tail() {
        let table = [
            (Format::Text, &b""[..], 0, "expected a value"),
            (Format::Text, b"x 1", 0, "\"x\" is not a value"),
            (Format::Text, b"1 x", 2, "expected a timestamp in digits or the end of the line, found `x`"),
            (Format::Text, b"1 2 x", 4, "expected the end of the line after the timestamp, found `x`"),
            (Format::OpenMetrics, b"1 # {a=b} 1", 7, "expected a quoted label value, found `b`"),
            (Format::OpenMetrics, b"1 # {a=\"b\"} x", 12, "\"x\" is not a value"),
        ];
        for (format, bytes, at, message) in table {
            let error = parse_tail(format, bytes).expect_err(message);
            assert_eq!((error.at, &*error.message), (at, message));
        }
    }
}
