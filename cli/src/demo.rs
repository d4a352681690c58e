//! The demo: a whole fleet in one process, on free ports of loopback.

pub mod chaos;
pub mod exporters;
pub mod exposition;
pub mod files;
pub mod fleet;
pub mod pages;
pub mod show;
