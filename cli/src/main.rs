//! The `scrape-relay` program: see `scrape-relay --help`.

use std::process::ExitCode;

/// Body buffers come and go with every scrape; jemalloc gives their memory back sooner than glibc.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    scrape_relay::main()
}
