//! Comparing what the parser finds in a body with the entries that Prometheus found.

use std::collections::BTreeMap;

use model::exposition::entry::{Entry, ErrorKind, Format, MetricType, Pairs, ParseError};
use model::exposition::parse;
use serde_json::Value;

use super::Verdict;

/// The verdict on `body`: refused exactly where Prometheus refuses the scrape, else the same entries in the same
/// order.
pub(super) fn verdict(format: Format, body: &[u8], refused: bool, expected: &[Value]) -> Verdict {
    let parsed: Result<Vec<String>, ParseError> =
        parse(format, body).map(|entry| entry.map(|entry| found(&entry))).collect();
    match parsed {
        Ok(_) if refused => Verdict::Fail { expected: "an error".into(), got: "no error".into() },
        Err(_) if refused => Verdict::Pass,
        Err(error) => match error.kind {
            ErrorKind::Refused(_) | ErrorKind::InvalidName => Verdict::Refused { code: error.kind.code() },
            ErrorKind::Syntax | ErrorKind::DuplicateLabel => {
                Verdict::Fail { expected: "no error".into(), got: error.to_string() }
            }
        },
        Ok(got) => compare(&expected.iter().map(wanted).collect::<Vec<_>>(), &got),
    }
}

/// Fails at the first difference.
fn compare(expected: &[String], got: &[String]) -> Verdict {
    match expected.iter().zip(got).find(|(expected, got)| expected != got) {
        Some((expected, got)) => Verdict::Fail { expected: expected.clone(), got: got.clone() },
        None if expected.len() == got.len() => Verdict::Pass,
        None => Verdict::Fail {
            expected: format!("{} entries", expected.len()),
            got: format!("{} entries", got.len()),
        },
    }
}

/// One line that says all that is compared of an entry the parser found.
fn found(entry: &Entry<'_>) -> String {
    match entry {
        Entry::Type { name, kind } => format!("type {name} {}", type_word(*kind)),
        Entry::Help { name, text } => format!("help {name} {text:?}"),
        Entry::Unit { name, unit } => format!("unit {name} {unit:?}"),
        Entry::Comment(text) => format!("comment {text:?}"),
        Entry::Sample(sample) => {
            let mut labels = map(&sample.labels);
            labels.insert("__name__".to_owned(), sample.name.clone().into_owned());
            let tail = &sample.tail;
            let exemplar = tail.exemplar.as_ref().map(|exemplar| {
                let labels = map(&exemplar.labels);
                (labels, number(exemplar.number), exemplar.timestamp)
            });
            format!("sample {labels:?} {} {:?} {exemplar:?}", number(tail.number), tail.timestamp)
        }
    }
}

/// The same line for an entry that Prometheus found.
fn wanted(entry: &Value) -> String {
    let name = || family_name(text(entry, "name"));
    match text(entry, "kind") {
        "type" => format!("type {} {}", name(), text(entry, "text")),
        "help" => format!("help {} {:?}", name(), text(entry, "text")),
        "unit" => format!("unit {} {:?}", name(), text(entry, "text")),
        "comment" => format!("comment {:?}", text(entry, "text")),
        "sample" => {
            let exemplar = entry["exemplars"].get(0).map(|exemplar| {
                let value = number(spelled(text(exemplar, "value")));
                (labels(exemplar), value, exemplar["ts_ms"].as_i64())
            });
            let value = number(spelled(text(entry, "value")));
            format!("sample {:?} {value} {:?} {exemplar:?}", labels(entry), entry["ts_ms"].as_i64())
        }
        kind => format!("unknown kind {kind:?}"),
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// Prometheus gives the names of metadata as they stand between the quotes; the parser unescapes them.
fn family_name(written: &str) -> String {
    let line = format!("{{\"{written}\"}} 0");
    match parse(Format::Text, line.as_bytes()).next() {
        Some(Ok(Entry::Sample(sample))) => sample.name.into_owned(),
        _ => written.to_owned(),
    }
}

fn map(pairs: &Pairs<'_>) -> BTreeMap<String, String> {
    let present = pairs.iter().filter(|(_, value)| !value.is_empty());
    present.map(|(name, value)| (name.clone().into_owned(), value.clone().into_owned())).collect()
}

fn labels(entry: &Value) -> BTreeMap<String, String> {
    let pairs = entry["labels"].as_object().into_iter().flatten();
    pairs
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

fn spelled(value: &str) -> f64 {
    value.parse().unwrap_or(f64::NAN)
}

/// A number so that equal texts mean equal bits, but for NaN, of which there is one.
fn number(value: f64) -> String {
    format!("{value:?}")
}

fn type_word(kind: MetricType) -> &'static str {
    match kind {
        MetricType::Counter => "counter",
        MetricType::Gauge => "gauge",
        MetricType::Histogram => "histogram",
        MetricType::GaugeHistogram => "gaugehistogram",
        MetricType::Summary => "summary",
        MetricType::Info => "info",
        MetricType::StateSet => "stateset",
        MetricType::Unknown => "unknown",
    }
}
