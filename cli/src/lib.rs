//! The command line of scrape-relay: arguments, wiring, the operator's commands and the demo.
//!
//! Nothing here decides what is scraped or served; it starts `coordinator` and `relay`, and asks them.

pub mod args;
pub mod ask;
pub mod check;
pub mod commands;
pub mod demo;
pub mod drop_in;
pub mod exit;
pub mod json;
pub mod process;
pub mod table;
pub mod warm_up;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use args::{Cli, Command};
use exit::{Failure, printable};

/// Parses the command line, runs the command, and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let given: Vec<_> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(drop_in::called::arguments(&given).unwrap_or(given)) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match process::block_on(run(cli)) {
        Ok(output) => print(&output),
        Err(failure) => complain(&failure),
    }
}

/// Help and version as clap prints them; whatever is wrong on one line.
fn usage(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => print(error.to_string().trim_end()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Nothing is left to do where even standard error is closed.
            write!(std::io::stderr(), "{error}").ok();
            ExitCode::from(2)
        }
        _ => complain(&Failure::usage(one_sentence(&error.to_string()))),
    }
}

/// clap's message without its tips on usage, its lines joined.
fn one_sentence(message: &str) -> String {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let told = message.split("\n\nUsage:").next().unwrap_or_default();
    let told = told.split("\n\nFor more information").next().unwrap_or_default();
    let lines = told.lines().map(str::trim).filter(|line| !line.is_empty());
    format!("{} (see --help)", lines.collect::<Vec<_>>().join(" "))
}

async fn run(cli: Cli) -> Result<String, Failure> {
    if matches!(cli.command, Command::Coordinator(_) | Command::Standalone(_)) {
        process::survive_hangup()?;
    }
    match cli.command {
        Command::Coordinator(args) => {
            commands::coordinator::run(args, &cli.log).await.map(|()| String::new())
        }
        Command::Relay(args) => commands::relay::run(args, &cli.log).await.map(|()| String::new()),
        Command::Standalone(args) => {
            Box::pin(commands::standalone::run(args, &cli.log)).await.map(|()| String::new())
        }
        Command::Demo(args) => Box::pin(commands::demo::run(args, &cli.log)).await.map(|()| String::new()),
        Command::Targets(command) => commands::targets::run(command).await,
        Command::Relays(command) => commands::relays::run(command).await,
        Command::Ring(command) => commands::ring::run(command).await,
        Command::Discoveries(command) => commands::discoveries::run(command).await,
        Command::Explain(args) => commands::explain::run(args).await,
        Command::Status(args) => commands::status::run(args).await,
        Command::Check(args) => commands::check::run(args).await,
        Command::Config(command) => commands::config::run(command),
    }
}

fn print(output: &str) -> ExitCode {
    if output.is_empty() {
        return ExitCode::SUCCESS;
    }
    match writeln!(std::io::stdout(), "{}", printable(output)) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader has gone, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => complain(&Failure::failed(format!("writing to standard output: {error}"))),
    }
}

fn complain(failure: &Failure) -> ExitCode {
    let message = failure.to_string();
    if !message.is_empty() {
        // Nothing is left to do where even standard error is closed.
        writeln!(std::io::stderr(), "scrape-relay: {message}").ok();
    }
    failure.code()
}
