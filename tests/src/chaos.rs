//! Faults on a fleet of real processes, and judges that read back what a real Prometheus stored meanwhile.
//!
//! Targets write into their samples who they are and how long they live ([`targets`]); what is done to them is written
//! down ([`journal`]). Afterwards the judges compare ([`judge`]). [`bed`] has all the processes.

pub mod bed;
pub mod casualties;
pub mod footprint;
pub mod journal;
pub mod judge;
pub mod outcome;
pub mod pages;
pub mod placement;
pub mod samples;
mod settled;
pub mod targets;
pub mod verdict;
