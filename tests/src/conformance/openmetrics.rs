//! `openmetrics.jsonl`: the documents of the OpenMetrics project, and what Prometheus makes of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::exposition::entry::Format;
use serde_json::Value;

use super::{Verdict, entries};

/// The verdict on one case: Prometheus', not the specification's, is the one to agree with.
pub(super) fn run(case: &Value) -> Verdict {
    let expect = &case["expect"];
    let Ok(body) = STANDARD.decode(case["body_b64"].as_str().unwrap_or_default()) else {
        return Verdict::Fail { expected: "a body in base64".into(), got: case["body_b64"].to_string() };
    };
    let refused = expect["prometheus_main_accepts"] != true;
    let expected = expect["entries"].as_array().map_or(&[][..], Vec::as_slice);
    entries::verdict(Format::OpenMetrics, &body, refused, expected)
}
