//! Bodies that are large, and content types that do not say what the body is.

use std::fmt::Write as _;

use super::Case;
use super::Verdict::{Down, TooLarge, Up};
use crate::fake_target::{OPENMETRICS, TEXT};

/// The table.
pub(super) fn cases() -> Vec<Case> {
    [large(), content_types()].concat()
}

fn large() -> Vec<Case> {
    let long = "x".repeat(7 << 10);
    let longer = "x".repeat(64 << 10);
    let mut series = String::new();
    let mut labels = String::from("many_labels{");
    let mut families = String::new();
    for number in 0..2000 {
        writeln!(series, "many_series{{number=\"{number}\"}} {number}").expect("a String takes any text");
        writeln!(families, "# TYPE family_{number} gauge\nfamily_{number} 1")
            .expect("a String takes any text");
        if number < 40 {
            write!(labels, "l{number}=\"v\",").expect("a String takes any text");
        }
    }

    vec![
        made("a label value of 7 KiB", format!("long_label{{x=\"{long}\"}} 1\n")),
        Case {
            verdict: TooLarge,
            ..made("a label value of 64 KiB", format!("long_label{{x=\"{longer}\"}} 1\n"))
        },
        made("a name of 7 KiB", format!("{long} 1\n")),
        made("HELP of 64 KiB for a good family", format!("# HELP temperature {longer}\ntemperature 1\n")),
        made("40 labels", format!("{labels}}} 1\n")),
        Case { verdict: TooLarge, ..made("80 labels", format!("{labels}{}}} 1\n", labels_again())) },
        made("2,000 series", series),
        made("2,000 families", families),
        made("a value of 200 digits", format!("a 1{}\n", "0".repeat(200))),
        made("100,000 blanks", format!("a{} 1\n", " ".repeat(100_000))),
        made("quotes and backslashes", format!("a{{x=\"{}\"}} 1\n", "\\\\\\\"".repeat(500))),
    ]
}

fn labels_again() -> String {
    (40..80).map(|number| format!("l{number}=\"v\",")).collect()
}

fn made(name: &'static str, body: String) -> Case {
    Case { name, content_type: TEXT, body: body.into(), verdict: Up }
}

fn content_types() -> Vec<Case> {
    let case = |name, content_type, verdict, body: &'static [u8]| Case {
        name,
        content_type,
        body: body.into(),
        verdict,
    };
    vec![
        case("text under an unknown content type", "text/html", Down, b"a 1\n"),
        case("text under JSON", "application/json", Down, b"a 1\n"),
        case("text under a garbled content type", "text/;;;=plain", Down, b"a 1\n"),
        case("text under an empty content type", "", Down, b"a 1\n"),
        case("text under plain text", "text/plain", Up, b"a 1\n"),
        case("text under another version", "text/plain; version=0.0.9", Up, b"a 1\n"),
        case("text under OpenMetrics", OPENMETRICS, Down, b"# TYPE a gauge\na 1\n"),
        case("OpenMetrics under text", TEXT, Down, b"# TYPE a unknown\na 1 # {} 1\n# EOF\n"),
        case("OpenMetrics 0.0.1", "application/openmetrics-text; version=0.0.1", Up, b"a 1\n# EOF\n"),
        case("HTML under HTML", "text/html; charset=utf-8", Down, b"<html><head></head></html>\n"),
    ]
}
