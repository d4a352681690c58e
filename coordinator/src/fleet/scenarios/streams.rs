//! Streams that end or say nothing, relays that return, and two processes of one name.

use model::status::{StatusReport, TargetState};

use super::{DISCARD, KEEP, NONE, three};
use crate::fleet::fixture::hello;
use crate::fleet::world::{World, seconds};
use crate::fleet::{Closing, Effect, FleetEvent, StreamEnd, StreamId};

#[test]
fn a_stream_that_the_peer_ends_costs_5_s_and_any_other_16_s() {
    for (end, lost_after) in [(StreamEnd::Peer, 5), (StreamEnd::Local, 16), (StreamEnd::Slow, 16)] {
        let mut world = three();
        world.pass(seconds(1));
        let targets = world.held("c").len();
        world.end("c", end);
        world.pass(seconds(lost_after - 1));
        assert_eq!(world.count("a", NONE) + world.count("b", NONE), 0, "{end:?}");
        assert_eq!(world.listed().unwrap().len(), 3);
        world.pass(seconds(1));
        assert_eq!(world.count("a", NONE) + world.count("b", NONE), targets, "{end:?}");
        assert_eq!(world.listed().unwrap().len(), 2);
    }
}

#[test]
fn a_silent_relay_is_lost_after_16_s_and_its_stream_closed() {
    let mut world = three();
    world.sim("c").beats = false;
    world.pass(seconds(15));
    assert_eq!(world.sim("c").closed, None);
    world.pass(seconds(1));
    assert_eq!(world.sim("c").closed, Some(Closing::Silent));
    assert_eq!(world.spread()[2], 0);
}

#[test]
fn a_return_within_5_s_keeps_everything() {
    for boot in ["1", "2"] {
        let mut world = three();
        let before = world.held("c").len();
        world.end("c", StreamEnd::Peer);
        world.pass(seconds(4));
        world.start("c", boot);
        assert_eq!(world.count("c", KEEP), before, "boot {boot}");
        world.pass(seconds(30));
        assert_eq!(world.held("c").len(), before);
    }
}

#[test]
fn a_new_process_discards_where_the_former_ones_last_flush_was_late() {
    let mut world = three();
    let before = world.held("c").len();
    world.status("c", StatusReport { flush_late: true, ..StatusReport::default() });
    world.end("c", StreamEnd::Peer);
    world.start("c", "2");
    assert_eq!(world.count("c", DISCARD), before);
    // The same process still has what it exposed.
    let mut same = three();
    same.status("c", StatusReport { flush_late: true, ..StatusReport::default() });
    same.end("c", StreamEnd::Peer);
    same.join("c");
    assert_eq!(same.count("c", KEEP), before);
}

#[test]
fn none_ends_when_the_lost_relay_acknowledges_or_comes_as_a_new_process_or_is_unlisted_for_60_s() {
    let lost = || {
        let mut world = three().scraped();
        world.end("c", StreamEnd::Peer);
        world.pass(seconds(6));
        let waiting = world.count("a", NONE) + world.count("b", NONE);
        assert!(waiting > 20, "{waiting}");
        // Those of which nobody else has had a good scrape would go back to a relay that returns.
        world.page("a");
        world.page("b");
        world
    };
    let waiting = |world: &mut World| world.count("a", NONE) + world.count("b", NONE);

    let mut same = lost();
    same.sim("c").reads = false;
    same.join("c");
    assert!(waiting(&mut same) > 20, "it has not acknowledged");
    same.sim("c").reads = true;
    same.read("c");
    same.pass(seconds(10));
    assert_eq!(waiting(&mut same), 0);

    let mut new = lost();
    new.sim("c").slice.clear();
    new.boot("c", "2");
    new.sim("c").reads = false;
    new.join("c");
    assert!(waiting(&mut new) > 20, "without a slice of its own it goes on with the one that was kept");
    new.sim("c").reads = true;
    new.read("c");
    new.pass(seconds(10));
    assert_eq!(waiting(&mut new), 0);

    let mut gone = lost();
    gone.pass(seconds(58));
    assert!(waiting(&mut gone) > 20);
    gone.pass(seconds(2));
    assert_eq!(waiting(&mut gone), 0);
}

#[test]
fn what_a_silent_relay_served_from_its_cache_stays_with_it_until_nobody_scrapes_it() {
    let mut world = three();
    let stale = *world.held("c").keys().next().unwrap();
    let number = u64::try_from(stale).unwrap();
    world.report("c", [number], TargetState::StaleServed);
    world.sim("c").beats = false;
    world.pass(seconds(17));
    assert_eq!(world.spread()[2], 1, "the one that may be shown from the cache");
    world.pass(seconds(58));
    assert!(!world.held("a").contains_key(&stale) && !world.held("b").contains_key(&stale));
    world.pass(seconds(3));
    let taken = [world.held("a"), world.held("b")].into_iter().find_map(|held| held.get(&stale).copied());
    assert_eq!(taken, Some(DISCARD));
    // The same with an end that the peer has sent: the process is gone.
    let mut ended = three();
    ended.report("c", [number], TargetState::StaleServed);
    ended.end("c", StreamEnd::Peer);
    ended.pass(seconds(6));
    assert_eq!(ended.spread()[2], 0);
}

#[test]
fn names_without_end_are_refused() {
    let mut world = World::undiscovered(1);
    for number in 0..crate::fleet::streams::RELAYS {
        let stream = StreamId(number as u64 + 1);
        world.apply(FleetEvent::Hello { stream, hello: hello(&format!("relay-{number}"), "1") });
        world.apply(FleetEvent::Ended { stream, end: StreamEnd::Peer });
    }
    let stream = StreamId(5000);
    let hello = hello("one-more", "1");
    let effects = world.fleet.apply(FleetEvent::Hello { stream, hello: hello.clone() }, world.now);
    assert_eq!(effects, [Effect::Close { stream, why: Closing::TooMany }]);
    world.pass(seconds(700));
    let effects = world.fleet.apply(FleetEvent::Hello { stream, hello }, world.now);
    assert!(matches!(effects[0], Effect::Welcome { .. }), "lost relays are forgotten");
}

#[test]
fn a_second_process_of_a_name_waits_for_the_first_to_answer() {
    // The first lives: the second is refused.
    let mut world = three();
    let before = world.held("c");
    let first = world.sim("c").clone();
    world.start("c", "2");
    assert_eq!(world.sim("c").closed, Some(Closing::AlreadyExists));
    world.relays.insert("c".into(), first.clone());
    world.pass(seconds(20));
    assert_eq!(world.held("c"), before);

    // The first is half-open: the second has its place after 2 s, and nobody's targets have moved.
    let mut world = three();
    world.answers_pings = false;
    world.start("c", "2");
    assert_eq!(world.sim("c").received.len(), 0);
    world.pass(seconds(1));
    assert_eq!(world.sim("c").received.len(), 0);
    world.pass(seconds(1));
    assert_eq!(
        world.held("c").keys().copied().collect::<Vec<_>>(),
        before.keys().copied().collect::<Vec<_>>()
    );
    assert_eq!(world.count("c", KEEP), before.len());

    // The first stream ends meanwhile: the second need not wait.
    let mut world = three();
    world.answers_pings = false;
    let old = world.sim("c").stream.unwrap();
    world.start("c", "2");
    world.apply(FleetEvent::Ended { stream: old, end: StreamEnd::Peer });
    assert_eq!(world.count("c", KEEP), before.len());
}

#[test]
fn a_process_that_waits_is_closed_where_the_first_comes_once_more() {
    let mut world = three();
    world.answers_pings = false;
    world.start("c", "2");
    world.apply(FleetEvent::Hello { stream: StreamId(99), hello: hello("c", "1") });
    assert_eq!(world.sim("c").closed, Some(Closing::Replaced), "it has to come again, not to wait for ever");
}

#[test]
fn the_same_process_replaces_its_half_open_stream_at_once() {
    let mut world = three();
    let before = world.held("c").len();
    world.answers_pings = false;
    let old = world.sim("c").stream.unwrap();
    world.join("c");
    assert_eq!(world.count("c", KEEP), before);
    world.apply(FleetEvent::Ended { stream: old, end: StreamEnd::Local });
    world.pass(seconds(30));
    assert_eq!(world.held("c").len(), before, "the end of the old stream is not the relay's");
}

#[test]
fn a_relay_that_acknowledges_nothing_is_cut_off() {
    let mut world = three();
    world.sim("c").reads = false;
    world.set_targets(0..60);
    world.pass(seconds(29));
    assert_eq!(world.sim("c").closed, None);
    world.pass(seconds(1));
    assert_eq!(world.sim("c").closed, Some(Closing::Unacknowledged));
    assert!(world.spread()[2] > 0, "it still owns them: it may expose them");
    world.pass(seconds(17));
    assert_eq!(world.spread()[2], 0);
}

#[test]
fn a_relay_that_comes_late_wins_nothing_from_one_that_came_back_before() {
    let mut world = World::new(2, 12);
    world.start("a", "1");
    world.start("b", "1");
    let number = *world.held("b").keys().next().unwrap();
    world.end("b", StreamEnd::Peer);
    world.pass(seconds(5));
    assert_eq!(world.held("a")[&number], NONE);
    world.end("a", StreamEnd::Peer);
    world.pass(seconds(10));
    world.join("b");
    world.pass(seconds(60));
    assert_eq!(world.held("b")[&number], DISCARD);
    world.sim("b").reads = false;
    world.join("a");
    assert!(!world.held("a").contains_key(&number), "b has it, and has not let it go");
}
