//! Measurements: what a page costs, in time, processor and memory.
//!
//! In: the product's program, built for release. Out: figures, printed and written as JSON. Nothing here judges a
//! figure.

pub mod targets_process;
