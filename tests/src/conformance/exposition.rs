//! `exposition.jsonl`: a body with its content type, and the entries that Prometheus reads from it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::exposition::content_type::{MediaType, media_type};
use serde_json::Value;

use super::{Verdict, entries};

/// The verdict on one case.
pub(super) fn run(case: &Value) -> Verdict {
    let expect = &case["expect"];
    let parse_error = expect["parse_error"].as_str().is_some_and(|error| !error.is_empty());
    let refused = parse_error || expect["duplicate_label_name"] == true;
    let Ok(body) = STANDARD.decode(case["body_b64"].as_str().unwrap_or_default()) else {
        return Verdict::Fail { expected: "a body in base64".into(), got: case["body_b64"].to_string() };
    };
    match media_type(case["content_type"].as_str().unwrap_or_default(), None) {
        Err(_) if refused => Verdict::Pass,
        Err(error) => Verdict::Fail { expected: "a known content type".into(), got: error.to_string() },
        Ok(MediaType::Protobuf) => Verdict::Skipped { why: "protobuf" },
        Ok(known) => match known.format() {
            None => Verdict::Skipped { why: "protobuf" },
            Some(format) => {
                let expected = expect["entries"].as_array().map_or(&[][..], Vec::as_slice);
                entries::verdict(format, &body, refused, expected)
            }
        },
    }
}
