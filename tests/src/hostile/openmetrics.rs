//! Odd and broken OpenMetrics 1.0.

use super::Case;
use super::Verdict::{Down, Up};

/// The table.
pub(super) fn cases() -> Vec<Case> {
    [broken(), odd(), timestamps(), exemplars()].concat()
}

fn broken() -> Vec<Case> {
    vec![
        Case::openmetrics("OM without EOF", Down, b"a 1\n"),
        Case::openmetrics("OM with data after EOF", Down, b"a 1\n# EOF\nb 2\n"),
        Case::openmetrics("OM with two EOF", Down, b"a 1\n# EOF\n# EOF\n"),
        Case::openmetrics("OM with a blank line", Down, b"a 1\n\nb 2\n# EOF\n"),
        Case::openmetrics("OM with a comment", Down, b"# a comment\na 1\n# EOF\n"),
        Case::openmetrics("OM with CRLF", Down, b"a 1\r\n# EOF\r\n"),
        Case::openmetrics("OM with two spaces", Down, b"a  1\n# EOF\n"),
        Case::openmetrics("OM with a tab", Down, b"a\t1\n# EOF\n"),
        Case::openmetrics("OM with a trailing space", Down, b"a 1 \n# EOF\n"),
        Case::openmetrics("OM with a leading space", Down, b" a 1\n# EOF\n"),
        Case::openmetrics("OM with a space before the brace", Down, b"a {x=\"y\"} 1\n# EOF\n"),
        Case::openmetrics("OM with TYPE untyped", Down, b"# TYPE a untyped\na 1\n# EOF\n"),
        Case::openmetrics("OM with TYPE in upper case", Down, b"# TYPE a Gauge\na 1\n# EOF\n"),
        Case::openmetrics("OM with a raw line feed in a value", Down, b"a{x=\"1\n2\"} 1\n# EOF\n"),
        Case::openmetrics("OM with invalid UTF-8", Down, b"a{x=\"\xff\"} 1\n# EOF\n"),
        Case::openmetrics(
            "OM with a unit that is no suffix",
            Down,
            b"# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n",
        ),
        Case::openmetrics("OM with a BOM", Down, b"\xef\xbb\xbfa 1\n# EOF\n"),
        Case::openmetrics("OM with hexadecimal", Down, b"a 0x10\n# EOF\n"),
        Case::openmetrics("OM with a duplicate label", Down, b"a{x=\"1\",x=\"2\"} 1\n# EOF\n"),
    ]
}

fn odd() -> Vec<Case> {
    vec![
        Case::openmetrics("OM empty but for EOF", Up, b"# EOF\n"),
        Case::openmetrics("OM without a last line feed", Up, b"a 1\n# EOF"),
        Case::openmetrics("OM with metadata repeated", Up, b"# TYPE a gauge\n# TYPE a counter\n# HELP a 1\n# HELP a 2\na 1\n# EOF\n"),
        Case::openmetrics("OM with interleaved families", Up, b"# TYPE a gauge\n# TYPE b gauge\na{x=\"1\"} 1\nb 1\na{x=\"2\"} 1\n# EOF\n"),
        Case::openmetrics("OM with TYPE after samples", Up, b"a 1\n# TYPE a gauge\n# EOF\n"),
        Case::openmetrics("OM counter without _total", Up, b"# TYPE a counter\na 1\n# EOF\n"),
        Case::openmetrics("OM TYPE on the _total name", Up, b"# TYPE a_total counter\na_total 1\n# EOF\n"),
        Case::openmetrics("OM negative and NaN counters", Up, b"# TYPE a counter\na_total{x=\"1\"} -1\na_total{x=\"2\"} NaN\n# EOF\n"),
        Case::openmetrics("OM info without its suffix", Up, b"# TYPE pod info\npod{name=\"x\"} 1\n# EOF\n"),
        Case::openmetrics("OM info of value 2", Up, b"# TYPE pod info\npod_info{name=\"x\"} 2\n# EOF\n"),
        Case::openmetrics("OM stateset without its label", Up, b"# TYPE s stateset\ns{other=\"a\"} 1\ns 1\n# EOF\n"),
        Case::openmetrics("OM stateset of value 7", Up, b"# TYPE s stateset\ns{s=\"a\"} 7\n# EOF\n"),
        Case::openmetrics("OM histogram without +Inf", Up, b"# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_sum 1\nh_count 1\n# EOF\n"),
        Case::openmetrics("OM histogram with falling buckets", Up, b"# TYPE h histogram\nh_bucket{le=\"2.0\"} 1\nh_bucket{le=\"1.0\"} 5\nh_bucket{le=\"+Inf\"} 3\nh_count 3\nh_sum 1\n# EOF\n"),
        Case::openmetrics("OM histogram with le 1", Up, b"# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_count 3\nh_sum 1\n# EOF\n"),
        Case::openmetrics("OM gaugehistogram with le 1", Up, b"# TYPE g gaugehistogram\ng_bucket{le=\"1\"} 1\ng_bucket{le=\"+Inf\"} 3\ng_gcount 3\ng_gsum 1\n# EOF\n"),
        Case::openmetrics("OM with a unit", Up, b"# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n# EOF\n"),
        Case::openmetrics("OM with two units for one family", Up, b"# TYPE work_seconds histogram\n# UNIT work_seconds seconds\nwork_seconds_bucket{le=\"+Inf\"} 1\nwork_seconds_count 1\nwork_seconds_sum 1\n# EOF\n"),
        Case::openmetrics("OM with empty HELP", Up, b"# HELP a \na 1\n# EOF\n"),
        Case::openmetrics("OM with a quoted name", Up, b"# TYPE \"a.b\" gauge\n{\"a.b\",x=\"y\"} 1\n# EOF\n"),
        Case::openmetrics("OM with a trailing comma", Up, b"a{x=\"y\",} 1\n# EOF\n"),
        Case::openmetrics("OM with NUL in HELP and labels", Up, b"# HELP a b\0c\na{x=\"y\0z\"} 1\n# EOF\n"),
        Case::openmetrics("OM name that is only _total", Up, b"# TYPE _total counter\n_total 1\n# EOF\n"),
        Case::openmetrics("OM name with _total twice", Up, b"# TYPE a_total counter\na_total_total 1\n# EOF\n"),
        Case::openmetrics("OM duplicate series", Up, b"# TYPE a gauge\na 1\na 2\n# EOF\n"),
    ]
}

fn timestamps() -> Vec<Case> {
    vec![
        Case::openmetrics("OM old timestamp", Up, b"a 1 1605301325.123\n# EOF\n"),
        Case::openmetrics("OM negative timestamp", Up, b"a 1 -5.5\n# EOF\n"),
        Case::openmetrics("OM timestamp far ahead", Up, b"a 1 32503680000\n# EOF\n"),
        Case::openmetrics("OM timestamp beyond int64", Up, b"a 1 1e300\n# EOF\n"),
        Case::openmetrics("OM timestamp below int64", Up, b"a 1 -1e300\n# EOF\n"),
        Case::openmetrics("OM timestamp NaN", Down, b"a 1 NaN\n# EOF\n"),
        Case::openmetrics("OM timestamp Inf", Down, b"a 1 Inf\n# EOF\n"),
        Case::openmetrics("OM timestamps mixed", Up, b"a 1\na 2 1605301325\na 3 5\na 4\n# EOF\n"),
        Case::openmetrics(
            "OM good family with old timestamps",
            Up,
            b"# TYPE jobs counter\njobs_total 1 1605301325\njobs_created 1605301325.0\n# EOF\n",
        ),
    ]
}

fn exemplars() -> Vec<Case> {
    vec![
        Case::openmetrics("OM exemplar on a counter", Up, b"# TYPE a counter\na_total 1 # {t=\"x\"} 1 1605301325.5\n# EOF\n"),
        Case::openmetrics("OM exemplar on a gauge", Up, b"# TYPE a gauge\na 1 # {t=\"x\"} 1\n# EOF\n"),
        Case::openmetrics("OM exemplar on an unknown _total", Up, b"a_total 1 # {t=\"x\"} 1\n# EOF\n"),
        Case::openmetrics("OM exemplar on a stolen name", Up, b"# TYPE level counter\nlevel_total 1 # {t=\"x\"} 1\n# EOF\n"),
        Case::openmetrics("OM exemplar without labels", Up, b"# TYPE a counter\na_total 1 # {} 0.5\n# EOF\n"),
        Case::openmetrics("OM exemplar of 200 characters", Up, b"# TYPE a counter\na_total 1 # {t=\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\"} 1\n# EOF\n"),
        Case::openmetrics("OM exemplar with escapes", Up, b"# TYPE a counter\na_total 1 # {t=\"a\\\"b\\\\c\\nd\"} 1\n# EOF\n"),
        Case::openmetrics("OM exemplar without a value", Down, b"# TYPE a counter\na_total 1 # {t=\"x\"}\n# EOF\n"),
        Case::openmetrics("OM exemplar without a space", Down, b"# TYPE a counter\na_total 1 #{t=\"x\"} 1\n# EOF\n"),
        Case::openmetrics("OM two exemplars", Down, b"# TYPE a counter\na_total 1 # {t=\"x\"} 1 # {t=\"y\"} 1\n# EOF\n"),
        Case::openmetrics("OM exemplar with an infinite time", Up, b"# TYPE a counter\na_total 1 # {t=\"x\"} 1 1e300\n# EOF\n"),
        Case::openmetrics("OM exemplar with a quoted label", Up, b"# TYPE a counter\na_total 1 # {\"t.u\"=\"x\"} 1\n# EOF\n"),
    ]
}
