//! Moves that nothing forces: whoever scrapes sees every target at every scrape.

use super::{DISCARD, KEEP, NONE, RECORD, STAGES, numbers, staged, three, two};
use crate::fleet::world::{World, seconds};
use crate::fleet::{FleetEvent, Stage};

#[test]
fn a_target_that_does_well_is_muted_then_shown_by_both_then_dropped_and_only_then_cached_again() {
    let mut world = two();
    let mine = numbers(&mut world, "a");
    world.set_scraped(false);
    world.sim("a").reads = false;
    world.drain("a", true);
    assert_eq!(world.stages(), [("muting", mine.len())]);
    assert_eq!(world.held("b").len(), 20 - mine.len(), "a may still show a copy");
    world.read("a");
    assert_eq!(world.stages(), [("overlapping", mine.len())]);
    assert_eq!((world.count("a", NONE), world.count("b", NONE)), (mine.len(), mine.len()));
    world.pass(seconds(60));
    assert_eq!(world.stages(), [("overlapping", mine.len())], "nobody has asked b");
    world.page("b");
    assert_eq!(world.stages(), [("dropping", mine.len())]);
    assert_eq!(world.count("b", NONE), mine.len(), "a has not dropped it");
    world.read("a");
    assert_eq!((world.held("a").len(), world.held("b").len(), world.count("b", NONE)), (0, 20, 0));
    let snapshot = world.snapshot();
    assert_eq!(snapshot.counters.moves.finished, [("drained", mine.len() as u64)].into());
    assert_eq!(snapshot.moves_lately, [("drained", mine.len() as u64)].into());
    assert_eq!(world.listed().unwrap(), ["b:15090"]);
    world.check_books();
}

#[test]
fn it_can_be_asked_where_a_target_is_on_its_way() {
    for stage in STAGES {
        let mut world = staged(stage);
        let snapshot = world.snapshot();
        let moving: Vec<_> = snapshot.targets.iter().filter(|entry| entry.transfer.is_some()).collect();
        let relay = snapshot.relay("a").unwrap();
        assert_eq!((relay.drained, relay.to_lose, relay.listed), (true, moving.len(), true), "{stage:?}");
        let transfer = moving[0].transfer.as_ref().unwrap();
        assert_eq!((&*transfer.from, &*transfer.to, transfer.stage), ("a", "b", stage));
        assert_eq!(transfer.reason.to_string(), "a drains");
        let owner = moving[0].owner.as_ref().map(|owner| &*owner.relay);
        let owners = [Some("a"), Some("b"), Some("b"), None];
        assert_eq!(owner, owners[STAGES.iter().position(|one| *one == stage).unwrap()]);
        assert_eq!(moving[0].before.as_deref(), if stage == Stage::Muting { None } else { Some("a") });
    }
}

#[test]
fn a_drain_and_a_join_leave_no_gap() {
    let mut world = three().scraped();
    world.pass(seconds(6));
    let drained = world.held("c").len() as u64;
    world.drain("c", true);
    world.pass_without_gap(10);
    assert_eq!((world.held("c").len(), world.listed().unwrap().len()), (0, 2));
    world.start("d", "1");
    world.pass_without_gap(60);
    assert!(world.held("d").len() > 20, "{:?}", world.spread());
    let finished = world.snapshot().counters.moves.finished;
    let joined = finished["overload"] + finished.get("joined").unwrap_or(&0);
    assert_eq!((finished["drained"], joined), (drained, world.held("d").len() as u64));
}

#[test]
fn a_failing_target_is_handed_over_with_its_record() {
    let mut world = two();
    let mine = numbers(&mut world, "a");
    world.kill_target(mine[0]);
    world.pass(seconds(3));
    let value = world.shown.clone();
    world.drain("a", true);
    assert_eq!(world.held("b")[&u128::from(mine[0])], RECORD);
    world.pass(seconds(5));
    assert_eq!(world.held("a").len(), 0);
    assert_eq!(world.dark(2), [], "its last values are on every page");
    let id = crate::fleet::fixture::target(mine[0]).id;
    assert_eq!(world.shown[&id], value[&id]);
    assert_eq!(world.snapshot().counters.records, [("handed_over", 1)].into());
    assert_eq!(world.snapshot().record_bytes, 0, "b has acknowledged it");
}

#[test]
fn many_failing_targets_are_handed_over_a_few_at_a_time() {
    let mut world = World::new(2, 200).scraped();
    world.start("a", "1");
    world.start("b", "1");
    world.pass(seconds(6));
    let mine = numbers(&mut world, "a");
    mine.iter().for_each(|number| world.kill_target(*number));
    world.pass(seconds(3));
    world.sim("a").reads = false;
    world.drain("a", true);
    assert_eq!(world.stages(), [("handing_over", 16), ("waiting", mine.len() - 16)]);
    world.sim("b").reads = false;
    world.read("a");
    assert_eq!(world.stages(), [("waiting", mine.len() - 16)], "b has not acknowledged the first");
    for name in ["a", "b"] {
        world.sim(name).reads = true;
        world.read(name);
    }
    world.pass(seconds(10));
    assert_eq!((world.held("a").len(), world.dark(2)), (0, vec![]));
}

#[test]
fn a_target_that_dies_while_both_have_it_shows_nothing_old() {
    let mut world = staged(Stage::Overlapping);
    let mine = numbers(&mut world, "a");
    world.sim("a").reads = true;
    world.page("a");
    world.kill_target(mine[0]);
    world.set_scraped(true);
    world.pass(seconds(10));
    assert_eq!((world.held("a").len(), world.held("b").len()), (0, 20));
    world.revive_target(mine[0]);
    world.pass(seconds(5));
    assert_eq!(world.dark(1), []);
}

#[test]
fn a_target_that_dies_before_the_successor_has_it_is_handed_over() {
    let mut world = staged(Stage::Muting);
    let mine = numbers(&mut world, "a");
    world.kill_target(mine[0]);
    world.page("a");
    assert_eq!(world.stages(), [("handing_over", 1), ("muting", mine.len() - 1)]);
    world.sim("a").reads = true;
    world.read("a");
    world.set_scraped(true);
    world.pass(seconds(10));
    assert_eq!((world.held("a").len(), world.stages()), (0, vec![]));
}

#[test]
fn what_no_page_has_shown_is_dropped_and_given() {
    let mut world = World::new(2, 20);
    world.start("a", "1");
    world.start("b", "1");
    world.drain("a", true);
    assert_eq!((world.held("a").len(), world.count("b", NONE), world.held("b").len()), (0, 0, 20));
}

#[test]
fn the_only_relay_keeps_its_targets_when_it_drains_and_says_so() {
    let mut world = World::new(1, 5).scraped();
    world.start("a", "1");
    world.pass(seconds(6));
    world.drain("a", true);
    world.pass_without_gap(20);
    let snapshot = world.snapshot();
    let relay = snapshot.relay("a").unwrap();
    assert_eq!((relay.keeps, relay.to_lose, relay.listed), (true, 5, true));
    assert_eq!(world.count("a", DISCARD) + world.count("a", KEEP), 5);
    world.start("b", "1");
    world.pass_without_gap(20);
    let snapshot = world.snapshot();
    let relay = snapshot.relay("a").unwrap();
    assert_eq!((relay.keeps, relay.to_lose, relay.listed), (false, 0, false));
    assert_eq!(world.held("b").len(), 5);
}

#[test]
fn a_drain_that_is_taken_back_leaves_copies_where_nobody_else_has_shown_the_target() {
    let mut world = staged(Stage::Muting);
    let mine = numbers(&mut world, "a");
    world.drain("a", false);
    world.pass(seconds(1));
    world.sim("a").reads = true;
    world.read("a");
    assert_eq!((world.stages(), world.count("a", KEEP)), (vec![], mine.len()));
    assert_eq!(world.snapshot().counters.moves.given_up, [("undrained", mine.len() as u64)].into());
}

#[test]
fn a_process_that_is_about_to_end_moves_what_it_has_like_a_drained_one() {
    let mut world = two();
    let stream = world.sim("a").stream.unwrap();
    world.sim("a").draining = true;
    let hello = world.hello_of("a");
    world.apply(FleetEvent::Hello { stream, hello });
    world.pass_without_gap(10);
    assert_eq!((world.held("a").len(), world.held("b").len()), (0, 20));
}

#[test]
fn a_relay_that_the_last_list_left_out_gets_nothing_before_its_scraper_must_have_found_it_again() {
    let mut world = two();
    world.set_scraped(true);
    world.drain("a", true);
    world.pass(seconds(20));
    assert_eq!((world.held("a").len(), world.listed().unwrap()), (0, vec!["b:15090".to_owned()]));
    world.apply(FleetEvent::ListGiven { relays: vec!["b".into()] });
    world.drain("a", false);
    world.pass(seconds(9));
    assert_eq!(world.held("a").len(), 0, "who asks it may be about to drop it");
    world.pass(seconds(60));
    assert!(world.held("a").len() > 5, "{}", world.held("a").len());
}
