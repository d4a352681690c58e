//! Reads the fields of one section by name and type, and reports what does not fit.
//!
//! Every reader returns a value in any case (the default where the field is absent or wrong), so that one mistake
//! does not hide the next. As in Prometheus, an explicit null sets a field to the zero value of its type, which is
//! not always its default. [`Section::finish`] refuses the fields that nobody asked for.

use std::time::Duration;

use model::secret::Secret;
use model::{duration, size};

use super::code::Code;
use super::mask::is_secret_field;
use super::position::Span;
use super::report::Report;
use super::scalar;
use super::tree::{Field, Node, Scalar, Value};

/// One section while it is read.
pub(super) struct Section<'t> {
    fields: &'t [Field],
    /// Where the section starts, or the field that holds it where it is empty.
    pub(super) span: Span,
    /// Every name asked for.
    known: Vec<&'static str>,
}

/// A value that was written, and where.
#[derive(Clone, Debug)]
pub(super) struct Written<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

impl<'t> Section<'t> {
    /// The fields of `node`, which `name` is called in messages. Null has no fields.
    pub(super) fn of(node: &'t Node, name: &str, report: &mut Report) -> Option<Self> {
        let fields: &[Field] = match &node.value {
            Value::Fields(fields) => fields,
            Value::Scalar(scalar) if scalar.is_null() => &[],
            _ => {
                wrong_form(node, name, "fields (`name: value`)", report);
                return None;
            }
        };
        Some(Self { fields, span: node.span, known: Vec::new() })
    }

    /// The field as written, null included.
    pub(super) fn node(&mut self, name: &'static str) -> Option<&'t Node> {
        self.field(name).map(|field| &field.value)
    }

    /// The field with the place of its name.
    pub(super) fn field(&mut self, name: &'static str) -> Option<&'t Field> {
        self.known.push(name);
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether the field is written, whatever its value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// Whether the field is written and neither null nor the empty text.
    pub(super) fn is_filled(&self, name: &str) -> bool {
        let filled =
            |node: &Node| !node.is_null() && !matches!(&node.value, Value::Scalar(s) if s.text.is_empty());
        self.fields.iter().any(|field| field.name == name && filled(&field.value))
    }

    /// Where the field's name stands, or the section where it is absent.
    pub(super) fn span_of(&self, name: &str) -> Span {
        self.fields.iter().find(|field| field.name == name).map_or(self.span, |field| field.span)
    }

    /// Where the field's value stands, or the section where it is absent.
    pub(super) fn value_span(&self, name: &str) -> Span {
        self.fields.iter().find(|field| field.name == name).map_or(self.span, |field| field.value.span)
    }

    /// Text. `None`: absent. Null is the empty text.
    pub(super) fn text(&mut self, name: &'static str, report: &mut Report) -> Option<Written<&'t str>> {
        let node = self.node(name)?;
        text(node, name, report).map(|value| Written { value, span: node.span })
    }

    /// Text that is not empty.
    pub(super) fn nonempty(&mut self, name: &'static str, report: &mut Report) -> Option<Written<&'t str>> {
        self.text(name, report).filter(|text| !text.value.is_empty())
    }

    /// A secret text that is not empty; its place is never shown.
    pub(super) fn secret(&mut self, name: &'static str, report: &mut Report) -> Option<Written<Secret>> {
        let node = self.node(name)?;
        report.hide(node.span);
        let value = text(node, name, report).filter(|text| !text.is_empty())?;
        Some(Written { value: Secret::new(value), span: node.span })
    }

    /// Yes or no; null is no.
    pub(super) fn flag(&mut self, name: &'static str, default: bool, report: &mut Report) -> bool {
        let Some(node) = self.node(name) else { return default };
        let Some(found) = single(node, name, "`true` or `false`", report) else { return default };
        if found.is_null() {
            return false;
        }
        scalar::bool(found).unwrap_or_else(|| {
            report.add(
                Code::BadBool,
                node.span,
                format!("`{name}` takes `true` or `false`, not {:?}", found.text),
            );
            default
        })
    }

    /// A whole number from 0; null is 0. `None`: absent.
    pub(super) fn number(&mut self, name: &'static str, report: &mut Report) -> Option<Written<u64>> {
        let node = self.node(name)?;
        let found = single(node, name, "a whole number", report)?;
        let value = if found.is_null() { Some(0) } else { scalar::unsigned(found) };
        if value.is_none() {
            let message = format!("`{name}` takes a whole number that is not negative, not {:?}", found.text);
            report.add(Code::BadNumber, node.span, message);
        }
        value.map(|value| Written { value, span: node.span })
    }

    /// A number that may have a fraction; null is 0. `None`: absent.
    pub(super) fn fraction(&mut self, name: &'static str, report: &mut Report) -> Option<Written<f64>> {
        let node = self.node(name)?;
        let found = single(node, name, "a number", report)?;
        let value = if found.is_null() { Some(0.0) } else { scalar::float(found) };
        if value.is_none() {
            report.add(Code::BadNumber, node.span, format!("`{name}` takes a number, not {:?}", found.text));
        }
        value.map(|value| Written { value, span: node.span })
    }

    /// A duration; null is 0. `None`: absent.
    pub(super) fn duration(&mut self, name: &'static str, report: &mut Report) -> Option<Written<Duration>> {
        let node = self.node(name)?;
        let found = single(node, name, "a duration such as `30s`", report)?;
        // As in Prometheus, `Null` and `NULL` are null for every type but this one.
        let value = match found.text.as_str() {
            "Null" | "NULL" => duration::parse(""),
            _ if found.is_null() => Ok(Duration::ZERO),
            text => duration::parse(text),
        };
        let value =
            value.map_err(|error| report.add(Code::BadDuration, node.span, format!("`{name}`: {error}")));
        value.ok().map(|value| Written { value, span: node.span })
    }

    /// A size in bytes; null is 0. `None`: absent.
    pub(super) fn size(&mut self, name: &'static str, report: &mut Report) -> Option<Written<u64>> {
        let node = self.node(name)?;
        let found = single(node, name, "a size such as `64MiB`", report)?;
        let value = if found.is_null() { Ok(0) } else { size::parse(&found.text) };
        let value = value.map_err(|error| report.add(Code::BadSize, node.span, format!("`{name}`: {error}")));
        value.ok().map(|value| Written { value, span: node.span })
    }

    /// The elements of a list; empty where absent or null.
    pub(super) fn list(&mut self, name: &'static str, report: &mut Report) -> &'t [Node] {
        self.node(name).map_or(&[], |node| list(node, name, report))
    }

    /// A list of texts; a null element is the empty text.
    pub(super) fn texts(&mut self, name: &'static str, report: &mut Report) -> Vec<Written<&'t str>> {
        let elements = self.list(name, report);
        elements
            .iter()
            .filter_map(|node| text(node, name, report).map(|value| Written { value, span: node.span }))
            .collect()
    }

    /// The section that the field holds. `None`: absent or null.
    pub(super) fn section(&mut self, name: &'static str, report: &mut Report) -> Option<Section<'t>> {
        let field = self.field(name)?;
        if field.value.is_null() {
            return None;
        }
        let mut section = Section::of(&field.value, name, report)?;
        section.span = field.span;
        Some(section)
    }

    /// The field's names and values, for maps whose names are free. Empty where absent or null. In a map, unlike in a
    /// section, a name that `<<` merges cannot be given another value (go-yaml v2 in strict mode).
    pub(super) fn entries(&mut self, name: &'static str, report: &mut Report) -> &'t [Field] {
        let map = self.node(name).and_then(|node| Section::of(node, name, report));
        let fields = map.map_or(&[][..], |section| section.fields);
        for field in fields.iter().filter(|field| field.replaces) {
            let message = format!("`{}` is set twice in `{name}`: by `<<`, too", field.name);
            report.add(Code::Duplicate, field.span, message);
        }
        fields
    }

    /// Refuses the fields that were not asked for.
    pub(super) fn finish(self, report: &mut Report) {
        for field in self.fields.iter().filter(|field| !self.known.contains(&field.name.as_str())) {
            let message = format!("unknown field `{}`", field.name);
            let near = nearest(&field.name, &self.known);
            if is_secret_field(near.unwrap_or(&field.name)) {
                report.hide(field.value.span);
            }
            match near.map(|name| format!("did you mean `{name}`?")) {
                Some(help) => report.add_help(Code::UnknownField, field.span, message, help),
                None => report.add(Code::UnknownField, field.span, message),
            }
        }
    }
}

/// The elements of the list that `node` must be; null is an empty list.
pub(super) fn list<'t>(node: &'t Node, name: &str, report: &mut Report) -> &'t [Node] {
    match &node.value {
        Value::List(elements) => elements,
        Value::Scalar(scalar) if scalar.is_null() => &[],
        _ => {
            wrong_form(node, name, "a list (`- element`, or `[a, b]`)", report);
            &[]
        }
    }
}

/// The text of a single value, however it is spelled; null is the empty text.
pub(super) fn text<'t>(node: &'t Node, name: &str, report: &mut Report) -> Option<&'t str> {
    let found = single(node, name, "text", report)?;
    Some(if found.is_null() { "" } else { &found.text })
}

fn single<'t>(node: &'t Node, name: &str, wanted: &str, report: &mut Report) -> Option<&'t Scalar> {
    match &node.value {
        Value::Scalar(scalar) => Some(scalar),
        _ => {
            wrong_form(node, name, wanted, report);
            None
        }
    }
}

/// Reports that `name` takes `wanted` and not what is written.
pub(super) fn wrong_form(node: &Node, name: &str, wanted: &str, report: &mut Report) {
    report.add(Code::WrongForm, node.span, format!("`{name}` takes {wanted}, not {}", node.form()));
}

/// The word of `known` that a typing mistake may have turned into `name`.
pub(super) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let limit = (name.chars().count() / 3).clamp(1, 4);
    let candidates = known.iter().map(|candidate| (distance(name, candidate), *candidate));
    candidates.filter(|(distance, _)| *distance <= limit).min().map(|(_, candidate)| candidate)
}

/// Levenshtein's distance. Names longer than 64 characters are near nothing.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(65).collect(), b.chars().take(65).collect());
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn a_typing_mistake_finds_its_field() {
        let known = ["scrape_interval", "scrape_timeout", "job_name"];
        assert_eq!(nearest("scrape_intervall", &known), Some("scrape_interval"));
        assert_eq!(nearest("jobname", &known), Some("job_name"));
        assert_eq!(nearest("remote_write", &known), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
