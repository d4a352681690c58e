//! Negative controls: without one of the protocol's rules the judge of the matching scenario complains.

use std::time::Duration;

use integration::chaos::judge::Judge;
use integration::chaos::outcome::Outcome;
use integration::fleet::Program;
use integration::link::Direction;

use crate::{coordinator_down, old_copy, planned, rolling_restart, way_blocked};

/// The product without that rule.
fn without(rule: &str) -> Program {
    Program::new(env!("CARGO_BIN_EXE_scrape-relay-unguarded")).with("UNDER_TEST_WITHOUT", rule)
}

fn caught(rule: &str, outcome: Option<Outcome>, judges: &[Judge]) {
    let Some(outcome) = outcome else { return };
    outcome.figure(&format!("complaints without {rule}"), format!("{judges:?}"), outcome.faults.len());
    outcome.is_caught_by(judges);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_of_the_protocol_a_judge_complains() {
    let moment = Duration::from_secs(20);
    let (alone, discard, bounds, clocks, records) =
        (without("alone"), without("discard"), without("bounds"), without("clocks"), without("records"));
    let outcomes = tokio::join!(
        way_blocked::blocks(&alone, Direction::ToServer, 1),
        old_copy::old_copies(&discard),
        planned::scales(&bounds, 3),
        coordinator_down::restarts(&clocks, 0, moment),
        rolling_restart::rolls(&records, &[10]),
    );
    caught("alone", outcomes.0, &[Judge::Reset]);
    caught("discard", outcomes.1, &[Judge::Reset]);
    caught("bounds", outcomes.2, &[Judge::Uneven]);
    caught("clocks", outcomes.3, &[Judge::Moved, Judge::Gap]);
    caught("records", outcomes.4, &[Judge::Vanished]);
}
