//! Rules taken out: what the judge finds when a guard of the protocol is missing.
//!
//! In: the rule that is out. Out: a promise broken within so many seeds, or by a script. Rules whose loss takes thousands
//! of seeds to show are not here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use integration::simulation::{Condition, Fault, Place, Plan, Rules, Settings, Violation, World};

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
    a_higher_reign_is_outbid: 2000, |rules| rules.fleet.higher_reign_outbid = false;
    a_relay_that_was_alone_says_so: 500, |rules| rules.relay.alone_is_said = false;
    a_target_that_moves_is_live_only_at_its_old_owner: 2000, |rules| rules.fleet.overlap_is_muted = false;
    an_alone_relay_withholds_copies: 100, |rules| rules.relay.alone_withholds = false;
    alone_ends_with_the_first_slice: 1000, |rules| rules.relay.alone_until_slice = false;
    under_none_copies_are_not_served: 100, |rules| rules.relay.none_withholds = false;
    discard_drops_the_copy: 300, |rules| rules.relay.discard_drops = false;
}

/// Whether a script finds something broken in any of sixty worlds.
fn breaks(take_out: fn(&mut Settings), script: fn(&mut World) -> bool) -> bool {
    (0..60).any(|seed| {
        let mut settings = Settings::small(seed);
        take_out(&mut settings);
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

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Relay 0 is still scraped, and has lost its way to the targets: it shows copies.
fn lost_its_way(world: &mut World) {
    let (from, to) = (Place::Relay(0), Place::Targets);
    world.inject(Fault::Block { from, to, both: true, time: seconds(120) });
    world.run(seconds(40));
}

fn lost_its_way_to_all(world: &mut World) -> bool {
    lost_its_way(world);
    cut_off(world);
    world.run(seconds(60));
    false
}

/// The same, and its coordinator sees its stream end.
fn lost_its_way_and_its_stream(world: &mut World) -> bool {
    lost_its_way(world);
    cut_off(world);
    world.inject(Fault::BlackHole { relay: 0, relay_sees: false });
    world.run(seconds(60));
    false
}

fn cut_off(world: &mut World) {
    let (from, to) = (Place::Relay(0), Place::Coordinator(0));
    world.inject(Fault::Block { from, to, both: true, time: seconds(60) });
}

fn paused(world: &mut World) -> bool {
    let before = world.owners();
    world.inject(Fault::PauseCoordinator { time: seconds(20) });
    world.run(seconds(60));
    world.owners() != before
}

fn restarted_beside_its_half_open_stream(world: &mut World) -> bool {
    let before = world.owners();
    world.inject(Fault::KillRelay { relay: 0, down: Some(seconds(1)), disk_lost: false, silent: true });
    world.run(seconds(40));
    world.owners() != before
}

fn killed_before_its_disk_had_it(world: &mut World) -> bool {
    let number = world.targets_of(0)[0];
    world.inject(Fault::StickDisk { relay: 0, time: seconds(40) });
    world.run(seconds(35));
    world.inject(dying(number, 60));
    world.inject(Fault::KillRelay { relay: 0, down: Some(seconds(2)), disk_lost: false, silent: false });
    world.run(seconds(60));
    false
}

/// Relay 0 is told to drop its targets while its disk hangs, ends, and comes back with the slice that it has kept.
fn killed_before_its_disk_had_what_it_dropped(world: &mut World) -> bool {
    let mine = world.targets_of(0);
    world.inject(Fault::Drain { relay: 0, drained: true });
    world.run(seconds(6));
    world.inject(Fault::StickDisk { relay: 0, time: seconds(7) });
    world.run(seconds(6));
    world.inject(Fault::KillRelay { relay: 0, down: Some(seconds(1)), disk_lost: false, silent: false });
    world.inject(Fault::Refuse { relay: 0, time: seconds(60) });
    // It stays on Prometheus' list.
    let (from, to) = (Place::Prometheus(0), Place::Coordinator(0));
    world.inject(Fault::Block { from, to, both: true, time: seconds(60) });
    world.run(seconds(20));
    mine.into_iter().for_each(|number| world.inject(dying(number, 30)));
    world.run(seconds(40));
    false
}

/// Another has shown a target that relay 0 served from its cache when that comes back to no coordinator, still on
/// Prometheus' list.
fn back_with_its_kept_slice(world: &mut World) -> bool {
    let number = world.targets_of(0)[0];
    world.inject(dying(number, 30));
    world.run(seconds(25));
    world.inject(Fault::KillRelay { relay: 0, down: Some(seconds(8)), disk_lost: false, silent: false });
    world.run(seconds(7));
    world.inject(Fault::KillCoordinator { next: 0, down: seconds(60), silent: false });
    world.run(seconds(5));
    world.inject(dying(number, 40));
    world.run(seconds(60));
    false
}

/// Another has had a target of relay 0 for a while, and serves its copy, when both say to a new coordinator that they
/// have it.
fn claimed_by_two(world: &mut World) -> bool {
    let number = world.targets_of(0)[0];
    world.inject(Fault::KillRelay { relay: 0, down: Some(seconds(120)), disk_lost: false, silent: false });
    world.run(seconds(95));
    world.inject(dying(number, 200));
    world.run(seconds(17));
    world.measure();
    world.inject(Fault::KillCoordinator { next: 0, down: seconds(15), silent: false });
    world.run(seconds(60));
    world.longest_hidden(number) > 2 * IN_SIGHT
}

/// What a frozen relay finds in its buffers as it wakes up is no news of it.
fn woken_with_full_buffers(world: &mut World) -> bool {
    let mine = world.targets_of(0);
    // The answer to its last heartbeat comes while it is frozen.
    world.inject(Fault::Hold { relay: 0, time: seconds(4) });
    world.run(seconds(3));
    world.inject(Fault::PauseRelay { relay: 0, time: seconds(25) });
    world.run(seconds(24));
    mine.into_iter().for_each(|number| world.inject(dying(number, 10)));
    world.run(seconds(30));
    false
}

fn dying(number: usize, time: u64) -> Fault {
    Fault::Target { number, condition: Condition::Down, time: Some(seconds(time)), restarts: false }
}

fn coordinator_restarted(world: &mut World) -> bool {
    let before = world.owners();
    world.inject(Fault::KillCoordinator { next: 0, down: seconds(10), silent: false });
    world.run(seconds(60));
    world.owners() != before
}

/// Relay 0 shows copies and hears nothing any more: it ends its stream itself, and its coordinator sees that.
fn lost_its_way_and_hears_nothing(world: &mut World) -> bool {
    lost_its_way(world);
    let (from, to) = (Place::Coordinator(0), Place::Relay(0));
    world.inject(Fault::Block { from, to, both: false, time: seconds(60) });
    world.run(seconds(60));
    false
}

/// A script that goes well with the rule, and breaks something without it.
macro_rules! scripted {
    ($($name:ident: $script:ident, $take_out:expr;)*) => {$(
        #[test]
        fn $name() {
            assert!(!breaks(|_| {}, $script));
            assert!(breaks($take_out, $script));
        }
    )*};
}

scripted! {
    a_start_waits_for_the_relays: coordinator_restarted,
        |without| without.rules.fleet.start_settles = false;
    what_a_relay_that_left_shows_from_its_cache_stays_there: lost_its_way_and_hears_nothing,
        |without| without.rules.fleet.cached_held_back = false;
    the_old_owner_drops_a_target_once_it_is_seen_at_the_new_one: drained,
        |without| without.rules.fleet.dropped_once_seen = false;
    a_failing_target_goes_with_its_record: drained_with_a_dead_target,
        |without| without.rules.fleet.record_travels = false;
    a_relay_that_is_back_gets_what_nobody_could_show: away_with_a_dead_target,
        |without| without.rules.fleet.returns_with_copy = false;
    an_end_that_one_side_has_seen_is_silence: lost_its_way_and_its_stream,
        |without| without.rules.fleet.local_end_is_silence = false;
    what_a_silent_relay_shows_from_its_cache_stays_there: lost_its_way_to_all,
        |without| without.rules.fleet.cached_held_back = false;
    an_older_stream_is_asked_whether_it_lives: restarted_beside_its_half_open_stream,
        |without| without.rules.fleet.second_stream_pings = false;
    a_process_that_showed_what_is_not_on_disk_leaves_no_copies: killed_before_its_disk_had_it,
        |without| without.rules.fleet.late_flush_discards = false;
    a_late_flush_is_reported: killed_before_its_disk_had_it,
        |without| without.rules.relay.late_flush_reported = false;
    a_kept_slice_is_live_only: back_with_its_kept_slice,
        |without| without.rules.relay.kept_is_live_only = false;
    what_was_dropped_is_acknowledged_once_the_kept_slice_knows: killed_before_its_disk_had_what_it_dropped,
        |without| without.rules.relay.dropped_is_kept = false;
    the_later_assignment_wins: claimed_by_two,
        |without| without.rules.fleet.later_assignment_wins = false;
    a_pause_restarts_the_clocks: paused,
        |without| without.rules.fleet.pause_restarts_clocks = false;
    contact_is_when_a_heartbeat_was_sent: woken_with_full_buffers,
        |without| without.rules.relay.contact_is_sending = false;
}
