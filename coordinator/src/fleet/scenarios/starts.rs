//! What a coordinator that starts does, for the first time or again, and which of two reigns holds.

use std::sync::Arc;

use model::slice::{Epoch, Permission, Reign};

use super::{DISCARD, KEEP, NONE, three};
use crate::fleet::fixture::{hello, target};
use crate::fleet::world::{World, seconds};
use crate::fleet::{Closing, Effect, FleetEvent, Phase, StreamEnd, StreamId};

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
fn where_a_start_is_to_be_complete_a_relays_first_slice_has_all_targets() {
    let mut world = World::undiscovered(1);
    world.apply(FleetEvent::Configured { config: Arc::default(), expected_relays: 1, complete_start: true });
    world.start_unscraped("a", "1");
    world.pass(seconds(60));
    world.list([], &["node"]);
    world.pass(seconds(60));
    assert_eq!(world.sim("a").received.len(), 0, "no slice as long as discovery has not succeeded");
    world.set_targets(0..90);
    assert_eq!((world.sim("a").received.len(), world.spread()), (1, vec![90]));
    world.set_targets(0..0);
    assert_eq!(world.spread(), vec![0], "from then on no target is a slice without targets");
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

/// All were alone when the coordinator comes back that expects `expected` of them; `c` is as `change` makes it.
fn alone_until(expected: usize, change: impl Fn(&mut World)) -> World {
    let mut world = three();
    change(&mut world);
    world.restart_coordinator("coordinator-2", expected);
    world.set_targets(0..90);
    for name in ["a", "b", "c"] {
        world.sim(name).alone = true;
        world.join(name);
    }
    world
}

fn count(world: &mut World, permission: Permission) -> usize {
    ["a", "b", "c"].iter().map(|name| world.count(name, permission)).sum()
}

#[test]
fn what_alone_relays_held_back_they_keep_once_every_relay_has_said_what_it_had() {
    let mut world = alone_until(3, |_| {});
    assert_eq!(count(&mut world, KEEP), 90, "no other has had any of them");
    world.pass(seconds(90));
    assert_eq!(count(&mut world, KEEP), 90);
}

#[test]
fn what_alone_relays_held_back_another_may_have_shown_that_does_not_say_what_it_had() {
    let mut world = alone_until(3, |world| {
        world.sim("c").slice.clear();
        world.sim("c").reign = None;
    });
    let reported = 90 - world.held("c").len() - world.count("a", NONE) - world.count("b", NONE);
    assert_eq!((count(&mut world, KEEP), count(&mut world, DISCARD)), (0, reported));
}

#[test]
fn what_alone_relays_held_back_a_relay_may_have_shown_that_has_not_come() {
    let mut world = alone_until(4, |_| {});
    assert_eq!(count(&mut world, NONE), 90);
    world.pass(seconds(21 + 60));
    assert_eq!((count(&mut world, KEEP), count(&mut world, DISCARD)), (0, 90));
}

#[test]
fn what_a_relay_held_back_it_does_not_keep_where_it_comes_to_a_coordinator_that_leads() {
    let mut world = alone_until(2, |_| {});
    assert!(!world.held("c").is_empty());
    assert_eq!(world.count("c", KEEP), 0);
    world.pass(seconds(90));
    assert_eq!(world.count("c", KEEP), 0);
}

#[test]
fn what_two_alone_relays_held_back_is_no_copy_to_keep_for_either() {
    let mut world = alone_until(3, |world| {
        let (id, (permission, mut stamp)) = world.sim("a").slice.pop_first().unwrap();
        world.sim("a").slice.insert(id, (permission, stamp));
        stamp.revision.0 += 1_000;
        world.sim("b").slice.insert(id, (permission, stamp));
    });
    world.set_scraped(true);
    world.pass(seconds(10));
    assert_eq!((count(&mut world, KEEP), count(&mut world, DISCARD)), (89, 1));
}

#[test]
fn a_killed_relay_that_comes_back_with_its_stored_slice_after_a_restart_takes_nothing_back() {
    let mut world = three().scraped();
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
    let mut world = three().scraped();
    world.pass(seconds(6));
    world.restart_coordinator("coordinator-2", 3);
    world.set_targets(0..90);
    world.sim("c").draining = true;
    for name in ["c", "a", "b"] {
        world.join(name);
    }
    world.pass_without_gap(10);
    assert_eq!((world.held("c").len(), world.spread()[2]), (0, 0));
    assert_eq!(world.spread().iter().sum::<usize>(), 90);
    assert_eq!(world.listed().unwrap(), ["a:15090", "b:15090"]);
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
    let effects = world.fleet.apply(FleetEvent::Hello { stream: StreamId(99), hello }, world.now);
    assert_eq!(effects, [Effect::Close { stream: StreamId(99), why: Closing::Epoch }]);
    assert_eq!(world.snapshot().reign.epoch, Epoch(1));
}
