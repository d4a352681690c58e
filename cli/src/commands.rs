//! What each command does, a file each.

pub mod check;
pub mod config;
pub mod coordinator;
pub mod demo;
pub mod discoveries;
pub mod drain;
pub mod explain;
pub mod relay;
pub mod relays;
pub mod ring;
pub mod standalone;
pub mod status;
pub mod targets;
pub mod watch;
