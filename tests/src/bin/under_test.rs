//! The product's program under another name, built with the tests that start it.

/// The product's own: what a test measures of its memory holds for the product.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    scrape_relay::main()
}
