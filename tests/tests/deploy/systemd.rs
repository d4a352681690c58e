//! The unit: its variables are the program's, systemd takes it, and it gives the relay few rights.

use std::collections::BTreeSet;
use std::process::Command;

use clap::CommandFactory as _;
use scrape_relay::args::Cli;

use crate::files;

const UNIT: &str = "deploy/systemd/scrape-relay-relay.service";
const ENVIRONMENT: &str = "deploy/systemd/relay.env";

/// Systemd's own scale: 0 is nothing, 10 is everything. Serving and scraping take the network and outgoing connections.
const EXPOSURE: f64 = 2.0;

#[test]
fn the_variables_are_those_of_the_relay() {
    let cli = Cli::command();
    let relay = cli.find_subcommand("relay").expect("there is a relay");
    let known: BTreeSet<String> = relay
        .get_arguments()
        .filter_map(|argument| argument.get_env().map(|name| name.to_string_lossy().into_owned()))
        .collect();
    let (unit, environment) = (files::read(UNIT), files::read(ENVIRONMENT));
    let in_unit = unit.lines().filter_map(|line| line.strip_prefix("Environment="));
    let in_file = environment
        .lines()
        .map(|line| line.trim_start_matches('#'))
        .filter(|line| line.starts_with("SCRAPE_"));
    let set: BTreeSet<&str> = in_unit.chain(in_file).filter_map(|line| line.split('=').next()).collect();
    assert!(set.len() >= 6, "{set:?}");
    let unknown: Vec<_> = set.iter().filter(|name| !known.contains(**name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(unit.contains("\nExecStart=/usr/local/bin/scrape-relay relay\n"), "{unit}");
    for required in ["SCRAPE_RELAY_COORDINATOR", "SCRAPE_RELAY_NAME"] {
        assert!(set.contains(required), "{required}");
    }
}

#[test]
fn systemd_takes_it_and_finds_it_little_exposed() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        println!("LEFT OUT: this machine has no systemd-analyze");
        return;
    };
    assert!(version.status.success());
    let unit = files::root().join(UNIT);
    // It would miss the program, which is not installed here, and says nothing of anything else.
    let verified = Command::new("systemd-analyze").arg("verify").arg(&unit).output().expect("it starts");
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    let wrong: Vec<_> = said
        .lines()
        .filter(|line| line.contains("scrape-relay-relay") && !line.contains("is not executable"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let rated =
        Command::new("systemd-analyze").args(["security", "--offline=yes", "--no-pager"]).arg(&unit).output();
    let rated = String::from_utf8_lossy(&rated.expect("it starts").stdout).into_owned();
    let exposure = rated.split("Overall exposure level for scrape-relay-relay.service: ").nth(1);
    let exposure: f64 = exposure.and_then(|rest| rest.split(' ').next()?.parse().ok()).expect("a rating");
    assert!(exposure <= EXPOSURE, "{rated}");
}
