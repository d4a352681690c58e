//! What a parser finds in a body, entry by entry, with the place of each part.

use std::borrow::Cow;
use std::fmt;

use smallvec::SmallVec;

/// The two text formats; protobuf is another reader of the same shapes, not a third variant of these lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics text 1.0.
    OpenMetrics,
}

/// The type of a metric family, in the words of OpenMetrics. Text `untyped` is [`MetricType::Unknown`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MetricType {
    /// `counter`
    Counter,
    /// `gauge`
    Gauge,
    /// `histogram`
    Histogram,
    /// `gaugehistogram`, OpenMetrics only
    GaugeHistogram,
    /// `summary`
    Summary,
    /// `info`, OpenMetrics only
    Info,
    /// `stateset`, OpenMetrics only
    StateSet,
    /// `unknown` in OpenMetrics, `untyped` in text, and what has no TYPE line
    Unknown,
}

/// One entry of a body.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every entry is a sample, and boxing it would cost an allocation a line"
)]
pub enum Entry<'a> {
    /// `# TYPE name type`
    Type {
        /// The metric family's name, unescaped. Bytes that are no UTF-8 become U+FFFD: such a name can be the
        /// name of no sample that is accepted.
        name: Cow<'a, str>,
        /// Its type.
        kind: MetricType,
    },
    /// `# HELP name text`
    Help {
        /// The metric family's name.
        name: Cow<'a, str>,
        /// The text, unescaped.
        text: Cow<'a, str>,
    },
    /// `# UNIT name unit`, OpenMetrics only
    Unit {
        /// The metric family's name.
        name: Cow<'a, str>,
        /// The unit, may be empty.
        unit: Cow<'a, str>,
    },
    /// Any other `#` line, text only.
    Comment(Cow<'a, str>),
    /// A sample.
    Sample(SampleLine<'a>),
}

/// The label pairs of a sample in the order of the line, without the metric name.
pub type Pairs<'a> = SmallVec<[(Cow<'a, str>, Cow<'a, str>); 8]>;

/// One sample and where it stands in the body.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleLine<'a> {
    /// Offset of the line's first byte.
    pub start: usize,
    /// Offset of the value's first byte: everything before it is layout, everything from it on may change.
    pub value_start: usize,
    /// Offset of the line feed that ends the line, or of the body's end.
    pub end: usize,
    /// The metric name, unescaped.
    pub name: Cow<'a, str>,
    /// The labels, unescaped; `le` and `quantile` already canonical where the TYPE in force asks for it.
    /// Duplicate names are an error of the parser.
    pub labels: Pairs<'a>,
    /// Value, timestamp, exemplar.
    pub tail: Tail<'a>,
}

/// What follows the series on a sample line.
#[derive(Clone, Debug, PartialEq)]
pub struct Tail<'a> {
    /// The value as spelled.
    pub value: &'a str,
    /// The value; every NaN is one NaN.
    pub number: f64,
    /// The timestamp in milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// The exemplar, OpenMetrics only. Boxed, because few samples have one and every sample is moved.
    pub exemplar: Option<Box<Exemplar<'a>>>,
}

/// An exemplar as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar<'a> {
    /// Its labels: names and values as they stand between the quotes. Prometheus 3 stores exemplar labels with
    /// their backslashes, so nothing is unescaped here, and a writer puts them between quotes as they are.
    pub labels: Pairs<'a>,
    /// Its value as spelled.
    pub value: &'a str,
    /// Its value; every NaN is one NaN.
    pub number: f64,
    /// Its timestamp in milliseconds since 1970.
    pub timestamp: Option<i64>,
}

/// Why a body is refused. One bad line refuses the body, as it does in Prometheus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, counted from 1.
    pub line: usize,
    /// Byte of that line, counted from 1.
    pub column: usize,
    /// What was wrong, in words that name what was expected.
    pub message: Cow<'static, str>,
    /// Whose rule was broken.
    pub kind: ErrorKind,
}

/// Where Prometheus 3 would have noticed: its parser, its storage, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Prometheus' parser refuses the line.
    Syntax,
    /// A label name stands twice in one sample (`__name__` counts as the metric name's). Prometheus parses the
    /// line and fails the scrape when it appends the sample. Where one of the two values is empty it would drop
    /// both; that is refused, too.
    DuplicateLabel,
    /// A metric or label name is empty or no UTF-8. Prometheus parses the line and fails the scrape when it
    /// checks the names.
    InvalidName,
    /// Prometheus would accept the body, and this parser refuses it on purpose.
    Refused(Refusal),
}

impl ErrorKind {
    /// A fixed word for metric labels and logs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::DuplicateLabel => "duplicate_label",
            Self::InvalidName => "invalid_name",
            Self::Refused(refusal) => refusal.code(),
        }
    }
}

/// The bodies that Prometheus reads and this parser refuses on purpose. Keep it short; each has its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {}

impl Refusal {
    /// The fixed code under which a refusal is reported and documented.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {}
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ParseError {}
