//! The lines of OpenMetrics text 1.0, as the lexer of Prometheus 3.15 takes them.

use std::borrow::Cow;
use std::ops::Range;

use super::entry::{Format, MetricType};
use super::lex::{Cursor, Fault, starts_metric_name, unescape};
use super::reader::{Found, Metadata, State};
use super::series::read_braces;
use super::text::family_name;

pub(super) const NO_EOF: &str = "the body does not end with `# EOF`";

/// The next entry, or `None` behind `# EOF`, which must be the end of the body.
pub(super) fn next<'a>(state: &mut State<'a>) -> Result<Found<'a>, Fault> {
    let start = state.cursor.at;
    match state.cursor.peek() {
        None if state.cursor.bytes().is_empty() => Ok(Found::End),
        None => Err(Fault::syntax(start, NO_EOF)),
        Some(b'#') => hash_line(state),
        Some(b'{') => series(state, start, None),
        Some(byte) if starts_metric_name(byte) => {
            let range = state.cursor.metric_name();
            let name = state.cursor.lossy(range);
            series(state, start, Some(name))
        }
        _ => {
            let message = format!("expected a metric name, `{{` or `# `, found {}", state.cursor.found());
            Err(Fault::syntax(start, message))
        }
    }
}

fn series<'a>(state: &mut State<'a>, start: usize, name: Option<Cow<'a, str>>) -> Result<Found<'a>, Fault> {
    let bound = state.bound();
    let name = match name {
        Some(name) if state.cursor.peek() != Some(b'{') => name,
        name => {
            state.cursor.at += 1;
            read_braces(&mut state.cursor, Format::OpenMetrics, name, bound, &mut state.labels)?
        }
    };
    if state.cursor.peek() != Some(b' ') {
        let message = format!("expected one space and a value, found {}", state.cursor.found());
        return Err(Fault::syntax(state.cursor.at, message));
    }
    state.cursor.at += 1;
    Ok(Found::Series { start, name })
}

fn hash_line<'a>(state: &mut State<'a>) -> Result<Found<'a>, Fault> {
    const EXPECTED: &str = "a line that starts with `#` must be `# HELP `, `# TYPE `, `# UNIT ` or `# EOF`";
    let cursor = &mut state.cursor;
    let hash = cursor.at;
    cursor.at += 1;
    if cursor.peek() != Some(b' ') {
        return Err(Fault::syntax(hash, EXPECTED));
    }
    cursor.at += 1;
    match cursor.peek() {
        Some(b'H') if cursor.keyword(b"HELP ") => help(cursor).map(Found::Metadata),
        Some(b'T') if cursor.keyword(b"TYPE ") => metric_type(state).map(Found::Metadata),
        Some(b'U') if cursor.keyword(b"UNIT ") => unit(cursor).map(Found::Metadata),
        Some(b'E') if cursor.keyword(b"EOF") => end(cursor),
        _ => Err(Fault::syntax(hash, EXPECTED)),
    }
}

fn end<'a>(cursor: &mut Cursor<'_>) -> Result<Found<'a>, Fault> {
    if cursor.peek() == Some(b'\n') {
        cursor.at += 1;
        cursor.skip_nuls();
    }
    match cursor.peek() {
        None => Ok(Found::End),
        Some(_) => Err(Fault::syntax(cursor.at, "nothing but one line feed may follow `# EOF`")),
    }
}

fn help<'a>(cursor: &mut Cursor<'a>) -> Result<Metadata<'a>, Fault> {
    let name = family_name(cursor, "HELP")?;
    let range = metadata(cursor, "HELP")?;
    let Some(text) = cursor.text(range.clone()) else {
        return Err(Fault::syntax(range.start, "the HELP text is not UTF-8"));
    };
    Ok(Metadata::Help { name, text: unescape(text, true) })
}

fn metric_type<'a>(state: &mut State<'a>) -> Result<Metadata<'a>, Fault> {
    let name = family_name(&mut state.cursor, "TYPE")?;
    let range = metadata(&mut state.cursor, "TYPE")?;
    let kind = match &state.cursor.bytes()[range.clone()] {
        b"counter" => MetricType::Counter,
        b"gauge" => MetricType::Gauge,
        b"histogram" => MetricType::Histogram,
        b"gaugehistogram" => MetricType::GaugeHistogram,
        b"summary" => MetricType::Summary,
        b"info" => MetricType::Info,
        b"stateset" => MetricType::StateSet,
        b"unknown" => MetricType::Unknown,
        _ => {
            let message = format!(
                "expected exactly counter, gauge, histogram, gaugehistogram, summary, info, stateset or unknown, \
                 found {:?}",
                state.cursor.lossy(range.clone())
            );
            return Err(Fault::syntax(range.start, message));
        }
    };
    state.type_in_force = kind;
    Ok(Metadata::Type { name, kind })
}

fn unit<'a>(cursor: &mut Cursor<'a>) -> Result<Metadata<'a>, Fault> {
    let start = cursor.at;
    let name = family_name(cursor, "UNIT")?;
    let written = start..cursor.at;
    let range = metadata(cursor, "UNIT")?;
    let bytes = cursor.bytes();
    let written = &bytes[written];
    let written = written.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(written);
    let unit = &bytes[range.clone()];
    let fits = written.strip_suffix(unit).is_some_and(|stem| stem.ends_with(b"_"));
    if !unit.is_empty() && !fits {
        let message = format!(
            "the unit {:?} is not a suffix of the name {name:?} behind `_`",
            cursor.lossy(range.clone())
        );
        return Err(Fault::syntax(range.start, message));
    }
    Ok(Metadata::Unit { name, unit: cursor.lossy(range) })
}

/// The text behind a family's name and one space, up to the line feed, which must be there. NULs behind the line
/// feed are skipped, all but the last becoming part of the text.
fn metadata(cursor: &mut Cursor<'_>, keyword: &str) -> Result<Range<usize>, Fault> {
    let start = cursor.at;
    if cursor.peek() != Some(b' ') {
        let message = format!("expected a space and the {keyword} text, found {}", cursor.found());
        return Err(Fault::syntax(start, message));
    }
    cursor.at = cursor.line_end();
    if cursor.peek().is_none() {
        return Err(Fault::syntax(cursor.at, NO_EOF));
    }
    cursor.at += 1;
    cursor.skip_nuls();
    Ok(start + 1..cursor.at - 1)
}

#[cfg(test)]
mod tests {
    use super::super::entry::Format;
    use super::super::test_reading::{assert_read, assert_refused, read};

    #[test]
    fn the_body_ends_with_eof_and_one_line_feed_at_most() {
        assert_read(
            Format::OpenMetrics,
            &[
                ("", &[]),
                ("# EOF", &[]),
                ("# EOF\n", &[]),
                ("a 1\n# EOF", &["a 1.0"]),
                ("# E\0OF\0\n\0", &[]),
            ],
        );
        assert_refused(
            Format::OpenMetrics,
            &[
                ("a 1\n", 2, 1, "does not end with `# EOF`"),
                ("a 1", 1, 4, "does not end with `# EOF`"),
                ("# HELP a x", 1, 11, "does not end with `# EOF`"),
                ("# EOF\n\n", 2, 1, "nothing but one line feed"),
                ("# EOF\r\n", 1, 6, "nothing but one line feed"),
                ("# EOFx", 1, 6, "nothing but one line feed"),
                ("# EOF\na 1\n# EOF\n", 2, 1, "nothing but one line feed"),
            ],
        );
    }

    #[test]
    fn blank_lines_comments_and_superfluous_blanks_are_refused() {
        assert_refused(
            Format::OpenMetrics,
            &[
                ("\n# EOF\n", 1, 1, "found the end of the line"),
                ("a 1\n\nb 1\n# EOF\n", 2, 1, "found the end of the line"),
                ("# comment\n# EOF\n", 1, 1, "must be `# HELP `"),
                ("#HELP a x\n# EOF\n", 1, 1, "must be `# HELP `"),
                ("# HELP\n# EOF\n", 1, 1, "must be `# HELP `"),
                ("#  HELP a x\n# EOF\n", 1, 1, "must be `# HELP `"),
                (" a 1\n# EOF\n", 1, 1, "found a space"),
                ("a  1\n# EOF\n", 1, 3, "expected a value"),
                ("a\t1\n# EOF\n", 1, 2, "expected one space and a value, found a tab"),
                ("a 1 \n# EOF\n", 1, 4, "must be followed by a timestamp"),
                ("a 1  2\n# EOF\n", 1, 4, "must be followed by a timestamp"),
                ("a 1 2 \n# EOF\n", 1, 6, "expected the end of the line or an exemplar"),
                ("a 1\r\n# EOF\n", 1, 3, "not a value"),
                ("a {l=\"x\"} 1\n# EOF\n", 1, 3, "not a value"),
                ("a{ l=\"x\"} 1\n# EOF\n", 1, 3, "found a space"),
                ("a{l=\"x\", m=\"y\"} 1\n# EOF\n", 1, 9, "found a space"),
                ("a{l=\"x\"m=\"y\"} 1\n# EOF\n", 1, 8, "expected `,` or `}`"),
                ("a{l=\"x\ny\"} 1\n# EOF\n", 1, 5, "not closed on its line"),
                ("a\n# EOF\n", 1, 2, "expected one space and a value, found the end of the line"),
            ],
        );
    }

    #[test]
    fn metadata_needs_one_space_a_known_type_and_a_fitting_unit() {
        assert_read(
            Format::OpenMetrics,
            &[
                ("# TYPE a unknown\n# TYPE a info\n# EOF\n", &["TYPE a Unknown", "TYPE a Info"]),
                ("# TYPE a stateset\n# EOF\n", &["TYPE a StateSet"]),
                ("# TYPE a gaugehistogram\n# EOF\n", &["TYPE a GaugeHistogram"]),
                ("# HELP a \n# UNIT a \n# EOF\n", &["HELP a \"\"", "UNIT a \"\""]),
                ("# UNIT a_seconds seconds\n# EOF\n", &["UNIT a_seconds \"seconds\""]),
                ("# UNIT \"a.b_s\" s\n# EOF\n", &["UNIT a.b_s \"s\""]),
                ("# HELP a x\\n\\\"\\\\y \n# EOF\n", &["HELP a \"x\\n\\\"\\\\y \""]),
            ],
        );
        assert_refused(
            Format::OpenMetrics,
            &[
                ("# TYPE a\n# EOF\n", 1, 9, "expected a space and the TYPE text"),
                ("# HELP a\n# EOF\n", 1, 9, "expected a space and the HELP text"),
                ("# TYPE a untyped\n# EOF\n", 1, 10, "found \"untyped\""),
                ("# TYPE a gauge \n# EOF\n", 1, 10, "found \"gauge \""),
                ("# TYPE a  gauge\n# EOF\n", 1, 10, "found \" gauge\""),
                ("# TYPE \n# EOF\n", 1, 8, "expected a metric name after TYPE"),
                ("# UNIT a seconds\n# EOF\n", 1, 10, "is not a suffix"),
                ("# UNIT aseconds seconds\n# EOF\n", 1, 17, "is not a suffix"),
                ("# UNIT seconds seconds\n# EOF\n", 1, 16, "is not a suffix"),
            ],
        );
        assert!(read(Format::OpenMetrics, b"# HELP a \xff\n# EOF\n").is_err());
    }

    #[test]
    fn what_only_the_specification_forbids_is_accepted() {
        assert_read(
            Format::OpenMetrics,
            &[
                ("a 1\n# TYPE a counter\na -1\n# EOF\n", &["a 1.0", "TYPE a Counter", "a -1.0"]),
                ("# TYPE x_total counter\nx_total NaN\n# EOF\n", &["TYPE x_total Counter", "x_total NaN"]),
                (
                    "# TYPE h histogram\nh_bucket{le=\"1\"} 5\n# EOF\n",
                    &["TYPE h Histogram", "h_bucket{le=\"1.0\"} 5.0"],
                ),
                ("a{l=\"x\",} 1\n# EOF\n", &["a{l=\"x\"} 1.0"]),
                ("a inf\na nan\n# EOF\n", &["a inf", "a NaN"]),
                ("{\"a.b\",l=\"x\"} 1\n# EOF\n", &["a.b{l=\"x\"} 1.0"]),
            ],
        );
    }

    #[test]
    fn timestamps_are_seconds_truncated_to_milliseconds_after_the_multiplication() {
        assert_read(
            Format::OpenMetrics,
            &[
                ("a 1 1605301325.9999\n# EOF\n", &["a 1.0 @1605301325999"]),
                ("a 1 -1.5\n# EOF\n", &["a 1.0 @-1500"]),
                ("a 1 1.5e3\n# EOF\n", &["a 1.0 @1500000"]),
                ("a 1 0.0019\n# EOF\n", &["a 1.0 @1"]),
                ("a 1 2147483648.001\n# EOF\n", &["a 1.0 @2147483648001"]),
                ("a 1 1e300\n# EOF\n", &["a 1.0 @-9223372036854775808"]),
            ],
        );
        assert_refused(
            Format::OpenMetrics,
            &[
                ("a 1 NaN\n# EOF\n", 1, 5, "must be finite"),
                ("a 1 +Inf\n# EOF\n", 1, 5, "must be finite"),
                ("a 1 1z\n# EOF\n", 1, 5, "not a number of seconds"),
                ("a 1 1_2\n# EOF\n", 1, 5, "not a number of seconds"),
                ("a 1 1 1\n# EOF\n", 1, 6, "expected the end of the line or an exemplar"),
            ],
        );
    }

    #[test]
    fn exemplars_stand_behind_any_sample_and_keep_their_spelling() {
        assert_read(
            Format::OpenMetrics,
            &[
                ("a 1 # {t=\"x\"} 0.5\n# EOF\n", &["a 1.0 # {t=\"x\"} 0.5"]),
                ("a 1 2 # {t=\"x\",} 0.5 3.5\n# EOF\n", &["a 1.0 @2000 # {t=\"x\"} 0.5 @3500"]),
                ("a 1 # {} 1\n# EOF\n", &["a 1.0 #  1.0"]),
                ("a 1 # {\"t.u\"=\"x\\\"y\\n\"} 1\n# EOF\n", &["a 1.0 # {t.u=\"x\\\\\\\"y\\\\n\"} 1.0"]),
            ],
        );
        assert_refused(
            Format::OpenMetrics,
            &[
                ("a 1 # {t=\"x\"}\n# EOF\n", 1, 14, "expected a space and the exemplar's value"),
                ("a 1 # {t=\"x\"} \n# EOF\n", 1, 15, "expected a value"),
                ("a 1 #{t=\"x\"} 1\n# EOF\n", 1, 5, "not a number of seconds"),
                ("a 1 # {t=\"x\"} 1 # {t=\"y\"} 1\n# EOF\n", 1, 17, "not a number of seconds"),
                ("a 1 # {t=\"x\"} 1 NaN\n# EOF\n", 1, 17, "must be finite"),
                ("a 1 # {t=\"x\"} 1 2 3\n# EOF\n", 1, 18, "expected the end of the line"),
                ("a 1 # {\"t\"} 1\n# EOF\n", 1, 11, "expected `=`"),
                ("a 1 # {t} 1\n# EOF\n", 1, 9, "expected `=`"),
                ("a 1 # {t=\"\0\"} 1\n# EOF\n", 1, 11, "NUL"),
            ],
        );
    }
}
