//! Merging bodies of targets and reading the pages.

mod disputes;
mod fixture;
mod names_claimed;
mod places;
mod plans;
mod pods;
mod promtool;
mod random;
mod types_at_odds;
mod writing;
