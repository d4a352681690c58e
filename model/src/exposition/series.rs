//! The series at the start of a sample line, and the labels of an exemplar.

use std::borrow::Cow;

use super::bound::canonical_bound;
use super::entry::{ErrorKind, Format, Pairs};
use super::lex::{Cursor, Fault, Inside, starts_label_name, unescape};

/// Up to how many labels every pair is compared; more are sorted.
const COMPARED: usize = 16;

/// How the two formats and exemplars differ between the braces.
#[derive(Clone, Copy)]
struct Rules {
    /// Blanks may stand between tokens, and the comma between labels may be missing.
    lenient: bool,
    /// A lone quoted string is the metric name.
    quoted_metric: bool,
    names: Inside,
    values: Inside,
}

impl Rules {
    const TEXT: Self = Self {
        lenient: true,
        quoted_metric: true,
        names: Inside { newline: true, nul: false },
        values: Inside { newline: true, nul: true },
    };
    const OPEN_METRICS: Self = Self {
        lenient: false,
        quoted_metric: true,
        names: Inside { newline: true, nul: false },
        values: Inside { newline: false, nul: true },
    };
    const EXEMPLAR: Self = Self {
        lenient: false,
        quoted_metric: false,
        names: Inside { newline: false, nul: false },
        values: Inside { newline: false, nul: false },
    };
}

/// Reads the labels of a series behind its opening brace into `labels` and returns its metric name. `name` is the
/// metric name where it stood before the brace, `bound` the label whose value is canonical under the TYPE in force.
pub(super) fn read_braces<'a>(
    cursor: &mut Cursor<'a>,
    format: Format,
    name: Option<Cow<'a, str>>,
    bound: Option<&str>,
    labels: &mut Pairs<'a>,
) -> Result<Cow<'a, str>, Fault> {
    let rules = match format {
        Format::Text => Rules::TEXT,
        Format::OpenMetrics => Rules::OPEN_METRICS,
    };
    let opening = cursor.at - 1;
    let mut braces = Braces { cursor, rules, bound, name, labels };
    braces.read()?;
    let Some(name) = braces.name else {
        return Err(Fault::syntax(opening, "the series has no metric name"));
    };
    if name.is_empty() {
        return Err(Fault {
            at: opening,
            kind: ErrorKind::InvalidName,
            message: "the metric name is empty".into(),
        });
    }
    if let Some(duplicate) = duplicate(labels) {
        let message = format!("label name {duplicate:?} stands twice in one sample").into();
        return Err(Fault { at: opening, kind: ErrorKind::DuplicateLabel, message });
    }
    Ok(name)
}

/// Reads the labels of an exemplar behind its opening brace. They stay as spelled.
pub(super) fn read_exemplar_braces<'a>(cursor: &mut Cursor<'a>) -> Result<Pairs<'a>, Fault> {
    let mut labels = Pairs::new();
    let mut braces = Braces { cursor, rules: Rules::EXEMPLAR, bound: None, name: None, labels: &mut labels };
    braces.read()?;
    Ok(labels)
}

struct Braces<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    rules: Rules,
    bound: Option<&'c str>,
    name: Option<Cow<'a, str>>,
    labels: &'c mut Pairs<'a>,
}

impl<'a> Braces<'_, 'a> {
    fn read(&mut self) -> Result<(), Fault> {
        loop {
            if self.plain_label() {
                continue;
            }
            self.blanks();
            let start = self.cursor.at;
            let quoted = match self.cursor.peek() {
                Some(b'}') => {
                    self.cursor.at += 1;
                    return Ok(());
                }
                Some(b'"') => true,
                Some(byte) if starts_label_name(byte) => false,
                _ => return Err(self.unexpected("a label name or `}`")),
            };
            let key = if quoted { self.quoted_name()? } else { self.bare_name() };
            self.blanks();
            match self.cursor.peek() {
                Some(b'=') => {
                    self.cursor.at += 1;
                    self.label(key, start)?;
                }
                Some(end @ (b',' | b'}')) if quoted && self.rules.quoted_metric => {
                    self.metric(key, start)?;
                    self.cursor.at += 1;
                    if end == b'}' {
                        return Ok(());
                    }
                }
                _ => return Err(self.unexpected("`=` after the label name")),
            }
        }
    }

    /// Reads `name="value",` or `name="value"}` where it is spelled like that, without blanks and escapes, as it
    /// nearly always is; else reads nothing.
    fn plain_label(&mut self) -> bool {
        let Some((name, value, closing)) = self.cursor.plain_label() else { return false };
        self.push(name, Cow::Borrowed(value));
        self.cursor.at = closing + 1;
        if self.cursor.peek() == Some(b',') {
            self.cursor.at += 1;
        }
        true
    }

    fn push(&mut self, name: &'a str, value: Cow<'a, str>) {
        let value = if self.bound == Some(name) { canonical_bound(value) } else { value };
        self.labels.push((Cow::Borrowed(name), value));
    }

    fn metric(&mut self, name: Cow<'a, str>, at: usize) -> Result<(), Fault> {
        if self.name.is_some() {
            return Err(Fault::syntax(at, "the series has a second metric name"));
        }
        self.name = Some(name);
        Ok(())
    }

    /// Reads the value behind `=` and the comma behind it.
    fn label(&mut self, name: Cow<'a, str>, at: usize) -> Result<(), Fault> {
        let value = self.value(&name)?;
        if name.is_empty() && self.rules.quoted_metric {
            return Err(Fault {
                at,
                kind: ErrorKind::InvalidName,
                message: "the label name is empty".into(),
            });
        }
        self.labels.push((name, value));
        self.blanks();
        match self.cursor.peek() {
            Some(b',') => {
                self.cursor.at += 1;
                Ok(())
            }
            Some(b'}') => Ok(()),
            _ if self.rules.lenient => Ok(()),
            _ => Err(self.unexpected("`,` or `}` after the label value")),
        }
    }

    fn value(&mut self, name: &str) -> Result<Cow<'a, str>, Fault> {
        if self.rules.lenient && matches!(self.cursor.peek(), Some(b' ' | b'\t')) {
            while matches!(self.cursor.peek(), Some(b' ' | b'\t' | 0)) {
                self.cursor.at += 1;
            }
        }
        if self.cursor.peek() != Some(b'"') {
            return Err(self.unexpected("a quoted label value"));
        }
        let opening = self.cursor.at;
        let quoted = self.cursor.quoted(self.rules.values)?;
        let Some(text) = self.cursor.text(quoted.content) else {
            return Err(Fault::syntax(opening, "the label value is not UTF-8"));
        };
        let value = if quoted.escaped && self.rules.quoted_metric {
            unescape(text, true)
        } else {
            Cow::Borrowed(text)
        };
        Ok(if self.bound == Some(name) { canonical_bound(value) } else { value })
    }

    fn quoted_name(&mut self) -> Result<Cow<'a, str>, Fault> {
        let opening = self.cursor.at;
        let quoted = self.cursor.quoted(self.rules.names)?;
        if !self.rules.quoted_metric {
            return Ok(self.cursor.lossy(quoted.content));
        }
        let Some(text) = self.cursor.text(quoted.content) else {
            return Err(Fault {
                at: opening,
                kind: ErrorKind::InvalidName,
                message: "the quoted name is not UTF-8".into(),
            });
        };
        Ok(if quoted.escaped { unescape(text, true) } else { Cow::Borrowed(text) })
    }

    fn bare_name(&mut self) -> Cow<'a, str> {
        let range = self.cursor.label_name();
        self.cursor.lossy(range)
    }

    fn blanks(&mut self) {
        if self.rules.lenient {
            self.cursor.skip_blanks();
        }
    }

    fn unexpected(&self, expected: &str) -> Fault {
        Fault::syntax(self.cursor.at, format!("expected {expected}, found {}", self.cursor.found()))
    }
}

/// A label name that stands twice, the metric name's own label counting as there.
fn duplicate<'p>(labels: &'p Pairs<'_>) -> Option<&'p str> {
    const METRIC_NAME: &str = "__name__";
    if labels.iter().any(|(name, _)| name == METRIC_NAME) {
        return Some(METRIC_NAME);
    }
    if labels.len() <= COMPARED {
        let twice = |(index, (name, _)): &(usize, &(Cow<'_, str>, _))| {
            labels.iter().take(*index).any(|(earlier, _)| earlier == name)
        };
        return labels.iter().enumerate().find(twice).map(|(_, (name, _))| &**name);
    }
    let mut names: Vec<&str> = labels.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}
