//! One event as one line of text. Pure but for the time of day.

use std::fmt::{self, Write};

use tracing::Event;
use tracing::field::{Field, Visit};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use super::Format;

/// The fields of an event, in the order they are written.
pub(super) struct Line {
    fields: Vec<(&'static str, Value)>,
}

enum Value {
    Text(String),
    /// A number or a boolean, written without quotes in either format.
    Bare(String),
}

impl Line {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let level = metadata.level().as_str().to_ascii_lowercase();
        let mut line = Self {
            fields: vec![
                ("ts", Value::Text(now())),
                ("level", Value::Text(level)),
                ("module", Value::Text(metadata.target().to_owned())),
            ],
        };
        event.record(&mut line);
        // The message leads, wherever the macro recorded it.
        if let Some(at) = line.fields.iter().position(|(key, _)| *key == "msg") {
            let message = line.fields.remove(at);
            line.fields.insert(3, message);
        }
        line
    }

    /// The event's own `target` field: what the line is about.
    pub(super) fn target(&self) -> Option<&str> {
        self.fields.iter().find(|(key, _)| *key == "target").map(|(_, value)| match value {
            Value::Text(text) | Value::Bare(text) => text.as_str(),
        })
    }

    /// Says how many like it were not written.
    pub(super) fn suppressed(&mut self, count: u64) {
        if count > 0 {
            self.fields.push(("suppressed", Value::Bare(count.to_string())));
        }
    }

    /// The line with its newline.
    pub(super) fn render(&self, format: Format) -> String {
        let mut out = String::with_capacity(256);
        match format {
            Format::Logfmt => self.logfmt(&mut out),
            Format::Json => self.json(&mut out),
        }
        out.push('\n');
        out
    }

    fn logfmt(&self, out: &mut String) {
        for (index, (key, value)) in self.fields.iter().enumerate() {
            if index > 0 {
                out.push(' ');
            }
            out.push_str(key);
            out.push('=');
            match value {
                Value::Bare(text) => out.push_str(text),
                Value::Text(text) if is_plain(text) => out.push_str(text),
                Value::Text(text) => quote(text, out),
            }
        }
    }

    fn json(&self, out: &mut String) {
        out.push('{');
        for (index, (key, value)) in self.fields.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            quote(key, out);
            out.push(':');
            match value {
                Value::Bare(text) => out.push_str(text),
                Value::Text(text) => quote(text, out),
            }
        }
        out.push('}');
    }

    fn push(&mut self, field: &Field, value: Value) {
        let key = if field.name() == "message" { "msg" } else { field.name() };
        self.fields.push((key, value));
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, Value::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, Value::Text(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, Value::Bare(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, Value::Bare(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, Value::Bare(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no NaN or infinity.
        let text = value.to_string();
        self.push(field, if value.is_finite() { Value::Bare(text) } else { Value::Text(text) });
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.push(field, Value::Text(chain(value)));
    }
}

/// An error and its causes, outermost first.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

fn now() -> String {
    let mut text = String::new();
    if SystemTime.format_time(&mut Writer::new(&mut text)).is_err() {
        text.push_str("unknownZ");
    }
    text
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|it| it.is_whitespace() || "=\"\\".contains(it) || is_hidden(it))
}

/// Characters that a terminal or a reader of lines would act on: controls, line separators, and those that turn
/// the direction of the text.
fn is_hidden(it: char) -> bool {
    it.is_control()
        || matches!(it, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// `text` as a JSON string, which is also a valid quoted logfmt value.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for it in text.chars() {
        match it {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            it if is_hidden(it) => {
                write!(out, "\\u{:04x}", u32::from(it)).expect("writing to a string does not fail");
            }
            it => out.push(it),
        }
    }
    out.push('"');
}
