//! The words of scrape-relay and the rules that need nothing but values.
//!
//! No I/O, no clock, no tasks, no environment: whatever is here can be tested, fuzzed and measured without a
//! runtime.

pub mod exposition;
pub mod labels;
pub mod secret;
