//! What a scenario has found: complaints, and figures for people.

use std::fmt::Display;
use std::time::Duration;

use crate::chaos::judge::{Fault, Judge};

/// The result of one scenario.
#[derive(Debug)]
pub struct Outcome {
    scenario: String,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
}

impl Outcome {
    /// Nothing found yet.
    #[must_use]
    pub fn new(scenario: &str) -> Self {
        Self { scenario: scenario.to_owned(), faults: Vec::new() }
    }

    /// Prints a figure: what was measured, and what was asked.
    pub fn figure(&self, what: &str, asked: impl Display, measured: impl Display) {
        println!("MEASURED | {} | {what} | {asked} | {measured}", self.scenario);
    }

    /// Adds complaints.
    pub fn add(&mut self, faults: impl IntoIterator<Item = Fault>) {
        for fault in faults {
            println!("FAULT | {} | {fault}", self.scenario);
            self.faults.push(fault);
        }
    }

    /// Adds a complaint unless `is_right`.
    pub fn expect(&mut self, is_right: bool, judge: Judge, what: impl FnOnce() -> String) {
        if !is_right {
            self.add([Fault::new(judge, what())]);
        }
    }

    /// Prints how long something took, and complains where it took longer than `limit` or never happened.
    pub fn late(&mut self, what: &str, limit: Duration, took: Result<Duration, String>) {
        match took {
            Ok(took) => {
                self.figure(what, format!("{limit:?}"), format!("{took:.1?}"));
                self.expect(took <= limit, Judge::Late, || format!("{what} only after {took:.1?}"));
            }
            Err(missing) => self.expect(false, Judge::Late, || format!("{what}: {missing}")),
        }
    }

    /// For a scenario of the product.
    ///
    /// # Panics
    /// Where anything is wrong.
    pub fn is_clean(&self) {
        let first: Vec<String> = self.faults.iter().take(20).map(Fault::to_string).collect();
        assert!(first.is_empty(), "{}: {} faults\n{}", self.scenario, self.faults.len(), first.join("\n"));
    }

    /// For a negative control: the product without one of its guards.
    ///
    /// # Panics
    /// Where none of `judges` has seen it.
    pub fn is_caught_by(&self, judges: &[Judge]) {
        let caught = self.faults.iter().any(|fault| judges.contains(&fault.judge));
        assert!(caught, "{}: none of {judges:?} complains: {:?}", self.scenario, self.faults);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_judge_catches() {
        let mut outcome = Outcome::new("test");
        outcome.is_clean();
        outcome.expect(true, Judge::Gap, || "not asked".to_owned());
        outcome.expect(false, Judge::Reset, || "a counter fell".to_owned());
        outcome.is_caught_by(&[Judge::Gap, Judge::Reset]);
        assert!(std::panic::catch_unwind(|| outcome.is_caught_by(&[Judge::Gap])).is_err());
        assert!(std::panic::catch_unwind(|| outcome.is_clean()).is_err());
    }
}
