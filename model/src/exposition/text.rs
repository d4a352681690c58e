//! The lines of Prometheus text 0.0.4, as the lexer of Prometheus 3.15 takes them.

use std::borrow::Cow;
use std::ops::Range;

use super::entry::{Format, MetricType};
use super::lex::{Cursor, Fault, Inside, starts_metric_name, unescape};
use super::reader::{Found, Metadata, State};
use super::series::read_braces;

/// The next entry, or `None` at the end of the body, which a NUL at the start of a line also is.
pub(super) fn next<'a>(state: &mut State<'a>) -> Result<Found<'a>, Fault> {
    loop {
        let start = state.cursor.at;
        state.cursor.skip_blanks();
        match state.cursor.peek() {
            None | Some(0) => return Ok(Found::End),
            Some(b'\n') => state.cursor.at += 1,
            Some(b'#') => return hash_line(state),
            Some(b'{') => return series(state, start, None),
            Some(byte) if starts_metric_name(byte) => {
                let end = state.cursor.metric_name().end;
                // Prometheus 3 takes leading blanks into the name.
                let name = state.cursor.lossy(start..end);
                return series(state, start, Some(name));
            }
            _ => {
                let message = format!(
                    "expected a metric name, `{{`, `#` or an empty line, found {}",
                    state.cursor.found()
                );
                return Err(Fault::syntax(state.cursor.at, message));
            }
        }
    }
}

fn series<'a>(state: &mut State<'a>, start: usize, name: Option<Cow<'a, str>>) -> Result<Found<'a>, Fault> {
    let bound = state.bound();
    state.cursor.skip_blanks();
    let name = match name {
        Some(name) if state.cursor.peek() != Some(b'{') => name,
        name => {
            state.cursor.at += 1;
            read_braces(&mut state.cursor, Format::Text, name, bound, &mut state.labels)?
        }
    };
    state.cursor.skip_blanks();
    Ok(Found::Series { start, name })
}

/// Steps over the line feed here, if the body has one.
fn end_line(cursor: &mut Cursor<'_>) {
    if cursor.peek() == Some(b'\n') {
        cursor.at += 1;
    }
}

/// A line that starts with `#`: HELP, TYPE, or a comment. A NUL in the wrong place of a comment ends the body.
fn hash_line<'a>(state: &mut State<'a>) -> Result<Found<'a>, Fault> {
    let cursor = &mut state.cursor;
    let hash = cursor.at;
    cursor.at += 1;
    if !matches!(cursor.peek(), Some(b' ' | b'\t')) {
        let end = cursor.line_end();
        if cursor.bytes()[cursor.at..end].contains(&0) {
            return Ok(Found::End);
        }
        return Ok(Found::Metadata(comment(cursor, hash)));
    }
    cursor.skip_blanks();
    match cursor.peek() {
        Some(0) => Ok(Found::End),
        Some(b'H') if cursor.keyword(b"HELP") && keyword_ends(cursor) => help(cursor).map(Found::Metadata),
        Some(b'T') if cursor.keyword(b"TYPE") && keyword_ends(cursor) => {
            metric_type(state).map(Found::Metadata)
        }
        _ => Ok(Found::Metadata(comment(cursor, hash))),
    }
}

fn comment<'a>(cursor: &mut Cursor<'a>, hash: usize) -> Metadata<'a> {
    let end = cursor.line_end();
    cursor.at = end;
    end_line(cursor);
    Metadata::Comment(cursor.lossy(hash..end))
}

/// Whether blanks follow a keyword; steps over them and the NULs between them.
fn keyword_ends(cursor: &mut Cursor<'_>) -> bool {
    let blank = matches!(cursor.peek(), Some(b' ' | b'\t'));
    if blank {
        while matches!(cursor.peek(), Some(b' ' | b'\t' | 0)) {
            cursor.at += 1;
        }
    }
    blank
}

fn help<'a>(cursor: &mut Cursor<'a>) -> Result<Metadata<'a>, Fault> {
    let name = family_name(cursor, "HELP")?;
    let range = metadata(cursor)?;
    let Some(text) = cursor.text(range.clone()) else {
        return Err(Fault::syntax(range.start, "the HELP text is not UTF-8"));
    };
    Ok(Metadata::Help { name, text: unescape(text, false) })
}

fn metric_type<'a>(state: &mut State<'a>) -> Result<Metadata<'a>, Fault> {
    let name = family_name(&mut state.cursor, "TYPE")?;
    let range = metadata(&mut state.cursor)?;
    let kind = match &state.cursor.bytes()[range.clone()] {
        b"counter" => MetricType::Counter,
        b"gauge" => MetricType::Gauge,
        b"histogram" => MetricType::Histogram,
        b"summary" => MetricType::Summary,
        b"untyped" => MetricType::Unknown,
        _ => {
            let message = format!(
                "expected exactly counter, gauge, histogram, summary or untyped, found {:?}",
                state.cursor.lossy(range.clone())
            );
            return Err(Fault::syntax(range.start, message));
        }
    };
    state.type_in_force = kind;
    Ok(Metadata::Type { name, kind })
}

/// The metric family's name behind HELP, TYPE or UNIT.
pub(super) fn family_name<'a>(cursor: &mut Cursor<'a>, keyword: &str) -> Result<Cow<'a, str>, Fault> {
    match cursor.peek() {
        Some(b'"') => {
            let quoted = cursor.quoted(Inside { newline: true, nul: false })?;
            Ok(match cursor.lossy(quoted.content) {
                Cow::Borrowed(name) => unescape(name, true),
                Cow::Owned(name) => Cow::Owned(unescape(&name, true).into_owned()),
            })
        }
        Some(byte) if starts_metric_name(byte) => {
            let range = cursor.metric_name();
            Ok(cursor.lossy(range))
        }
        _ => Err(Fault::syntax(
            cursor.at,
            format!("expected a metric name after {keyword}, found {}", cursor.found()),
        )),
    }
}

/// The text behind a family's name, up to the end of the line. Any byte may separate the two; blanks alone are no
/// text.
fn metadata(cursor: &mut Cursor<'_>) -> Result<Range<usize>, Fault> {
    let start = cursor.at;
    if cursor.peek() == Some(0) {
        return Err(Fault::syntax(start, "expected a space after the metric name, found NUL"));
    }
    let end = cursor.line_end();
    cursor.at = end;
    end_line(cursor);
    let separated = matches!(cursor.bytes().get(start), Some(b' ' | b'\t'));
    let blank = cursor.bytes()[start..end].iter().all(|byte| matches!(byte, b' ' | b'\t' | 0));
    if start == end || separated && blank { Ok(end..end) } else { Ok(start + 1..end) }
}

#[cfg(test)]
mod tests;
