//! What the loader has to say about a file: [`Diagnostic`] and the sorted, bounded list of them.
//!
//! Rendered as text with code frames by [`frame`](super::frame), as JSON through serde.

use std::fmt;

use serde::Serialize;

use super::code::{Code, Severity};

/// Diagnostics that one file's list holds; more are only counted.
pub const MAX_DIAGNOSTICS: usize = 50;

/// One mistake or surprise in a configuration file. Never holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// Error or warning; follows from the code.
    pub severity: Severity,
    /// The file as it was named to the loader.
    pub file: String,
    /// The line, from 1; 0 where the whole file is meant.
    pub line: u32,
    /// The column, from 1, in characters; 0 where the whole file is meant.
    pub column: u32,
    /// The column after the last character meant; `column` where it is a single point or goes over several lines.
    pub end_column: u32,
    /// What is wrong, naming the field.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The lines to show below the message: the place and the line before it, secrets masked.
    #[serde(skip)]
    pub frame: Vec<FrameLine>,
}

/// A line of the file as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameLine {
    /// Its number, from 1.
    pub number: u32,
    /// Its text, secrets masked, cut to a readable length.
    pub text: String,
}

/// All diagnostics of one file, sorted by place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diagnostics {
    /// At most [`MAX_DIAGNOSTICS`]; errors have precedence over warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// How many more errors there are.
    pub more_errors: usize,
    /// How many more warnings there are.
    pub more_warnings: usize,
}

impl Diagnostics {
    /// Sorts by place and keeps [`MAX_DIAGNOSTICS`], errors first where it must choose.
    #[must_use]
    pub fn bounded(mut all: Vec<Diagnostic>) -> Self {
        let place = |d: &Diagnostic| (d.line, d.column, d.code);
        all.sort_by_key(|d| (d.severity, place(d)));
        let rest = all.split_off(all.len().min(MAX_DIAGNOSTICS));
        all.sort_by_key(place);
        let more_errors = count(&rest, Severity::Error);
        Self { diagnostics: all, more_errors, more_warnings: rest.len() - more_errors }
    }

    /// Whether any of them refuses the file.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// The number of errors, those not kept included.
    #[must_use]
    pub fn errors(&self) -> usize {
        count(&self.diagnostics, Severity::Error) + self.more_errors
    }

    /// The number of warnings, those not kept included.
    #[must_use]
    pub fn warnings(&self) -> usize {
        count(&self.diagnostics, Severity::Warning) + self.more_warnings
    }

    /// The first refusal of a part that does not exist here, where no other error stands beside such refusals: the
    /// file is right, only not for this program.
    #[must_use]
    pub fn only_left_out(&self) -> Option<&Diagnostic> {
        let mut errors = self.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        let all = errors.clone().all(|d| d.code.is_left_out()) && self.more_errors == 0;
        errors.next().filter(|_| all)
    }
}

fn count(list: &[Diagnostic], severity: Severity) -> usize {
    list.iter().filter(|d| d.severity == severity).count()
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::frame::render(self, f)
    }
}

impl std::error::Error for Diagnostics {}
