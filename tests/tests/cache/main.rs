//! The cache on real disks, under relays that are killed, damaged, starved: nothing wrong is ever served, and no page waits.

#![allow(
    clippy::print_stdout,
    reason = "tests say on standard output what they leave out and what they measure"
)]

mod after_page;
mod damage;
mod damaged;
mod disks;
mod frozen;
mod killed;
mod mounted;
mod refused;
mod setup;

use integration::fleet::Program;

/// The product.
fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_scrape-relay-under-test"))
}

/// Whether the full counts are asked for.
fn long() -> bool {
    std::env::var("SCRAPE_RELAY_LONG_TESTS").is_ok_and(|value| value == "1")
}

/// Time limits are part of what is tested: one at a time.
static ONE_AT_A_TIME: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(1);

/// Waits until no other test of this file runs; others wait until the permit is dropped.
async fn alone() -> tokio::sync::SemaphorePermit<'static> {
    ONE_AT_A_TIME.acquire().await.expect("nobody closes it")
}
