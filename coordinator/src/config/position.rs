//! Where something stands in a configuration file.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// One character of a text. Line and column count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub(super) struct Place {
    /// The line.
    pub(super) line: u32,
    /// The column.
    pub(super) column: u32,
}

/// A stretch of text: from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Span {
    /// Its first character.
    pub(super) start: Place,
    /// The character after its last one; equal to `start` where nothing is written.
    pub(super) end: Place,
}

/// A place in a named file, for messages that speak of a rule or a job long after the file was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The file as it was named to the loader.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
