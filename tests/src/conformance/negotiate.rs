//! `negotiate.jsonl`: an `Accept` header and the formats on offer, and the content type that is served.

use model::names::EscapingScheme;
use relay::serve::negotiate::{choose, content_type};
use serde_json::Value;

use super::Verdict;

/// The verdict on one case.
pub(super) fn run(case: &Value) -> Verdict {
    let expected = case["expect"].as_str().unwrap_or_default().to_owned();
    let offers: Vec<&str> =
        case["server_formats"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(default) = case["default_escaping"].as_str().and_then(EscapingScheme::parse) else {
        return Verdict::Fail { expected, got: format!("escaping {}", case["default_escaping"]) };
    };
    let (offer, escaping) = choose(case["accept"].as_str().unwrap_or_default(), &offers, default);
    let got = content_type(offer, escaping);
    if got == expected { Verdict::Pass } else { Verdict::Fail { expected, got } }
}
