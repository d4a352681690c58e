//! How the whole fleet does, and what is wrong that does not go away by itself.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use proto::admin::v1::{GetStatusResponse, Problem};

use super::{discoveries, drain, shown};
use crate::discover::Health;
use crate::discover::kubernetes::watches::Seen;
use crate::fleet::{Phase, RelayEntry, RelayState, Snapshot};

/// Problems of one kind that are told one by one.
const EXAMPLES: usize = 5;
/// A relay that comes is scraped within this, if at all.
const FIRST_PAGE: Duration = Duration::from_secs(60);

pub(super) fn status(snapshot: &Snapshot, discoveries: &[Health], seen: &[Seen]) -> GetStatusResponse {
    let mut target_counts: HashMap<String, i32> = HashMap::new();
    for entry in &snapshot.targets {
        *target_counts.entry(entry.state().as_str().to_owned()).or_default() += 1;
    }
    let mut relay_counts: HashMap<String, i32> = HashMap::new();
    for relay in &snapshot.relays {
        *relay_counts.entry(relay.state.as_str().to_owned()).or_default() += 1;
    }
    let under_way = snapshot.moves_under_way.iter();
    let present = snapshot.relays.iter().filter(|relay| relay.state != RelayState::Lost);
    GetStatusResponse {
        problems: problems(snapshot, discoveries, seen),
        epoch: snapshot.reign.epoch.0,
        coordinator_boot_id: snapshot.reign.coordinator_boot_id.to_string(),
        coordinator_state: snapshot.phase.as_str().to_owned(),
        coordinator_state_since: Some(snapshot.phase_since.into()),
        relay_counts,
        target_counts,
        unassigned_targets: count(unassigned(snapshot).count()),
        recent_moves: snapshot.moves_lately.iter().map(|(why, moves)| ((*why).to_owned(), *moves)).collect(),
        moves_under_way: under_way.map(|(stage, moves)| ((*stage).to_owned(), count(*moves))).collect(),
        peak_load_ratio: present.map(|relay| relay.load_ratio).fold(0.0, f64::max),
        discoveries: count(discoveries.len()),
        failing_discoveries: count(discoveries.iter().filter(|it| it.failures > 0).count()),
    }
}

fn count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Targets that nobody has, nor is about to have: their URLs.
fn unassigned(snapshot: &Snapshot) -> impl Iterator<Item = &str> {
    let without = snapshot
        .targets
        .iter()
        .filter(|entry| entry.owner.is_none() && !entry.moving && entry.transfer.is_none());
    without.map(|entry| &*entry.target.url)
}

fn problems(snapshot: &Snapshot, discoveries: &[Health], seen: &[Seen]) -> Vec<Problem> {
    let mut problems = Vec::new();
    if snapshot.phase == Phase::Leading {
        problems.extend(no_relay(snapshot));
        problems.extend(no_owner(snapshot));
    }
    let now = snapshot.taken;
    problems.extend(bounded(snapshot.relays.iter().filter_map(lost)));
    problems.extend(bounded(snapshot.relays.iter().filter_map(|relay| unscraped(relay, now))));
    problems.extend(bounded(snapshot.relays.iter().filter_map(|relay| hindered(snapshot, relay))));
    problems.extend(bounded(discoveries.iter().filter_map(failing)));
    problems.extend(bounded(discoveries.iter().filter_map(holding)));
    problems.extend(bounded(seen.iter().filter_map(unwatched)));
    problems.extend(mostly_down(snapshot));
    problems
}

/// The first of them, with how many more there are.
fn bounded(problems: impl Iterator<Item = Problem>) -> Vec<Problem> {
    let mut problems: Vec<Problem> = problems.collect();
    let more = problems.len().saturating_sub(EXAMPLES);
    problems.truncate(EXAMPLES);
    if let (Some(last), 1..) = (problems.last_mut(), more) {
        last.message += &format!(" (and {more} more)");
    }
    problems
}

fn problem(code: &str, message: String, hint: &str, since: Option<SystemTime>) -> Problem {
    Problem { code: code.to_owned(), message, hint: hint.to_owned(), since: since.map(Into::into) }
}

fn no_relay(snapshot: &Snapshot) -> Option<Problem> {
    let is_there = |relay: &RelayEntry| relay.state != RelayState::Lost;
    let hint = "start relays with --coordinator, or see in their logs why they do not reach it";
    let none = !snapshot.relays.iter().any(is_there);
    none.then(|| problem("no_relay", "no relay is connected".to_owned(), hint, None))
}

fn no_owner(snapshot: &Snapshot) -> Option<Problem> {
    let first = shown::url(unassigned(snapshot).next()?);
    let message = format!("{} targets have no relay, such as {first}", unassigned(snapshot).count());
    let hint = "targets go to relays whose page a scraper has asked for: see `relays list`";
    Some(problem("targets_unassigned", message, hint, None))
}

fn lost(relay: &RelayEntry) -> Option<Problem> {
    let message = format!("{} is lost: its targets went to other relays", relay.name);
    let hint = "start it again under the same name; one that was taken away for good is forgotten by itself";
    let is_lost = relay.state == RelayState::Lost;
    is_lost.then(|| problem("relay_lost", message, hint, Some(relay.last_heard)))
}

fn unscraped(relay: &RelayEntry, now: SystemTime) -> Option<Problem> {
    let waited = now.duration_since(relay.connected_since).unwrap_or_default() >= FIRST_PAGE;
    let message = format!("no scraper asks for the page of {} at {}", relay.name, relay.advertise);
    let hint = "let Prometheus scrape what /sd/prometheus lists, and see that it reaches that address";
    let is_joining = relay.state == RelayState::Joining && waited;
    is_joining.then(|| problem("relay_unscraped", message, hint, Some(relay.connected_since)))
}

fn hindered(snapshot: &Snapshot, relay: &RelayEntry) -> Option<Problem> {
    let why = drain::hindrance(snapshot, relay);
    let message = format!("{} is to lose {} targets and keeps them: {why}", relay.name, relay.to_lose);
    let hint = "until then it serves them as before";
    (!why.is_empty()).then(|| problem("relay_not_drained", message, hint, None))
}

fn failing(health: &Health) -> Option<Problem> {
    let Health { job, mechanism, failures, last_error, .. } = health;
    let message = format!("job {job}, {mechanism}: {failures} bad reads: {last_error}");
    let hint = "put right what the error names; targets that were found earlier stay";
    (*failures > 0).then(|| problem("discovery_failing", message, hint, health.last_success))
}

fn holding(health: &Health) -> Option<Problem> {
    let Health { job, mechanism, last_success, .. } = health;
    let message =
        format!("job {job}, {mechanism}: its last read would remove most targets, and waits for a second");
    let hint = "see whether the source lists what it should; removals go through within 60 s";
    health.holding.then(|| problem("removal_held", message, hint, *last_success))
}

fn unwatched(seen: &Seen) -> Option<Problem> {
    let failure = seen.status.failure.as_ref()?;
    let message = format!("{}: {}: {}", discoveries::name(seen), failure.reason.word(), failure.message);
    let hint = "`scrape-relay check --config FILE` says what the API server allows; what is known stays";
    Some(problem("watch_failing", message, hint, Some(seen.status.since)))
}

/// More than half down is rarely the targets' own doing.
fn mostly_down(snapshot: &Snapshot) -> Option<Problem> {
    let failing = snapshot.targets.iter().filter(|entry| entry.state().is_failing()).count();
    let message = format!("{failing} of {} targets are down", snapshot.targets.len());
    let hint = "`targets list --filter 'state = down'` says why; do network policies let the relays through?";
    (failing * 2 > snapshot.targets.len()).then(|| problem("targets_down", message, hint, None))
}

#[cfg(test)]
mod tests {
    use model::status::TargetState;

    use super::*;
    use crate::fleet::world::{World, seconds};
    use crate::fleet::{FleetEvent, StreamEnd};

    fn codes(snapshot: &Snapshot, discoveries: &[Health]) -> Vec<String> {
        status(snapshot, discoveries, &[]).problems.into_iter().map(|problem| problem.code).collect()
    }

    fn health(failures: u64, holding: bool) -> Health {
        Health {
            job: "j".into(),
            mechanism: "file",
            last_success: None,
            failures,
            last_error: "gone".to_owned(),
            holding,
        }
    }

    #[test]
    fn a_fleet_that_does_well_has_no_problem() {
        let mut world = World::new(2, 8);
        assert_eq!(codes(&world.snapshot(), &[]), Vec::<String>::new(), "it settles");
        world.start("a", "1");
        world.start("b", "1");
        world.pass(seconds(3));
        let told = status(&world.snapshot(), &[health(0, false)], &[]);
        assert_eq!(told.problems, []);
        assert_eq!((&*told.coordinator_state, told.relay_counts["active"]), ("leading", 2));
        assert_eq!((told.target_counts["pending"], told.unassigned_targets), (8, 0));
        assert!(told.peak_load_ratio >= 1.0 && told.discoveries == 1, "{told:?}");
        let since = SystemTime::try_from(told.coordinator_state_since.expect("a time")).expect("a time");
        assert_eq!(world.now.wall.duration_since(since).expect("in the past"), seconds(3));
    }

    #[test]
    fn what_needs_somebody_is_told_with_a_hint() {
        let mut world = World::new(1, 8);
        world.start("a", "1");
        world.start_unscraped("b", "1");
        world.pass(seconds(61));
        world.report("a", 0..5, TargetState::Down);
        assert_eq!(
            codes(&world.snapshot(), &[health(2, true)]),
            ["relay_unscraped", "discovery_failing", "removal_held", "targets_down"]
        );
        world.end("b", StreamEnd::Peer);
        world.apply(FleetEvent::Drain { relay: "a".into(), drained: true });
        world.pass(seconds(6));
        assert_eq!(codes(&world.snapshot(), &[]), ["relay_lost", "relay_not_drained", "targets_down"]);
        world.end("a", StreamEnd::Peer);
        world.pass(seconds(6));
        let told = status(&world.snapshot(), &[], &[]);
        let codes: Vec<&str> = told.problems.iter().map(|problem| &*problem.code).collect();
        assert_eq!(codes, ["no_relay", "targets_unassigned", "relay_lost", "relay_lost", "targets_down"]);
        assert_eq!(told.unassigned_targets, 8);
        assert!(told.problems.iter().all(|problem| !problem.hint.is_empty() && !problem.message.is_empty()));
    }

    #[test]
    fn there_are_only_so_many_of_one_kind() {
        let many: Vec<Health> = (0..8).map(|_| health(1, false)).collect();
        let told = status(&World::new(1, 0).snapshot(), &many, &[]).problems;
        assert_eq!((told.len(), told[4].message.ends_with("(and 3 more)")), (5, true), "{told:?}");
    }
}
