//! A body as a sequence of entries.

use std::borrow::Cow;
use std::mem;

use super::entry::{Entry, Format, MetricType, Pairs, ParseError, SampleLine};
use super::lex::{Cursor, Fault};
use super::tail::parse_tail;
use super::{openmetrics, text};

/// Reads `body` strictly, as Prometheus 3.15 reads the format. Nothing is read before the first entry is asked for.
/// An empty body has no entries in either format.
#[must_use]
pub fn parse(format: Format, body: &[u8]) -> Entries<'_> {
    let state = State { cursor: Cursor::new(body), type_in_force: MetricType::Unknown, labels: Pairs::new() };
    Entries { format, state, ended: false }
}

/// The entries of a body in their order. The first error is the last item: one bad line refuses the body, and what
/// came before it is to be discarded.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    format: Format,
    state: State<'a>,
    ended: bool,
}

/// What a reader carries from line to line.
#[derive(Clone, Debug)]
pub(super) struct State<'a> {
    pub(super) cursor: Cursor<'a>,
    /// The type of the last TYPE line, whatever metric follows it.
    pub(super) type_in_force: MetricType,
    /// The labels of the sample that is being read. They are large, so they are moved only once, into the entry.
    pub(super) labels: Pairs<'a>,
}

/// What a reader of lines finds next.
pub(super) enum Found<'a> {
    /// The end of the exposition.
    End,
    /// A line that starts with `#`.
    Metadata(Metadata<'a>),
    /// The series of a sample, its labels in [`State::labels`]; the cursor is at the value.
    Series { start: usize, name: Cow<'a, str> },
}

/// The variants of [`Entry`] that are not samples.
pub(super) enum Metadata<'a> {
    Type { name: Cow<'a, str>, kind: MetricType },
    Help { name: Cow<'a, str>, text: Cow<'a, str> },
    Unit { name: Cow<'a, str>, unit: Cow<'a, str> },
    Comment(Cow<'a, str>),
}

impl<'a> From<Metadata<'a>> for Entry<'a> {
    fn from(metadata: Metadata<'a>) -> Self {
        match metadata {
            Metadata::Type { name, kind } => Self::Type { name, kind },
            Metadata::Help { name, text } => Self::Help { name, text },
            Metadata::Unit { name, unit } => Self::Unit { name, unit },
            Metadata::Comment(text) => Self::Comment(text),
        }
    }
}

impl State<'_> {
    /// The label that the TYPE in force makes canonical.
    pub(super) fn bound(&self) -> Option<&'static str> {
        match self.type_in_force {
            MetricType::Histogram => Some("le"),
            MetricType::Summary => Some("quantile"),
            _ => None,
        }
    }
}

impl<'a> Entries<'a> {
    fn found(&mut self) -> Result<Found<'a>, Fault> {
        match self.format {
            Format::Text => text::next(&mut self.state),
            Format::OpenMetrics => openmetrics::next(&mut self.state),
        }
    }

    /// Steps over the line feed that ends a sample.
    fn end_sample(&mut self, end: usize) -> Result<(), Fault> {
        let cursor = &mut self.state.cursor;
        cursor.at = end;
        match (cursor.peek(), self.format) {
            (Some(_), _) => cursor.at += 1,
            (None, Format::Text) => {}
            (None, Format::OpenMetrics) => return Err(Fault::syntax(end, openmetrics::NO_EOF)),
        }
        Ok(())
    }

    /// Where the next line starts, and the label that the TYPE in force makes canonical.
    pub(super) fn place(&self) -> (usize, Option<&'static str>) {
        (self.state.cursor.at, self.state.bound())
    }

    /// Goes on behind the line feed at `end`, which ends a sample that starts at [`Entries::place`].
    pub(super) fn skip_sample(&mut self, end: usize) {
        self.state.cursor.at = end + 1;
    }

    fn refuse(&mut self, fault: Fault) -> ParseError {
        self.ended = true;
        let body = self.state.cursor.bytes();
        let before = body.get(..fault.at).unwrap_or(body);
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        ParseError {
            line: memchr::memchr_iter(b'\n', before).count() + 1,
            column: before.len() - line_start + 1,
            message: fault.message,
            kind: fault.kind,
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let (start, name) = match self.found() {
            Ok(Found::Series { start, name }) => (start, name),
            Ok(Found::Metadata(metadata)) => return Some(Ok(metadata.into())),
            Ok(Found::End) => {
                self.ended = true;
                return None;
            }
            Err(fault) => return Some(Err(self.refuse(fault))),
        };
        let value_start = self.state.cursor.at;
        let end = self.state.cursor.line_end();
        let tail = match parse_tail(self.format, &self.state.cursor.bytes()[value_start..end]) {
            Ok(tail) => tail,
            Err(error) => {
                let fault = Fault::syntax(value_start + error.at, error.message);
                return Some(Err(self.refuse(fault)));
            }
        };
        if let Err(fault) = self.end_sample(end) {
            return Some(Err(self.refuse(fault)));
        }
        let labels = mem::take(&mut self.state.labels);
        Some(Ok(Entry::Sample(SampleLine { start, value_start, end, name, labels, tail })))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

    use super::super::entry::{Entry, Format};
    use super::super::{is_plain_number, parse_tail};
    use super::parse;

    const TEXT: &str = "# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\n\
        http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n\
        msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\FILE.TXT\",error=\"\\n\\\"x\\\"\"} 1.458255915e9\n\
        # TYPE h histogram\nh_bucket{le=\"0.05\"} 24054\nh_bucket{le=\"+Inf\"} 144320\nh_sum 53423\nh_count 144320\n\
        {\"a.b\",\"c.d\"=\"e\"} +Inf\n";
    const OPEN_METRICS: &str = "# TYPE foo counter\n# UNIT foo_seconds seconds\n# HELP foo x\n\
        foo_total{a=\"b\"} 17.0 1520879607.789 # {id=\"counter-test\"} 5 1520879607\n\
        # TYPE s summary\ns{quantile=\"0.5\"} NaN\n{\"a.b\"} -1\n# EOF\n";

    fn document() -> impl Strategy<Value = (Format, Vec<u8>)> {
        prop::sample::select(vec![
            (Format::Text, TEXT.as_bytes().to_vec()),
            (Format::OpenMetrics, OPEN_METRICS.as_bytes().to_vec()),
        ])
    }

    /// Bytes with a meaning, more often than any others.
    fn byte() -> impl Strategy<Value = u8> {
        let meaning = b" \t\n\r\0\"\\{},=#a1.+-_:\xff\xc3".to_vec();
        proptest::prop_oneof![3 => prop::sample::select(meaning), 1 => any::<u8>()]
    }

    fn mutated() -> impl Strategy<Value = (Format, Vec<u8>)> {
        let edits = prop::collection::vec((any::<prop::sample::Index>(), byte(), 0..3_u8), 0..6);
        (document(), edits).prop_map(|((format, mut body), edits)| {
            for (index, byte, edit) in edits {
                let at = index.index(body.len());
                match edit {
                    0 => body[at] = byte,
                    1 => body.insert(at, byte),
                    _ => drop(body.remove(at)),
                }
            }
            (format, body)
        })
    }

    fn line_and_column_are_in_the_body(format: Format, body: &[u8]) -> bool {
        match parse(format, body).find_map(Result::err) {
            None => true,
            Some(error) => {
                let line = body.split(|byte| *byte == b'\n').nth(error.line - 1);
                line.is_some_and(|line| (1..=line.len() + 1).contains(&error.column))
            }
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_errors_point_into_the_body(
            body in prop::collection::vec(byte(), 0..200),
        ) {
            prop_assert!(line_and_column_are_in_the_body(Format::Text, &body));
            prop_assert!(line_and_column_are_in_the_body(Format::OpenMetrics, &body));
        }

        #[test]
        fn mutated_documents_never_panic_and_errors_point_into_the_body((format, body) in mutated()) {
            prop_assert!(line_and_column_are_in_the_body(format, &body));
        }

        #[test]
        fn a_sample_line_read_alone_gives_the_same_sample((format, body) in mutated()) {
            for entry in parse(format, &body).map_while(Result::ok) {
                let Entry::Sample(sample) = entry else { continue };
                let tail = parse_tail(format, &body[sample.value_start..sample.end]).expect("it was read before");
                prop_assert_eq!(tail.value, sample.tail.value);
                prop_assert_eq!(tail.timestamp, sample.tail.timestamp);
                prop_assert_eq!(&tail.exemplar.is_some(), &sample.tail.exemplar.is_some());
                prop_assert!(is_plain_number(tail.value.as_bytes()));
                let mut alone = body[sample.start..sample.value_start].to_vec();
                alone.extend_from_slice(&body[sample.value_start..sample.end]);
                alone.extend_from_slice(b"\n# EOF\n");
                let Some(Ok(Entry::Sample(again))) = parse(format, &alone).next() else {
                    panic!("a line that was read must be read alone: {:?}", String::from_utf8_lossy(&alone));
                };
                prop_assert_eq!(&again.name, &sample.name);
                prop_assert_eq!(again.labels.len(), sample.labels.len());
                prop_assert_eq!(again.value_start, sample.value_start - sample.start);
            }
        }

        #[test]
        fn a_token_is_plain_exactly_where_it_is_read_as_a_value(token in "[-+0-9.eEinfNa_xX ]{0,12}") {
            let read = parse_tail(Format::OpenMetrics, token.as_bytes());
            let whole = read.is_ok_and(|tail| tail.value == token);
            prop_assert_eq!(is_plain_number(token.as_bytes()), whole);
        }
    }

    #[test]
    fn offsets_name_the_line_the_value_and_the_line_feed() {
        let body = b"\na{l=\"x\ny\"}  1 5 \n";
        let Some(Ok(Entry::Sample(sample))) = parse(Format::Text, body).next() else {
            panic!("there is a sample")
        };
        assert_eq!((sample.start, sample.value_start, sample.end), (1, 13, 17));
        let mut entries = parse(Format::Text, b"a x\nb 1\n");
        assert!(entries.next().expect("one item").is_err());
        assert!(entries.next().is_none(), "nothing follows an error");
    }

    #[test]
    fn the_documents_that_are_mutated_are_good() {
        for (format, body) in [(Format::Text, TEXT), (Format::OpenMetrics, OPEN_METRICS)] {
            assert_eq!(parse(format, body.as_bytes()).find_map(Result::err), None);
        }
    }
}
