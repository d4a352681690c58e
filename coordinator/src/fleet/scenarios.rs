//! Scripts of events that break simpler rules.

use model::slice::{Epoch, Permission, Reign};
use model::status::{StatusReport, TargetState};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use prost::Message as _;
use proto::assignment::v1 as wire;

use super::fixture::{hello, target};
use super::world::{World, seconds};
use super::{Closing, FleetEvent, Phase, StreamEnd};

const KEEP: Permission = Permission::Keep;
const DISCARD: Permission = Permission::Discard;
const NONE: Permission = Permission::None;

/// Three scraped relays that share 90 targets.
fn three() -> World {
    let mut world = World::new(3, 90);
    for name in ["a", "b", "c"] {
        world.start(name, "1");
    }
    assert_eq!(world.spread().iter().sum::<usize>(), 90);
    world
}

#[test]
fn a_first_start_waits_for_the_expected_relays_and_then_shares_fairly() {
    let mut world = World::new(3, 90);
    world.start("a", "1");
    world.start("b", "1");
    assert_eq!((world.spread(), world.listed()), (vec![0, 0], None));
    assert_eq!(world.sim("a").received.len(), 1, "an empty slice at once");
    world.start("c", "1");
    assert!(world.spread().iter().all(|targets| (25..=36).contains(targets)), "{:?}", world.spread());
    assert_eq!(world.listed().unwrap(), ["a:15090", "b:15090", "c:15090"]);
    let mut late = World::new(3, 90);
    late.start("a", "1");
    late.pass(seconds(9));
    assert_eq!(late.snapshot().phase, Phase::Settling);
    late.pass(seconds(1));
    assert_eq!((late.snapshot().phase, late.spread()), (Phase::Leading, vec![90]));
}

#[test]
fn a_restart_adopts_what_relays_report_and_moves_nothing() {
    let mut world = three();
    let before: Vec<_> = ["a", "b", "c"].map(|name| world.held(name).into_keys().collect::<Vec<_>>()).into();
    world.restart_coordinator("coordinator-2", 3);
    world.leap(seconds(1));
    for name in ["b", "c", "a"] {
        world.join(name);
        assert_eq!(world.held(name).len(), before[usize::from(name.as_bytes()[0] - b'a')].len());
    }
    assert_eq!(world.snapshot().phase, Phase::Settling, "discovery is not complete");
    world.set_targets(0..90);
    world.pass(seconds(70));
    let after: Vec<_> = ["a", "b", "c"].map(|name| world.held(name).into_keys().collect::<Vec<_>>()).into();
    assert_eq!(before, after);
    for name in ["a", "b", "c"] {
        assert_eq!(world.count(name, KEEP), world.held(name).len());
    }
    assert_eq!(world.snapshot().reign.epoch, Epoch(2));
    let snapshot = world.snapshot();
    let entry = snapshot.target(target(1).id).unwrap();
    assert_eq!(entry.owner.as_ref().unwrap().reason.kind(), "reported");
}

#[test]
fn what_nobody_reports_after_a_restart_is_live_only_until_the_missing_relay_is_scraped_no_more() {
    let mut world = three();
    let missing = world.held("c").len();
    world.restart_coordinator("coordinator-2", 3);
    world.set_targets(0..90);
    world.join("a");
    world.join("b");
    world.pass(seconds(19));
    assert_eq!((world.snapshot().phase, world.listed()), (Phase::Settling, None));
    world.pass(seconds(1));
    assert_eq!(world.count("a", NONE) + world.count("b", NONE), missing);
    assert_eq!(world.listed().unwrap(), ["a:15090", "b:15090"]);
    world.pass(seconds(60));
    assert_eq!(world.count("a", NONE) + world.count("b", NONE), 0);
    assert_eq!(world.count("a", DISCARD) + world.count("b", DISCARD), missing);
}

#[test]
fn of_two_relays_that_report_a_target_the_later_assignment_keeps_it() {
    let mut world = three();
    let id = *world.sim("a").slice.keys().next().unwrap();
    let (_, stamp) = world.sim("a").slice[&id];
    let mut later = stamp;
    later.revision.0 += 1000;
    world.sim("b").slice.insert(id, (KEEP, later));
    world.restart_coordinator("coordinator-2", 3);
    world.set_targets(0..90);
    world.join("a");
    assert!(world.held("a").contains_key(&id.0));
    world.join("b");
    world.join("c");
    assert!(!world.held("a").contains_key(&id.0));
    assert_eq!(world.held("b")[&id.0], KEEP);
    assert_eq!(world.snapshot().counters.conflicts, 1);
}

#[test]
fn a_stream_that_the_peer_ends_costs_5_s_and_any_other_16_s() {
    for (end, lost_after) in [(StreamEnd::Peer, 5), (StreamEnd::Local, 16), (StreamEnd::Slow, 16)] {
        let mut world = three();
        world.pass(seconds(1));
        let targets = world.held("c").len();
        world.end("c", end);
        world.pass(seconds(lost_after - 1));
        assert_eq!(world.count("a", NONE) + world.count("b", NONE), 0, "{end:?}");
        assert_eq!(world.listed().unwrap().len(), 3);
        world.pass(seconds(1));
        assert_eq!(world.count("a", NONE) + world.count("b", NONE), targets, "{end:?}");
        assert_eq!(world.listed().unwrap().len(), 2);
    }
}

#[test]
fn a_silent_relay_is_lost_after_16_s_and_its_stream_closed() {
    let mut world = three();
    world.sim("c").beats = false;
    world.pass(seconds(15));
    assert_eq!(world.sim("c").closed, None);
    world.pass(seconds(1));
    assert_eq!(world.sim("c").closed, Some(Closing::Silent));
    assert_eq!(world.spread()[2], 0);
}

#[test]
fn a_return_within_5_s_keeps_everything() {
    for boot in ["1", "2"] {
        let mut world = three();
        let before = world.held("c").len();
        world.end("c", StreamEnd::Peer);
        world.pass(seconds(4));
        world.start("c", boot);
        assert_eq!(world.count("c", KEEP), before, "boot {boot}");
        world.pass(seconds(30));
        assert_eq!(world.held("c").len(), before);
    }
}

#[test]
fn a_new_process_discards_where_the_former_ones_last_flush_was_late() {
    let mut world = three();
    let before = world.held("c").len();
    world.status("c", StatusReport { flush_late: true, ..StatusReport::default() });
    world.end("c", StreamEnd::Peer);
    world.start("c", "2");
    assert_eq!(world.count("c", DISCARD), before);
    // The same process still has what it exposed.
    let mut same = three();
    same.status("c", StatusReport { flush_late: true, ..StatusReport::default() });
    same.end("c", StreamEnd::Peer);
    same.join("c");
    assert_eq!(same.count("c", KEEP), before);
}

#[test]
fn none_ends_when_the_lost_relay_acknowledges_or_comes_as_a_new_process_or_is_unlisted_for_60_s() {
    let lost = || {
        let mut world = three();
        world.end("c", StreamEnd::Peer);
        world.pass(seconds(6));
        let waiting = world.count("a", NONE) + world.count("b", NONE);
        assert!(waiting > 20, "{waiting}");
        world
    };
    let waiting = |world: &mut World| world.count("a", NONE) + world.count("b", NONE);

    let mut same = lost();
    same.sim("c").reads = false;
    same.join("c");
    assert!(waiting(&mut same) > 20, "it has not acknowledged");
    same.sim("c").reads = true;
    same.read("c");
    assert_eq!(waiting(&mut same), 0);

    let mut new = lost();
    new.sim("c").slice.clear();
    new.start("c", "2");
    assert_eq!(waiting(&mut new), 0);

    let mut gone = lost();
    gone.pass(seconds(58));
    assert!(waiting(&mut gone) > 20);
    gone.pass(seconds(2));
    assert_eq!(waiting(&mut gone), 0);
}

#[test]
fn what_a_silent_relay_served_from_its_cache_stays_with_it_until_nobody_scrapes_it() {
    let mut world = three();
    let stale = *world.held("c").keys().next().unwrap();
    let number = u64::try_from(stale).unwrap();
    world.report("c", [number], TargetState::StaleServed);
    world.sim("c").beats = false;
    world.pass(seconds(17));
    assert_eq!(world.spread()[2], 1, "the one that may be shown from the cache");
    world.pass(seconds(58));
    assert!(!world.held("a").contains_key(&stale) && !world.held("b").contains_key(&stale));
    world.pass(seconds(3));
    let taken = [world.held("a"), world.held("b")].into_iter().find_map(|held| held.get(&stale).copied());
    assert_eq!(taken, Some(DISCARD));
    // The same with an end that the peer has sent: the process is gone.
    let mut ended = three();
    ended.report("c", [number], TargetState::StaleServed);
    ended.end("c", StreamEnd::Peer);
    ended.pass(seconds(6));
    assert_eq!(ended.spread()[2], 0);
}

#[test]
fn what_a_relay_says_it_serves_from_its_cache_stays_with_it_after_a_restart_too() {
    let mut world = three();
    let id = *world.sim("c").slice.keys().next().unwrap();
    world.sim("c").stale.insert(id);
    world.restart_coordinator("coordinator-2", 3);
    world.set_targets(0..90);
    for name in ["a", "b", "c"] {
        world.join(name);
    }
    world.sim("c").beats = false;
    world.pass(seconds(17));
    assert_eq!(world.spread()[2], 1);
}

#[test]
fn a_killed_relay_that_comes_back_with_its_stored_slice_after_a_restart_takes_nothing_back() {
    let mut world = three();
    let stored = world.sim("c").slice.clone();
    world.sim("c").alive = false;
    world.end("c", StreamEnd::Peer);
    world.pass(seconds(6));
    let before = [world.held("a").len(), world.held("b").len()];
    // A fourth is expected, so that it goes on settling.
    world.restart_coordinator("coordinator-2", 4);
    world.set_targets(0..90);
    world.sim("c").slice = stored.clone();
    world.start("c", "2");
    assert_eq!(world.held("c").len(), stored.len(), "adopted: nobody else has come yet");
    world.join("a");
    world.join("b");
    assert_eq!([world.held("a").len(), world.held("b").len()], before, "the later assignments win");
    assert!(stored.keys().all(|id| !world.held("c").contains_key(&id.0)));
    let waiting = |world: &mut World| world.count("a", NONE) + world.count("b", NONE);
    assert_eq!(waiting(&mut world), stored.len(), "whom they waited for is not known any more");
    world.pass(seconds(21 + 60));
    assert_eq!(waiting(&mut world), 0);
}

#[test]
fn a_drained_relay_that_restarts_gives_its_stored_slice_away() {
    let mut world = three();
    world.restart_coordinator("coordinator-2", 3);
    world.set_targets(0..90);
    world.sim("c").draining = true;
    for name in ["c", "a", "b"] {
        world.join(name);
    }
    world.pass(seconds(1));
    assert_eq!((world.held("c").len(), world.spread()[2]), (0, 0));
    assert_eq!(world.spread().iter().sum::<usize>(), 90);
    assert_eq!(world.listed().unwrap(), ["a:15090", "b:15090"]);
}

#[test]
fn names_without_end_are_refused() {
    let mut world = World::undiscovered(1);
    for number in 0..super::streams::RELAYS {
        let stream = super::StreamId(number as u64 + 1);
        world.apply(FleetEvent::Hello { stream, hello: hello(&format!("relay-{number}"), "1") });
        world.apply(FleetEvent::Ended { stream, end: StreamEnd::Peer });
    }
    let stream = super::StreamId(5000);
    let hello = hello("one-more", "1");
    let effects = world.fleet.apply(FleetEvent::Hello { stream, hello: hello.clone() }, world.now);
    assert_eq!(effects, [super::Effect::Close { stream, why: Closing::TooMany }]);
    world.pass(seconds(700));
    let effects = world.fleet.apply(FleetEvent::Hello { stream, hello }, world.now);
    assert!(matches!(effects[0], super::Effect::Welcome { .. }), "lost relays are forgotten");
}

#[test]
fn a_coordinator_that_was_paused_restarts_its_clocks() {
    let mut world = three();
    let before = world.spread();
    world.pass(seconds(1));
    world.leap(seconds(20));
    world.apply(FleetEvent::Tick);
    assert_eq!(world.snapshot().counters.relays_lost, 0);
    world.pass(seconds(30));
    assert_eq!((world.spread(), world.snapshot().counters.clock_restarts), (before, 1));
    // A relay that had gone meanwhile is noticed after the usual time, not at once and not never.
    world.sim("c").beats = false;
    world.leap(seconds(20));
    world.apply(FleetEvent::Tick);
    world.pass(seconds(15));
    assert_eq!(world.snapshot().counters.relays_lost, 0);
    world.pass(seconds(1));
    assert_eq!(world.snapshot().counters.relays_lost, 1);
}

#[test]
fn a_late_hello_with_a_higher_reign_raises_the_epoch_and_sends_all_slices_again() {
    for (epoch, boot_id, raised) in
        [(7, "coordinator-0", 8), (1, "coordinator-0", 2), (1, "coordinator-1", 1)]
    {
        let mut world = three();
        let before = world.spread();
        let received = world.sim("a").received.len();
        world.end("c", StreamEnd::Peer);
        world.sim("c").reign = Some(Reign { epoch: Epoch(epoch), coordinator_boot_id: boot_id.into() });
        world.join("c");
        assert_eq!(world.snapshot().reign.epoch, Epoch(raised));
        let again = world.sim("a").received.get(received..).unwrap().to_vec();
        assert_eq!(again.len(), usize::from(raised > 1), "slices sent again to a");
        assert!(again.iter().all(|change| change.whole && change.reign.epoch == Epoch(raised)));
        assert_eq!(world.count("a", DISCARD) * usize::from(raised > 1), 0, "nobody loses its copies");
        assert_eq!(world.spread(), before);
    }
}

#[test]
fn an_absurd_epoch_is_refused() {
    let mut world = three();
    let mut hello = hello("d", "1");
    hello.highest_reign = Some(Reign { epoch: Epoch(u64::MAX), coordinator_boot_id: "x".into() });
    let effects = world.fleet.apply(FleetEvent::Hello { stream: super::StreamId(99), hello }, world.now);
    assert_eq!(effects, [super::Effect::Close { stream: super::StreamId(99), why: Closing::Epoch }]);
    assert_eq!(world.snapshot().reign.epoch, Epoch(1));
}

#[test]
fn a_second_process_of_a_name_waits_for_the_first_to_answer() {
    // The first lives: the second is refused.
    let mut world = three();
    let before = world.held("c");
    let first = world.sim("c").clone();
    world.start("c", "2");
    assert_eq!(world.sim("c").closed, Some(Closing::AlreadyExists));
    world.relays.insert("c".into(), first.clone());
    world.pass(seconds(20));
    assert_eq!(world.held("c"), before);

    // The first is half-open: the second has its place after 2 s, and nobody's targets have moved.
    let mut world = three();
    world.answers_pings = false;
    world.start("c", "2");
    assert_eq!(world.sim("c").received.len(), 0);
    world.pass(seconds(1));
    assert_eq!(world.sim("c").received.len(), 0);
    world.pass(seconds(1));
    assert_eq!(
        world.held("c").keys().copied().collect::<Vec<_>>(),
        before.keys().copied().collect::<Vec<_>>()
    );
    assert_eq!(world.count("c", KEEP), before.len());

    // The first stream ends meanwhile: the second need not wait.
    let mut world = three();
    world.answers_pings = false;
    let old = world.sim("c").stream.unwrap();
    world.start("c", "2");
    world.apply(FleetEvent::Ended { stream: old, end: StreamEnd::Peer });
    assert_eq!(world.count("c", KEEP), before.len());
}

#[test]
fn the_same_process_replaces_its_half_open_stream_at_once() {
    let mut world = three();
    let before = world.held("c").len();
    world.answers_pings = false;
    let old = world.sim("c").stream.unwrap();
    world.join("c");
    assert_eq!(world.count("c", KEEP), before);
    world.apply(FleetEvent::Ended { stream: old, end: StreamEnd::Local });
    world.pass(seconds(30));
    assert_eq!(world.held("c").len(), before, "the end of the old stream is not the relay's");
}

#[test]
fn a_newcomer_is_listed_at_once_and_gets_targets_once_it_is_scraped() {
    let mut world = three();
    world.start_unscraped("d", "1");
    assert_eq!(world.sim("d").received.len(), 1, "an empty slice at once");
    world.pass(seconds(70));
    assert_eq!((world.held("d").len(), world.listed().unwrap().len()), (0, 4));
    world.sim("d").scraped = true;
    world.report("d", [], TargetState::Up);
    world.pass(seconds(1));
    assert!(world.held("d").len() > 10, "{:?}", world.spread());
    assert_eq!(world.count("d", NONE), 0, "every former owner has acknowledged");
    assert_eq!(world.spread().iter().sum::<usize>(), 90);
}

#[test]
fn a_draining_relay_gives_everything_away_and_leaves_the_list() {
    let mut world = three();
    let stream = world.sim("c").stream.unwrap();
    world.sim("c").draining = true;
    let hello = world.hello_of("c");
    world.sim("c").reads = false;
    world.apply(FleetEvent::Hello { stream, hello });
    let exposed = world.held("c").len();
    assert_eq!((world.spread()[2], world.spread().iter().sum::<usize>()), (0, 90 - exposed));
    assert_eq!(world.listed().unwrap().len(), 3, "it still exposes what it has not acknowledged");
    world.read("c");
    assert_eq!(world.spread().iter().sum::<usize>(), 90);
    assert_eq!(world.count("a", NONE) + world.count("b", NONE), 0, "it has acknowledged every one");
    assert_eq!(world.listed().unwrap().len(), 2);
}

#[test]
fn a_target_that_comes_back_waits_until_its_former_relay_has_let_it_go() {
    let mut world = World::new(2, 1);
    world.start("a", "1");
    world.start("b", "1");
    let owner = if world.held("a").is_empty() { "b" } else { "a" };
    world.sim(owner).reads = false;
    world.set_targets([]);
    world.set_targets([0]);
    assert_eq!(world.snapshot().targets.len(), 1);
    assert!(world.snapshot().targets[0].moving);
    world.sim(owner).reads = true;
    world.read(owner);
    let permissions: Vec<_> = [world.held("a"), world.held("b")].into_iter().flatten().collect();
    assert_eq!(permissions, [(0, DISCARD)]);
}

#[test]
fn a_relay_that_acknowledges_nothing_is_cut_off() {
    let mut world = three();
    world.sim("c").reads = false;
    world.set_targets(0..60);
    world.pass(seconds(29));
    assert_eq!(world.sim("c").closed, None);
    world.pass(seconds(1));
    assert_eq!(world.sim("c").closed, Some(Closing::Unacknowledged));
    assert_eq!(world.spread().iter().sum::<usize>(), 60, "it still owns them: it may expose them");
    world.pass(seconds(17));
    assert_eq!(world.spread()[2], 0);
}

#[test]
fn settings_come_once_for_each_job_and_again_when_they_change() {
    let mut world = three();
    let jobs =
        |world: &mut World| -> usize { world.sim("a").received.iter().map(|change| change.jobs.len()).sum() };
    assert_eq!(jobs(&mut world), 1);
    world.set_targets(0..120);
    assert_eq!(jobs(&mut world), 1);
    let mut changed = super::fixture::jobs();
    for settings in changed.values_mut() {
        std::sync::Arc::make_mut(settings).honor_labels = true;
    }
    let targets = super::fixture::targets(0..120);
    world.apply(FleetEvent::Targets { targets, jobs: changed });
    assert_eq!(jobs(&mut world), 2);
    assert!(world.sim("a").received.last().unwrap().jobs[0].honor_labels);
}

#[test]
fn a_large_slice_comes_in_messages_under_2_mib_that_belong_together() {
    let mut world = World::new(1, 20_000);
    world.start("a", "1");
    world.end("a", StreamEnd::Peer);
    world.sim("a").received.clear();
    world.join("a");
    let received = world.sim("a").received.clone();
    assert!(received.len() > 2, "{} messages", received.len());
    let sizes: Vec<_> = received.iter().map(|change| wire::SliceChange::from(change).encoded_len()).collect();
    assert!(sizes.iter().all(|size| *size < 2 << 20), "{sizes:?}");
    assert!(received.iter().map(|change| change.whole).eq((0..received.len()).map(|at| at == 0)));
    let last = received.len() - 1;
    assert!(received.iter().map(|change| change.complete).eq((0..received.len()).map(|at| at == last)));
    assert_eq!(world.held("a").len(), 20_000);
}

#[test]
fn a_list_is_never_emptied_by_a_failure() {
    let mut world = World::new(1, 3);
    assert_eq!(world.listed(), None, "settling");
    world.start("a", "1");
    assert_eq!(world.listed().unwrap(), ["a:15090"]);
    world.end("a", StreamEnd::Peer);
    world.pass(seconds(10));
    assert_eq!(world.listed(), None, "the only relay is lost");
}

#[test]
fn a_relay_that_comes_late_wins_nothing_from_one_that_came_back_before() {
    let mut world = World::new(2, 12);
    world.start("a", "1");
    world.start("b", "1");
    let number = *world.held("b").keys().next().unwrap();
    world.end("b", StreamEnd::Peer);
    world.pass(seconds(5));
    assert_eq!(world.held("a")[&number], NONE);
    world.end("a", StreamEnd::Peer);
    world.pass(seconds(10));
    world.join("b");
    world.pass(seconds(60));
    assert_eq!(world.held("b")[&number], DISCARD);
    world.sim("b").reads = false;
    world.join("a");
    assert!(!world.held("a").contains_key(&number), "b has it, and has not let it go");
}

/// One thing that happens to relay `at`.
#[derive(Clone, Copy, Debug)]
enum Step {
    Kill,
    Start,
    StartWithoutDisk,
    CutByPeer,
    CutHere,
    Join,
    StopReading,
    Read,
    StopBeating,
    Beat,
    Pass(u64),
    Targets(u64),
    RestartCoordinator,
}

fn take_step(world: &mut World, at: usize, step: Step, boot: usize) {
    let name = ["a", "b", "c"][at];
    let alive = world.sim(name).alive;
    match step {
        Step::Kill if alive => {
            world.sim(name).alive = false;
            world.end(name, StreamEnd::Peer);
        }
        Step::Start | Step::StartWithoutDisk if !alive => {
            if matches!(step, Step::StartWithoutDisk) {
                world.sim(name).slice.clear();
            }
            world.start(name, &boot.to_string());
        }
        Step::CutByPeer => world.end(name, StreamEnd::Peer),
        Step::CutHere => world.end(name, StreamEnd::Local),
        Step::Join if alive => drop(world.join(name)),
        Step::StopReading => world.sim(name).reads = false,
        Step::Read => {
            world.sim(name).reads = true;
            world.read(name);
        }
        Step::StopBeating => world.sim(name).beats = false,
        Step::Beat => world.sim(name).beats = true,
        Step::Pass(time) => world.pass(seconds(time)),
        Step::Targets(count) => world.set_targets(0..count),
        Step::RestartCoordinator => {
            world.restart_coordinator(&format!("coordinator-{boot}"), 3);
            world.set_targets(0..12);
        }
        Step::Kill | Step::Start | Step::StartWithoutDisk | Step::Join => {}
    }
}

/// Who may serve a cached copy of a target is the only one that exposes it to a scraper.
fn check_copies(world: &mut World) {
    for (name, sim) in &mut world.relays {
        let relay = world.fleet.relays.get(name.as_str());
        let unlisted = relay.is_none_or(|relay| relay.is_unlisted);
        sim.forgotten = unlisted || (sim.forgotten && sim.received.is_empty());
    }
    let exposing = || world.relays.iter().filter(|(_, sim)| sim.alive && !sim.forgotten);
    for (name, sim) in exposing().filter(|(_, sim)| sim.stream.is_some() && !sim.received.is_empty()) {
        for (id, (permission, _)) in &sim.slice {
            let others = exposing().filter(|(other, sim)| *other != name && sim.slice.contains_key(id));
            let others: Vec<_> = others.map(|(other, _)| other).collect();
            assert!(
                *permission == NONE || others.is_empty(),
                "{name} has {permission:?} of {id}, so has {others:?}"
            );
        }
    }
}

/// Brings every relay back and gives the fleet time; then every target must have one owner with a copy of its own.
fn check_recovery(world: &mut World) {
    world.set_targets(0..15);
    for at in 0..3 {
        for step in [Step::Beat, Step::Read, Step::Start, Step::Join] {
            take_step(world, at, step, 1000 + at);
        }
    }
    world.pass(seconds(100));
    check_copies(world);
    let held = ["a", "b", "c"].map(|name| world.held(name));
    let mut all: Vec<_> = held.iter().flat_map(|held| held.keys().copied()).collect();
    all.sort_unstable();
    assert_eq!(all, (0..15).collect::<Vec<u128>>());
    assert!(held.iter().all(|held| held.values().all(|permission| *permission != NONE)));
    assert!(held.iter().all(|held| !held.is_empty()), "{:?}", world.spread());
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        1 => Just(Step::Kill),
        1 => Just(Step::Start),
        1 => Just(Step::StartWithoutDisk),
        1 => Just(Step::CutByPeer),
        1 => Just(Step::CutHere),
        2 => Just(Step::Join),
        1 => Just(Step::StopReading),
        2 => Just(Step::Read),
        1 => Just(Step::StopBeating),
        2 => Just(Step::Beat),
        6 => (1..30_u64).prop_map(Step::Pass),
        2 => (0..20_u64).prop_map(Step::Targets),
    ];
    vec((0..3_usize, step), 1..40)
}

proptest::proptest! {
    #[test]
    fn whatever_happens_to_relays_a_copy_has_one_holder_and_in_the_end_every_target_one_owner(steps in steps()) {
        let mut world = World::new(3, 12);
        for name in ["a", "b", "c"] {
            world.start(name, "start");
        }
        for (boot, (at, step)) in steps.into_iter().enumerate() {
            take_step(&mut world, at, step, boot);
            check_copies(&mut world);
        }
        check_recovery(&mut world);
    }

    #[test]
    fn a_fleet_recovers_from_whatever_happens_to_relays_and_coordinators(
        (steps, restarts) in (steps(), vec((0..40_usize, 0..4_u64), 0..4)),
    ) {
        let mut world = World::new(3, 12);
        for name in ["a", "b", "c"] {
            world.start(name, "start");
        }
        for (boot, (at, step)) in steps.into_iter().enumerate() {
            for (_, pause) in restarts.iter().filter(|(when, _)| *when == boot) {
                take_step(&mut world, 0, Step::RestartCoordinator, boot);
                take_step(&mut world, 0, Step::Pass(*pause), boot);
                for back in 0..3 {
                    take_step(&mut world, back, Step::Join, boot);
                }
            }
            take_step(&mut world, at, step, boot);
        }
        check_recovery(&mut world);
    }
}
