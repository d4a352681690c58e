//! Collects what is wrong with a file while it is read, so that all of it can be told at once.

use super::code::{Code, Severity};
use super::diagnostic::{Diagnostic, Diagnostics};
use super::frame::frame;
use super::mask::masked_lines;
use super::position::Span;

/// Entries collected before the rest is only counted; far more than are shown, so that sorting still finds the first.
const MAX_COLLECTED: usize = 10_000;

/// The growing list of diagnostics of one file.
#[derive(Debug, Default)]
pub(super) struct Report {
    entries: Vec<Entry>,
    /// Entries beyond [`MAX_COLLECTED`]: errors, warnings.
    uncollected: (usize, usize),
    secrets: Vec<Span>,
    errors: usize,
}

#[derive(Debug)]
struct Entry {
    code: Code,
    span: Span,
    message: String,
    help: Option<String>,
}

impl Report {
    /// Notes `message` about the text at `span`.
    pub(super) fn add(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.push(Entry { code, span, message: message.into(), help: None });
    }

    /// Notes `message` about the text at `span`, and what to do.
    pub(super) fn add_help(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Entry { code, span, message: message.into(), help: Some(help.into()) });
    }

    fn push(&mut self, entry: Entry) {
        let is_error = entry.code.severity() == Severity::Error;
        self.errors += usize::from(is_error);
        if self.entries.len() < MAX_COLLECTED {
            self.entries.push(entry);
        } else if is_error {
            self.uncollected.0 += 1;
        } else {
            self.uncollected.1 += 1;
        }
    }

    /// The number of errors so far.
    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    /// Notes that a secret stands at `span`, so that no frame shows it.
    pub(super) fn hide(&mut self, span: Span) {
        self.secrets.push(span);
    }

    /// The diagnostics of `text`, the file called `file`.
    pub(super) fn finish(self, file: &str, text: &str) -> Diagnostics {
        if self.entries.is_empty() {
            return Diagnostics::default();
        }
        let lines = masked_lines(text, &self.secrets);
        let list = self.entries.into_iter().map(|entry| entry.diagnostic(file, &lines)).collect();
        let mut all = Diagnostics::bounded(list);
        all.more_errors += self.uncollected.0;
        all.more_warnings += self.uncollected.1;
        all
    }
}

impl Entry {
    fn diagnostic(self, file: &str, lines: &[String]) -> Diagnostic {
        let Span { start, end } = self.span;
        let one_line = start.line == end.line && end.column > start.column;
        Diagnostic {
            code: self.code,
            severity: self.code.severity(),
            file: file.to_owned(),
            line: start.line,
            column: start.column,
            end_column: if one_line { end.column } else { start.column },
            message: self.message,
            help: self.help,
            frame: frame(lines, self.span),
        }
    }
}
