//! `scrape-relay config check FILE...`

use coordinator::config::{Diagnostics, MissingFiles, check};

use crate::args::{ConfigCommand, Output};
use crate::exit::{Failure, printable_json};

/// Runs it; gives what goes to standard output.
///
/// # Errors
/// The findings, where one of them is an error.
pub fn run(command: ConfigCommand) -> Result<String, Failure> {
    let ConfigCommand::Check { files, output } = command;
    let findings = check(&files, MissingFiles::Warn);
    let report = match output {
        Output::Table => findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        Output::Json => json(&findings)?,
    };
    let errors: usize = findings.iter().map(Diagnostics::errors).sum();
    if errors == 0 {
        return Ok(report);
    }
    crate::print(&report);
    let plural = if errors == 1 { "error" } else { "errors" };
    Err(Failure::failed(format!("{errors} {plural}")))
}

fn json(findings: &[Diagnostics]) -> Result<String, Failure> {
    serde_json::to_string_pretty(findings)
        .map(|json| printable_json(&json))
        .map_err(|error| Failure::failed(error.to_string()))
}
