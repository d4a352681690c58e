//! `scrape-relay status`: what is said, and the exit code.

use expect_test::expect_file;
use proto::admin::v1::{GetStatusResponse, Problem};
use scrape_relay::commands::status::summary;

use super::relays::{Scraper, config, relay_process};
use super::{coordinator, run, until};

fn counts<T>(counts: impl IntoIterator<Item = (&'static str, T)>) -> std::collections::HashMap<String, T> {
    counts.into_iter().map(|(word, count)| (word.to_owned(), count)).collect()
}

#[test]
fn what_is_wrong_is_said_first() {
    let problem = |code: &str, message: &str, hint: &str| Problem {
        code: code.to_owned(),
        message: message.to_owned(),
        hint: hint.to_owned(),
        since: None,
    };
    let troubled = GetStatusResponse {
        problems: vec![
            problem("relay_lost", "r-1 is lost: its targets went to other relays", "start it again"),
            problem("discovery_failing", "job j, file: \u{1b}[31mgone", "put it right"),
        ],
        epoch: 3,
        coordinator_boot_id: "b0075".to_owned(),
        coordinator_state: "leading".to_owned(),
        coordinator_state_since: None,
        relay_counts: counts([("active", 2), ("lost", 1)]),
        target_counts: counts([("up", 290), ("down", 2), ("stale_served", 8)]),
        unassigned_targets: 0,
        recent_moves: counts([("left", 104), ("fill", 7)]),
        moves_under_way: counts([("overlap", 3)]),
        peak_load_ratio: 1.084,
        discoveries: 4,
        failing_discoveries: 1,
    };
    let fresh = GetStatusResponse { coordinator_state: "settling".to_owned(), ..Default::default() };
    let shown = format!("{}\n--\n{}\n", summary(&troubled), summary(&fresh));
    expect_file!["../golden/status.txt"].assert_eq(&shown);
}

#[test]
fn the_exit_code_says_whether_something_needs_somebody() {
    let (mut server, grpc, _directory) = coordinator("scrape_configs: []\n");
    let ask = ["status", "--server", &*grpc];
    let alone = until("no relay", &ask, |ended| ended.out.contains("no_relay"));
    assert_eq!(alone.code, 1, "{alone:?}");
    assert!(alone.err.contains("1 thing needs somebody"), "{}", alone.err);
    let json = run(&[&ask[..], &["-o", "json"]].concat());
    let status: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!((json.code, &status["problems"][0]["code"]), (1, &"no_relay".into()), "{status:#}");
    let relay = relay_process("relay-0", &grpc);
    let _scraper = Scraper::start(std::slice::from_ref(&relay.1));
    let well = until("a relay that is scraped", &ask, |ended| ended.out.contains("1 active"));
    assert_eq!((well.code, &*well.err), (0, ""), "{well:?}");
    assert_eq!(server.interrupt(), Some(0));
    assert_eq!(run(&ask).code, 4);

    // Targets that are all down need somebody, too.
    let (mut server, grpc, _directory) = coordinator(&config(4, 1));
    let relay = relay_process("relay-0", &grpc);
    let _scraper = Scraper::start(std::slice::from_ref(&relay.1));
    let ask = ["status", "--server", &*grpc];
    let down = until("targets that are down", &ask, |ended| ended.out.contains("targets_down"));
    assert_eq!(down.code, 1, "{down:?}");
    assert_eq!(server.interrupt(), Some(0));
}
