//! Sizes in bytes in Prometheus' grammar.
//!
//! In: text such as `10MB`. Out: bytes. All units are base 2, the unit is required except for `0`, and case
//! matters (alecthomas/units `ParseBase2Bytes`, which Prometheus uses for `body_size_limit`). Negative sizes, which
//! Prometheus takes for no limit, are refused.

/// Why a text is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// There is nothing to read.
    #[error("empty size: write a number and a unit, for instance 64MiB")]
    Empty,
    /// A number is missing or malformed.
    #[error("not a valid size: {0:?}: write a number and a unit, for instance 64MiB")]
    Malformed(Box<str>),
    /// The unit is missing or does not exist.
    #[error("unknown unit {unit:?} in size {text:?}: the units are B, KB, MB, GB, TB, PB, EB, KiB, MiB, ...")]
    UnknownUnit {
        /// The unit.
        unit: Box<str>,
        /// The whole text.
        text: Box<str>,
    },
    /// `KB` and `KiB` stand side by side.
    #[error("mixed units in size {0:?}: write either KB, MB, ... or KiB, MiB, ...")]
    MixedUnits(Box<str>),
    /// The size does not fit.
    #[error("size out of range: {0:?}: the largest is below 8EiB")]
    OutOfRange(Box<str>),
}

/// Reads a size, for instance `1.5MiB`. Several number-unit pairs add up (`1MB512KB`).
///
/// # Errors
/// Where the text does not follow the grammar, is negative or does not fit into 63 bits.
pub fn parse(text: &str) -> Result<u64, SizeError> {
    match text {
        "" => return Err(SizeError::Empty),
        "0" => return Ok(0),
        _ => {}
    }
    let mut rest = text;
    let mut total = 0_u64;
    let (mut short, mut long) = (false, false);
    while !rest.is_empty() {
        let (number, after) = split_while(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, after) = split_while(after, |c| !c.is_ascii_digit() && c != '.');
        if number.is_empty() {
            return Err(SizeError::Malformed(text.into()));
        }
        let factor =
            factor(unit).ok_or_else(|| SizeError::UnknownUnit { unit: unit.into(), text: text.into() })?;
        long |= unit.contains('i');
        short |= unit.len() == 2;
        if long && short {
            return Err(SizeError::MixedUnits(text.into()));
        }
        let bytes = bytes(number, factor, text)?;
        let sum = total.checked_add(bytes).filter(|sum| *sum <= i64::MAX.unsigned_abs());
        total = sum.ok_or_else(|| SizeError::OutOfRange(text.into()))?;
        rest = after;
    }
    Ok(total)
}

fn split_while(text: &str, accept: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !accept(c)).unwrap_or(text.len());
    text.split_at_checked(end).expect("find gives a boundary")
}

fn factor(unit: &str) -> Option<u64> {
    let power = match unit {
        "B" => 0,
        "KB" | "KiB" => 1,
        "MB" | "MiB" => 2,
        "GB" | "GiB" => 3,
        "TB" | "TiB" => 4,
        "PB" | "PiB" => 5,
        "EB" | "EiB" => 6,
        _ => return None,
    };
    Some(1 << (10 * power))
}

/// `number` times `factor`, the fraction cut off; exact, without floating point.
fn bytes(number: &str, factor: u64, text: &str) -> Result<u64, SizeError> {
    let malformed = || SizeError::Malformed(text.into());
    let out_of_range = || SizeError::OutOfRange(text.into());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return Err(malformed());
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().map_err(|_| out_of_range())? };
    let mut part = 0_u128;
    let mut scale = 1_u128;
    // 18 digits say more than a factor of 2^60 can show.
    for digit in fraction.bytes().take(18) {
        part = part * 10 + u128::from(digit - b'0');
        scale *= 10;
    }
    let part = part * u128::from(factor) / scale;
    let total = u128::from(whole) * u128::from(factor) + part;
    u64::try_from(total).map_err(|_| out_of_range())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_base_two_whatever_the_unit_is_called() {
        let cases = [
            ("0", 0),
            ("0B", 0),
            ("17B", 17),
            ("1KB", 1024),
            ("1KiB", 1024),
            ("10MB", 10 << 20),
            ("64MiB", 64 << 20),
            ("1.5MB", 3 << 19),
            (".5KB", 512),
            ("2GB", 2 << 30),
            ("1TB", 1 << 40),
            ("1PiB", 1 << 50),
            ("1EB", 1 << 60),
            ("1MB512KB", (1 << 20) + (512 << 10)),
            ("1MiB1B", (1 << 20) + 1),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in
            ["", "10", "10mb", "10M", "MB", "-1MB", "1 MB", "1..5MB", ".MB", "8EB", "16EB", "1e3B", "1KB1KiB"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
