//! The product without one rule of the assignment protocol, the one that `UNDER_TEST_WITHOUT` names: judges must see
//! what is lost. The product itself cannot be told so.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use coordinator::fleet;
use relay::contact::Timings;
use scrape_relay::args::{Cli, Command};
use scrape_relay::{commands, process};

/// Longer than any test.
const NEVER: Duration = Duration::from_secs(86_400);

/// What is left of the rules.
#[derive(Default)]
struct Rules {
    fleet: fleet::Guards,
    timings: Timings,
    relay: relay::guards::Guards,
}

impl Rules {
    fn without(name: &str) -> Self {
        let mut rules = Self::default();
        match name {
            // A relay without contact never takes itself for alone: it goes on serving cached copies.
            "alone" => {
                rules.timings =
                    Timings { alone_after_end: NEVER, alone_after_silence: NEVER, ..rules.timings }
            }
            "discard" => rules.relay.discard_drops = false,
            "bounds" => rules.fleet.load_bounded = false,
            "records" => rules.fleet.record_travels = false,
            other => panic!("no rule is called {other}"),
        }
        rules
    }
}

fn main() -> ExitCode {
    let rules = Rules::without(&std::env::var("UNDER_TEST_WITHOUT").expect("the test names a rule"));
    let cli = Cli::parse();
    let ended = match cli.command {
        Command::Coordinator(args) => {
            process::block_on(commands::coordinator::run_with(args, &cli.log, rules.fleet))
        }
        Command::Relay(args) => {
            process::block_on(commands::relay::run_with(args, &cli.log, rules.timings, rules.relay))
        }
        _ => panic!("only coordinators and relays are under test here"),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            writeln!(std::io::stderr(), "{failure}").expect("standard error is the test's");
            failure.code()
        }
    }
}
