//! Rules taken out: what the judge finds when a guard of the protocol is missing.
//!
//! In: the rule that is out. Out: a promise broken within so many seeds, or by a script. Rules whose loss takes thousands
//! of seeds to show are not here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use integration::simulation::{Condition, Fault, Plan, Rules, Settings, Violation, World};

/// The first promise that a plan's world breaks.
fn broken(plan: &Plan) -> Option<Violation> {
    let mut world = World::new(plan.settings.clone());
    plan.run(&mut world);
    world.violations().first().cloned()
}

/// The first seed of so many whose world breaks a promise without a rule.
fn found(most: u64, take_out: impl Fn(&mut Rules) + Sync) -> Option<(u64, Violation)> {
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= most {
                return None;
            }
            let mut plan = Plan::of(seed);
            take_out(&mut plan.settings.rules);
            if let Some(first) = broken(&plan)
                && broken(&Plan::of(seed)).is_none()
            {
                next.store(most, Ordering::Relaxed);
                return Some((seed, first));
            }
        }
    };
    thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        workers
            .into_iter()
            .filter_map(|worker| worker.join().expect("a world does not panic"))
            .min_by_key(|one| one.0)
    })
}

/// Without the rule a promise is broken within so many seeds.
macro_rules! needed {
    ($($name:ident: $most:literal, $take_out:expr;)*) => {$(
        #[test]
        fn $name() {
            let take_out: fn(&mut Rules) = $take_out;
            assert!(found($most, take_out).is_some(), "not missed in {} seeds", $most);
        }
    )*};
}

needed! {
    a_target_is_given_with_none_while_another_may_expose_it: 100, |rules| rules.fleet.none_while_exposed = false;
    a_silent_relay_leaves_the_list: 2000, |rules| rules.fleet.lost_unlisted = false;
    a_start_waits_for_the_relays: 300, |rules| rules.fleet.start_settles = false;
    a_pause_restarts_the_clocks: 300, |rules| rules.fleet.pause_restarts_clocks = false;
    a_higher_reign_is_outbid: 2000, |rules| rules.fleet.higher_reign_outbid = false;
    a_relay_that_was_alone_says_so: 500, |rules| rules.relay.alone_is_said = false;
    a_target_that_moves_is_live_only_at_its_old_owner: 2000, |rules| rules.fleet.overlap_is_muted = false;
    an_alone_relay_withholds_copies: 100, |rules| rules.relay.alone_withholds = false;
    alone_ends_with_the_first_slice: 1000, |rules| rules.relay.alone_until_slice = false;
    under_none_copies_are_not_served: 100, |rules| rules.relay.none_withholds = false;
    discard_drops_the_copy: 300, |rules| rules.relay.discard_drops = false;
}

/// Whether a script finds something broken in any of twenty worlds.
fn breaks(take_out: fn(&mut Rules), script: fn(&mut World) -> bool) -> bool {
    (0..20).any(|seed| {
        let mut settings = Settings::small(seed);
        take_out(&mut settings.rules);
        let mut world = World::new(settings);
        world.run(Duration::from_secs(90));
        script(&mut world) || !world.violations().is_empty()
    })
}

/// The longest time between two samples of a target that is never out of sight.
const IN_SIGHT: Duration = Duration::from_secs(16);

fn drained_with_a_dead_target(world: &mut World) -> bool {
    let dead = world.targets_of(0)[0];
    world.inject(Fault::Target { number: dead, condition: Condition::Down, time: None, restarts: false });
    world.run(Duration::from_secs(40));
    world.measure();
    world.inject(Fault::Drain { relay: 0, drained: true });
    world.run(Duration::from_secs(90));
    world.longest_hidden(dead) > 2 * IN_SIGHT
}

fn drained(world: &mut World) -> bool {
    world.measure();
    world.inject(Fault::Drain { relay: 0, drained: true });
    world.run(Duration::from_secs(90));
    (0..12).any(|number| world.longest_dark(number) > IN_SIGHT)
}

fn away_with_a_dead_target(world: &mut World) -> bool {
    let dead = world.targets_of(0)[0];
    world.inject(Fault::Target { number: dead, condition: Condition::Down, time: None, restarts: false });
    world.run(Duration::from_secs(40));
    world.measure();
    let down = Some(Duration::from_secs(14));
    world.inject(Fault::KillRelay { relay: 0, down, disk_lost: false, silent: false });
    world.run(Duration::from_secs(100));
    world.longest_hidden(dead) > Duration::from_secs(30) + 2 * IN_SIGHT
}

#[test]
fn the_old_owner_drops_a_target_once_it_is_seen_at_the_new_one() {
    assert!(!breaks(|_| {}, drained));
    assert!(breaks(|rules| rules.fleet.dropped_once_seen = false, drained));
}

#[test]
fn a_failing_target_goes_with_its_record() {
    assert!(!breaks(|_| {}, drained_with_a_dead_target));
    assert!(breaks(|rules| rules.fleet.record_travels = false, drained_with_a_dead_target));
}

#[test]
fn a_relay_that_is_back_gets_what_nobody_could_show() {
    assert!(!breaks(|_| {}, away_with_a_dead_target));
    assert!(breaks(|rules| rules.fleet.returns_with_copy = false, away_with_a_dead_target));
}
