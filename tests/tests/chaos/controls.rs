//! Negative controls: without one of the protocol's rules the judge of the matching scenario complains.

use integration::chaos::judge::Judge;
use integration::chaos::outcome::Outcome;
use integration::fleet::Program;
use integration::link::Direction;

use crate::{old_copy, planned, rolling_restart, way_blocked};

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
    let [alone, discard, bounds, records] = ["alone", "discard", "bounds", "records"].map(without);
    let outcomes = tokio::join!(
        // Prometheus asks the relay all the time. Whether a counter falls in one round is chance.
        way_blocked::blocks(&alone, Direction::ToServer, (2, 120)),
        old_copy::old_copies(&discard),
        planned::scales(&bounds, 3),
        rolling_restart::rolls(&records, &[10]),
    );
    caught("alone", outcomes.0, &[Judge::Reset]);
    caught("discard", outcomes.1, &[Judge::Reset]);
    caught("bounds", outcomes.2, &[Judge::Uneven]);
    caught("records", outcomes.3, &[Judge::Vanished]);
}
