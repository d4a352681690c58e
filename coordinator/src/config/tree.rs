//! A configuration file as a tree that remembers where every key and value was written.
//!
//! In: the text of a file. Out: one [`Node`] with scalars as written (`1.10`, `0x1F` and `yes` stay what they are),
//! duplicate keys reported, anchors and merge keys resolved. What a scalar means is the reader's business
//! ([`scalar`](super::scalar)); this module knows no field.
//!
//! Prometheus reads its files with go-yaml v2 in strict mode; where that differs from YAML 1.2 (`<<`, null, later
//! documents), go-yaml is followed.

use super::position::Span;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// What was written.
    pub(super) value: Value,
    /// Where. For a section the span starts at its first key.
    pub(super) span: Span,
}

/// The three forms a YAML value has.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Text, number, truth value or null.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// Named fields in the order of the file, each name once.
    Fields(Vec<Field>),
}

/// A scalar as written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scalar {
    /// The text after escapes and folding, without quotes.
    pub(super) text: String,
    /// Whether the text alone says what it is; a quoted text (or one tagged `!!str`) is text and nothing else.
    pub(super) plain: bool,
}

/// One `key: value` of a section.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    /// The key.
    pub(super) name: String,
    /// Where the key stands.
    pub(super) span: Span,
    /// Its value; null where nothing is written.
    pub(super) value: Node,
    /// Whether it takes the place of a field of that name that `<<` merged, or is merged over one.
    pub(super) replaces: bool,
}

impl Scalar {
    /// Whether this is `null`: `~`, `null`, `Null`, `NULL` or nothing at all, unquoted.
    #[must_use]
    pub(super) fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

impl Node {
    /// Whether the value is null.
    #[must_use]
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.is_null())
    }

    /// What the value is, in the words of an error message.
    #[must_use]
    pub(super) fn form(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) if scalar.is_null() => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Fields(_) => "fields",
        }
    }
}
