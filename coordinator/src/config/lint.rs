//! Warnings about a configuration that is right but will surprise.

use std::time::Duration;

use model::relabel::{Action, RuleSpec};

use super::code::Code;
use super::context::Context;
use super::fields::Written;
use super::global::DEFAULT_SCRAPE_TIMEOUT;
use super::position::Span;

/// Warns of a scrape timeout that is longer than Prometheus waits by default for the page the target is on.
pub(super) fn long_timeout(timeout: &Written<Duration>, cx: &mut Context<'_>) {
    if timeout.value <= DEFAULT_SCRAPE_TIMEOUT {
        return;
    }
    let shown = model::duration::format(timeout.value);
    let message = format!(
        "scrape_timeout ({shown}) is longer than the 10s that Prometheus waits for a page by default"
    );
    let help = "the page's time bounds it: raise scrape_timeout of the job that scrapes the relays, too";
    cx.report.add_help(Code::LongTimeout, timeout.span, message, help);
}

/// Warns of a metric rule that matches `le` or `quantile` against an integer: before metric relabelling their values
/// have become canonical floats (`1` is `1.0`), as Prometheus 3 stores them.
pub(super) fn integer_bound(spec: &RuleSpec, regex_span: Span, cx: &mut Context<'_>) {
    let compares = spec
        .action
        .as_deref()
        .and_then(Action::parse)
        .is_none_or(|action| !matches!(action, Action::LabelMap | Action::LabelDrop | Action::LabelKeep));
    let (Some(labels), Some(regex)) = (&spec.source_labels, spec.regex.as_deref()) else { return };
    let separator = spec.separator.as_deref().unwrap_or(RuleSpec::SEPARATOR);
    let parts: Vec<&str> = match labels.len() {
        1 => vec![regex],
        _ if separator.is_empty() => return,
        _ => regex.split(separator).collect(),
    };
    if !compares || parts.len() != labels.len() {
        return;
    }
    for (label, part) in labels.iter().zip(parts).filter(|(label, _)| matches!(&***label, "le" | "quantile"))
    {
        if let Some(number) = whole_alternative(part) {
            let message = format!("this rule compares `{label}` with {number}, a spelling that it never has");
            let help = format!("values of `{label}` are written as floats: {}", canonical(number));
            cx.report.add_help(Code::IntegerBound, regex_span, message, help);
        }
    }
}

/// The first alternative of `pattern` that is nothing but digits.
fn whole_alternative(pattern: &str) -> Option<&str> {
    let alternatives = pattern.split(['|', '(', ')', '^', '$']).map(|part| part.trim_start_matches("?:"));
    alternatives.into_iter().find(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A whole number as Go prints a float that must look like one: `5.0`, and `1e+06` from a million on.
fn canonical(number: &str) -> String {
    let digits = number.trim_start_matches('0');
    let mut digits = digits.chars();
    let (Some(first), rest) = (digits.next(), digits.as_str()) else { return "0.0".to_owned() };
    if rest.len() < 6 {
        return format!("{first}{rest}.0");
    }
    let fraction = rest.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{first}{point}{fraction}e+{:02}", rest.len())
}

#[cfg(test)]
mod tests {
    use super::{canonical, whole_alternative};

    #[test]
    fn whole_numbers_are_found_among_alternatives() {
        for (pattern, found) in [
            ("1", Some("1")),
            ("0\\.5|(?:10|25)", Some("10")),
            ("^5$", Some("5")),
            ("1.0", None),
            ("1.*", None),
            ("\\d+", None),
            (".*", None),
            ("", None),
        ] {
            assert_eq!(whole_alternative(pattern), found, "{pattern}");
        }
    }

    #[test]
    fn canonical_floats_are_gos() {
        for (number, float) in [
            ("1", "1.0"),
            ("0", "0.0"),
            ("100000", "100000.0"),
            ("1000000", "1e+06"),
            ("1500000", "1.5e+06"),
            ("10000000000", "1e+10"),
        ] {
            assert_eq!(canonical(number), float);
        }
    }
}
