//! Fakes, real servers as processes, the conformance driver, and what whole-system tests share.

#![allow(
    clippy::print_stdout,
    reason = "tests say on standard output what they leave out and why they failed"
)]

pub mod bodies;
pub mod chaos;
pub mod conformance;
pub mod counters;
pub mod drop_in;
pub mod exposed;
pub mod fake_target;
pub mod fleet;
pub mod hostile;
pub mod http_client;
pub mod kubernetes;
pub mod link;
pub mod load;
pub mod process;
pub mod process_cost;
pub mod prometheus;
pub mod raw_target;
pub mod seeded;
pub mod simulation;
pub mod wait;
