//! Targets: a job and a target group made into labels and a URL.

use model::job::Job;
use model::target::{Resolved, resolve};
use model::target_group::TargetGroup;
use serde_json::{Value, json};

use super::{Verdict, object, text_pairs, yaml_rules};

/// Runs a case of `targets.jsonl`.
pub(super) fn run(case: &Value) -> Verdict {
    let Some(expect) = case.get("expect") else {
        return Verdict::malformed("expect");
    };
    let job = match (case.get("scrape_config_yaml"), case.get("config_yaml")) {
        (Some(Value::String(yaml)), _) => yaml_rules::printed_job(yaml),
        (_, Some(Value::String(yaml))) => yaml_rules::first_job(yaml),
        _ => return Verdict::malformed("scrape_config_yaml or config_yaml"),
    };
    match (job, expect.get("config_error")) {
        (Err(_), Some(_)) => Verdict::Pass,
        (Err(error), None) => Verdict::Fail { expected: expect.to_string(), got: error },
        (Ok(_), Some(_)) => {
            Verdict::Fail { expected: expect.to_string(), got: "a valid configuration".to_owned() }
        }
        (Ok(job), None) => target(&job, case, expect),
    }
}

fn target(job: &Job, case: &Value, expect: &Value) -> Verdict {
    let error = expect.get("error").and_then(Value::as_str).unwrap_or("");
    if error.starts_with("invalid label value") && case["target"].to_string().contains('\u{fffd}') {
        return Verdict::Skipped {
            why: "the target's invalid UTF-8 has become U+FFFD, which is valid, in JSON",
        };
    }
    let found: Vec<(&str, &str)> = text_pairs(&case["target"]).collect();
    let shared: Vec<(&str, &str)> = text_pairs(&case["group"]).collect();
    let group = TargetGroup::from_found("0", &shared, [found]);
    let Some(resolved) = resolve(job, &group).pop() else {
        return Verdict::Fail { expected: expect.to_string(), got: "no target".to_owned() };
    };
    let (mut got, failure) = answer(resolved);
    // The wording of an error is ours.
    let got_error = match (&failure, error) {
        (Some(_), expected) if !expected.is_empty() => expected.to_owned(),
        (Some(failure), _) => failure.clone(),
        (None, _) => String::new(),
    };
    got["error"] = Value::from(got_error);
    if let (Some(got), Some(expect)) = (got.as_object_mut(), expect.as_object()) {
        got.retain(|field, _| expect.contains_key(field));
    }
    Verdict::compare(expect, &got)
}

/// The fields of `expect` but the error, and the error.
fn answer(resolved: Resolved) -> (Value, Option<String>) {
    let without_target = |discovered: Value, dropped: bool| json!({"dropped": dropped, "discovered": discovered, "labels": {}, "public_labels": {}, "url": ""});
    match resolved {
        Resolved::Target { target, discovered, all_labels } => {
            let fields = json!({
                "dropped": false,
                "discovered": object(discovered.iter()),
                "labels": object(all_labels.iter()),
                "public_labels": object(target.labels.iter()),
                "url": target.url,
            });
            (fields, None)
        }
        Resolved::Dropped { discovered, .. } => (without_target(object(discovered.iter()), true), None),
        Resolved::Failed { discovered, error } => {
            (without_target(object(discovered.iter()), false), Some(error.to_string()))
        }
    }
}
