//! Odd and broken text 0.0.4.

use super::Case;
use super::Verdict::{Down, Refused, Up};

/// The table.
pub(super) fn cases() -> Vec<Case> {
    [lines(), names_and_labels(), values(), metadata()].concat()
}

fn lines() -> Vec<Case> {
    vec![
        Case::text("empty body", Up, b""),
        Case::text("one line feed", Up, b"\n"),
        Case::text("blank lines and lines of blanks", Up, b"\n \n\t\na 1\n\n"),
        Case::text("no final line feed", Up, b"a 1\nb 2"),
        Case::text("CRLF after samples", Down, b"a 1\r\nb 2\r\n"),
        Case::text("CRLF after TYPE", Down, b"# TYPE a gauge\r\na 1\n"),
        Case::text("CR in HELP", Up, b"# HELP a text\r\n# TYPE a gauge\na 1\n"),
        Case::text("CR alone", Down, b"a 1\rb 2\n"),
        Case::text("BOM", Down, b"\xef\xbb\xbfa 1\n"),
        Case::text("NUL at the start", Up, b"\0a 1\n"),
        Case::text("NUL at the start of a line", Up, b"a 1\n\0b 2\nthis } is { never read\n"),
        Case::text("NUL inside a label value", Up, b"a{x=\"1\x002\"} 1\n"),
        Case::text("NUL inside a value", Down, b"a 1\x002\n"),
        Case::text("leading blanks", Up, b"  a 1\n\tb 2\n"),
        Case::text("trailing blanks", Up, b"a 1  \nb 2\t\n"),
        Case::text("tabs between tokens", Up, b"a\t1\nb{x=\"y\"}\t2\t\n"),
        Case::text("blanks between all tokens", Up, b"a { x = \"y\" , z = \"w\" } 1\n"),
        Case::text("EOF as a comment", Up, b"a 1\n# EOF\nb 2\n"),
        Case::text("stray words", Down, b"a 1\nhello, world\n"),
        Case::text("HTML", Down, b"<!DOCTYPE html>\n<html><body>200 OK, please log in</body></html>\n"),
        Case::text("JSON", Down, b"{\"status\":\"ok\",\"metrics\":[]}\n"),
        Case::text("protobuf bytes", Down, b"\x1b\n\x01a\x12\x00\x18\x01\"\x0b\x12\t\t\0\0\0\0\0\0\xf0?"),
        Case::text("gzip bytes without a coding", Down, b"\x1f\x8b\x08\0\0\0\0\0\0\x03KT0\xe4\x02\0"),
        Case::text("an unterminated quote", Down, b"a{x=\"y} 1\nb 2\n"),
        Case::text("an unterminated brace", Down, b"a{x=\"y\" 1\n"),
        Case::text("a cut last line", Down, b"a 1\nb{x=\"y\"}"),
        Case::text("a name alone", Down, b"a\n"),
        Case::text("terminal escapes", Up, b"a{x=\"\x1b[2J\x1b[31mred\x07\"} 1\n"),
        Case::text("only comments", Up, b"# one\n#two\n#\n# HELP\n"),
    ]
}

fn names_and_labels() -> Vec<Case> {
    vec![
        Case::text("duplicate label name", Down, b"a{x=\"1\",x=\"2\"} 1\n"),
        Case::text("duplicate label name, one empty", Refused, b"a{x=\"\",x=\"2\"} 1\n"),
        Case::text("__name__ inside the braces", Down, b"a{__name__=\"b\"} 1\n"),
        Case::text("__name__ alone", Down, b"{__name__=\"b_by_label\"} 1\n"),
        Case::text("invalid UTF-8 in a label value", Down, b"a{x=\"\xff\xfe\"} 1\n"),
        Case::text("invalid UTF-8 in HELP", Down, b"# HELP a \xff\na 1\n"),
        Case::text("a bare name that is not ASCII", Down, "température 1\n".as_bytes()),
        Case::text("a quoted name", Up, b"{\"a.b\",x=\"y\"} 1\n"),
        Case::text("quoted label names", Up, b"a{\"x.y\"=\"1\",\"x_y\"=\"2\"} 1\nb{\"z z\"=\"3\"} 1\n"),
        Case::text("quoted names that collide when escaped", Up, b"{\"q.b\"} 1\n{\"q_b\"} 2\n{\"q-b\"} 3\n"),
        Case::text("a quoted name with quotes and line ends", Up, b"{\"a\\\"b\\nc\\\\d\"} 1\n"),
        Case::text(
            "a quoted name of a good family",
            Up,
            b"{\"http.requests.total\"} 1\n{\"request.seconds\"} 2\n",
        ),
        Case::text("an empty quoted name", Down, b"{\"\"} 1\n"),
        Case::text("no name at all", Down, b"{x=\"y\"} 1\n"),
        Case::text("a name that starts with a digit", Down, b"0a 1\n"),
        Case::text("a label that starts with a digit", Down, b"a{0x=\"y\"} 1\n"),
        Case::text("a label with a colon", Down, b"a{x:y=\"z\"} 1\n"),
        Case::text("a label without a value", Down, b"a{x} 1\n"),
        Case::text("a label value without quotes", Down, b"a{x=y} 1\n"),
        Case::text("an empty label value", Up, b"a{x=\"\",y=\"1\"} 1\n"),
        Case::text("empty braces", Up, b"a{} 1\n"),
        Case::text("a trailing comma", Up, b"a{x=\"y\",} 1\n"),
        Case::text("two commas", Down, b"a{x=\"y\",,z=\"w\"} 1\n"),
        Case::text("a leading comma", Down, b"a{,x=\"y\"} 1\n"),
        Case::text("no comma between labels", Up, b"a{x=\"y\"z=\"w\"} 1\n"),
        Case::text("unknown escapes", Up, b"a{x=\"\\d\\t\\u00e9\"} 1\n"),
        Case::text("a backslash before the closing quote", Down, b"a{x=\"\\\"} 1\n"),
        Case::text("a raw line feed in a label value", Up, b"a{x=\"one\ntwo\n# TYPE a counter\n\"} 1\n"),
        Case::text("reserved labels", Up, b"a{__address__=\"x\",__meta_y=\"z\",__tmp=\"1\"} 1\n"),
        Case::text("labels out of order, spelled twice", Up, b"a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\n"),
        Case::text("its own job and instance", Up, b"a{job=\"other\",instance=\"victim\"} 1\n"),
        Case::text(
            "exported labels already there",
            Up,
            b"a{job=\"x\",exported_job=\"y\",exported_exported_job=\"z\"} 1\n",
        ),
        Case::text("names of colons", Up, b": 1\n:: 2\na:b:c 3\n"),
        Case::text("le and quantile that are no bounds", Up, b"a{le=\"soon\",quantile=\"some\"} 1\n"),
    ]
}

fn values() -> Vec<Case> {
    vec![
        Case::text(
            "spellings of numbers",
            Up,
            b"a 1\nb .5\nc 5.\nd 1E3\ne +5\nf 0123\ng 1e-400\nh -0\ni Inf\nj infinity\nk -infinity\nl NaN\nm nan\nn Infinity\n",
        ),
        Case::text("a hexadecimal value", Down, b"a 0x1p-2\n"),
        Case::text("an underscore in a value", Down, b"a 1_000\n"),
        Case::text("a value out of range", Down, b"a 1e999\n"),
        Case::text("a signed NaN", Down, b"a -NaN\n"),
        Case::text("a decimal comma", Down, b"a 1,5\n"),
        Case::text("a missing value", Down, b"a \n"),
        Case::text("a word for a value", Down, b"a many\n"),
        Case::text("two values", Down, b"a 1 2 3\n"),
        Case::text("an old timestamp", Up, b"a 1 1000\n"),
        Case::text("the timestamp 0", Up, b"a 1 0\n"),
        Case::text("a timestamp far ahead", Up, b"a 1 32503680000000\n"),
        Case::text("the greatest timestamp", Up, b"a 1 9223372036854775807\n"),
        Case::text("a timestamp that overflows", Down, b"a 1 9223372036854775808\n"),
        Case::text("a negative timestamp", Down, b"a 1 -1\n"),
        Case::text("a timestamp with a fraction", Down, b"a 1 1605301325.5\n"),
        Case::text("old and no timestamps mixed", Up, b"a 1 1000\na 2\nb 3 2000\nb 4 1000\n"),
        Case::text("a good family with old timestamps", Up, b"# TYPE http_requests_total counter\nhttp_requests_total 1 1000\n"),
        Case::text("an exemplar", Down, b"a_total 1 # {x=\"y\"} 1\n"),
        Case::text("a duplicate series", Up, b"a 1\na 1\na 2\n"),
    ]
}

fn metadata() -> Vec<Case> {
    vec![
        Case::text("TYPE repeated", Up, b"# TYPE a gauge\n# TYPE a gauge\na 1\n"),
        Case::text("TYPE contradicted", Up, b"# TYPE a gauge\na 1\n# TYPE a counter\na{x=\"y\"} 2\n"),
        Case::text("TYPE after its samples", Up, b"a 1\n# TYPE a counter\n# HELP a late\n"),
        Case::text("interleaved families", Up, b"# TYPE a gauge\n# TYPE b gauge\na{x=\"1\"} 1\nb{x=\"1\"} 1\na{x=\"2\"} 1\nb{x=\"2\"} 1\n"),
        Case::text("metadata without samples", Up, b"# HELP nothing_here Nothing.\n# TYPE nothing_here histogram\n"),
        Case::text("HELP without text", Up, b"# HELP a\na 1\n"),
        Case::text("HELP with escapes", Up, b"# HELP a \\\\ and \\n and \\\" and \\q\na 1\n"),
        Case::text("HELP with NUL", Up, b"# HELP a one\0two\na 1\n"),
        Case::text("TYPE in upper case", Down, b"# TYPE a COUNTER\na 1\n"),
        Case::text("TYPE unknown", Down, b"# TYPE a unknown\na 1\n"),
        Case::text("TYPE info", Down, b"# TYPE a info\na_info 1\n"),
        Case::text("TYPE with a blank at its end", Down, b"# TYPE a gauge \na 1\n"),
        Case::text("TYPE without a type", Down, b"# TYPE a\na 1\n"),
        Case::text("UNIT as a comment", Up, b"# UNIT a_seconds seconds\na_seconds 1\n"),
        Case::text("TYPE of a quoted name", Up, b"# TYPE \"a.b\" counter\n{\"a.b\"} 1\n"),
        Case::text("type carried over to another family", Up, b"# TYPE h histogram\nh_bucket{le=\"1\"} 1\nother_bucket{le=\"1\"} 1\nother{le=\"100000000\"} 1\n"),
    ]
}
