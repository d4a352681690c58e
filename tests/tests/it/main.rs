//! Whole-system tests: the product as processes, real Prometheus servers beside it.

mod compare;
mod end_to_end;

use integration::fleet::Program;

/// The product.
fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_scrape-relay-under-test"))
}
