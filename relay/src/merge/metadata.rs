//! The metadata lines above a family.
//!
//! In: a family of the page. Out: HELP and TYPE (text 0.0.4), or TYPE, UNIT and HELP (OpenMetrics 1.0). There always
//! is a TYPE line: without one the type of the family before would stay in force (Prometheus 2 and 3).

use model::exposition::entry::{Format, MetricType};
use model::exposition::spelling::push_name;

use super::claims::PageFamily;

/// The metadata lines of `family`.
pub(super) fn header(family: &PageFamily<'_>, format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    let mut line = |keyword: &str, text: Option<String>| {
        if let Some(text) = text {
            out.extend_from_slice(b"# ");
            out.extend_from_slice(keyword.as_bytes());
            out.push(b' ');
            push_name(&mut out, &family.name);
            out.push(b' ');
            out.extend_from_slice(text.as_bytes());
            out.push(b'\n');
        }
    };
    let help = family.help.map(|help| escaped(help, format));
    let word = Some(type_word(family.kind, format).to_owned());
    match format {
        Format::Text => {
            line("HELP", help);
            line("TYPE", word);
        }
        Format::OpenMetrics => {
            line("TYPE", word);
            line("UNIT", family.unit.map(str::to_owned));
            line("HELP", help);
        }
    }
    out
}

fn escaped(help: &str, format: Format) -> String {
    let help = help.replace('\\', "\\\\").replace('\n', "\\n");
    match format {
        Format::Text => help,
        Format::OpenMetrics => help.replace('"', "\\\""),
    }
}

/// The word for a type in a page of that format.
pub(super) fn type_word(kind: MetricType, format: Format) -> &'static str {
    match kind {
        MetricType::Counter => "counter",
        MetricType::Gauge => "gauge",
        MetricType::Histogram => "histogram",
        MetricType::GaugeHistogram => "gaugehistogram",
        MetricType::Summary => "summary",
        MetricType::Info => "info",
        MetricType::StateSet => "stateset",
        MetricType::Unknown if format == Format::Text => "untyped",
        MetricType::Unknown => "unknown",
    }
}
