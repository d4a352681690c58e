//! `scrape-relay relays`: how relays are shown, and a drain of real ones.

use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use expect_test::expect_file;
use proto::admin::v1::{ListRelaysResponse, Relay, RelayState};
use scrape_relay::commands::relays;

use super::{Ended, Server, coordinator, page, run, until};

fn relay(name: &str, state: RelayState, targets: i32) -> Relay {
    Relay {
        name: name.to_owned(),
        state: state.into(),
        advertise: format!("{name}:15090"),
        build: "1.2.3".to_owned(),
        targets,
        load: 120,
        load_ratio: 1.204,
        state_counts: [("up".to_owned(), targets), ("down".to_owned(), 1)].into(),
        listed: true,
        resident_bytes: 96 << 20,
        ..Relay::default()
    }
}

#[test]
fn relays_are_shown_with_what_they_have_still_to_lose() {
    let draining = Relay {
        drained: true,
        to_lose: 5,
        hindrance: "there is no other relay\u{1b}[31m".to_owned(),
        ..relay("r-1", RelayState::Draining, 3)
    };
    let drained = Relay { drained: true, listed: false, ..relay("r-2", RelayState::Draining, 0) };
    let ends = Relay { to_lose: 6, ..relay("r-3", RelayState::Draining, 5) };
    let all = vec![relay("r-0", RelayState::Active, 7), draining.clone(), drained, ends];
    let answer = ListRelaysResponse { relays: all, epoch: 3, coordinator_state: "leading".to_owned() };
    let shown = format!("{}\n--\n{}\n", relays::list_table(&answer), relays::describe(&draining));
    expect_file!["../golden/relays.txt"].assert_eq(&shown);
}

/// Asks for pages again and again, as Prometheus does, until it is dropped.
pub(crate) struct Scraper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Scraper {
    pub(crate) fn start(addresses: &[String]) -> Self {
        let addresses = addresses.to_vec();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let scrape = move || {
            while stopped.recv_timeout(Duration::from_millis(200)) == Err(RecvTimeoutError::Timeout) {
                // A relay that is gone has no page.
                addresses.iter().for_each(|address| drop(page(address)));
            }
        };
        Self { stop: Some(stop), thread: Some(std::thread::spawn(scrape)) }
    }
}

impl Drop for Scraper {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the scraper ends");
        }
    }
}

/// A relay as a process of its own, and where its page is.
pub(crate) fn relay_process(name: &str, grpc: &str) -> (Server, String) {
    let (url, free) = (format!("http://{grpc}"), "127.0.0.1:0");
    let arguments = ["relay", "--name", name, "--coordinator", &url, "--listen", free, "--http-listen", free];
    let mut server = Server::start(&arguments);
    let metrics = server.logged("relay started", &["metrics"]).remove(0);
    (server, metrics)
}

/// A configuration with so many targets, none of which answers.
pub(crate) fn config(targets: usize, relays: usize) -> String {
    let targets: Vec<String> = (1..=targets).map(|port| format!("'127.0.0.1:{port}'")).collect();
    format!(
        "coordinator: {{expected_relays: {relays}}}\nscrape_configs:\n- job_name: j\n  static_configs:\n  - targets: [{}]\n",
        targets.join(", ")
    )
}

/// The targets of each relay.
pub(crate) fn owned(ended: &Ended) -> Vec<i64> {
    let answer: serde_json::Value = serde_json::from_str(&ended.out).unwrap_or_default();
    let relays = answer["relays"].as_array().cloned().unwrap_or_default();
    relays.iter().map(|relay| relay["targets"].as_i64().unwrap_or_default()).collect()
}

#[test]
fn a_drained_relay_loses_its_targets_and_gets_none_until_it_is_undrained() {
    let (mut server, grpc, _directory) = coordinator(&config(12, 2));
    let (first, second) = (relay_process("relay-0", &grpc), relay_process("relay-1", &grpc));
    let _scraper = Scraper::start(&[first.1.clone(), second.1.clone()]);
    let ask = |arguments: &[&str]| run(&[&["relays"], arguments, &["--server", &grpc]].concat());
    let json = ["relays", "list", "-o", "json", "--server", &*grpc];
    until("all targets", &json, |ended| {
        let owned = owned(ended);
        owned.len() == 2 && owned.iter().sum::<i64>() == 12 && !owned.contains(&0)
    });

    let unknown = ask(&["drain", "relay-0", "relay-9"]);
    assert_eq!((unknown.code, &*unknown.out), (6, ""), "{unknown:?}");
    assert!(unknown.err.contains("there are relay-0, relay-1"), "{}", unknown.err);
    let ended = run(&json);
    assert!(
        !ended.out.contains("\"drained\": true"),
        "none is drained where one is not there: {}",
        ended.out
    );

    let ended = ask(&["drain", "relay-0", "--timeout", "60s"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let row = ended.out.lines().nth(1).expect("a row");
    assert!(row.contains("relay-0") && row.contains("drained"), "{}", ended.out);
    assert!(ended.err.lines().all(|line| line.starts_with("relay-0 has ")), "{}", ended.err);
    assert_eq!(owned(&run(&json)), [0, 12]);
    let shown = ask(&["get", "relay-0"]);
    assert!(shown.code == 0 && shown.out.contains("drained"), "{shown:?}");
    assert_eq!(ask(&["drain", "relay-0"]).code, 0, "it is drained already");

    let last = ask(&["drain", "relay-1"]);
    assert_eq!((last.code, &*last.out), (1, ""), "{last:?}");
    assert!(last.err.contains("no other relay could have them"), "{}", last.err);

    let ended = ask(&["undrain", "relay-0"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("active") && !ended.out.contains("relay-1"), "{}", ended.out);
    assert_eq!(ask(&["get", "nobody"]).code, 6);
    assert_eq!(server.interrupt(), Some(0));
}

#[test]
fn a_drain_that_takes_too_long_says_what_is_left() {
    let (mut server, grpc, _directory) = coordinator(&config(12, 2));
    let (first, second) = (relay_process("relay-0", &grpc), relay_process("relay-1", &grpc));
    let scraper = Scraper::start(&[first.1.clone(), second.1.clone()]);
    let json = ["relays", "list", "-o", "json", "--server", &*grpc];
    until("all targets", &json, |ended| {
        let owned = owned(ended);
        owned.iter().sum::<i64>() == 12 && !owned.contains(&0)
    });
    drop(scraper);
    let signal = |name: &str| {
        let id = first.0.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().expect("kill").success());
    };
    // It cannot say that it has let go.
    signal("-STOP");
    let ended = run(&["relays", "drain", "relay-0", "--timeout", "1s", "--server", &grpc]);
    assert_eq!((ended.code, &*ended.out), (4, ""), "{ended:?}");
    assert!(ended.err.contains("after 1s not done: relay-0 has "), "{}", ended.err);
    let ended = run(&["relays", "drain", "relay-0", "--no-wait", "--server", &grpc]);
    assert_eq!(ended.code, 0, "{ended:?}");
    signal("-CONT");
    assert_eq!(server.interrupt(), Some(0));
}
