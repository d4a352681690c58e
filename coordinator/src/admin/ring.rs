//! The ring as operators see it, and what would move if it changed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use proto::admin::v1::{
    GetRingResponse, HeavyTarget, RingRelay, SimulateRingRequest, SimulateRingResponse, SimulatedMoves,
    SimulatedRelay,
};
use tonic::Status;

use super::{relays, shown};
use crate::fleet::{Phase, RelayEntry, Snapshot, TargetEntry};
use crate::place::simulate::{self, Change, Error, RelayLoad, Simulation};

/// Heavy targets that are named.
const HEAVY: usize = 20;

pub(super) fn get(snapshot: &Snapshot) -> GetRingResponse {
    let shares: HashMap<_, _> = snapshot.ring.shares().into_iter().collect();
    let mut preferred: HashMap<&str, usize> = HashMap::new();
    for entry in snapshot.targets.iter().filter(|entry| prefers_owner(snapshot, entry)) {
        if let Some(owner) = &entry.owner {
            *preferred.entry(&owner.relay).or_default() += 1;
        }
    }
    let row = |relay: &RelayEntry| RingRelay {
        name: relay.name.to_string(),
        state: relays::state(relay.state).into(),
        share: shares.get(&relay.name).copied().unwrap_or_default(),
        capacity: relay.capacity,
        targets: count(relay.targets),
        preferred_targets: count(preferred.get(&*relay.name).copied().unwrap_or_default()),
        load: relay.load,
        load_ratio: relay.load_ratio,
        flapping: relay.flapping,
    };
    let present: Vec<&RelayEntry> = snapshot.relays.iter().filter(|relay| relay.role.is_some()).collect();
    let mut heavy: Vec<_> = snapshot.targets.iter().filter(|entry| entry.heavy).collect();
    heavy.sort_by_key(|entry| (Reverse(entry.weight), entry.target.id));
    GetRingResponse {
        relays: present.iter().copied().map(row).collect(),
        heavy_targets_total: count(heavy.len()),
        heavy_targets: heavy.into_iter().take(HEAVY).map(|entry| heavy_target(entry)).collect(),
        targets: count(snapshot.targets.iter().filter(|entry| entry.owner.is_some()).count()),
        preferred_targets: count(preferred.values().sum()),
        load: present.iter().map(|relay| relay.load).sum(),
        peak_load_ratio: present.iter().map(|relay| relay.load_ratio).fold(0.0, f64::max),
    }
}

/// Whether a target is where the ring would have it.
fn prefers_owner(snapshot: &Snapshot, entry: &TargetEntry) -> bool {
    let first = snapshot.ring.preference(entry.target.key).next();
    entry.owner.as_ref().is_some_and(|owner| first == Some(&owner.relay))
}

fn heavy_target(entry: &TargetEntry) -> HeavyTarget {
    HeavyTarget {
        name: format!("targets/{}", entry.target.id),
        job: entry.target.job.to_string(),
        url: shown::url(&entry.target.url),
        relay: entry.owner.as_ref().map(|owner| owner.relay.to_string()).unwrap_or_default(),
        load: entry.weight,
    }
}

fn count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

pub(super) fn simulate(
    snapshot: &Snapshot,
    request: &SimulateRingRequest,
) -> Result<SimulateRingResponse, Status> {
    let change = Change {
        add: usize::try_from(request.add).unwrap_or(usize::MAX),
        remove: request.remove.iter().map(|name| name.as_str().into()).collect(),
    };
    if change == Change::default() {
        return Err(Status::invalid_argument("give a number of relays to add, or names of relays to remove"));
    }
    if snapshot.phase == Phase::Settling {
        return Err(Status::unavailable(
            "the coordinator is settling: relays may not have come yet; ask again in some seconds",
        ));
    }
    match simulate::simulate(snapshot, &change) {
        Ok(simulation) => Ok(answer(&simulation)),
        Err(error @ Error::Unknown(_)) => Err(Status::not_found(error.to_string())),
        Err(error @ Error::NobodyLeft) => Err(Status::failed_precondition(error.to_string())),
        Err(error @ Error::TooMany(_)) => Err(Status::invalid_argument(error.to_string())),
    }
}

fn answer(simulation: &Simulation) -> SimulateRingResponse {
    let Simulation { relays, moves, load, moved, rounds, .. } = simulation;
    let mut groups: BTreeMap<(&str, &str, &str), (usize, u64)> = BTreeMap::new();
    for one in moves {
        let key = (one.from.as_deref().unwrap_or_default(), &*one.to, one.reason.kind());
        let (targets, load) = groups.entry(key).or_default();
        *targets += 1;
        *load += one.target.weight;
    }
    let mut rows: Vec<SimulatedMoves> = groups.into_iter().map(group).collect();
    rows.sort_by_key(|row| Reverse(row.targets));
    let peak = |load: fn(&RelayLoad) -> Option<simulate::Load>| {
        relays.iter().filter_map(load).map(|load| load.ratio).fold(0.0, f64::max)
    };
    SimulateRingResponse {
        relays: relays.iter().map(simulated).collect(),
        moves: rows,
        targets: relays.iter().filter_map(|relay| relay.after).map(|load| count(load.targets)).sum(),
        moved_targets: count(moves.len()),
        load: *load,
        moved_load: *moved,
        peak_load_ratio_before: peak(|relay| relay.before),
        peak_load_ratio_after: peak(|relay| relay.after),
        rounds: count(*rounds),
    }
}

fn group(((from, to, reason), (targets, load)): ((&str, &str, &str), (usize, u64))) -> SimulatedMoves {
    SimulatedMoves {
        from: from.to_owned(),
        to: to.to_owned(),
        reason: reason.to_owned(),
        targets: count(targets),
        load,
    }
}

fn simulated(relay: &RelayLoad) -> SimulatedRelay {
    let (before, after) = (relay.before.unwrap_or_default(), relay.after.unwrap_or_default());
    SimulatedRelay {
        name: relay.name.to_string(),
        added: relay.before.is_none(),
        removed: relay.after.is_none(),
        targets_before: count(before.targets),
        targets_after: count(after.targets),
        load_before: before.load,
        load_after: after.load,
        load_ratio_before: before.ratio,
        load_ratio_after: after.ratio,
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;
    use crate::fleet::world::{World, seconds};

    fn world() -> World {
        let mut world = World::new(3, 60);
        for name in ["relay-0", "relay-1", "relay-2"] {
            world.start(name, "1");
        }
        world.pass(seconds(3));
        world
    }

    fn change(add: u32, remove: &[&str]) -> SimulateRingRequest {
        SimulateRingRequest { add, remove: remove.iter().map(|name| (*name).to_owned()).collect() }
    }

    #[test]
    fn the_ring_is_shared_and_most_targets_are_where_it_has_them() {
        let mut world = world();
        let told = get(&world.snapshot());
        let share: f64 = told.relays.iter().map(|relay| relay.share).sum();
        assert!((share - 1.0).abs() < 1e-6 && told.relays.iter().all(|relay| relay.share > 0.25), "{told:?}");
        assert_eq!((told.targets, told.relays.iter().map(|relay| relay.targets).sum()), (60, 60));
        assert!(told.preferred_targets > 40 && told.preferred_targets <= 60, "{told:?}");
        assert!((1.0..1.3).contains(&told.peak_load_ratio), "{told:?}");
        assert_eq!((told.heavy_targets_total, told.load > 0), (0, true));
    }

    #[test]
    fn a_simulation_says_what_would_move_and_changes_nothing() {
        let mut world = world();
        let before = world.spread();
        let told = simulate(&world.snapshot(), &change(1, &["relay-0"])).expect("it can be tried");
        let [gone, .., come] = &*told.relays else { panic!("{told:?}") };
        assert!(gone.removed && gone.targets_after == 0 && come.added && come.name == "relay-3", "{told:?}");
        assert!(come.targets_after > 0 && told.moved_targets >= gone.targets_before, "{told:?}");
        let moved: i32 = told.moves.iter().map(|row| row.targets).sum();
        assert_eq!((moved, told.targets), (told.moved_targets, 60));
        assert!(told.moves.iter().any(|row| row.from == "relay-0" && row.reason == "drained"), "{told:?}");
        assert!((1.0..1.3).contains(&told.peak_load_ratio_after), "{told:?}");
        assert_eq!(world.spread(), before);
    }

    #[test]
    fn what_cannot_be_tried_has_its_code() {
        let snapshot = world().snapshot();
        for (request, code) in [
            (change(0, &[]), Code::InvalidArgument),
            (change(0, &["nobody"]), Code::NotFound),
            (change(0, &["relay-0", "relay-1", "relay-2"]), Code::FailedPrecondition),
            (change(100_000, &[]), Code::InvalidArgument),
        ] {
            assert_eq!(simulate(&snapshot, &request).expect_err("it cannot").code(), code, "{request:?}");
        }
        let settling = World::new(3, 60).snapshot();
        assert_eq!(simulate(&settling, &change(1, &[])).expect_err("not yet").code(), Code::Unavailable);
    }
}
