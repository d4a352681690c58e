//! What `deploy/` ships: that manifests have only fields that exist, that they refer to each other rightly, that what they
//! pass to the program is taken by it, that they keep the promises of their comments, and that a real API server takes
//! them and gives their accounts what the program needs.

mod api_server;
mod arguments;
mod files;
mod image;
mod manifests;
mod prometheus;
mod references;
mod restricted;
mod running;
mod schema;
mod systemd;

/// API servers are large for a small machine: one at a time.
static ONE_AT_A_TIME: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(1);

/// Waits until no other test of this file has an API server; others wait until the permit is dropped.
async fn alone() -> tokio::sync::SemaphorePermit<'static> {
    ONE_AT_A_TIME.acquire().await.expect("nobody closes it")
}
