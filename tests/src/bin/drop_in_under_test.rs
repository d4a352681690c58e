//! The product in the place of metrics-k8s-proxy, but with targets from a configuration instead of a cluster.
//!
//! The file that `UNDER_TEST_TARGETS` names has one job; its discoveries are taken, and nothing else of it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;
use coordinator::config::{self, MissingFiles};
use scrape_relay::args::{Cli, Command};
use scrape_relay::{drop_in, process};

/// The product's own: what a test measures of its memory holds for the product.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let file = PathBuf::from(std::env::var_os("UNDER_TEST_TARGETS").expect("the test names a file"));
    let loaded = config::load(&file, MissingFiles::Refuse).unwrap_or_else(|errors| panic!("{errors}"));
    let discoveries = loaded.config.jobs.into_iter().flat_map(|job| job.discoveries).collect();
    let cli = Cli::parse();
    let Command::Standalone(args) = cli.command else { panic!("only `standalone` is under test here") };
    match process::block_on(drop_in::run_over(args, &cli.log, discoveries)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            writeln!(std::io::stderr(), "{failure}").expect("standard error is the test's");
            failure.code()
        }
    }
}
