//! Conformance: the project's answers beside Prometheus' own.
//!
//! In: cases, one JSON object a line, with an `id`, an input and what Prometheus made of it (`expect`). Out: a
//! verdict for each. Every function here calls what the product calls and decides nothing itself.

use std::path::Path;

use serde_json::Value;

mod accept_header;
mod config_load;
mod content_type;
mod entries;
mod exposition;
mod k8s_sd;
mod negotiate;
mod openmetrics;
mod relabel;
mod sample_labels;
mod targets;
mod yaml_rules;

/// What a case came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The answer is Prometheus'.
    Pass,
    /// It is not.
    Fail {
        /// Prometheus' answer.
        expected: String,
        /// The project's.
        got: String,
    },
    /// The input is refused on purpose.
    Refused {
        /// The parser's code for the reason.
        code: &'static str,
    },
    /// The form is not built yet.
    Skipped {
        /// What is missing.
        why: &'static str,
    },
}

impl Verdict {
    /// Passes where `got` is `expected`.
    pub fn compare(expected: &Value, got: &Value) -> Self {
        if expected == got {
            Self::Pass
        } else {
            Self::Fail { expected: expected.to_string(), got: got.to_string() }
        }
    }

    /// A case that is not of the form its file promises.
    fn malformed(what: &str) -> Self {
        Self::Fail { expected: format!("a case with {what}"), got: "none".to_owned() }
    }
}

/// Runs one case.
pub type Run = fn(&Value) -> Verdict;

/// The files that are known, each with what runs its cases.
pub const FILES: [(&str, Run); 10] = [
    ("accept_header.jsonl", accept_header::run),
    ("content_type.jsonl", content_type::run),
    ("exposition.jsonl", exposition::run),
    ("k8s_sd.jsonl", k8s_sd::run),
    ("negotiate.jsonl", negotiate::run),
    ("openmetrics.jsonl", openmetrics::run),
    ("relabel.jsonl", relabel::run),
    ("relabel_validate.jsonl", relabel::run_validate),
    ("sample_labels.jsonl", sample_labels::run),
    ("targets.jsonl", targets::run),
];

/// Runs one case that names files; the path is the directory they lie in.
pub type RunBeside = fn(&Value, &Path) -> Verdict;

/// The files whose cases name other files of their directory.
pub const FILES_BESIDE: [(&str, RunBeside); 1] = [("config_load.jsonl", config_load::run)];

/// The pairs of a JSON object whose values are text.
fn text_pairs(value: &Value) -> impl Iterator<Item = (&str, &str)> {
    let pairs = value.as_object().into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
}

/// Labels as a JSON object.
fn object<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
    labels.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}
