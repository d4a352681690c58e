//! The words of scrape-relay and the rules that need nothing but values.
//!
//! No I/O, no clock, no tasks, no environment: whatever is here can be tested, fuzzed and measured without a
//! runtime.

pub mod duration;
pub mod exposition;
pub mod http_client;
pub mod job;
pub mod labels;
pub mod local_address;
pub mod names;
pub mod relabel;
pub mod sample_labels;
pub mod secret;
pub mod settings;
pub mod size;
pub mod slice;
pub mod status;
pub mod target;
pub mod target_group;
