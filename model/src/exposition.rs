//! Expositions: what a target answers, and how it is remembered.

pub mod entry;
