//! Lost relays that are back after 5 s: what nobody else could show is theirs again.

use model::status::{StatusReport, TargetState};

use super::{DISCARD, KEEP, NONE, numbers, three};
use crate::fleet::world::{World, seconds};
use crate::fleet::{StreamEnd, fixture};

/// Three scraped relays; one target of `c` is down and served from the cache, and `c` is killed.
fn killed(away: u64) -> (World, u64) {
    let mut world = three().scraped();
    world.pass(seconds(6));
    let dead = numbers(&mut world, "c")[0];
    world.kill_target(dead);
    world.pass(seconds(3));
    assert_eq!(world.sim("c").states[&fixture::target(dead).id], TargetState::StaleServed);
    world.kill("c");
    world.pass(seconds(away));
    (world, dead)
}

/// What the relay may do with its copy of a target, if it has that in its slice.
fn permission(world: &mut World, name: &str, number: u64) -> Option<model::slice::Permission> {
    world.held(name).get(&u128::from(number)).copied()
}

#[test]
fn a_target_that_is_down_shows_its_last_values_again_as_soon_as_its_relay_is_back() {
    for away in [7, 12, 20, 50, 70, 90] {
        let (mut world, dead) = killed(away);
        let interim = ["a", "b"].into_iter().find(|name| permission(&mut world, name, dead).is_some());
        assert!(interim.is_some() && world.dark(2) == [fixture::target(dead).id], "after {away} s");
        world.start("c", "2");
        assert_eq!(permission(&mut world, "c", dead), Some(KEEP), "after {away} s");
        assert_eq!(permission(&mut world, interim.unwrap(), dead), None);
        world.pass(seconds(5));
        assert_eq!(world.dark(1), [], "after {away} s");
        assert!(world.snapshot().counters.assigned["returned"] >= 1);
        world.check_books();
    }
}

#[test]
fn the_same_process_keeps_its_copy_all_the_while() {
    let mut world = three().scraped();
    world.pass(seconds(6));
    let dead = numbers(&mut world, "c")[0];
    world.kill_target(dead);
    world.pass(seconds(3));
    world.end("c", StreamEnd::Peer);
    world.pass(seconds(12));
    assert!(permission(&mut world, "c", dead).is_some());
    for name in ["a", "b"] {
        world.sim(name).reads = false;
    }
    world.join("c");
    assert_eq!(permission(&mut world, "c", dead), Some(NONE), "who has it meanwhile has not let it go");
    for name in ["a", "b"] {
        world.sim(name).reads = true;
        world.read(name);
    }
    assert_eq!(permission(&mut world, "c", dead), Some(KEEP));
    world.pass(seconds(5));
    assert_eq!(world.dark(1), []);
}

#[test]
fn what_has_had_a_good_scrape_since_stays_where_it_is() {
    let (mut world, dead) = killed(8);
    world.revive_target(dead);
    world.pass(seconds(3));
    world.kill_target(dead);
    world.pass(seconds(3));
    world.start("c", "2");
    assert_ne!(permission(&mut world, "c", dead), Some(KEEP));
    world.pass(seconds(30));
    world.revive_target(dead);
    world.pass(seconds(5));
    assert_eq!(world.dark(1), []);
}

#[test]
fn a_copy_that_may_not_be_the_last_that_was_shown_is_not_served() {
    let mut world = three().scraped();
    world.pass(seconds(6));
    let dead = numbers(&mut world, "c")[0];
    world.kill_target(dead);
    world.pass(seconds(3));
    world.status("c", StatusReport { flush_late: true, ..StatusReport::default() });
    world.kill("c");
    world.pass(seconds(10));
    world.start("c", "2");
    let everywhere = ["a", "b", "c"].map(|name| permission(&mut world, name, dead));
    assert!(everywhere.contains(&Some(DISCARD)) && !everywhere.contains(&Some(KEEP)), "{everywhere:?}");
    world.pass(seconds(30));
    assert_eq!(world.dark(10), [fixture::target(dead).id]);
}

#[test]
fn a_relay_that_comes_back_to_be_drained_gets_nothing_back() {
    let (mut world, dead) = killed(10);
    world.sim("c").draining = true;
    world.boot("c", "2");
    world.sim("c").draining = true;
    world.join("c");
    world.pass(seconds(5));
    assert_eq!((permission(&mut world, "c", dead), world.held("c").len()), (None, 0));
}

#[test]
fn an_interim_owner_that_is_lost_leaves_the_target_to_the_one_that_is_back() {
    let (mut world, dead) = killed(10);
    let interim = ["a", "b"].into_iter().find(|name| permission(&mut world, name, dead).is_some()).unwrap();
    world.sim(interim).reads = false;
    world.start("c", "2");
    assert_eq!(permission(&mut world, "c", dead), Some(NONE));
    world.kill(interim);
    world.pass(seconds(6));
    world.check_books();
    assert_eq!(permission(&mut world, "c", dead), Some(NONE), "{interim} may have shown a newer value");
    world.pass(seconds(61));
    assert_eq!(permission(&mut world, "c", dead), Some(DISCARD));
}

#[test]
fn a_target_that_no_page_has_shown_since_is_shown_by_both_until_one_has() {
    let mut world = three().scraped();
    world.pass(seconds(6));
    let mine = numbers(&mut world, "c");
    world.set_scraped(false);
    world.kill("c");
    world.pass(seconds(7));
    world.kill_target(mine[0]);
    world.start("c", "2");
    assert_eq!((world.count("c", NONE), world.stages()), (mine.len(), vec![("overlapping", mine.len())]));
    let others = world.count("a", NONE) + world.count("b", NONE);
    assert_eq!(others, mine.len(), "neither serves a copy");
    for name in ["a", "b"] {
        world.page(name);
    }
    assert_eq!(
        world.held("c"),
        [(u128::from(mine[0]), KEEP)].into(),
        "the others have shown all but the dead one"
    );
    world.check_books();
    world.set_scraped(true);
    world.pass(seconds(60));
    assert_eq!((world.dark(1), world.stages()), (vec![], vec![]));
}

#[test]
fn a_relay_that_was_lost_gets_nothing_new_before_a_scraper_has_found_it_again() {
    let mut world = three().scraped();
    world.pass(seconds(6));
    world.sim("c").beats = false;
    world.pass(seconds(20));
    assert_eq!(world.spread()[2], 0);
    world.sim("c").scraped = false;
    world.sim("c").beats = true;
    world.sim("c").stream = None;
    world.join("c");
    world.pass(seconds(60));
    assert_eq!(world.held("c").len(), 0, "its scrapers have dropped it from their list");
    world.sim("c").scraped = true;
    world.pass_without_gap(60);
    assert!(world.held("c").len() > 20, "{:?}", world.spread());
}

#[test]
fn a_relay_that_is_back_shows_nothing_older_than_an_interim_owner_that_is_gone_as_well() {
    let mut world = World::new(2, 10).scraped();
    world.start("a", "1");
    world.start("b", "1");
    world.pass(seconds(6));
    let number = numbers(&mut world, "a")[0];
    world.sim("a").beats = false;
    world.pass(seconds(20));
    world.kill("b");
    world.kill_target(number);
    world.pass(seconds(70));
    world.sim("a").beats = true;
    world.join("a");
    assert_eq!(permission(&mut world, "a", number), Some(DISCARD), "b has shown a newer value");
    world.pass(seconds(5));
    world.revive_target(number);
    world.pass(seconds(5));
    assert_eq!(world.dark(1), []);
}

/// `a` was killed, `b` has shown what it had; now `b` ends in the way `end` says, and `a` is back before `b` is lost: what
/// `b` is to discard it has not been told.
fn untold(end: impl Fn(&mut World)) -> (World, u64) {
    let mut world = World::new(2, 10).scraped();
    world.start("a", "1");
    world.start("b", "1");
    world.pass(seconds(6));
    let number = numbers(&mut world, "a")[0];
    world.kill("a");
    world.pass(seconds(8));
    assert_eq!(permission(&mut world, "b", number), Some(NONE));
    world.kill_target(number);
    end(&mut world);
    world.start("a", "2");
    (world, number)
}

#[test]
fn what_a_relay_was_to_discard_while_it_was_away_it_discards_when_it_is_back() {
    let (mut world, number) = untold(|world| world.end("b", StreamEnd::Peer));
    world.join("b");
    assert_eq!(permission(&mut world, "b", number), Some(DISCARD), "it has a copy from before `a` had it");
}

#[test]
fn who_was_to_discard_its_copy_and_is_lost_is_no_home_for_it() {
    let (mut world, number) = untold(|world| world.kill("b"));
    world.pass(seconds(6));
    world.start("b", "2");
    world.pass(seconds(5));
    let both = ["a", "b"].map(|name| permission(&mut world, name, number));
    assert!(!both.contains(&Some(KEEP)), "{both:?}");
}
