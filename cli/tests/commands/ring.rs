//! `scrape-relay ring`: how it is shown, and a simulation that changes nothing.

use expect_test::expect_file;
use proto::admin::v1::{
    GetRingResponse, HeavyTarget, RelayState, RingRelay, SimulateRingResponse, SimulatedMoves, SimulatedRelay,
};
use scrape_relay::commands::ring::{ring_table, simulation_table};

use super::relays::{Scraper, config, owned, relay_process};
use super::{coordinator, run, until};

fn ring_relay(name: &str, share: f64, targets: i32, load_ratio: f64) -> RingRelay {
    RingRelay {
        name: name.to_owned(),
        state: RelayState::Active.into(),
        share,
        capacity: 100,
        targets,
        preferred_targets: targets - 1,
        load: 1000,
        load_ratio,
        flapping: name == "r-1",
    }
}

#[test]
fn the_ring_and_a_simulation_are_shown() {
    let heavy = HeavyTarget {
        name: format!("targets/{:032x}", 7),
        job: "pods\u{1b}[31m".to_owned(),
        url: "http://10.0.0.7/metrics".to_owned(),
        relay: "r-1".to_owned(),
        load: 900,
    };
    let ring = GetRingResponse {
        relays: vec![ring_relay("r-0", 0.4871, 9, 0.9), ring_relay("r-1", 0.5129, 4, 1.1)],
        heavy_targets: vec![heavy],
        heavy_targets_total: 3,
        targets: 13,
        preferred_targets: 11,
        load: 2000,
        peak_load_ratio: 1.1,
    };
    let relay = |name: &str, added, removed, targets_after| SimulatedRelay {
        name: name.to_owned(),
        added,
        removed,
        targets_before: 9,
        targets_after,
        load_before: 900,
        load_after: 100 * u64::from(targets_after.unsigned_abs()),
        load_ratio_before: 1.0,
        load_ratio_after: 1.04,
    };
    let moves = |from: &str, to: &str, reason: &str| SimulatedMoves {
        from: from.to_owned(),
        to: to.to_owned(),
        reason: reason.to_owned(),
        targets: 5,
        load: 500,
    };
    let simulation = SimulateRingResponse {
        relays: vec![
            relay("r-0", false, true, 0),
            relay("r-1", false, false, 9),
            relay("r-2", true, false, 9),
        ],
        moves: vec![moves("r-0", "r-2", "drained"), moves("", "r-2", "placed")],
        targets: 18,
        moved_targets: 10,
        load: 1800,
        moved_load: 1000,
        peak_load_ratio_before: 1.0,
        peak_load_ratio_after: 1.04,
        rounds: 3,
    };
    let still = SimulateRingResponse { relays: simulation.relays.clone(), ..SimulateRingResponse::default() };
    let shown = [ring_table(&ring), simulation_table(&simulation), simulation_table(&still)].join("\n--\n");
    expect_file!["../golden/ring.txt"].assert_eq(&format!("{shown}\n"));
}

#[test]
fn a_simulation_changes_nothing_and_what_cannot_be_tried_has_its_code() {
    let (mut server, grpc, _directory) = coordinator(&config(12, 2));
    let (first, second) = (relay_process("relay-0", &grpc), relay_process("relay-1", &grpc));
    let _scraper = Scraper::start(&[first.1.clone(), second.1.clone()]);
    let json = ["relays", "list", "-o", "json", "--server", &*grpc];
    let before = until("all targets", &json, |ended| {
        let owned = owned(ended);
        owned.iter().sum::<i64>() == 12 && !owned.contains(&0)
    });
    let ask = |arguments: &[&str]| run(&[&["ring"], arguments, &["--server", &grpc]].concat());
    let shown = ask(&["show"]);
    assert!(shown.code == 0 && shown.out.contains("12 targets, "), "{shown:?}");
    let simulated = ask(&["simulate", "--add", "1", "--remove", "relay-0"]);
    assert_eq!((simulated.code, &*simulated.err), (0, ""), "{simulated:?}");
    for part in ["relay-0  goes", "relay-2  comes", "drained", "nothing was changed"] {
        assert!(simulated.out.contains(part), "{part}: {}", simulated.out);
    }
    let as_json = ask(&["simulate", "--remove", "relay-0", "-o", "json"]);
    let simulation: serde_json::Value = serde_json::from_str(&as_json.out).expect("JSON");
    assert_eq!(simulation["relays"][0]["removed"], true, "{simulation:#}");
    for (arguments, code) in [
        (&["simulate"][..], 2),
        (&["simulate", "--add", "0"], 2),
        (&["simulate", "--add", "100000"], 2),
        (&["simulate", "--remove", "nobody"], 6),
        (&["simulate", "--remove", "relay-0,relay-1"], 1),
    ] {
        let ended = ask(arguments);
        assert_eq!((ended.code, &*ended.out), (code, ""), "{arguments:?}: {ended:?}");
    }
    assert_eq!(owned(&run(&json)), owned(&before));
    assert_eq!(server.interrupt(), Some(0));
}
