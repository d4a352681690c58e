//! What every reader of a section needs besides the section.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::position::{Position, Span};
use super::report::Report;

/// Where the text comes from, which decides what an absent field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file written by hand.
    File,
    /// A section that Prometheus printed: what is absent has its zero value, and everything is taken.
    Printed,
}

/// The state of one reading.
pub(super) struct Context<'f> {
    pub(super) report: Report,
    pub(super) origin: Origin,
    file: Arc<str>,
    base_dir: &'f Path,
    /// Files that the configuration names, with the field that does.
    pub(super) files: Vec<NamedFile>,
    /// Secrets written into the job that is being read.
    pub(super) secrets: Vec<InlineSecret>,
}

/// A file that a field names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedFile {
    pub(super) field: String,
    pub(super) path: PathBuf,
    pub(super) span: Span,
    /// Whether a relay reads it, not the coordinator.
    pub(super) on_relay: bool,
}

/// A secret that stands in the file itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InlineSecret {
    /// The field, for example `basic_auth.password`.
    pub(super) field: String,
    /// Where its value stands.
    pub(super) position: Position,
}

impl<'f> Context<'f> {
    pub(super) fn new(file: &str, base_dir: &'f Path, origin: Origin) -> Self {
        let report = Report::default();
        Self { report, origin, file: file.into(), base_dir, files: Vec::new(), secrets: Vec::new() }
    }

    /// The place of `span` as a position that outlives the reading.
    pub(super) fn position(&self, span: Span) -> Position {
        Position { file: Arc::clone(&self.file), line: span.start.line, column: span.start.column }
    }

    /// `path` below the configuration file's directory, unless it is absolute.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.base_dir.join(path)
    }
}
