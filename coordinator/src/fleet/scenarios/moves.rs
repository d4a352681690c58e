//! Relays that join or drain, targets that go and come back, and the list for Prometheus.

use model::status::TargetState;

use super::{DISCARD, NONE, three};
use crate::fleet::world::{World, seconds};
use crate::fleet::{FleetEvent, StreamEnd};

#[test]
fn a_newcomer_is_listed_at_once_and_gets_targets_once_it_is_scraped() {
    let mut world = three();
    world.start_unscraped("d", "1");
    assert_eq!(world.sim("d").received.len(), 1, "an empty slice at once");
    world.pass(seconds(70));
    assert_eq!((world.held("d").len(), world.listed().unwrap().len()), (0, 4));
    world.sim("d").scraped = true;
    world.report("d", [], TargetState::Up);
    world.pass(seconds(1));
    assert!(world.held("d").len() > 10, "{:?}", world.spread());
    assert_eq!(world.count("d", NONE), 0, "every former owner has acknowledged");
    assert_eq!(world.spread().iter().sum::<usize>(), 90);
}

#[test]
fn a_draining_relay_gives_everything_away_and_leaves_the_list() {
    let mut world = three();
    let stream = world.sim("c").stream.unwrap();
    world.sim("c").draining = true;
    let hello = world.hello_of("c");
    world.sim("c").reads = false;
    world.apply(FleetEvent::Hello { stream, hello });
    let exposed = world.held("c").len();
    assert_eq!((world.spread()[2], world.spread().iter().sum::<usize>()), (0, 90 - exposed));
    assert_eq!(world.listed().unwrap().len(), 3, "it still exposes what it has not acknowledged");
    world.read("c");
    assert_eq!(world.spread().iter().sum::<usize>(), 90);
    assert_eq!(world.count("a", NONE) + world.count("b", NONE), 0, "it has acknowledged every one");
    assert_eq!(world.listed().unwrap().len(), 2);
}

#[test]
fn a_target_that_comes_back_waits_until_its_former_relay_has_let_it_go() {
    let mut world = World::new(2, 1);
    world.start("a", "1");
    world.start("b", "1");
    let owner = if world.held("a").is_empty() { "b" } else { "a" };
    world.sim(owner).reads = false;
    world.set_targets([]);
    world.set_targets([0]);
    assert_eq!(world.snapshot().targets.len(), 1);
    assert!(world.snapshot().targets[0].moving);
    world.sim(owner).reads = true;
    world.read(owner);
    let permissions: Vec<_> = [world.held("a"), world.held("b")].into_iter().flatten().collect();
    assert_eq!(permissions, [(0, DISCARD)]);
}

#[test]
fn a_list_is_never_emptied_by_a_failure() {
    let mut world = World::new(1, 3);
    assert_eq!(world.listed(), None, "settling");
    world.start("a", "1");
    assert_eq!(world.listed().unwrap(), ["a:15090"]);
    world.end("a", StreamEnd::Peer);
    world.pass(seconds(10));
    assert_eq!(world.listed(), None, "the only relay is lost");
}

#[test]
fn what_an_operator_has_drained_stays_drained_when_either_process_restarts() {
    let mut world = three();
    world.apply(FleetEvent::Drain { relay: "c".into(), drained: true });
    world.pass(seconds(1));
    assert!(world.held("c").is_empty(), "{:?}", world.spread());
    assert_eq!(world.listed().unwrap().len(), 2);
    let told = world.sim("c").received.iter().filter_map(|change| change.drained).collect::<Vec<_>>();
    assert_eq!(told, [false, true], "with the first slice, and as it is drained");
    world.sim("c").drained = true;
    world.restart_coordinator("coordinator-2", 3);
    world.set_targets(0..90);
    for name in ["a", "b", "c"] {
        world.join(name);
    }
    world.pass(seconds(30));
    assert!(world.held("c").is_empty(), "{:?}", world.spread());
    world.apply(FleetEvent::Drain { relay: "c".into(), drained: false });
    world.pass(seconds(60));
    assert!(!world.held("c").is_empty());
}
