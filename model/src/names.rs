//! Metric and label names: which are valid, and how they are escaped for readers that know ASCII names only.
//!
//! In: names as text. Out: a verdict or the escaped name. Both follow Prometheus 3 (prometheus/common's `model`
//! package). Quoting in an exposition is not done here.

use std::borrow::Cow;
use std::fmt::Write;

/// Labels with this prefix are discovery's and vanish after target relabelling.
pub const META_PREFIX: &str = "__meta_";
/// Labels with this prefix are internal: part of a target, never of its samples.
pub const RESERVED_PREFIX: &str = "__";
/// Labels with this prefix become URL parameters.
pub const PARAM_PREFIX: &str = "__param_";
/// What a sample's label is prefixed with where a target label takes its name.
pub const EXPORTED_PREFIX: &str = "exported_";
/// The label that holds the metric's name.
pub const METRIC_NAME: &str = "__name__";

/// Which names are valid (`metric_name_validation_scheme`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ValidationScheme {
    /// Any text that is not empty.
    #[default]
    Utf8,
    /// ASCII letters, digits and underscores (and colons in metric names), not starting with a digit.
    Legacy,
}

impl ValidationScheme {
    /// Reads Prometheus' spelling, `utf8` or `legacy`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "utf8" => Some(Self::Utf8),
            "legacy" => Some(Self::Legacy),
            _ => None,
        }
    }

    /// Prometheus' spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf8",
            Self::Legacy => "legacy",
        }
    }
}

/// Whether `name` may be a metric's name.
#[must_use]
pub fn is_valid_metric_name(name: &str, scheme: ValidationScheme) -> bool {
    match scheme {
        ValidationScheme::Utf8 => !name.is_empty(),
        ValidationScheme::Legacy => is_legacy(name, true),
    }
}

/// Whether `name` may be a label's name.
#[must_use]
pub fn is_valid_label_name(name: &str, scheme: ValidationScheme) -> bool {
    match scheme {
        ValidationScheme::Utf8 => !name.is_empty(),
        ValidationScheme::Legacy => is_legacy(name, false),
    }
}

fn is_legacy(name: &str, colon: bool) -> bool {
    !name.is_empty() && name.bytes().enumerate().all(|(at, byte)| is_legal(byte.into(), at, colon))
}

fn is_legal(c: char, at: usize, colon: bool) -> bool {
    c.is_ascii_alphabetic() || c == '_' || (c == ':' && colon) || (c.is_ascii_digit() && at > 0)
}

/// How names are made fit for a reader (`metric_name_escaping_scheme`, `escaping=` in content types).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EscapingScheme {
    /// Names stay as they are.
    #[default]
    AllowUtf8,
    /// Every illegal character becomes `_`.
    Underscores,
    /// `_` becomes `__`, `.` becomes `_dot_`, other illegal characters `__`; legal names change, too.
    Dots,
    /// `U__` in front, `_` becomes `__`, illegal characters `_HEX_`; legal names stay.
    Values,
}

impl EscapingScheme {
    /// Reads Prometheus' spelling, for instance `allow-utf-8`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "allow-utf-8" => Some(Self::AllowUtf8),
            "underscores" => Some(Self::Underscores),
            "dots" => Some(Self::Dots),
            "values" => Some(Self::Values),
            _ => None,
        }
    }

    /// Prometheus' spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }
}

/// The escaped form of a metric name. As in Prometheus, `:` is legal here.
#[must_use]
pub fn escape_name(name: &str, scheme: EscapingScheme) -> Cow<'_, str> {
    escape(name, scheme, true)
}

/// The escaped form of a label name. Unlike Prometheus' own function it takes `:` for illegal, which it is in
/// every label name that readers before 3.0 accept.
#[must_use]
pub fn escape_label_name(name: &str, scheme: EscapingScheme) -> Cow<'_, str> {
    escape(name, scheme, false)
}

fn escape(name: &str, scheme: EscapingScheme, colon: bool) -> Cow<'_, str> {
    let unchanged = match scheme {
        EscapingScheme::AllowUtf8 => true,
        EscapingScheme::Underscores | EscapingScheme::Values => is_legacy(name, colon),
        EscapingScheme::Dots => false,
    };
    if unchanged || name.is_empty() {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 8);
    if scheme == EscapingScheme::Values {
        out.push_str("U__");
    }
    for (at, c) in name.char_indices() {
        match scheme {
            EscapingScheme::Dots | EscapingScheme::Values if c == '_' => out.push_str("__"),
            EscapingScheme::Dots if c == '.' => out.push_str("_dot_"),
            _ if is_legal(c, at, colon) => out.push(c),
            EscapingScheme::Dots => out.push_str("__"),
            EscapingScheme::Values => {
                write!(out, "_{:x}_", u32::from(c)).expect("writing to a string cannot fail");
            }
            EscapingScheme::Underscores | EscapingScheme::AllowUtf8 => out.push('_'),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_as_prometheus_does() {
        let cases = [
            ("mysystem.prod.west.cpu.load", "mysystem_prod_west_cpu_load"),
            ("no:escaping_required", "no:escaping_required"),
            ("0abc", "_abc"),
            ("label with 😱", "label_with__"),
            ("", ""),
        ];
        for (name, escaped) in cases {
            assert_eq!(escape_name(name, EscapingScheme::Underscores), escaped);
        }
        let dots = [("a_b.c d:e", "a__b_dot_c__d:e"), ("0a", "__a"), ("a1", "a1")];
        for (name, escaped) in dots {
            assert_eq!(escape_name(name, EscapingScheme::Dots), escaped);
        }
        let values = [("a_b.c", "U__a__b_2e_c"), ("a_b", "a_b"), ("😱", "U___1f631_"), ("0a", "U___30_a")];
        for (name, escaped) in values {
            assert_eq!(escape_name(name, EscapingScheme::Values), escaped);
        }
        assert_eq!(escape_name("é", EscapingScheme::AllowUtf8), "é");
    }

    #[test]
    fn a_colon_is_legal_in_metric_names_only() {
        assert!(is_valid_metric_name("a:b", ValidationScheme::Legacy));
        assert!(!is_valid_label_name("a:b", ValidationScheme::Legacy));
        assert_eq!(escape_label_name("a:b", EscapingScheme::Underscores), "a_b");
    }

    #[test]
    fn the_legacy_scheme_wants_ascii_and_no_leading_digit() {
        for name in ["", "0a", "a-b", "é", "a b"] {
            assert!(!is_valid_label_name(name, ValidationScheme::Legacy), "{name:?}");
        }
        for name in ["a", "_", "__x1", "A9"] {
            assert!(is_valid_label_name(name, ValidationScheme::Legacy), "{name:?}");
        }
        assert!(is_valid_label_name("0 é", ValidationScheme::Utf8));
        assert!(!is_valid_label_name("", ValidationScheme::Utf8));
    }
}
