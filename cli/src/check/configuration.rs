//! Whether a configuration file is valid.

use coordinator::config::{Config, Diagnostics, Loaded};

use super::{Line, Verdict};

const SECTION: &str = "configuration";

/// The file called `name`: one line, and the configuration where there is one.
#[must_use]
pub fn judge(name: &str, loaded: Result<Loaded, Diagnostics>) -> (Line, Option<Config>) {
    let line = |message| Line::ok(SECTION, "config_valid", message);
    let remedy = format!("`scrape-relay config check {name}` shows where");
    match loaded {
        Ok(Loaded { config, warnings }) if warnings.warnings() > 0 => {
            let message = format!(
                "{name} is valid, with {}: {}",
                count(warnings.warnings(), "warning"),
                first(&warnings)
            );
            (line(message).not_ok(Verdict::Warning, remedy), Some(config))
        }
        Ok(Loaded { config, .. }) => {
            (line(format!("{name} is valid: {}", count(config.jobs.len(), "job"))), Some(config))
        }
        Err(errors) => {
            let message = format!("{name} has {}: {}", count(errors.errors(), "error"), first(&errors));
            (line(message).not_ok(Verdict::Failure, remedy), None)
        }
    }
}

fn count(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// The first thing that is wrong; an error where there is one.
fn first(diagnostics: &Diagnostics) -> String {
    let first = diagnostics.diagnostics.iter().min_by_key(|it| it.severity);
    first.map(|it| format!("{} in line {}, {}", it.code.as_str(), it.line, it.message)).unwrap_or_default()
}
