//! The assignment protocol in a simulated world: seeds, the scenarios of its making, and what each rule is for.

#![allow(clippy::print_stderr, reason = "a seed that fails says what happened")]

mod rules;
mod scenarios;
mod seeds;
