//! The text format, line by line.

use super::super::entry::{ErrorKind, Format};
use super::super::test_reading::{assert_read, assert_refused, read};

#[test]
fn lines_end_in_a_line_feed_which_the_last_may_lack() {
    assert_read(
        Format::Text,
        &[
            ("", &[]),
            ("\n\n", &[]),
            ("  \t\n", &[]),
            ("a 1", &["a 1.0"]),
            ("a 1\n\n \nb 2\n", &["a 1.0", "b 2.0"]),
            ("# HELP a", &["HELP a \"\""]),
            ("#", &["COMMENT \"#\""]),
        ],
    );
}

#[test]
fn any_run_of_blanks_separates_tokens() {
    assert_read(
        Format::Text,
        &[
            ("a\t1\t1000\n", &["a 1.0 @1000"]),
            ("a   1 \t 1000 \t\n", &["a 1.0 @1000"]),
            ("a 1 \n", &["a 1.0"]),
            ("a { l = \"x\" , m\t=\t\"y\" } 1\n", &["a{l=\"x\",m=\"y\"} 1.0"]),
            ("a{l=\"x\"}1\n", &["a{l=\"x\"} 1.0"]),
            ("a+1\n", &["a 1.0"]),
            ("#\tTYPE\ta\tgauge\n", &["TYPE a Gauge"]),
            (" {\"a\"} 1\n", &["a 1.0"]),
            ("  # x\n", &["COMMENT \"# x\""]),
        ],
    );
}

#[test]
fn blanks_before_a_bare_name_belong_to_it() {
    assert_read(Format::Text, &[("b 1\n \t a 1\n", &["b 1.0", " \t a 1.0"])]);
}

#[test]
fn a_carriage_return_is_no_blank_but_text_keeps_it() {
    assert_read(
        Format::Text,
        &[
            ("# HELP a x\r\na 1\n", &["HELP a \"x\\r\"", "a 1.0"]),
            ("# foo\r\n", &["COMMENT \"# foo\\r\""]),
            ("a{l=\"x\ry\"} 1\n", &["a{l=\"x\\ry\"} 1.0"]),
        ],
    );
    assert_refused(
        Format::Text,
        &[
            ("a 1\r\n", 1, 3, "\"1\\r\" is not a value"),
            ("# TYPE a gauge\r\n", 1, 10, "expected exactly counter"),
            ("\r\n", 1, 1, "a carriage return"),
            ("\u{feff}a 1\n", 1, 1, "byte 0xef"),
        ],
    );
}

#[test]
fn nul_ends_the_body_at_a_line_start_and_is_data_in_texts() {
    assert_read(
        Format::Text,
        &[
            ("a 1\n\0b x\n", &["a 1.0"]),
            ("a 1\n  \0b x\n", &["a 1.0"]),
            ("a 1\n#x\0\nb x\n", &["a 1.0"]),
            ("a 1\n# \0x\nb x\n", &["a 1.0"]),
            ("# x\0y\nb 1\n", &["COMMENT \"# x\\0y\"", "b 1.0"]),
            ("a{l=\"\0x\\\0\"\"} 1\n", &["a{l=\"\\0x\\\\\\0\\\"\"} 1.0"]),
            ("a{l=\"x\"\0\0} 1\n", &["a{l=\"x\\\"\\0\"} 1.0"]),
            ("a{l= \0\"x\"} 1\n", &["a{l=\"x\"} 1.0"]),
            ("# HELP a x\0\n", &["HELP a \"x\\0\""]),
            ("# H\0ELP \0a x\n", &["HELP a \"x\""]),
        ],
    );
    assert_refused(
        Format::Text,
        &[
            ("a\0 1\n", 1, 2, "expected a value"),
            ("a 1\0\n", 1, 4, "byte 0x00"),
            ("a{\0l=\"x\"} 1\n", 1, 3, "expected a label name"),
            ("a{l=\0\"x\"} 1\n", 1, 5, "expected a quoted label value"),
            ("{\"a\0\"} 1\n", 1, 4, "NUL"),
            ("# HELP a\0 x\n", 1, 9, "NUL"),
        ],
    );
}

#[test]
fn hash_lines_are_help_type_or_comments() {
    assert_read(
        Format::Text,
        &[
            ("# HELP a  two  words \n", &["HELP a \" two  words \""]),
            ("# HELP a\n# HELP a   \n", &["HELP a \"\"", "HELP a \"\""]),
            ("# HELP a x\\n\\\\y\\\"z\\t\n", &["HELP a \"x\\n\\\\y\\\\\\\"z\\\\t\""]),
            ("# HELP \"a.b\" x\n", &["HELP a.b \"x\""]),
            ("# TYPE \"a\\\"b\" gauge\n", &["TYPE a\"b Gauge"]),
            ("# EOF\n# UNIT a_s s\n", &["COMMENT \"# EOF\"", "COMMENT \"# UNIT a_s s\""]),
            (
                "#HELP a x\n# HELP\n# HELPER\n# TYP\n",
                &["COMMENT \"#HELP a x\"", "COMMENT \"# HELP\"", "COMMENT \"# HELPER\"", "COMMENT \"# TYP\""],
            ),
            ("# TYPE a=gauge\n# HELP a-x\n", &["TYPE a Gauge", "HELP a \"x\""]),
        ],
    );
    assert_refused(
        Format::Text,
        &[
            ("# HELP \n", 1, 8, "expected a metric name after HELP, found the end of the line"),
            ("# HELP 1 x\n", 1, 8, "expected a metric name after HELP, found `1`"),
            ("# TYPE #\n", 1, 8, "expected a metric name after TYPE, found `#`"),
            ("# HELP \"a x\n", 1, 8, "never closed"),
        ],
    );
}

#[test]
fn types_are_spelled_exactly() {
    let kinds =
        [("counter", "Counter"), ("gauge", "Gauge"), ("histogram", "Histogram"), ("summary", "Summary")];
    for (spelled, kind) in kinds.into_iter().chain([("untyped", "Unknown")]) {
        let got = read(Format::Text, format!("# TYPE a {spelled}\n").as_bytes());
        assert_eq!(got, Ok(vec![format!("TYPE a {kind}")]));
    }
    for spelled in ["", " ", " gauge", "gauge ", "Gauge", "unknown", "info", "stateset", "gaugehistogram"] {
        let error = read(Format::Text, format!("a 1\n# TYPE a {spelled}\n").as_bytes()).expect_err(spelled);
        assert_eq!((error.line, error.kind), (2, ErrorKind::Syntax), "{error}");
        assert!(error.message.starts_with("expected exactly counter"), "{error}");
    }
}

#[test]
fn metadata_may_repeat_conflict_and_come_late() {
    assert_read(
        Format::Text,
        &[(
            "a 1\n# TYPE a gauge\n# TYPE a counter\n# HELP a x\nb 1\n# HELP a y\na 2\n",
            &["a 1.0", "TYPE a Gauge", "TYPE a Counter", "HELP a \"x\"", "b 1.0", "HELP a \"y\"", "a 2.0"],
        )],
    );
}

#[test]
fn names_and_labels_are_bare_or_quoted() {
    assert_read(
        Format::Text,
        &[
            (":a_b:1 1\n", &[":a_b:1 1.0"]),
            ("{\"a.b\",l=\"x\"} 1\n", &["a.b{l=\"x\"} 1.0"]),
            ("{l=\"x\",\"a.b\"} 1\n", &["a.b{l=\"x\"} 1.0"]),
            ("{\"a.b\",} 1\n", &["a.b 1.0"]),
            ("a{\"l.m\"=\"x\"} 1\n", &["a{l.m=\"x\"} 1.0"]),
            ("{\"a\\\"b\\nc\"} 1\n", &["a\"b\nc 1.0"]),
            ("a{__foo=\"x\"} 1\n", &["a{__foo=\"x\"} 1.0"]),
            ("a{} 1\n", &["a 1.0"]),
            ("a{l=\"\"} 1\n", &["a{l=\"\"} 1.0"]),
        ],
    );
    assert_refused(
        Format::Text,
        &[
            ("a{1l=\"x\"} 1\n", 1, 3, "expected a label name or `}`, found `1`"),
            ("a{l:m=\"x\"} 1\n", 1, 4, "expected `=` after the label name, found `:`"),
            ("a.b 1\n", 1, 2, "is not a value"),
            ("{l=\"x\"} 1\n", 1, 1, "no metric name"),
            ("{} 1\n", 1, 1, "no metric name"),
            ("{A} 1\n", 1, 3, "expected `=`"),
            ("a{\"b\"} 1\n", 1, 3, "second metric name"),
            ("{\"a\",\"b\"} 1\n", 1, 6, "second metric name"),
            ("1a 1\n", 1, 1, "expected a metric name"),
            ("<html>\n", 1, 1, "found `<`"),
        ],
    );
}

#[test]
fn commas_may_trail_or_lack_but_not_lead_or_double() {
    assert_read(
        Format::Text,
        &[
            ("a{l=\"x\",} 1\n", &["a{l=\"x\"} 1.0"]),
            ("a{l=\"x\"m=\"y\"} 1\n", &["a{l=\"x\",m=\"y\"} 1.0"]),
            ("a{l=\"x\" m=\"y\"} 1\n", &["a{l=\"x\",m=\"y\"} 1.0"]),
        ],
    );
    assert_refused(
        Format::Text,
        &[
            ("a{,l=\"x\"} 1\n", 1, 3, "found `,`"),
            ("a{,} 1\n", 1, 3, "found `,`"),
            ("a{l=\"x\",,m=\"y\"} 1\n", 1, 9, "found `,`"),
        ],
    );
}

#[test]
fn label_values_resolve_three_escapes_and_keep_raw_line_feeds() {
    assert_read(
        Format::Text,
        &[
            ("a{l=\"\\\\ \\\" \\n \\t \\x\"} 1\n", &["a{l=\"\\\\ \\\" \\n \\\\t \\\\x\"} 1.0"]),
            ("a{l=\"x\ny\"} 1\nb 2\n", &["a{l=\"x\\ny\"} 1.0", "b 2.0"]),
            ("a{l=\"é\"} 1\n", &["a{l=\"é\"} 1.0"]),
        ],
    );
    assert_refused(
        Format::Text,
        &[
            ("a{l='x'} 1\n", 1, 5, "expected a quoted label value, found `'`"),
            ("a{l=\"x} 1\n", 1, 5, "never closed"),
            ("a{l=\"x\\\ny\"} 1\n", 1, 8, "backslash"),
            ("a 1\nb{l=\"x\ny\"} z\n", 3, 5, "\"z\" is not a value"),
        ],
    );
}

#[test]
fn what_must_be_utf8_is_checked_wherever_else_the_body_is_not() {
    for body in [&b"a{l=\"\xff\"} 1\n"[..], b"# HELP a \xff\n", b"a{\xff=\"x\"} 1\n"] {
        let error = read(Format::Text, body).expect_err("no UTF-8");
        assert_eq!(error.kind, ErrorKind::Syntax, "{error}");
    }
    let read = read(Format::Text, b"# \xff\n# TYPE \"\xff\" gauge\na{l=\"\xc3\xa9\"} 1\n");
    let expected = ["COMMENT \"# \u{fffd}\"", "TYPE \u{fffd} Gauge", "a{l=\"é\"} 1.0"];
    assert_eq!(read.expect("comments and names of metadata may be anything"), expected);
}

#[test]
fn values_follow_go_without_hexadecimal_and_underscores() {
    assert_read(
        Format::Text,
        &[(
            "a +Inf\na -inf\na infinity\na NaN\na nan\na .5\na 5.\na 1E3\na 1e-400\na -0\na +1\na 0123\n",
            &[
                "a inf", "a -inf", "a inf", "a NaN", "a NaN", "a 0.5", "a 5.0", "a 1000.0", "a 0.0",
                "a -0.0", "a 1.0", "a 123.0",
            ],
        )],
    );
    for value in ["", "+NaN", "-NaN", "0x10", "0x1p3", "1_000", "1e400", "1,5", "e5", ".", "1e", "true"] {
        let error = read(Format::Text, format!("a {value}\n").as_bytes()).expect_err(value);
        assert_eq!((error.line, error.column), (1, 3), "{value}: {error}");
    }
}

#[test]
fn timestamps_are_digits_and_exemplars_are_refused() {
    assert_read(
        Format::Text,
        &[
            ("a 1 0\n", &["a 1.0 @0"]),
            ("a 1 9223372036854775807\n", &["a 1.0 @9223372036854775807"]),
            ("a 1 007\n", &["a 1.0 @7"]),
        ],
    );
    assert_refused(
        Format::Text,
        &[
            ("a 1 -1\n", 1, 5, "expected a timestamp in digits"),
            ("a 1 +1\n", 1, 5, "expected a timestamp in digits"),
            ("a 1 1.5\n", 1, 6, "expected the end of the line after the timestamp, found `.`"),
            ("a 1 1e3\n", 1, 6, "found `e`"),
            ("a 1 1 2\n", 1, 7, "found `2`"),
            ("a 1 9223372036854775808\n", 1, 5, "out of the range"),
            ("a 1 # {t=\"x\"} 1\n", 1, 5, "found `#`"),
            ("a 1{ 2\n", 1, 4, "found `{`"),
        ],
    );
}

#[test]
fn bounds_are_canonical_while_their_type_is_in_force_whatever_the_name() {
    assert_read(
        Format::Text,
        &[
            (
                "x{le=\"1\"} 1\n# TYPE h histogram\nx{le=\"1\",quantile=\"1\"} 1\n",
                &["x{le=\"1\"} 1.0", "TYPE h Histogram", "x{le=\"1.0\",quantile=\"1\"} 1.0"],
            ),
            (
                "# TYPE s summary\ns{quantile=\"0.990\",le=\"1\"} 1\n# HELP t x\nt{ quantile=\"1\"} 1\n",
                &[
                    "TYPE s Summary",
                    "s{quantile=\"0.99\",le=\"1\"} 1.0",
                    "HELP t \"x\"",
                    "t{quantile=\"1.0\"} 1.0",
                ],
            ),
            (
                "# TYPE h histogram\n# TYPE g gauge\nh_bucket{le=\"1\"} 1\n",
                &["TYPE h Histogram", "TYPE g Gauge", "h_bucket{le=\"1\"} 1.0"],
            ),
            (
                "# TYPE h histogram\nh{\"le\"=\"inf\"} 1\nh{le=\"x\"} 1\n",
                &["TYPE h Histogram", "h{le=\"+Inf\"} 1.0", "h{le=\"x\"} 1.0"],
            ),
        ],
    );
}

#[test]
fn duplicate_labels_and_bad_names_are_told_apart_from_syntax() {
    let many: String = (0..40).map(|index| format!("l{index}=\"x\",")).collect();
    let table = [
        ("a{l=\"x\",l=\"y\"} 1\n".to_owned(), ErrorKind::DuplicateLabel),
        ("a{l=\"x\",\"l\"=\"x\"} 1\n".to_owned(), ErrorKind::DuplicateLabel),
        ("a{__name__=\"b\"} 1\n".to_owned(), ErrorKind::DuplicateLabel),
        (format!("a{{{many}l7=\"x\"}} 1\n"), ErrorKind::DuplicateLabel),
        ("{\"\"} 1\n".to_owned(), ErrorKind::InvalidName),
        ("a{\"\"=\"x\"} 1\n".to_owned(), ErrorKind::InvalidName),
    ];
    for (body, kind) in table {
        let error = read(Format::Text, body.as_bytes()).expect_err(&body);
        assert_eq!(error.kind, kind, "{body}: {error}");
    }
    let error = read(Format::Text, b"{\"\xff\"} 1\n").expect_err("a name must be UTF-8");
    assert_eq!(error.kind, ErrorKind::InvalidName);
    let fine = read(Format::Text, format!("a{{{many}}} 1\n").as_bytes());
    assert_eq!(fine.map(|entries| entries.len()), Ok(1));
}
