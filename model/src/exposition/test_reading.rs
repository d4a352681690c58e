//! How tests look at a body: every entry as one line.

use super::entry::{Entry, ErrorKind, Exemplar, Format, Pairs, ParseError, SampleLine};
use super::reader::parse;

/// All entries, each as one line, or the error.
pub(super) fn read(format: Format, body: &[u8]) -> Result<Vec<String>, ParseError> {
    parse(format, body).map(|entry| entry.map(|entry| line(&entry))).collect()
}

/// Reads every body of a table and compares it with its entries.
pub(super) fn assert_read(format: Format, table: &[(&str, &[&str])]) {
    for (body, expected) in table {
        let got = read(format, body.as_bytes());
        let got = got.unwrap_or_else(|error| panic!("{body:?} was refused: {error}"));
        assert_eq!(got, *expected, "{body:?}");
    }
}

/// Reads every body of a table and compares its error: line, column and a piece of the message.
pub(super) fn assert_refused(format: Format, table: &[(&str, usize, usize, &str)]) {
    for (body, line, column, message) in table {
        let error = read(format, body.as_bytes()).expect_err(body);
        assert_eq!((error.line, error.column), (*line, *column), "{body:?}: {error}");
        assert!(error.message.contains(message), "{body:?}: {error}");
        assert_eq!(error.kind, ErrorKind::Syntax, "{body:?}: {error}");
    }
}

fn line(entry: &Entry<'_>) -> String {
    match entry {
        Entry::Type { name, kind } => format!("TYPE {name} {kind:?}"),
        Entry::Help { name, text } => format!("HELP {name} {text:?}"),
        Entry::Unit { name, unit } => format!("UNIT {name} {unit:?}"),
        Entry::Comment(text) => format!("COMMENT {text:?}"),
        Entry::Sample(sample) => sample_line(sample),
    }
}

fn sample_line(sample: &SampleLine<'_>) -> String {
    let tail = &sample.tail;
    let mut out = format!("{}{} {:?}", sample.name, braces(&sample.labels), tail.number);
    out += &timestamp(tail.timestamp);
    if let Some(Exemplar { labels, number, timestamp: time, .. }) = tail.exemplar.as_deref() {
        out += &format!(" # {} {number:?}{}", braces(labels), timestamp(*time));
    }
    out
}

fn braces(labels: &Pairs<'_>) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

fn timestamp(time: Option<i64>) -> String {
    time.map_or(String::new(), |time| format!(" @{time}"))
}
