//! The product's program under another name, built with the tests that start it.

fn main() -> std::process::ExitCode {
    scrape_relay::main()
}
