//! Faults on real processes, judged by what a real Prometheus stored.
//!
//! Each scenario gives an outcome: complaints of judges, and figures. Tests of the product ask for no complaint.
//! `--nocapture` prints the figures; with `SCRAPE_RELAY_LONG_TESTS=1` everything is done more often and for longer.

mod controls;
mod coordinator_down;
mod old_copy;
mod planned;
mod relay_frozen;
mod relay_killed;
mod rolling_restart;
mod way_blocked;

use std::collections::BTreeMap;

use integration::chaos::placement::{self, Placement};
use integration::fleet::Program;

/// The product.
fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_scrape-relay-under-test"))
}

/// Whether there is time for everything.
fn long() -> bool {
    std::env::var("SCRAPE_RELAY_LONG_TESTS").is_ok_and(|value| value == "1")
}

/// The relay with the most targets.
fn busiest(placement: &Placement) -> String {
    let counts: BTreeMap<&str, usize> = placement::counts(placement);
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(relay, _)| relay.to_owned()).unwrap_or_default()
}

/// The targets of a relay.
fn of(placement: &Placement, relay: &str) -> Vec<String> {
    let its = placement.iter().filter(|(_, owner)| *owner == relay);
    its.map(|(instance, _)| instance.clone()).collect()
}
