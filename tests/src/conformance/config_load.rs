//! Whole configuration files: taken or refused.

use std::path::Path;

use coordinator::config::{self, MissingFiles};
use serde_json::Value;

use super::Verdict;

/// Runs a case of `config_load.jsonl`; `dir` is where its `file` starts.
pub(super) fn run(case: &Value, dir: &Path) -> Verdict {
    let (Some(file), Some(valid)) = (case["file"].as_str(), case["expect"]["valid"].as_bool()) else {
        return Verdict::malformed("file and expect.valid");
    };
    let path = dir.join(file);
    if !path.is_file() {
        return Verdict::malformed("a file that exists");
    }
    match (config::load(&path, MissingFiles::Warn), valid) {
        (Ok(_), true) | (Err(_), false) => Verdict::Pass,
        (Ok(_), false) => {
            Verdict::Fail { expected: case["expect"]["error"].to_string(), got: "valid".to_owned() }
        }
        (Err(diagnostics), true) => match diagnostics.only_left_out() {
            Some(refusal) => Verdict::Skipped { why: refusal.code.as_str() },
            None => Verdict::Fail { expected: "valid".to_owned(), got: diagnostics.to_string() },
        },
    }
}
