//! `scrape-relay check`: what each answer of a coordinator is judged to be, how it is shown, and how the program ends.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, SystemTime};

use coordinator::config;
use expect_test::expect_file;
use proto::admin::v1::{
    Discovery, DroppedTarget, ListDiscoveriesResponse, ListDroppedTargetsResponse, ListRelaysResponse,
    ListTargetsResponse, Relay, RelayState, Target,
};
use scrape_relay::check::{Cause, Line, Report, Verdict, configuration, discoveries, fleet};
use scrape_relay::exit::Failure;

use super::{FLEET, coordinator, directory, page, run, run_in, until};

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)
}

fn relay(name: &str, state: RelayState) -> Relay {
    Relay {
        name: name.to_owned(),
        state: state.into(),
        advertise: format!("{name}:15090"),
        last_heard: Some((now() - Duration::from_secs(75)).into()),
        ..Relay::default()
    }
}

fn relays(coordinator_state: &str, relays: Vec<Relay>) -> ListRelaysResponse {
    ListRelaysResponse { relays, epoch: 3, coordinator_state: coordinator_state.to_owned() }
}

fn listed(total_size: i32, states: &[(&str, i32)], url: &str) -> ListTargetsResponse {
    let targets =
        if url.is_empty() { Vec::new() } else { vec![Target { url: url.to_owned(), ..Target::default() }] };
    let state_counts = states.iter().map(|(state, count)| ((*state).to_owned(), *count)).collect();
    ListTargetsResponse { targets, total_size, state_counts, ..ListTargetsResponse::default() }
}

/// Read so many seconds ago, or never; so often badly since.
fn discovery(mechanism: &str, read: Option<u64>, consecutive_failures: u64, holding: bool) -> Discovery {
    let read = read.map(|seconds| (now() - Duration::from_secs(seconds)).into());
    let last_error = if consecutive_failures == 0 { String::new() } else { "\u{1b}[31mgone".to_owned() };
    let (job, mechanism) = ("pods".to_owned(), mechanism.to_owned());
    Discovery { job, mechanism, last_success_time: read, consecutive_failures, last_error, holding }
}

fn judged(
    config: &str,
    answer: &ListRelaysResponse,
    discoveries: Vec<Discovery>,
    targets: &fleet::Targets,
) -> Report {
    let (line, config) =
        configuration::judge("config.yml", config::parse("config.yml", config, Path::new("")));
    let expected = config.map(|config| config.coordinator.expected_relays).unwrap_or_default();
    let coordinator = fleet::coordinator("127.0.0.1:15092", answer);
    let settling = coordinator.verdict != Verdict::Ok;
    let mut lines = vec![line, coordinator];
    lines.extend(discoveries::judge(&ListDiscoveriesResponse { discoveries, ..Default::default() }, now()));
    lines.extend(fleet::relays(answer, expected, now()));
    lines.extend(fleet::targets(targets, settling));
    Report::new(lines)
}

const CONFIG: &str = "coordinator: {expected_relays: 2}\nscrape_configs:\n- job_name: pods\n";

fn well() -> Report {
    let answer =
        relays("leading", vec![relay("r-0", RelayState::Active), relay("r-1", RelayState::Draining)]);
    let all = listed(300, &[("up", 298), ("down", 1), ("stale_served", 1)], "http://10.0.0.1/metrics");
    judged(
        CONFIG,
        &answer,
        vec![discovery("static", Some(9), 0, false)],
        &fleet::Targets { all, ..fleet::Targets::default() },
    )
}

fn troubled() -> Report {
    let states = [RelayState::Active, RelayState::Joining, RelayState::Suspect, RelayState::Lost];
    let named = states.iter().enumerate().map(|(index, state)| relay(&format!("r-{index}"), *state));
    let answer = relays("leading", named.chain([relay("\u{1b}[31mred", RelayState::Unspecified)]).collect());
    let dropped = DroppedTarget {
        job: "pods".to_owned(),
        error: "it has no address".to_owned(),
        ..DroppedTarget::default()
    };
    let targets = fleet::Targets {
        all: listed(
            300,
            &[("up", 10), ("down", 200), ("stale_served", 30), ("pending", 60)],
            "http://10.0.0.1/metrics",
        ),
        unplaced: listed(60, &[("pending", 60)], "http://10.0.0.9/metrics"),
        impossible: ListDroppedTargetsResponse {
            dropped_targets: vec![dropped],
            total_size: 4,
            ..Default::default()
        },
    };
    let discoveries = vec![
        discovery("static", Some(9), 0, false),
        discovery("file", Some(185), 7, false),
        discovery("http", None, 2, false),
        discovery("http", Some(2), 0, true),
    ];
    let config = "coordinator: {expected_relays: 3}\nscrape_configs:\n- job_nam: pods\n";
    judged(config, &answer, discoveries, &targets)
}

fn unfinished() -> Report {
    let config = "coordinator: {expected_relays: 3}\nglobal: {evaluation_interval: 1m}\n";
    let answer = relays("settling", vec![relay("r-0", RelayState::Active)]);
    let targets = fleet::Targets {
        all: listed(5, &[("pending", 5)], "http://10.0.0.1/metrics"),
        unplaced: listed(5, &[("pending", 5)], "http://10.0.0.1/metrics"),
        ..fleet::Targets::default()
    };
    judged(config, &answer, vec![discovery("http", None, 0, false)], &targets)
}

fn empty() -> Report {
    judged("scrape_configs: []\n", &relays("leading", Vec::new()), Vec::new(), &fleet::Targets::default())
}

#[test]
fn reports_are_shown_with_a_remedy_for_all_that_is_not_well() {
    let reports =
        [("well", well()), ("troubled", troubled()), ("unfinished", unfinished()), ("empty", empty())];
    let mut tables = String::new();
    for (name, report) in &reports {
        for line in &report.checks {
            assert_eq!(line.verdict == Verdict::Ok, line.remedy.is_empty(), "{line:?}");
        }
        assert!(!report.table().contains('\u{1b}'));
        tables += &format!("== {name}\n{}\n", report.table());
    }
    expect_file!["../golden/check.txt"].assert_eq(&tables);
    expect_file!["../golden/check.json"].assert_eq(&troubled().json().expect("JSON"));
}

#[test]
fn the_exit_code_is_that_of_the_failures_where_they_agree() {
    let ok = || Line::ok("targets", "t", "fine");
    let warning = || ok().not_ok(Verdict::Warning, "do");
    let failed = |failure| Line::unanswered("coordinator", "c", &failure);
    let (wrong, gone) = (failed(Failure::failed("wrong")), failed(Failure::unreachable("gone")));
    let denied = failed(Failure::denied("denied"));
    assert_eq!([wrong.cause, gone.cause, denied.cause], [Cause::Wrong, Cause::Unreachable, Cause::Denied]);
    for (lines, code) in [
        (vec![ok()], 0),
        (vec![ok(), warning()], 3),
        (vec![warning(), wrong.clone()], 1),
        (vec![ok(), gone.clone(), warning()], 4),
        (vec![denied.clone(), denied.clone()], 5),
        (vec![denied, gone.clone()], 1),
        (vec![gone, wrong], 1),
    ] {
        let ended = Report::new(lines.clone()).ended();
        assert_eq!(ended.map_or_else(|failure| failure.number(), |()| 0), code, "{lines:?}");
    }
}

#[test]
fn what_cannot_be_asked_is_bad_input_and_nobody_there_is_told_apart() {
    let directory = directory("scrape_configs:\n- job_nam: x\n");
    let here = directory.path();
    std::fs::write(here.join("good.yml"), "scrape_configs: []\n").expect("written");
    let gone = ["--server", "127.0.0.1:1"];
    for (arguments, code, expected) in [
        (&["check", "--pre"][..], 2, "--config"),
        (&["check", "--server", "a b"], 2, "--server"),
        (&["check", "--pre", "--config", "good.yml"], 0, ""),
        (&["check", "--pre", "--config", "config.yml"], 1, "0 ok, 0 warnings, 1 failure"),
        (&["check", "--pre", "--config", "gone.yml"], 1, "1 failure"),
        (&["check", gone[0], gone[1]], 4, "1 failure"),
        (&["check", "--config", "good.yml", gone[0], gone[1]], 4, "1 ok, 0 warnings, 1 failure"),
        (&["check", "--config", "config.yml", gone[0], gone[1]], 1, "2 failures"),
    ] {
        let ended = run_in(here, arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        assert!(
            ended.err.contains(expected) && ended.err.lines().count() <= 1,
            "{arguments:?}: {}",
            ended.err
        );
        assert_eq!(ended.out.is_empty(), code == 2, "{arguments:?}: {}", ended.out);
    }
    let ended = run_in(here, &["check", "-o", "json", gone[0], gone[1]]);
    let report: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(
        (&report["failures"], &report["checks"][0]["verdict"]),
        (&1.into(), &"failure".into()),
        "{report:#}"
    );
    assert_eq!(report["checks"][0]["check"], "coordinator_reachable", "{report:#}");
}

#[test]
fn a_coordinator_without_relays_fails_the_check() {
    let (mut server, grpc, _directory) = coordinator(FLEET);
    let ended =
        until("the end of its start", &["check", "--server", &grpc], |ended| ended.out.contains("decides"));
    assert_eq!(ended.code, 1, "{ended:?}");
    for expected in [
        "failure  no relay is connected",
        "failure  1 of 1 have no relay and are not scraped, such as http://127.0.0.1:1/",
    ] {
        assert!(ended.out.contains(expected), "{}", ended.out);
    }
    assert_eq!(server.interrupt(), Some(0));
}

#[test]
fn a_whole_installation_passes_the_check() {
    let target = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = target.local_addr().expect("an address");
    // It ends with the process of the test.
    std::thread::spawn(move || {
        for mut stream in target.incoming().filter_map(Result::ok) {
            let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\na 1\n";
            // A scraper that has gone away needs no answer.
            if stream.read(&mut [0; 4096]).is_ok() {
                stream.write_all(answer.as_bytes()).ok();
            }
        }
    });
    let job = format!("scrape_configs:\n- job_name: j\n  static_configs:\n  - targets: ['{address}']\n");
    let directory = directory(&job);
    let file = directory.path().join("config.yml").display().to_string();
    let mut arguments = vec!["standalone", "--config", &file];
    for flag in ["--listen", "--http-listen", "--grpc-listen"] {
        arguments.extend([flag, "127.0.0.1:0"]);
    }
    let mut server = super::Server::start(&arguments);
    let bound = server.logged("standalone started", &["metrics", "grpc"]);
    let check = ["check", "--config", &file, "--server", &bound[1]];
    let ended = until("an installation that is well", &check, |ended| {
        page(&bound[0]).is_some() && ended.code == 0 && ended.out.contains("ok       1 up, 0 down")
    });
    assert_eq!((ended.code, &*ended.err), (0, ""), "{ended:?}");
    assert_eq!(server.interrupt(), Some(0));
    assert_eq!(run(&check).code, 4);
}
