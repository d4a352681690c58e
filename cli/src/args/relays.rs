//! The arguments of `scrape-relay relays`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{AskArgs, Output, duration};

/// `scrape-relay relays ...`
#[derive(Debug, Subcommand)]
pub enum RelaysCommand {
    /// Lists relays with state and load
    List {
        /// Whom to ask.
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Shows all there is to know of one relay
    Get {
        /// Its name
        name: String,
        /// Whom to ask.
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Has relays lose their targets to the others, and waits until they own and expose nothing
    Drain(DrainArgs),
    /// Lets relays have targets again
    Undrain {
        /// Their names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Whom to ask.
        #[command(flatten)]
        ask: AskArgs,
    },
}

/// `scrape-relay relays drain`
#[derive(Clone, Debug, Args)]
pub struct DrainArgs {
    /// Their names
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// Do not wait: the relays lose their targets all the same
    #[arg(long, env = "SCRAPE_RELAY_NO_WAIT", value_parser = clap::builder::BoolishValueParser::new())]
    pub no_wait: bool,
    /// How long to wait; relays that are not done by then go on losing their targets
    #[arg(
        long,
        env = "SCRAPE_RELAY_DRAIN_WAIT",
        default_value = "10m",
        value_name = "DURATION",
        value_parser = duration
    )]
    pub timeout: Duration,
    /// The coordinator's gRPC address
    #[arg(long, env = "SCRAPE_RELAY_SERVER", default_value = "127.0.0.1:15092", value_name = "ADDR")]
    pub server: String,
    /// How to print
    #[arg(short, long, env = "SCRAPE_RELAY_OUTPUT", default_value = "table", value_name = "FORMAT")]
    pub output: Output,
}
