//! `scrape-relay demo --chaos`: a whole round of it.

use std::io::{BufRead as _, BufReader};

use super::Server;

#[test]
fn chaos_kills_an_exporter_and_a_relay_and_says_what_a_scraper_sees() {
    let arguments = ["demo", "--targets", "18", "--relays", "2", "--chaos", "--chaos-pause", "100ms"];
    let mut server = Server::start(&[&arguments[..], &["--log-level", "error"]].concat());
    let out = server.child.stdout.take().expect("standard output is piped");
    let mut lines = BufReader::new(out).lines().map(|line| line.expect("it can be read"));
    let first = lines.next().expect("a line");
    serde_json::from_str::<serde_json::Value>(&first).expect("the first line says where everything is");
    for part in [
        "chaos: an exporter and a relay",
        "is killed: nothing listens on its port",
        "with up 0, and the ",
        "is back",
        "has it with up 1 and ",
        "relay-0 is killed with its ",
        "later all 18 targets are up on the other pages: relay-1 took ",
        "relay-0 is started again",
        "later it has ",
        "is killed: nothing listens on its port",
    ] {
        let line = lines.next().unwrap_or_else(|| panic!("it ended before {part:?}"));
        assert!(line.contains(part), "{part:?} is not in {line}");
    }
    assert_eq!(server.interrupt(), Some(0));
}
