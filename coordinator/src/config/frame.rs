//! Renders diagnostics as text for a terminal or a log: message, place, the line with a marker below it, help.

use std::fmt;

use super::diagnostic::{Diagnostic, Diagnostics, FrameLine};
use super::position::Span;

/// Characters of a line that are shown.
const MAX_LINE: usize = 160;

/// Writes every diagnostic, then one line of counts.
pub(super) fn render(all: &Diagnostics, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for diagnostic in &all.diagnostics {
        render_one(diagnostic, f)?;
    }
    let file = all.diagnostics.first().map_or("configuration", |d| d.file.as_str());
    write!(f, "{file}: {}, {}", counted(all.errors(), "error"), counted(all.warnings(), "warning"))?;
    match all.more_errors + all.more_warnings {
        0 => Ok(()),
        more => write!(f, " ({more} of them not shown)"),
    }
}

fn counted(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

fn render_one(d: &Diagnostic, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}[{}]: {}", d.severity.word(), d.code.as_str(), d.message)?;
    if d.line == 0 {
        writeln!(f, "  --> {}", d.file)?;
    } else {
        writeln!(f, "  --> {}:{}:{}", d.file, d.line, d.column)?;
    }
    let width = d.line.to_string().len();
    for line in &d.frame {
        writeln!(f, "{:>width$} | {}", line.number, line.text)?;
    }
    let marker = d.frame.last().and_then(|line| marker(d, line));
    match (marker, &d.help) {
        (Some(marker), Some(help)) => writeln!(f, "{:>width$} | {marker} {help}", ""),
        (Some(marker), None) => writeln!(f, "{:>width$} | {marker}", ""),
        (None, Some(help)) => writeln!(f, "{:>width$} = help: {help}", ""),
        (None, None) => Ok(()),
    }
}

/// Spaces up to the place, then `^` under every character meant. `None` where the place was cut off or masked away.
fn marker(d: &Diagnostic, line: &FrameLine) -> Option<String> {
    let start = usize::try_from(d.column.checked_sub(1)?).ok()?;
    let shown = line.text.chars().count();
    if line.number != d.line || start > shown {
        return None;
    }
    let length =
        usize::try_from(d.end_column.saturating_sub(d.column)).ok()?.clamp(1, (shown - start).max(1));
    let before: String = line.text.chars().take(start).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    Some(before + &"^".repeat(length))
}

/// The line of `span`'s start and, where it is not blank, the one before it, from already masked `lines`.
pub(super) fn frame(lines: &[String], span: Span) -> Vec<FrameLine> {
    let at = span.start.line;
    [at.saturating_sub(1), at]
        .into_iter()
        .filter_map(|number| {
            let index = usize::try_from(number).ok()?.checked_sub(1)?;
            let line = lines.get(index)?;
            let wanted = number == at || !line.trim().is_empty();
            wanted.then(|| FrameLine { number, text: shown(line) })
        })
        .collect()
}

/// `line` as it may be printed: no control characters but tabs, and not endless.
fn shown(line: &str) -> String {
    let printable = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    let mut text: String = line.trim_end().chars().take(MAX_LINE).map(printable).collect();
    if line.trim_end().chars().nth(MAX_LINE).is_some() {
        text.push('…');
    }
    text
}
