//! Relabelling: rules applied to labels, and rules that are refused.

use model::labels::Labels;
use model::names::ValidationScheme;
use model::relabel::{self, Outcome, Rule};
use serde_json::{Value, json};

use super::{Verdict, object, text_pairs, yaml_rules};

fn rules(case: &Value) -> Option<Result<std::sync::Arc<[Rule]>, String>> {
    let scheme = ValidationScheme::parse(case.get("validation_scheme")?.as_str()?)?;
    Some(yaml_rules::rules(case.get("configs_yaml")?.as_str()?, scheme))
}

/// Runs a case of `relabel.jsonl`.
pub(super) fn run(case: &Value) -> Verdict {
    let (Some(rules), Some(expect)) = (rules(case), case.get("expect")) else {
        return Verdict::malformed("configs_yaml, validation_scheme and expect");
    };
    let expects_error = expect.get("config_error").is_some();
    let rules = match rules {
        Err(_) if expects_error => return Verdict::Pass,
        Err(error) => return Verdict::Fail { expected: expect.to_string(), got: error },
        Ok(rules) => rules,
    };
    let mut labels = Labels::from_pairs(text_pairs(&case["labels"])).to_builder();
    let got = match relabel::apply(&rules, &mut labels) {
        Outcome::Kept => json!({"keep": true, "labels": object(labels.iter())}),
        Outcome::Dropped { .. } => json!({"keep": false}),
    };
    Verdict::compare(expect, &got)
}

/// Runs a case of `relabel_validate.jsonl`.
pub(super) fn run_validate(case: &Value) -> Verdict {
    let (Some(rules), Some(expected)) = (rules(case), case["expect"]["valid"].as_bool()) else {
        return Verdict::malformed("configs_yaml, validation_scheme and expect.valid");
    };
    if rules.is_ok() == expected {
        return Verdict::Pass;
    }
    let got = rules.err().unwrap_or_else(|| "valid".to_owned());
    Verdict::Fail { expected: case["expect"].to_string(), got }
}
