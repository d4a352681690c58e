//! Builds the [`tree`](super::tree) from the YAML parser's events, within budgets.
//!
//! What goes wrong is reported; a syntax error ends the reading, a duplicate key or a bad alias does not.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_saphyr::granit_parser::{
    Event, Options, Parser, ScalarStyle, ScanError, Span as RawSpan, StrInput, Tag,
};

use super::code::Code;
use super::position::{Place, Span};
use super::report::Report;
use super::scalar;
use super::tree::{Field, Node, Scalar, Value};

/// Bytes a configuration file may have.
pub const MAX_FILE_BYTES: usize = 16 << 20;
/// Nodes the tree may have, aliases expanded: a guard against "billion laughs" files.
pub const MAX_NODES: usize = 1_000_000;
/// A text counts as one node more for each of these, so that aliases of long texts are bounded too.
const BYTES_PER_NODE: usize = 128;
/// Sections and lists that may stand within each other.
pub const MAX_DEPTH: usize = 64;

/// Reads the first document of `text`. `None`: it is empty, or no tree could be made of it and `report` says why.
pub(super) fn compose(text: &str, report: &mut Report) -> Option<Node> {
    if text.len() > MAX_FILE_BYTES {
        let message =
            format!("the file has {} bytes, more than the {MAX_FILE_BYTES} that are read", text.len());
        report.add(Code::TooLarge, Span::default(), message);
        return None;
    }
    let mut composer = Composer {
        parser: Parser::new_from_str_with_options(text.trim_start_matches('\u{feff}'), options()),
        anchors: HashMap::new(),
        nodes: 0,
        report,
    };
    match composer.first_document() {
        Ok(node) => node,
        Err(stop) => {
            composer.report.add(stop.code, stop.span, stop.message);
            None
        }
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options
}

/// Why the reading cannot go on.
struct Stop {
    code: Code,
    span: Span,
    message: String,
}

impl From<ScanError> for Stop {
    fn from(error: ScanError) -> Self {
        let at = place(error.marker());
        Self {
            code: Code::Syntax,
            span: Span { start: at, end: at },
            message: format!("not YAML: {}", error.info()),
        }
    }
}

struct Composer<'t, 'r> {
    parser: Parser<'t, StrInput<'t>>,
    /// By the parser's anchor id: the node and how many nodes it has.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    report: &'r mut Report,
}

impl<'t> Composer<'t, '_> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, raw))) => Ok((event, span(&raw))),
            Some(Err(error)) => Err(error.into()),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn first_document(&mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(root),
                (Event::DocumentStart(..), at) if root.is_some() => {
                    let message =
                        "only the first document of the file is read; this one and what follows is not";
                    self.report.add(Code::MoreDocuments, at, message);
                    return Ok(root);
                }
                (Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd, _) => {}
                (event, at) => root = Some(self.node(event, at, 0)?),
            }
        }
    }

    fn node(&mut self, event: Event<'t>, at: Span, depth: usize) -> Result<Node, Stop> {
        if depth > MAX_DEPTH {
            let message = format!("sections nested deeper than {MAX_DEPTH}");
            return Err(Stop { code: Code::TooLarge, span: at, message });
        }
        let before = self.nodes;
        count(&mut self.nodes, 1 + text_len(&event) / BYTES_PER_NODE, at)?;
        let (value, anchor) = match event {
            Event::Alias(id) => return self.alias(id, at),
            Event::Scalar(text, style, anchor, tag) => (self.scalar(text, style, tag.as_deref(), at), anchor),
            Event::SequenceStart(_, anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.fields(depth)?, anchor),
            other => {
                let message = format!("not YAML: unexpected {other:?}");
                return Err(Stop { code: Code::Syntax, span: at, message });
            }
        };
        let node = Node { value, span: at };
        if anchor != 0 {
            let size = self.nodes - before;
            count(&mut self.nodes, size, at)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, at: Span) -> Result<Node, Stop> {
        let Some((node, nodes)) = self.anchors.get(&id) else {
            self.report.add(Code::Syntax, at, "this alias lies within the value that it names");
            let value = Value::Scalar(Scalar { text: String::new(), plain: true });
            return Ok(Node { value, span: at });
        };
        // Counted before it is copied: the copy is what costs.
        count(&mut self.nodes, *nodes, at)?;
        Ok(node.clone())
    }

    fn list(&mut self, depth: usize) -> Result<Value, Stop> {
        let mut elements = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(elements)),
                (event, at) => elements.push(self.node(event, at, depth + 1)?),
            }
        }
    }

    fn fields(&mut self, depth: usize) -> Result<Value, Stop> {
        let mut fields = Fields::default();
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Value::Fields(fields.list));
            }
            let key = self.node(event, at, depth + 1)?;
            let (event, value_at) = self.next()?;
            let value = self.node(event, value_at, depth + 1)?;
            match key.value {
                Value::Scalar(Scalar { text, plain: true }) if text == "<<" => self.merge(&mut fields, value),
                Value::Scalar(Scalar { text, .. }) => {
                    self.set(&mut fields, Field { name: text, span: key.span, value, replaces: false })
                }
                _ => self.report.add(Code::WrongForm, at, "a field's name must be a single value"),
            }
        }
    }

    fn set(&mut self, fields: &mut Fields, field: Field) {
        if !fields.written.insert(field.name.clone()) {
            let first = fields.line_of(&field.name);
            let message = format!("field `{}` is set twice in one section", field.name);
            self.report.add_help(
                Code::Duplicate,
                field.span,
                message,
                format!("it is first set in line {first}"),
            );
            return;
        }
        fields.put(field);
    }

    /// `<<: *base`: the base's fields, each replaced by a field of the same name that is written later.
    fn merge(&mut self, fields: &mut Fields, value: Node) {
        let at = value.span;
        let bases = match value.value {
            Value::List(bases) => bases.into_iter().rev().collect(),
            _ => vec![value],
        };
        for base in bases {
            match base.value {
                Value::Fields(list) => list.into_iter().for_each(|field| fields.put(field)),
                _ => self.report.add(
                    Code::WrongForm,
                    at,
                    "`<<` takes fields, an alias of fields, or a list of these",
                ),
            }
        }
    }

    fn scalar(&mut self, text: Cow<'t, str>, style: ScalarStyle, tag: Option<&Tag>, at: Span) -> Value {
        let core = tag.and_then(|tag| tag.suffix_in_namespace("tag:yaml.org,2002:"));
        let plain = match core.as_deref() {
            Some("int" | "float" | "bool" | "null") => true,
            None if tag.is_none() => style == ScalarStyle::Plain,
            _ => false,
        };
        let text = match core.as_deref() {
            Some("binary") => self.binary(&text, at),
            _ => text.into_owned(),
        };
        let scalar = Scalar { text, plain };
        if let Some(tag @ ("int" | "float" | "bool" | "null")) = core.as_deref()
            && !scalar::is_of_tag(&scalar, tag)
        {
            self.report.add(Code::Syntax, at, format!("this value is tagged `!!{tag}` but is none"));
        }
        Value::Scalar(scalar)
    }

    /// The text of `!!binary`: base64 whose bytes must be UTF-8, as every name and value here.
    fn binary(&mut self, text: &str, at: Span) -> String {
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        match STANDARD.decode(compact).map(String::from_utf8) {
            Ok(Ok(decoded)) => return decoded,
            Ok(Err(_)) => self.report.add(Code::BadText, at, "this `!!binary` value is not UTF-8"),
            Err(_) => self.report.add(Code::BadText, at, "this `!!binary` value is not base64"),
        }
        String::new()
    }
}

/// Takes `nodes` from the budget of which `used` are used.
fn count(used: &mut usize, nodes: usize, at: Span) -> Result<(), Stop> {
    *used = used.saturating_add(nodes);
    if *used > MAX_NODES {
        let message = format!("the file has more than {MAX_NODES} values, aliases expanded");
        return Err(Stop { code: Code::TooLarge, span: at, message });
    }
    Ok(())
}

fn text_len(event: &Event<'_>) -> usize {
    event.scalar().map_or(0, |(text, _)| text.len())
}

/// The fields of one section while it is read.
#[derive(Default)]
struct Fields {
    list: Vec<Field>,
    index: HashMap<String, usize>,
    /// Names written in the section itself, not merged into it.
    written: HashSet<String>,
}

impl Fields {
    fn put(&mut self, mut field: Field) {
        if let Some(&at) = self.index.get(&field.name) {
            field.replaces = true;
            self.list[at] = field;
        } else {
            self.index.insert(field.name.clone(), self.list.len());
            self.list.push(field);
        }
    }

    fn line_of(&self, name: &str) -> u32 {
        self.index.get(name).map_or(0, |&at| self.list[at].span.start.line)
    }
}

fn place(marker: &serde_saphyr::granit_parser::Marker) -> Place {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place { line: number(marker.line()), column: number(marker.col()).saturating_add(1) }
}

fn span(raw: &RawSpan) -> Span {
    Span { start: place(&raw.start), end: place(&raw.end) }
}
