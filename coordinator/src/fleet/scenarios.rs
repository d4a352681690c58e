//! Scripts of events that break simpler rules.

mod anything;
mod interrupted;
mod messages;
mod missing;
mod moves;
mod planned;
mod restarts;
mod returns;
mod starts;
mod streams;
mod unread;

use model::slice::Permission;

use super::Stage;
use super::world::{World, seconds};

const KEEP: Permission = Permission::Keep;
const DISCARD: Permission = Permission::Discard;
const NONE: Permission = Permission::None;

const RECORD: Permission = Permission::Record;

/// Two scraped relays that share 20 targets, all of which have been on a page.
fn two() -> World {
    let mut world = World::new(2, 20).scraped();
    for name in ["a", "b"] {
        world.start(name, "1");
    }
    world.pass(seconds(6));
    assert_eq!(world.dark(1), []);
    world
}

/// The numbers of what a relay has in its slice.
fn numbers(world: &mut World, name: &str) -> Vec<u64> {
    world.held(name).into_keys().map(|id| u64::try_from(id).expect("a number of the script")).collect()
}

/// Two relays, `a` drained, with everything that it had at this stage of its way to `b`; nobody scrapes from then on,
/// and `a` reads nothing.
fn staged(stage: Stage) -> World {
    let mut world = two();
    let targets = numbers(&mut world, "a");
    if stage == Stage::HandingOver {
        targets.iter().for_each(|number| world.kill_target(*number));
        world.pass(seconds(3));
    }
    world.set_scraped(false);
    world.sim("a").reads = false;
    world.drain("a", true);
    if matches!(stage, Stage::Overlapping | Stage::Dropping) {
        world.read("a");
    }
    if stage == Stage::Dropping {
        world.page("b");
    }
    assert_eq!(world.stages(), [(stage.as_str(), targets.len())]);
    world.check_books();
    world
}

/// The stages in which both relays know of a move, or one of them does.
const STAGES: [Stage; 4] = [Stage::Muting, Stage::Overlapping, Stage::Dropping, Stage::HandingOver];

/// Three scraped relays that share 90 targets.
fn three() -> World {
    let mut world = World::new(3, 90);
    for name in ["a", "b", "c"] {
        world.start(name, "1");
    }
    assert_eq!(world.spread().iter().sum::<usize>(), 90);
    world
}
