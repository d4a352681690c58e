//! The coordinator restarts in the middle of moves.

use super::{NONE, numbers, staged};
use crate::fleet::Stage;
use crate::fleet::world::{World, seconds};

fn restart(world: &mut World, order: [&str; 2]) {
    world.restart_coordinator("coordinator-2", 2);
    // It had been told before all this.
    world.sim("a").drained = true;
    world.set_targets(0..20);
    for name in order {
        world.sim(name).reads = true;
        world.join(name);
        world.check_books();
    }
}

#[test]
fn moves_go_on_where_they_were_and_no_scrape_is_missed() {
    for stage in [Stage::Muting, Stage::Overlapping, Stage::Dropping] {
        for order in [["a", "b"], ["b", "a"]] {
            let mut world = staged(stage);
            world.set_scraped(true);
            restart(&mut world, order);
            world.pass(seconds(2));
            world.pass_without_gap(100);
            assert_eq!((world.held("a").len(), world.held("b").len()), (0, 20), "{stage:?} {order:?}");
            assert_eq!((world.count("b", NONE), world.stages()), (0, vec![]));
        }
    }
}

#[test]
fn a_failing_target_that_was_not_dropped_yet_is_handed_over_after_all() {
    let mut world = staged(Stage::HandingOver);
    let mine = numbers(&mut world, "a").len() as u64;
    world.set_scraped(true);
    restart(&mut world, ["a", "b"]);
    world.pass(seconds(10));
    assert_eq!((world.held("a").len(), world.held("b").len(), world.dark(2)), (0, 20, vec![]));
    assert_eq!(world.snapshot().counters.records, [("handed_over", mine)].into());
}

#[test]
fn the_later_of_two_live_owners_has_it_and_the_other_goes_on_until_a_scraper_has_seen_it() {
    let mut world = staged(Stage::Overlapping);
    let mine = numbers(&mut world, "a").len();
    restart(&mut world, ["a", "b"]);
    world.pass(seconds(1));
    assert_eq!(world.stages(), [("overlapping", mine)]);
    assert_eq!((world.count("a", NONE), world.count("b", NONE)), (mine, mine));
    world.page("b");
    world.pass(seconds(1));
    assert_eq!(
        (world.held("a").len(), world.count("b", NONE)),
        (0, 0),
        "every expected relay has come: nobody else has it"
    );
}
