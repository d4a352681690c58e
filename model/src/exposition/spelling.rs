//! How names and label values are written on a page.
//!
//! In: names and values as they are. Out: text that every reader of the page's escaping understands.

use std::borrow::Cow;

use crate::names::{self, EscapingScheme, ValidationScheme};

/// What becomes of names that are not plain ASCII identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Escaping {
    /// They are quoted: only for a scraper that asked with `escaping=allow-utf-8`.
    Quoted,
    /// Every illegal character becomes `_`.
    Underscores,
}

impl Escaping {
    /// A metric or family name under this escaping, before quoting.
    #[must_use]
    pub fn metric_name(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::Quoted => Cow::Borrowed(name),
            Self::Underscores => names::escape_name(name, EscapingScheme::Underscores),
        }
    }

    /// A label name under this escaping, before quoting.
    #[must_use]
    pub fn label_name(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::Quoted => Cow::Borrowed(name),
            Self::Underscores => names::escape_label_name(name, EscapingScheme::Underscores),
        }
    }
}

/// Appends the name of a family or metric as metadata lines have it: bare, or quoted where it must be.
pub fn push_name(out: &mut Vec<u8>, name: &str) {
    if is_plain_metric(name) {
        out.extend_from_slice(name.as_bytes());
    } else {
        push_quoted(out, name);
    }
}

/// Whether `name` needs no quotes as a metric's name.
pub(super) fn is_plain_metric(name: &str) -> bool {
    names::is_valid_metric_name(name, ValidationScheme::Legacy)
}

/// Whether `name` needs no quotes as a label's name.
pub(super) fn is_plain_label(name: &str) -> bool {
    names::is_valid_label_name(name, ValidationScheme::Legacy)
}

/// Appends `name="value"`, behind a comma unless it is the first thing in `out`.
pub fn push_label(out: &mut Vec<u8>, name: &str, value: &str) {
    if !out.is_empty() {
        out.push(b',');
    }
    if is_plain_label(name) {
        out.extend_from_slice(name.as_bytes());
    } else {
        push_quoted(out, name);
    }
    out.push(b'=');
    push_quoted(out, value);
}

/// Appends `text` in quotes, with `\\`, `\"` and `\n` escaped.
pub(super) fn push_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr3(b'\\', b'"', b'\n', rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(match rest[at] {
            b'\\' => b"\\\\",
            b'"' => b"\\\"",
            _ => b"\\n",
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}
