//! The fourteen scenarios that broke simpler protocols, each in several worlds that differ in what chance decides.

use std::time::Duration;

use integration::simulation::{Condition, Fault, Place, Settings, World};

/// Worlds in which each scenario is played.
const WORLDS: u64 = 20;
/// The scrape interval of these worlds, and what a page and its way may take.
const INTERVAL: Duration = Duration::from_secs(15);
const PAGE: Duration = Duration::from_secs(1);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Plays `script` in worlds of three relays and twelve targets that have been running for a while; `slow_jobs` of a
/// hundred targets ask for 60 s between scrapes.
fn play(slow_jobs: u64, script: impl Fn(&mut World)) {
    for seed in 0..WORLDS {
        let settings = Settings { targets: (12, slow_jobs), ..Settings::small(seed) };
        let mut world = World::traced(settings, None);
        world.run(seconds(90));
        script(&mut world);
        world.run(seconds(200));
        world.check_rest();
        assert!(world.violations().is_empty(), "seed {seed}:\n{}", world.written());
    }
}

fn target(number: usize, condition: Condition, time: u64) -> Fault {
    Fault::Target { number, condition, time: Some(seconds(time)), restarts: false }
}

/// A target dies, and stays so.
fn dead_for_good(number: usize) -> Fault {
    Fault::Target { number, condition: Condition::Down, time: None, restarts: false }
}

fn kill(relay: usize, down: u64) -> Fault {
    Fault::KillRelay { relay, down: Some(seconds(down)), disk_lost: false, silent: false }
}

fn kill_coordinator(down: u64) -> Fault {
    Fault::KillCoordinator { next: 0, down: seconds(down), silent: false }
}

/// Prometheus goes on with the list of relays that it has.
fn unlisted(time: u64) -> Fault {
    let (from, to) = (Place::Prometheus(0), Place::Coordinator(0));
    Fault::Block { from, to, both: true, time: seconds(time) }
}

fn cut(relay: usize, time: u64) -> Fault {
    let (from, to) = (Place::Relay(relay), Place::Coordinator(0));
    Fault::Block { from, to, both: true, time: seconds(time) }
}

/// A relay that has targets, and one of them.
fn some(world: &mut World) -> (usize, usize) {
    let (number, relay) = world.owners().into_iter().next().expect("everything is assigned");
    (relay, number)
}

/// No target is dark for longer than `most` and two scrapes.
fn check_dark(world: &World, most: u64) {
    for number in 0..12 {
        let dark = world.longest_dark(number);
        assert!(
            dark <= seconds(most) + 2 * INTERVAL + PAGE,
            "target {number}: {dark:?}\n{}",
            world.written()
        );
    }
}

#[test]
fn a_target_dies_while_its_relay_is_refused_and_others_are_not() {
    play(0, |world| {
        let (relay, number) = some(world);
        world.inject(Fault::Refuse { relay, time: seconds(60) });
        world.inject(Fault::HalfEnd { relay });
        world.run(seconds(20));
        world.inject(target(number, Condition::Down, 15));
        world.run(seconds(25));
        world.inject(target(number, Condition::Down, 40));
        world.run(seconds(60));
    });
}

#[test]
fn a_target_dies_on_its_new_owner_while_the_former_one_lives_unacknowledged() {
    play(0, |world| {
        let (relay, number) = some(world);
        world.inject(cut(relay, 60));
        world.run(seconds(40));
        world.inject(target(number, Condition::Down, 15));
        world.run(seconds(60));
    });
}

#[test]
fn a_relay_is_drained_while_a_target_dies_or_is_dead() {
    for slow_jobs in [0, 100] {
        play(slow_jobs, |world| {
            let (relay, dying) = some(world);
            let dead = world.targets_of(relay)[1];
            world.inject(dead_for_good(dead));
            world.run(seconds(40));
            world.inject(Fault::Drain { relay, drained: true });
            world.run(seconds(5));
            world.inject(target(dying, Condition::Down, 30));
            world.run(seconds(90));
            assert!(world.targets_of(relay).is_empty(), "{}", world.written());
            world.inject(Fault::Drain { relay, drained: false });
        });
    }
}

#[test]
fn relays_are_restarted_in_turn_while_targets_are_dead() {
    for slow_jobs in [0, 100] {
        play(slow_jobs, |world| {
            for number in [0, 5, 9] {
                world.inject(dead_for_good(number));
            }
            world.run(seconds(40));
            world.measure();
            for relay in 0..3 {
                world.inject(kill(relay, 2));
                world.run(seconds(60));
            }
            for number in [0, 5, 9] {
                check_hidden(world, number, 0);
            }
        });
    }
}

#[test]
fn a_relay_goes_on_with_the_slice_it_has_kept_while_others_have_its_targets() {
    play(20, |world| {
        let (relay, number) = some(world);
        world.inject(kill(relay, 30));
        world.run(seconds(12));
        world.inject(kill_coordinator(90));
        world.run(seconds(40));
        world.inject(target(number, Condition::Down, 20));
        world.run(seconds(60));
    });
}

#[test]
fn a_relay_with_a_dead_target_is_away_for_as_long_as_a_pod_is() {
    play(0, |world| {
        let (relay, number) = some(world);
        world.inject(dead_for_good(number));
        world.run(seconds(40));
        world.measure();
        world.inject(kill(relay, 14));
        world.run(seconds(100));
        check_hidden(world, number, 14 + 16);
    });
}

fn check_hidden(world: &World, number: usize, most: u64) {
    let hidden = world.longest_hidden(number);
    assert!(
        hidden <= seconds(most) + 2 * INTERVAL + PAGE,
        "target {number}: {hidden:?}\n{}",
        world.written()
    );
}

#[test]
fn the_end_of_a_stream_is_seen_by_one_side_only() {
    play(0, |world| {
        let (relay, number) = some(world);
        world.inject(Fault::HalfEnd { relay });
        world.run(seconds(7));
        world.inject(Fault::BlackHole { relay, relay_sees: false });
        world.inject(target(number, Condition::Down, 20));
        world.run(seconds(30));
        world.inject(Fault::BlackHole { relay, relay_sees: true });
        world.run(seconds(30));
        check_dark(world, 20);
    });
}

#[test]
fn a_frozen_relay_wakes_up_with_messages_in_its_buffers() {
    for time in [3, 12, 15, 25, 80] {
        play(0, |world| {
            let (relay, number) = some(world);
            world.measure();
            world.inject(Fault::PauseRelay { relay, time: seconds(time) });
            world.run(seconds(time - 1));
            world.inject(target(number, Condition::Down, 10));
            world.run(seconds(60));
            // The target was down for 10 s itself.
            check_dark(world, 17.max(time - 1) + 10);
        });
    }
}

#[test]
fn a_relay_that_is_still_scraped_loses_its_way_to_targets() {
    play(0, |world| {
        let (relay, _) = some(world);
        let (from, to) = (Place::Relay(relay), Place::Targets);
        world.inject(Fault::Block { from, to, both: true, time: seconds(90) });
        world.run(seconds(30));
        world.inject(cut(relay, 40));
        world.run(seconds(90));
    });
}

#[test]
fn a_relay_is_killed_before_its_disk_has_what_it_showed() {
    play(0, |world| {
        let (relay, number) = some(world);
        world.inject(Fault::StickDisk { relay, time: seconds(40) });
        world.run(seconds(35));
        world.inject(target(number, Condition::Down, 60));
        world.inject(kill(relay, 2));
        world.run(seconds(60));
    });
}

#[test]
fn a_coordinator_that_dies_or_pauses_moves_nothing_and_hides_nothing() {
    let faults = [
        kill_coordinator(2),
        kill_coordinator(40),
        Fault::KillCoordinator { next: 0, down: seconds(30), silent: true },
        Fault::PauseCoordinator { time: seconds(20) },
    ];
    for fault in faults {
        play(0, |world| {
            let dead = some(world).1;
            world.inject(dead_for_good(dead));
            world.run(seconds(40));
            let before = world.owners();
            world.measure();
            world.inject(fault);
            world.run(seconds(120));
            assert_eq!(world.owners(), before, "{}", world.written());
            check_hidden(world, dead, 0);
            (0..12).filter(|number| *number != dead).for_each(|number| check_dark_one(world, number));
        });
    }
}

/// No scrape of the target is lost.
fn check_dark_one(world: &World, number: usize) {
    let dark = world.longest_dark(number);
    assert!(dark <= INTERVAL + PAGE, "target {number}: {dark:?}\n{}", world.written());
}

#[test]
fn a_relay_that_comes_late_with_a_higher_reign_is_heard() {
    play(0, |world| {
        for relay in [0, 1] {
            world.inject(cut(relay, 70));
        }
        for _ in 0..2 {
            world.run(seconds(10));
            world.inject(kill_coordinator(1));
        }
        world.run(seconds(25));
        let high = world.epoch_of(2).expect("it has joined");
        world.inject(cut(2, 60));
        world.run(seconds(20));
        world.inject(kill_coordinator(1));
        world.run(seconds(100));
        for relay in 0..3 {
            assert!(world.epoch_of(relay) > Some(high), "relay {relay}\n{}", world.written());
        }
    });
}

#[test]
fn a_new_process_finds_the_stream_of_its_predecessor_half_open() {
    play(0, |world| {
        let (relay, _) = some(world);
        world.measure();
        world.inject(Fault::KillRelay { relay, down: Some(seconds(1)), disk_lost: false, silent: true });
        world.run(seconds(60));
        check_dark(world, 6);
    });
}

#[test]
fn a_relay_joins_before_any_list_names_it() {
    play(0, |world| {
        world.measure();
        world.inject(Fault::Scale { relay: 3, member: true });
        world.run(seconds(120));
        check_dark(world, 0);
        assert!(!world.targets_of(3).is_empty(), "{}", world.written());
    });
}

#[test]
fn a_drained_relay_that_is_restarted_stays_drained() {
    play(0, |world| {
        world.inject(Fault::Drain { relay: 1, drained: true });
        world.run(seconds(60));
        world.inject(kill(1, 3));
        world.run(seconds(60));
        assert!(world.targets_of(1).is_empty(), "{}", world.written());
        world.inject(Fault::Drain { relay: 1, drained: false });
    });
}

#[test]
fn relays_are_ended_in_turn_and_no_scrape_is_lost() {
    for slow_jobs in [0, 100] {
        play(slow_jobs, |world| {
            let dead = some(world).1;
            world.inject(dead_for_good(dead));
            // A job that asks for 60 s between scrapes notices only then.
            world.run(seconds(80));
            world.measure();
            for relay in 0..3 {
                world.inject(Fault::EndRelay { relay, down: Some(seconds(8)) });
                world.run(seconds(120));
            }
            check_hidden(world, dead, 0);
            (0..12).filter(|number| *number != dead).for_each(|number| check_dark_one(world, number));
        });
    }
}

#[test]
fn a_drained_relay_that_is_taken_back_gets_nothing_from_a_scraper_that_is_about_to_drop_it() {
    for wait in [0, 2, 4, 6, 8, 10] {
        play(0, |world| {
            let (relay, _) = some(world);
            world.measure();
            world.inject(Fault::Drain { relay, drained: true });
            while !world.targets_of(relay).is_empty() {
                world.run(seconds(1));
            }
            world.run(seconds(wait));
            world.inject(Fault::Drain { relay, drained: false });
            world.run(seconds(120));
            (0..12).for_each(|number| check_dark_one(world, number));
        });
    }
}

#[test]
fn a_killed_relay_leaves_no_target_dark_for_long() {
    play(0, |world| {
        let (relay, _) = some(world);
        world.measure();
        world.inject(kill(relay, 100));
        world.run(seconds(90));
        check_dark(world, 6);
    });
}

#[test]
fn a_relay_goes_on_unheard_while_those_that_come_to_a_new_coordinator_have_lost_their_disks() {
    play(0, |world| {
        let mine = world.targets_of(0);
        world.inject(kill_coordinator(6));
        world.inject(Fault::Refuse { relay: 0, time: seconds(70) });
        for relay in [1, 2] {
            let down = Some(seconds(5));
            world.inject(Fault::KillRelay { relay, down, disk_lost: true, silent: false });
        }
        world.inject(unlisted(50));
        world.run(seconds(42));
        mine.iter().for_each(|number| world.inject(target(*number, Condition::Down, 30)));
        world.run(seconds(60));
    });
}

#[test]
fn no_relay_reaches_a_new_coordinator_for_a_while() {
    play(0, |world| {
        let before = world.owners();
        for (relay, time) in [(0, 35), (1, 35), (2, 20)] {
            world.inject(Fault::Refuse { relay, time: seconds(time) });
        }
        world.inject(kill_coordinator(2));
        world.run(seconds(80));
        assert_eq!(world.owners(), before, "{}", world.written());
    });
}

#[test]
fn one_relay_reaches_a_new_coordinator_long_before_the_others() {
    play(0, |world| {
        world.inject(unlisted(70));
        for relay in [1, 2] {
            world.inject(Fault::Refuse { relay, time: seconds(70) });
        }
        world.inject(kill(0, 20));
        world.inject(kill_coordinator(1));
        world.run(seconds(40));
        (0..12).for_each(|number| world.inject(target(number, Condition::Down, 20)));
        world.run(seconds(25));
    });
}

#[test]
fn a_relay_is_away_when_another_comes_in_its_place_to_a_new_coordinator() {
    play(0, |world| {
        let mine = world.targets_of(0);
        world.inject(unlisted(110));
        world.inject(cut(0, 110));
        world.run(seconds(20));
        world.inject(kill_coordinator(1));
        world.run(seconds(2));
        world.inject(Fault::Scale { relay: 3, member: true });
        world.run(seconds(30));
        mine.iter().for_each(|number| world.inject(target(*number, Condition::Down, 20)));
        world.run(seconds(25));
        world.inject(Fault::Scale { relay: 3, member: false });
    });
}

#[test]
fn a_coordinator_is_paused_while_its_first_listings_come() {
    play(100, |world| {
        world.inject(kill_coordinator(4));
        world.run(Duration::from_millis(4040));
        world.inject(Fault::PauseCoordinator { time: seconds(13) });
        world.run(seconds(60));
    });
}

#[test]
fn slow_targets_of_two_prometheus_move() {
    for slow_jobs in [0, 100] {
        for seed in 0..WORLDS {
            let intervals = vec![INTERVAL, INTERVAL];
            let settings =
                Settings { targets: (12, slow_jobs), slow_targets: 100, intervals, ..Settings::small(seed) };
            let mut world = World::traced(settings, None);
            world.run(seconds(120));
            world.measure();
            world.inject(Fault::Drain { relay: 0, drained: true });
            world.run(seconds(150));
            check_dark(&world, 0);
        }
    }
}
