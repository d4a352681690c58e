//! What a coordinator that starts does about relays that have not come: they may hold slices, and be scraped.

use super::{DISCARD, KEEP, NONE, RECORD, numbers, staged, three, two};
use crate::fleet::fixture::target;
use crate::fleet::world::{World, seconds};
use crate::fleet::{Phase, Stage};
use model::status::TargetState;

fn all_held(world: &mut World) -> Vec<Vec<u128>> {
    ["a", "b", "c"].map(|name| world.held(name).into_keys().collect()).into()
}

#[test]
fn a_start_that_only_relays_without_memory_reach_is_live_only_until_others_are_scraped_no_more() {
    for (expected, waits) in [(3, true), (0, true), (2, false)] {
        let mut world = three();
        world.restart_coordinator("coordinator-2", expected);
        world.set_targets(0..90);
        for name in ["a", "b"] {
            world.sim(name).slice.clear();
            world.sim(name).reign = None;
        }
        world.join("a");
        world.join("b");
        world.pass(seconds(10));
        assert_eq!(world.snapshot().phase, Phase::Leading);
        let live_only = world.count("a", NONE) + world.count("b", NONE);
        assert_eq!(live_only, if waits { 90 } else { 0 }, "{expected} expected");
        world.pass(seconds(60));
        assert_eq!(world.count("a", DISCARD) + world.count("b", DISCARD), 90, "{expected} expected");
    }
}

#[test]
fn a_start_waits_for_relays_from_the_first_that_comes() {
    let mut world = three();
    let before = all_held(&mut world);
    world.restart_coordinator("coordinator-2", 0);
    world.set_targets(0..90);
    world.pass(seconds(90));
    for name in ["a", "b", "c"] {
        world.join(name);
        world.pass(seconds(3));
    }
    world.pass(seconds(80));
    assert_eq!(all_held(&mut world), before);
    assert_eq!(["a", "b", "c"].map(|name| world.count(name, KEEP)).iter().sum::<usize>(), 90);
}

#[test]
fn the_first_relay_to_reach_a_new_coordinator_waits_for_the_others() {
    let mut world = three();
    let had = world.held("b").len() + world.held("c").len();
    world.restart_coordinator("coordinator-2", 3);
    world.set_targets(0..90);
    world.pass(seconds(30));
    world.sim("a").slice.clear();
    world.start("a", "2");
    assert_eq!((world.snapshot().phase, world.held("a").len()), (Phase::Settling, 0));
    world.join("b");
    world.join("c");
    assert_eq!(world.count("b", KEEP) + world.count("c", KEEP), had);
}

#[test]
fn a_relay_that_comes_without_its_slice_stands_for_none_that_is_missing() {
    let mut world = staged(Stage::Overlapping);
    let mine = numbers(&mut world, "a").len();
    world.restart_coordinator("coordinator-2", 2);
    world.set_targets(0..20);
    world.join("b");
    world.start("c", "1");
    assert_eq!(world.snapshot().phase, Phase::Leading);
    assert!(world.count("b", NONE) >= mine, "a shows them, and is away");
}

#[test]
fn what_waited_for_a_lost_relay_waits_on_after_a_restart() {
    let mut world = three();
    let missing = world.held("c").len();
    world.sim("c").beats = false;
    world.pass(seconds(17));
    world.start("d", "1");
    world.restart_coordinator("coordinator-2", 3);
    world.set_targets(0..90);
    for name in ["a", "b", "d"] {
        world.join(name);
    }
    let none = |world: &mut World| ["a", "b", "d"].iter().map(|name| world.count(name, NONE)).sum::<usize>();
    assert!(none(&mut world) >= missing, "c may still be scraped");
    world.pass(seconds(90));
    assert!(none(&mut world) < missing, "what remains moves to d");
}

#[test]
fn what_a_relay_held_back_from_an_earlier_reign_is_no_copy_to_keep() {
    let mut world = three();
    world.kill("c");
    world.pass(seconds(6));
    world.restart_coordinator("coordinator-2", 2);
    world.set_targets(0..90);
    world.join("a");
    world.join("b");
    world.pass(seconds(90));
    // The last that had what c once had is taken out of the fleet while nobody leads.
    world.relays.remove("b");
    world.restart_coordinator("coordinator-3", 2);
    world.set_targets(0..90);
    world.boot("c", "2");
    for name in ["a", "c"] {
        world.sim(name).alone = true;
        world.join(name);
    }
    assert_eq!(world.count("c", KEEP), 0);
    assert!(world.count("a", KEEP) > 0);
}

#[test]
fn a_copy_that_was_to_be_discarded_does_not_travel() {
    let mut world = two();
    let dead = numbers(&mut world, "a")[0];
    let id = target(dead).id;
    world.kill_target(dead);
    world.pass(seconds(3));
    world.set_scraped(false);
    // Live only, with an old copy.
    let (_, stamp) = world.sim("a").slice[&id];
    world.sim("a").slice.insert(id, (NONE, stamp));
    world.restart_coordinator("coordinator-2", 2);
    world.set_targets(0..20);
    world.sim("a").drained = true;
    world.join("a");
    world.report("a", [dead], TargetState::Down);
    world.join("b");
    let given = world.held("b").get(&id.0).copied();
    assert_ne!(given, Some(RECORD));
    world.pass(seconds(100));
    assert_ne!(world.held("b").get(&id.0).copied(), Some(RECORD));
}
