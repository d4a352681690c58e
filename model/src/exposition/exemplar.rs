//! Exemplars, written anew for OpenMetrics pages.

use super::entry::Exemplar;
use super::number::milliseconds as milliseconds_read;
use super::spelling::{Escaping, is_plain_label};

/// An exemplar as text: ` # {trace_id="a"} 0.5 1700000000.123`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExemplarText {
    quoted: Box<[u8]>,
    /// Set where a label name is not a plain identifier; `None` inside where two names would become one.
    underscores: Option<Option<Box<[u8]>>>,
}

impl ExemplarText {
    /// The text of `exemplar` in both escapings.
    pub(super) fn of(exemplar: &Exemplar<'_>) -> Self {
        let plain = exemplar.labels.iter().all(|(name, _)| is_plain_label(name));
        Self {
            quoted: write(exemplar, Escaping::Quoted).unwrap_or_default(),
            underscores: (!plain).then(|| write(exemplar, Escaping::Underscores)),
        }
    }

    /// The text for pages with quoted names.
    pub(super) fn quoted(&self) -> &[u8] {
        &self.quoted
    }

    /// The text for pages with this escaping; empty where it cannot be said there.
    pub(super) fn text(&self, escaping: Escaping) -> &[u8] {
        match (escaping, &self.underscores) {
            (Escaping::Underscores, Some(text)) => text.as_deref().unwrap_or_default(),
            _ => &self.quoted,
        }
    }

    pub(super) fn size(&self) -> usize {
        self.quoted.len() + self.underscores.as_ref().and_then(Option::as_ref).map_or(0, |text| text.len())
    }
}

fn write(exemplar: &Exemplar<'_>, escaping: Escaping) -> Option<Box<[u8]>> {
    let mut labels = Vec::new();
    let mut names = Vec::new();
    for (name, value) in &exemplar.labels {
        let name = escaping.label_name(name);
        push_raw(&mut labels, &name, value);
        if names.contains(&name) {
            return None;
        }
        names.push(name);
    }
    let mut text = [b" # {".as_slice(), &labels, b"} ", exemplar.value.as_bytes()].concat();
    if let Some(timestamp) = exemplar.timestamp {
        text.push(b' ');
        push_seconds(&mut text, timestamp);
    }
    Some(text.into())
}

/// Appends a label as it stands between its quotes in the body: backslashes are part of what is stored.
fn push_raw(out: &mut Vec<u8>, name: &str, value: &str) {
    if !out.is_empty() {
        out.push(b',');
    }
    let quote: &[u8] = if is_plain_label(name) { b"" } else { b"\"" };
    out.extend_from_slice(&[quote, name.as_bytes(), quote, b"=\"", value.as_bytes(), b"\""].concat());
}

/// Appends `timestamp` (milliseconds since 1970) as seconds with three decimals. Prometheus multiplies the parsed
/// float by 1000 and truncates; where that would give the millisecond before, a fourth decimal 5 keeps it exact.
#[expect(clippy::cast_precision_loss, reason = "the float arithmetic of the reader is what is foreseen here")]
pub(super) fn push_seconds(out: &mut Vec<u8>, timestamp: i64) {
    let mut digits = itoa::Buffer::new();
    let milliseconds = timestamp.unsigned_abs();
    if timestamp < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(digits.format(milliseconds / 1000).as_bytes());
    out.push(b'.');
    let decimals = digits.format(1000 + milliseconds % 1000).as_bytes();
    out.extend_from_slice(&decimals[1..]);
    if milliseconds_read(timestamp as f64 / 1000.0) != timestamp {
        out.push(b'5');
    }
}
