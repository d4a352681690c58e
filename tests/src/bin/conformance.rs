//! Runs the conformance cases of a directory: `conformance DIR`.
//!
//! Prints one line per known file that lies in DIR and every case that fails with both answers. Exits with 1 where a
//! case failed, with 2 where the directory cannot be read.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use integration::conformance::{FILES, FILES_BESIDE, Verdict};
use serde_json::Value;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(directory), None) = (arguments.next(), arguments.next()) else {
        return stop("usage: conformance DIR: DIR holds the *.jsonl files to run");
    };
    let directory = PathBuf::from(directory);
    if !directory.is_dir() {
        return stop(&format!("{}: not a directory", directory.display()));
    }
    let mut failed = false;
    let beside =
        FILES_BESIDE.iter().map(|(name, run)| report(&directory, name, |case| run(case, &directory)));
    for answer in FILES.iter().map(|(name, run)| report(&directory, name, run)).chain(beside) {
        match answer {
            Ok(Some((text, failures))) => {
                failed |= failures > 0;
                if write!(std::io::stdout(), "{text}").is_err() {
                    return ExitCode::from(2);
                }
            }
            Ok(None) => {}
            Err(error) => return stop(&error),
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn stop(message: &str) -> ExitCode {
    // Nobody is left to tell where stderr is closed.
    drop(writeln!(std::io::stderr(), "{message}"));
    ExitCode::from(2)
}

/// The text about one file and how many of its cases failed; `None` where there is no such file.
fn report(
    directory: &Path,
    name: &str,
    run: impl Fn(&Value) -> Verdict,
) -> Result<Option<(String, usize)>, String> {
    let path = directory.join(name);
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", path.display())),
        Ok(text) => text,
    };
    let mut details = String::new();
    let mut counts = Counts::default();
    for (line, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let case: Value = serde_json::from_str(text)
            .map_err(|error| format!("{}:{}: not JSON: {error}", path.display(), line + 1))?;
        counts.add(&case, run(&case), &mut details);
    }
    let Counts { passed, failed, refused, skipped } = counts;
    let refused_text = if refused > 0 { format!(", {refused} refused on purpose") } else { String::new() };
    let of = passed + failed + refused;
    Ok(Some((format!("{name} passed {passed} of {of}, {skipped} skipped{refused_text}\n{details}"), failed)))
}

#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    refused: usize,
    skipped: usize,
}

impl Counts {
    fn add(&mut self, case: &Value, verdict: Verdict, details: &mut String) {
        let id = case.get("id").and_then(Value::as_str).unwrap_or("(no id)");
        let line = match verdict {
            Verdict::Pass => {
                self.passed += 1;
                return;
            }
            Verdict::Skipped { .. } => {
                self.skipped += 1;
                return;
            }
            Verdict::Refused { code } => {
                self.refused += 1;
                format!("  {id}: refused on purpose: {code}")
            }
            Verdict::Fail { expected, got } => {
                self.failed += 1;
                format!("  {id}: FAILED\n    expected {expected}\n    got      {got}")
            }
        };
        writeln!(details, "{line}").expect("writing to a string cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(case: &Value) -> Verdict {
        match case["verdict"].as_str() {
            Some("pass") => Verdict::Pass,
            Some("skip") => Verdict::Skipped { why: "not built" },
            Some("refuse") => Verdict::Refused { code: "too_old" },
            _ => Verdict::Fail { expected: "1".to_owned(), got: "2".to_owned() },
        }
    }

    #[test]
    fn a_file_is_summed_up_and_its_failures_are_shown() {
        let directory = tempfile::tempdir().expect("a directory");
        let cases = ["pass", "fail", "skip", "refuse"]
            .map(|verdict| format!(r#"{{"id":"{verdict}-1","verdict":"{verdict}"}}"#));
        std::fs::write(directory.path().join("x.jsonl"), cases.join("\n")).expect("written");
        let (text, failures) = report(directory.path(), "x.jsonl", run).expect("readable").expect("there");
        assert_eq!(failures, 1);
        assert_eq!(
            text,
            "x.jsonl passed 1 of 3, 1 skipped, 1 refused on purpose\n  fail-1: FAILED\n    expected 1\n    \
             got      2\n  refuse-1: refused on purpose: too_old\n"
        );
    }

    #[test]
    fn an_absent_file_is_left_out_and_a_broken_one_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(report(directory.path(), "x.jsonl", run), Ok(None));
        std::fs::write(directory.path().join("x.jsonl"), "{").expect("written");
        assert!(report(directory.path(), "x.jsonl", run).is_err_and(|error| error.contains("x.jsonl:1")));
    }
}
