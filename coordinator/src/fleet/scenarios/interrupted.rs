//! Moves in the middle of which something else happens.

use super::{DISCARD, KEEP, NONE, STAGES, numbers, staged};
use crate::fleet::world::{World, seconds};
use crate::fleet::{Stage, StreamEnd};

/// Everything goes on, and in the end `b` has every target, and nobody else any.
fn finish(mut world: World, stage: Stage) {
    for name in ["a", "b"] {
        world.sim(name).reads = true;
        world.read(name);
    }
    world.set_scraped(true);
    for _ in 0..100 {
        world.pass(seconds(1));
        world.check_books();
    }
    assert_eq!((world.held("a").len(), world.held("b").len(), world.stages()), (0, 20, vec![]), "{stage:?}");
    (0..20).for_each(|number| world.revive_target(number));
    world.pass(seconds(5));
    assert_eq!((world.dark(1), world.count("b", NONE)), (vec![], 0), "{stage:?}");
}

#[test]
fn the_old_owner_is_lost() {
    for stage in STAGES {
        let mut world = staged(stage);
        let mine = numbers(&mut world, "a").len();
        world.kill("a");
        world.pass(seconds(6));
        world.check_books();
        assert_eq!((world.stages(), world.count("b", NONE)), (vec![], mine), "{stage:?}");
        world.sim("a").slice.clear();
        finish(world, stage);
    }
}

#[test]
fn the_new_owner_is_lost_and_the_old_one_has_the_targets_again() {
    for stage in STAGES {
        let mut world = staged(stage);
        let mine = numbers(&mut world, "a").len();
        world.kill("b");
        world.pass(seconds(6));
        world.check_books();
        world.sim("a").reads = true;
        world.read("a");
        assert_eq!((world.stages(), world.held("a").len()), (vec![], 20), "{stage:?}");
        let live_only = if matches!(stage, Stage::Overlapping | Stage::Dropping) { 20 } else { 20 - mine };
        assert_eq!(world.count("a", NONE), live_only, "{stage:?}");
        world.set_scraped(true);
        world.pass(seconds(70));
        assert_eq!(world.count("a", NONE), 0, "{stage:?}");
        world.start("b", "2");
        finish(world, stage);
    }
}

#[test]
fn the_new_owner_is_drained_too() {
    for stage in STAGES {
        let mut world = staged(stage);
        world.drain("b", true);
        world.sim("a").reads = true;
        world.read("a");
        world.set_scraped(true);
        world.pass(seconds(30));
        world.check_books();
        let all = world.held("a").len() + world.held("b").len();
        assert_eq!((all, world.stages()), (20, vec![]), "{stage:?}: both keep what they have");
        world.drain("b", false);
        finish(world, stage);
    }
}

#[test]
fn the_targets_go() {
    for stage in STAGES {
        let mut world = staged(stage);
        world.set_targets([]);
        world.check_books();
        world.sim("a").reads = true;
        world.read("a");
        assert_eq!(
            (world.held("a").len(), world.held("b").len(), world.stages()),
            (0, 0, vec![]),
            "{stage:?}"
        );
        assert!(world.snapshot().targets.is_empty());
        world.set_targets(0..20);
        finish(world, stage);
    }
}

#[test]
fn a_relay_comes_back_as_the_same_or_as_a_new_process() {
    for stage in STAGES {
        for (name, boot) in [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2")] {
            let mut world = staged(stage);
            world.end(name, StreamEnd::Peer);
            world.pass(seconds(3));
            if boot == "1" {
                world.join(name)
            } else {
                world.start(name, boot)
            };
            world.check_books();
            finish(world, stage);
        }
    }
}

#[test]
fn all_slices_are_sent_again_in_a_new_reign() {
    for stage in STAGES {
        let mut world = staged(stage);
        let epoch = world.snapshot().reign.epoch;
        world.start("c", "1");
        world.end("c", StreamEnd::Peer);
        let mut reign = world.sim("c").reign.clone().unwrap();
        reign.epoch.0 += 5;
        world.sim("c").reign = Some(reign);
        world.sim("c").scraped = false;
        world.sim("c").draining = true;
        world.join("c");
        assert!(world.snapshot().reign.epoch > epoch);
        world.check_books();
        finish(world, stage);
    }
}

#[test]
fn a_move_that_no_scraper_comes_to_see_is_given_up_after_five_minutes() {
    let mut world = staged(Stage::Overlapping);
    let mine = numbers(&mut world, "a").len() as u64;
    world.sim("a").reads = true;
    world.sim("b").scraped = false;
    world.set_scraped(true);
    world.pass(seconds(299));
    assert_eq!(world.stages(), [("overlapping", usize::try_from(mine).unwrap())]);
    world.pass(seconds(2));
    assert_eq!(world.snapshot().counters.moves.given_up, [("slow", mine)].into());
    let unseen: Vec<_> = numbers(&mut world, "a");
    assert!(unseen.len() as u64 >= mine, "a has them again, or still");
    world.sim("b").scraped = true;
    finish(world, Stage::Overlapping);
}

#[test]
fn a_relay_that_had_its_copies_before_has_them_after_a_move_that_was_called_off() {
    let mut world = staged(Stage::Muting);
    let mine = numbers(&mut world, "a").len();
    world.sim("a").reads = true;
    world.kill("b");
    world.read("a");
    world.pass(seconds(6));
    assert_eq!((world.count("a", KEEP), world.count("a", DISCARD)), (mine, 0));
}
