//! Scripts of events that break simpler rules.

mod anything;
mod messages;
mod moves;
mod starts;
mod streams;
mod unread;

use model::slice::Permission;

use super::world::World;

const KEEP: Permission = Permission::Keep;
const DISCARD: Permission = Permission::Discard;
const NONE: Permission = Permission::None;

/// Three scraped relays that share 90 targets.
fn three() -> World {
    let mut world = World::new(3, 90);
    for name in ["a", "b", "c"] {
        world.start(name, "1");
    }
    assert_eq!(world.spread().iter().sum::<usize>(), 90);
    world
}
