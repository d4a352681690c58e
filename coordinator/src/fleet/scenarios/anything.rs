//! Whatever happens, in any order: what must hold all the while, and in the end.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

use super::NONE;
use crate::fleet::StreamEnd;
use crate::fleet::world::{World, seconds};

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
    Drain(bool),
    /// A target dies.
    Die(u64),
    Revive(u64),
    /// Discovery has not reported yet after it.
    RestartCoordinator {
        unread: bool,
    },
}

fn take_step(world: &mut World, at: usize, step: Step, boot: usize) {
    let name = ["a", "b", "c"][at];
    let alive = world.sim(name).alive;
    match step {
        Step::Kill if alive => world.kill(name),
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
        Step::Drain(drained) => world.drain(name, drained),
        Step::Die(number) => world.kill_target(number),
        Step::Revive(number) => world.revive_target(number),
        Step::RestartCoordinator { unread } => {
            world.restart_coordinator(&format!("coordinator-{boot}"), 3);
            if unread { world.list([], &["node"]) } else { world.set_targets(0..12) }
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
        for step in [Step::Beat, Step::Read, Step::Start, Step::Join, Step::Drain(false)] {
            take_step(world, at, step, 1000 + at);
        }
    }
    (0..20).for_each(|number| world.revive_target(number));
    world.pass(seconds(100));
    check_copies(world);
    if ["a", "b", "c"].iter().any(|name| world.held(name).is_empty()) {
        // It has failed too often to be filled yet.
        world.pass(seconds(300));
        check_copies(world);
    }
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
        1 => any::<bool>().prop_map(Step::Drain),
        2 => (0..12_u64).prop_map(Step::Die),
        1 => (0..12_u64).prop_map(Step::Revive),
    ];
    vec((0..3_usize, step), 1..40)
}

proptest::proptest! {
    #[test]
    fn whatever_happens_to_relays_a_copy_has_one_holder_and_in_the_end_every_target_one_owner(steps in steps()) {
        let mut world = World::new(3, 12).scraped();
        for name in ["a", "b", "c"] {
            world.start(name, "start");
        }
        for (boot, (at, step)) in steps.into_iter().enumerate() {
            take_step(&mut world, at, step, boot);
            check_copies(&mut world);
            world.check_books();
        }
        check_recovery(&mut world);
    }

    #[test]
    fn a_fleet_recovers_from_whatever_happens_to_relays_and_coordinators(
        (steps, restarts) in (steps(), vec((0..40_usize, 0..4_u64, any::<bool>()), 0..4)),
    ) {
        let mut world = World::new(3, 12).scraped();
        // A relay that is cut off, another that shows its targets until they go, a coordinator that has never heard
        // of that and to which they are back: nobody knows then what was shown last.
        world.forgives = steps.iter().any(|(_, step)| matches!(step, Step::Targets(_)));
        for name in ["a", "b", "c"] {
            world.start(name, "start");
        }
        for (boot, (at, step)) in steps.into_iter().enumerate() {
            for (_, pause, unread) in restarts.iter().filter(|(when, ..)| *when == boot) {
                take_step(&mut world, 0, Step::RestartCoordinator { unread: *unread }, boot);
                take_step(&mut world, 0, Step::Pass(*pause), boot);
                for back in 0..3 {
                    take_step(&mut world, back, Step::Join, boot);
                }
            }
            take_step(&mut world, at, step, boot);
            world.check_books();
        }
        check_recovery(&mut world);
    }
}
