//! The arguments of `scrape-relay ring`.

use clap::{Args, Subcommand};

use super::AskArgs;

/// `scrape-relay ring ...`
#[derive(Debug, Subcommand)]
pub enum RingCommand {
    /// Shows each relay's part of the ring and its load, and the targets that are too heavy to be balanced
    Show {
        /// Whom to ask.
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Says what would move if relays came or went; nothing is changed
    Simulate(SimulateArgs),
}

/// `scrape-relay ring simulate`
#[derive(Clone, Debug, Args)]
pub struct SimulateArgs {
    /// What is tried.
    #[command(flatten)]
    pub change: ChangeArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// What is tried: at least one of them.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = true)]
pub struct ChangeArgs {
    /// So many ordinary relays come
    #[arg(long, env = "SCRAPE_RELAY_SIMULATE_ADD", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub add: Option<u32>,
    /// These go; may be given several times
    #[arg(long, env = "SCRAPE_RELAY_SIMULATE_REMOVE", value_delimiter = ',', value_name = "NAME")]
    pub remove: Vec<String>,
}
