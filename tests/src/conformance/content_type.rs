//! `content_type.jsonl`: an answer's content type and the job's fallback, and the media type that is read.

use model::exposition::content_type::{MediaType, media_type};
use serde_json::Value;

use super::Verdict;

/// The verdict on one case.
pub(super) fn run(case: &Value) -> Verdict {
    let fallback = case["fallback_media_type"].as_str().unwrap_or_default();
    let fallback = fallback.split(';').next().and_then(|name| MediaType::from_name(name.trim()));
    let expected = case["expect"]["media_type"].as_str().unwrap_or_default();
    let got = match media_type(case["content_type"].as_str().unwrap_or_default(), fallback) {
        Ok(found) => found.as_str().to_owned(),
        Err(_) if expected.is_empty() => return Verdict::Pass,
        Err(error) => error.to_string(),
    };
    if got == expected { Verdict::Pass } else { Verdict::Fail { expected: expected.to_owned(), got } }
}
