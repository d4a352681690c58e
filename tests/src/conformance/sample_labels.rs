//! The labels of a sample after its target's and metric relabelling.

use model::labels::Labels;
use model::names::ValidationScheme;
use model::sample_labels::{Labelling, final_labels};
use serde_json::Value;

use super::{Verdict, object, text_pairs, yaml_rules};

/// Runs a case of `sample_labels.jsonl`.
pub(super) fn run(case: &Value) -> Verdict {
    let (Some(expect), Some(honor_labels), Some(yaml)) =
        (case.get("expect"), case["honor_labels"].as_bool(), case["metric_relabel_configs_yaml"].as_str())
    else {
        return Verdict::malformed("honor_labels, metric_relabel_configs_yaml and expect");
    };
    let scheme = ValidationScheme::Utf8;
    let rules = match yaml_rules::rules(yaml, scheme) {
        Ok(rules) => rules,
        Err(error) => return Verdict::Fail { expected: expect.to_string(), got: error },
    };
    let target = Labels::from_pairs(text_pairs(&case["target_labels"]));
    let labelling = Labelling { target: &target, honor_labels, rules: &rules, scheme };
    match final_labels(text_pairs(&case["sample"]), &labelling) {
        Ok(labels) => Verdict::compare(expect, &object(labels.unwrap_or_default().iter())),
        Err(error) => Verdict::Fail { expected: expect.to_string(), got: error.to_string() },
    }
}
