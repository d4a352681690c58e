//! The arguments of `scrape-relay targets`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::{AskArgs, duration};

/// `scrape-relay targets ...`
#[derive(Debug, Subcommand)]
pub enum TargetsCommand {
    /// Lists targets with state, owner and last error
    List {
        /// Which page.
        #[command(flatten)]
        page: PageArgs,
        /// Whom to ask.
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Shows all there is to know of one target
    Get {
        /// Its id, or the first digits of it
        id: String,
        /// Whom to ask.
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Lists targets, then each change of state, relay or error as it happens, until it is interrupted
    Watch(WatchArgs),
    /// Lists what was discovered and is no target, with the rule that dropped it
    Dropped {
        /// Which page.
        #[command(flatten)]
        page: PageArgs,
        /// Whom to ask.
        #[command(flatten)]
        ask: AskArgs,
    },
}

/// A page of a long list.
#[derive(Clone, Debug, Args)]
pub struct PageArgs {
    /// Only what passes, such as `state = down AND job = "pods"`
    #[arg(long, env = "SCRAPE_RELAY_FILTER", default_value = "", value_name = "FILTER")]
    pub filter: String,
    /// Rows of one page, at most 1000
    #[arg(long, env = "SCRAPE_RELAY_PAGE_SIZE", default_value_t = 100, value_name = "N")]
    pub page_size: i32,
    /// Where the page before ended
    #[arg(long, env = "SCRAPE_RELAY_PAGE_TOKEN", default_value = "", value_name = "TOKEN")]
    pub page_token: String,
}

/// `scrape-relay targets watch`
#[derive(Clone, Debug, Args)]
pub struct WatchArgs {
    /// Only what passes, such as `state = down AND job = "pods"`
    #[arg(long, env = "SCRAPE_RELAY_FILTER", default_value = "", value_name = "FILTER")]
    pub filter: String,
    /// The coordinator's gRPC address
    #[arg(long, env = "SCRAPE_RELAY_SERVER", default_value = "127.0.0.1:15092", value_name = "ADDR")]
    pub server: String,
    /// How to print
    #[arg(short, long, env = "SCRAPE_RELAY_OUTPUT", default_value = "table", value_name = "FORMAT")]
    pub output: StreamOutput,
    /// How long to wait for the first connection
    #[arg(long, env = "SCRAPE_RELAY_TIMEOUT", default_value = "10s", value_name = "DURATION", value_parser = duration)]
    pub timeout: Duration,
}

/// How a command prints what goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StreamOutput {
    /// For people.
    Table,
    /// One JSON object a line, the API's message in proto3 JSON names.
    #[value(alias = "json")]
    Jsonl,
}
