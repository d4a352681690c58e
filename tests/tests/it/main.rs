//! Whole-system tests: the product as processes, real Prometheus servers beside it.

mod compare;
mod discovery_down;
mod drop_in;
mod end_to_end;
mod hangup;
mod hostile;
mod ipv6;
mod kubernetes;
mod load;
mod playground;

use integration::fleet::Program;

/// The product.
fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_scrape-relay-under-test"))
}

/// The fleets here are large for a small machine, and time limits are part of what is tested: one at a time.
static ONE_AT_A_TIME: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(1);

/// Waits until no other test of this file runs; others wait until the permit is dropped.
async fn alone() -> tokio::sync::SemaphorePermit<'static> {
    ONE_AT_A_TIME.acquire().await.expect("nobody closes it")
}
