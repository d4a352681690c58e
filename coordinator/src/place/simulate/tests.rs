//! What is said to move is what moves.

use std::collections::BTreeMap;

use super::*;
use crate::fleet::world::{World, seconds};

fn three(names: [&str; 3]) -> World {
    let mut world = World::new(3, 300);
    for name in names {
        world.start(name, "1");
    }
    world
}

fn owners(world: &mut World) -> BTreeMap<u128, Arc<str>> {
    let snapshot = world.snapshot();
    let owned = snapshot.targets.iter().filter_map(|entry| Some((entry, entry.owner.as_ref()?)));
    owned.map(|(entry, owner)| (entry.target.id.0, owner.relay.clone())).collect()
}

fn foretold(simulation: &Simulation) -> BTreeMap<u128, Arc<str>> {
    simulation.moves.iter().map(|one| (one.target.target.id.0, one.to.clone())).collect()
}

/// What has another owner than before.
fn moved(before: &BTreeMap<u128, Arc<str>>, after: BTreeMap<u128, Arc<str>>) -> BTreeMap<u128, Arc<str>> {
    after.into_iter().filter(|(id, owner)| before.get(id) != Some(owner)).collect()
}

#[test]
fn a_relay_that_comes_gets_what_was_foretold() {
    let mut world = three(["r-0", "r-1", "r-2"]);
    let before = owners(&mut world);
    let simulation = simulate(&world.snapshot(), &Change { add: 1, ..Change::default() }).unwrap();
    assert!(simulation.moves.iter().all(|one| *one.to == *"r-3" && one.from.is_some()));
    assert_eq!(simulation.moved, simulation.moves.iter().map(|one| one.target.weight).sum::<u64>());
    let new = simulation.relays.iter().find(|relay| *relay.name == *"r-3").unwrap();
    assert!(new.before.is_none());
    assert!(new.after.is_some_and(|after| after.ratio > 0.8 && after.targets == simulation.moves.len()));
    world.start("r-3", "1");
    world.pass(seconds(240));
    // What is on its way for a while leads to a few other choices.
    let (moved, foretold) = (moved(&before, owners(&mut world)), foretold(&simulation));
    assert!(moved.len().abs_diff(foretold.len()) <= 2, "{} of {}", moved.len(), foretold.len());
    assert!(moved.iter().filter(|one| foretold.get(one.0) == Some(one.1)).count() * 10 >= moved.len() * 7);
    assert!(moved.values().all(|to| **to == *"r-3"));
}

#[test]
fn what_a_relay_that_goes_leaves_is_where_it_was_foretold() {
    let mut world = three(["a", "b", "c"]);
    let before = owners(&mut world);
    let change = Change { remove: ["b".into()].into(), ..Change::default() };
    let simulation = simulate(&world.snapshot(), &change).unwrap();
    let gone = simulation.relays.iter().find(|relay| *relay.name == *"b").unwrap();
    assert_eq!(gone.before.map(|load| load.targets), Some(simulation.moves.len()));
    assert_eq!(gone.after, None);
    assert!(simulation.moves.iter().all(|one| one.reason == Reason::Drained("b".into())));
    world.sim("b").draining = true;
    let (stream, hello) = (world.sim("b").stream.unwrap(), world.hello_of("b"));
    world.apply(crate::fleet::FleetEvent::Hello { stream, hello });
    world.pass(seconds(120));
    assert_eq!(moved(&before, owners(&mut world)), foretold(&simulation));
}

#[test]
fn what_cannot_be_is_said() {
    let mut world = three(["a", "b", "c"]);
    let snapshot = world.snapshot();
    let error = |add, remove: &[&str]| {
        let remove = remove.iter().map(|name| Arc::from(*name)).collect();
        simulate(&snapshot, &Change { add, remove }).unwrap_err().to_string()
    };
    assert_eq!(error(0, &["d"]), "no relay is called \"d\"");
    assert_eq!(error(0, &["a", "b", "c"]), "no relay would be left that takes targets");
    assert_eq!(error(254, &[]), "257 relays are more than the 256 that a coordinator keeps");
    let nothing = simulate(&snapshot, &Change::default()).unwrap();
    assert_eq!((nothing.moves, nothing.moved, nothing.rounds), (Vec::new(), 0, 0));
}

#[test]
fn new_relays_are_called_as_the_next_ones_would_be() {
    let next = |names: &[&str], count| {
        let names = names.iter().map(|name| Arc::from(*name)).collect();
        next_names(&names, count).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(next(&["relay-0", "relay-9", "relay-10"], 2), ["relay-11", "relay-12"]);
    assert_eq!(next(&["a", "b-007", "c-x"], 2), ["added-1", "added-2"]);
    assert_eq!(next(&["added-1x", "a"], 1), ["added-1"]);
    assert_eq!(next(&[], 1), ["added-1"]);
}
