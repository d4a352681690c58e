//! Jobs whose discoveries have not all reported since the coordinator started: relays keep what they hold of them.

use std::collections::HashSet;
use std::sync::Arc;

use model::slice::Permission;
use model::target::TargetId;

use super::{DISCARD, KEEP, NONE};
use crate::fleet::fixture::{LATE, jobs, targets};
use crate::fleet::world::{World, seconds};
use crate::fleet::{FleetEvent, Phase, StreamEnd};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Three scraped relays with 60 targets of job `node` and 30 of job `late`.
fn fleet() -> World {
    let mut world = World::undiscovered(3);
    world.set_targets((0..60).chain(LATE..LATE + 30));
    for name in NAMES {
        world.start(name, "1");
    }
    assert_eq!(world.spread().iter().sum::<usize>(), 90);
    world
}

/// The same after a restart in which job `late` is unread, with every relay back.
fn restarted() -> World {
    let mut world = fleet();
    world.restart_coordinator("coordinator-2", 3);
    world.list(0..60, &["late"]);
    for name in NAMES {
        world.join(name);
    }
    assert_eq!(world.snapshot().phase, Phase::Leading);
    world
}

fn ids(world: &mut World) -> Vec<Vec<u128>> {
    NAMES.map(|name| world.held(name).into_keys().collect()).into()
}

/// How many targets of job `late` the relay has.
fn late(world: &mut World, name: &str) -> usize {
    world.held(name).range(u128::from(LATE)..).count()
}

fn permitted(world: &mut World, permission: Permission) -> usize {
    NAMES.map(|name| world.count(name, permission)).iter().sum()
}

#[test]
fn what_relays_hold_of_an_unread_job_stays_live_and_with_its_copies() {
    let mut world = fleet();
    let before = ids(&mut world);
    world.restart_coordinator("coordinator-2", 3);
    world.join("a");
    world.list(0..60, &["late"]);
    for name in ["b", "c"] {
        world.join(name);
    }
    for _ in 0..200 {
        world.pass(seconds(1));
        assert_eq!((ids(&mut world), permitted(&mut world, KEEP)), (before.clone(), 90));
    }
    for name in NAMES {
        let received = world.sim(name).received.clone();
        assert!(received.iter().all(|change| change.removed.is_empty()), "{name}");
        let unsettled = received.iter().filter(|change| !change.whole);
        assert_eq!(unsettled.count(), 0, "{name} heard of its slice once");
    }
    let snapshot = world.snapshot();
    let unlisted = snapshot.targets.iter().filter(|entry| !entry.listed);
    assert!(unlisted.clone().all(|entry| &*entry.target.job == "late" && entry.owner.is_some()));
    assert_eq!((snapshot.targets.len(), unlisted.count()), (90, 30));
}

#[test]
fn targets_of_other_jobs_do_not_wait_for_an_unread_one() {
    let mut world = fleet();
    let node = |world: &mut World| world.snapshot().targets.iter().filter(|entry| entry.listed).count();
    world.restart_coordinator("coordinator-2", 3);
    world.list(10..70, &["late"]);
    for name in NAMES {
        world.join(name);
    }
    assert_eq!((node(&mut world), world.spread().iter().sum::<usize>()), (60, 90));
    assert!(NAMES.iter().all(|name| world.held(name).range(..10).next().is_none()));
}

#[test]
fn the_listing_decides_once_the_job_is_read() {
    let mut world = restarted();
    let before = ids(&mut world);
    world.set_targets((0..60).chain(LATE + 10..LATE + 35));
    let stays = |id: &u128| !(u128::from(LATE)..u128::from(LATE) + 10).contains(id);
    for (name, before) in NAMES.iter().zip(before) {
        let held = world.held(name);
        assert!(before.iter().all(|id| held.contains_key(id) == stays(id)));
        assert!(before.iter().filter(|id| stays(id)).all(|id| held[id] == KEEP));
    }
    assert_eq!(world.spread().iter().sum::<usize>(), 85);
    assert!(world.snapshot().targets.iter().all(|entry| entry.listed));
}

#[test]
fn targets_of_an_unread_job_that_leaves_the_configuration_go_at_once() {
    let mut world = restarted();
    let mut left = jobs();
    left.remove("late");
    let unread = HashSet::from([Arc::from("late")]);
    world.apply(FleetEvent::Targets { targets: targets(0..60), jobs: left, unread });
    assert!(NAMES.iter().all(|name| late(&mut world, name) == 0));
    assert_eq!(world.spread().iter().sum::<usize>(), 60);
    // A relay that comes later with such a target loses it, too.
    let id = TargetId((LATE + 1).into());
    let stamp = *world.sim("c").slice.values().next().expect("c has targets");
    world.end("c", StreamEnd::Peer);
    world.sim("c").slice.insert(id, stamp);
    world.join("c");
    assert_eq!(late(&mut world, "c"), 0);
}

#[test]
fn a_relay_that_is_lost_leaves_its_targets_of_an_unread_job_to_others() {
    let mut world = restarted().scraped();
    let (all, lost) = (world.held("c").len(), late(&mut world, "c"));
    assert!(lost > 0);
    world.end("c", StreamEnd::Peer);
    world.pass(seconds(6));
    assert_eq!(late(&mut world, "a") + late(&mut world, "b"), 30);
    assert_eq!(world.count("a", NONE) + world.count("b", NONE), all);
    world.pass(seconds(61));
    assert_eq!(world.count("a", DISCARD) + world.count("b", DISCARD), all);
    world.set_targets((0..60).chain(LATE..LATE + 30));
    assert_eq!(world.spread(), [world.held("a").len(), world.held("b").len(), 0]);
}

#[test]
fn of_two_relays_that_report_a_target_of_an_unread_job_the_later_assignment_keeps_it() {
    let mut world = fleet();
    let id = *world.sim("a").slice.range(TargetId(LATE.into())..).next().expect("a has one").0;
    let (_, mut later) = world.sim("a").slice[&id];
    later.revision.0 += 1000;
    world.sim("b").slice.insert(id, (KEEP, later));
    world.restart_coordinator("coordinator-2", 3);
    world.list(0..60, &["late"]);
    for name in NAMES {
        world.join(name);
    }
    world.pass(seconds(1));
    assert!(!world.held("a").contains_key(&id.0));
    assert_eq!(world.held("b")[&id.0], KEEP);
    assert_eq!(world.snapshot().counters.conflicts, 1);
}

#[test]
fn a_draining_relay_gives_its_targets_of_an_unread_job_away() {
    let mut world = fleet().scraped();
    world.restart_coordinator("coordinator-2", 3);
    world.list(0..60, &["late"]);
    world.sim("c").draining = true;
    for name in NAMES {
        world.join(name);
    }
    world.pass(seconds(10));
    assert_eq!((world.held("c").len(), late(&mut world, "a") + late(&mut world, "b")), (0, 30));
    world.pass(seconds(60));
    assert_eq!(permitted(&mut world, NONE), 0, "nobody else can have exposed them for longer");
}

#[test]
fn a_relay_that_comes_back_and_a_coordinator_that_restarts_again_change_nothing() {
    let mut world = restarted();
    let before = ids(&mut world);
    world.end("b", StreamEnd::Peer);
    world.pass(seconds(3));
    world.join("b");
    assert_eq!(ids(&mut world), before);
    world.restart_coordinator("coordinator-3", 3);
    for name in NAMES {
        world.join(name);
    }
    world.list([], &["late", "node"]);
    world.pass(seconds(100));
    assert_eq!((ids(&mut world), permitted(&mut world, KEEP)), (before, 90));
}

#[test]
fn a_relay_that_does_not_say_what_it_holds_waits_20_s_for_discovery() {
    for in_time in [true, false] {
        let mut world = fleet();
        world.sim("a").describes = false;
        let before = world.held("a");
        let had: Vec<_> = before.into_keys().filter(|id| *id >= u128::from(LATE)).collect();
        world.restart_coordinator("coordinator-2", 3);
        world.list(0..60, &["late"]);
        for name in NAMES {
            world.join(name);
        }
        world.pass(seconds(if in_time { 19 } else { 20 }));
        let mut held = ids(&mut world).concat();
        // Some are at two relays, on their way to the one that has lost some.
        held.sort_unstable();
        held.dedup();
        assert_eq!(had.iter().all(|id| held.contains(id)), in_time);
        assert_eq!(held.len(), if in_time { 90 } else { 90 - had.len() }, "what the others hold stays");
        let phase = if in_time { Phase::Settling } else { Phase::Leading };
        assert_eq!(world.snapshot().phase, phase);
        world.set_targets((0..60).chain(LATE..LATE + 30));
        let snapshot = world.snapshot();
        let placed = snapshot.targets.iter().filter(|entry| entry.transfer.is_none());
        let none = placed.filter_map(|entry| entry.owner.as_ref()).filter(|owner| owner.permission == NONE);
        assert_eq!(none.count(), if in_time { 0 } else { had.len() });
        assert!(!in_time || permitted(&mut world, KEEP) == 90);
    }
}

#[test]
fn what_is_read_late_and_nobody_has_reported_is_live_only_until_the_missing_relay_is_scraped_no_more() {
    let mut world = fleet();
    let missing = late(&mut world, "c");
    world.restart_coordinator("coordinator-2", 2);
    world.list(0..60, &["late"]);
    world.join("a");
    world.join("b");
    assert_eq!(world.snapshot().phase, Phase::Leading);
    world.pass(seconds(30));
    world.set_targets((0..60).chain(LATE..LATE + 31));
    let none = |world: &mut World| {
        let held = [world.held("a"), world.held("b")].into_iter().flatten();
        held.filter(|(id, permission)| *id >= u128::from(LATE) && *permission == NONE).count()
    };
    assert_eq!(none(&mut world), missing + 1, "c may still expose them");
    world.pass(seconds(31));
    assert_eq!(none(&mut world), 0);
}
