//! Merging bodies of targets and reading the pages.

mod fixture;
mod places;
mod promtool;
mod random;
mod writing;
