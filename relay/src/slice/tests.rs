use std::time::Duration;

use model::labels::Labels;
use model::slice::Epoch;
use model::target::PlacementKey;

use super::*;

pub(crate) fn target(id: u128) -> Arc<Target> {
    let labels = Labels::from_pairs([("job", "j".to_owned()), ("instance", format!("i{id}"))]);
    Arc::new(Target {
        id: TargetId(id),
        key: PlacementKey(u64::try_from(id).unwrap()),
        job: "j".into(),
        labels,
        url: format!("http://127.0.0.1:1/{id}").into(),
        scrape_interval: Duration::from_secs(15),
        scrape_timeout: Duration::from_secs(10),
        min_interval: None,
    })
}

fn reign(epoch: u64, coordinator: &str) -> Reign {
    Reign { epoch: Epoch(epoch), coordinator_boot_id: coordinator.into() }
}

fn change(revision: u64, whole: bool, complete: bool, ids: &[u128]) -> SliceChange {
    let assigned =
        ids.iter().map(|id| Assignment { target: target(*id), permission: Permission::Keep, record: None });
    SliceChange {
        reign: reign(1, "a"),
        revision: Revision(revision),
        whole,
        complete,
        assigned: assigned.collect(),
        removed: Vec::new(),
        jobs: vec![Arc::new(ScrapeSettings::new("j"))],
        config: None,
        drained: None,
    }
}

/// A slice with these targets.
pub(crate) fn complete_slice(targets: &[(u128, Permission)]) -> HeldSlice {
    let mut state = SliceState::default();
    let mut change = change(1, true, true, &[]);
    change.assigned = targets
        .iter()
        .map(|(id, permission)| Assignment { target: target(*id), permission: *permission, record: None })
        .collect();
    state.apply(change).unwrap().unwrap();
    state.held().clone()
}

/// A slice with targets 1 to `count`, all `keep`.
pub(crate) fn slice_of(count: u128) -> HeldSlice {
    let targets: Vec<_> = (1..=count).map(|id| (id, Permission::Keep)).collect();
    complete_slice(&targets)
}

fn ids(state: &SliceState) -> Vec<u128> {
    state.held().targets.keys().map(|id| id.0).collect()
}

fn joined(ids: &[u128]) -> SliceState {
    let mut state = SliceState::default();
    state.apply(change(1, true, true, ids)).unwrap().unwrap();
    state
}

#[test]
fn a_whole_slice_replaces_what_was_held() {
    let mut state = joined(&[1, 2]);
    state.open_stream();
    let applied = state.apply(change(5, true, true, &[2, 3])).unwrap().unwrap();
    assert_eq!(ids(&state), [2, 3]);
    assert_eq!(applied.removed, [TargetId(1)]);
    assert_eq!(applied.assigned.len(), 2);
}

#[test]
fn parts_of_a_whole_slice_change_nothing_before_the_last_one() {
    let mut state = joined(&[1]);
    state.open_stream();
    assert_eq!(state.apply(change(5, true, false, &[2])), Ok(None));
    assert_eq!(ids(&state), [1]);
    assert_eq!(state.apply(change(6, false, false, &[3])), Ok(None));
    let applied = state.apply(change(7, false, true, &[4])).unwrap().unwrap();
    assert_eq!(ids(&state), [2, 3, 4]);
    assert_eq!(applied.removed, [TargetId(1)]);
    assert_eq!(state.held().revision, Revision(7));
}

#[test]
fn a_delta_adds_removes_and_assigns_anew() {
    let mut state = joined(&[1, 2, 3]);
    let mut delta = change(2, false, true, &[3, 4]);
    delta.removed = vec![TargetId(1), TargetId(9)];
    let applied = state.apply(delta).unwrap().unwrap();
    assert_eq!(ids(&state), [2, 3, 4]);
    assert_eq!(applied.removed, [TargetId(1)]);
    assert_eq!(state.held().targets[&TargetId(3)].stamp.revision, Revision(2));
    assert_eq!(state.held().targets[&TargetId(2)].stamp.revision, Revision(1));
}

#[test]
fn an_older_reign_and_a_second_one_of_the_same_number_are_ignored() {
    let mut state = joined(&[1]);
    for (epoch, coordinator, accepted) in [(0, "a", false), (1, "b", false), (1, "a", true), (2, "b", true)] {
        let mut next = change(10 + epoch, true, true, &[2]);
        next.reign = reign(epoch, coordinator);
        assert_eq!(state.apply(next).is_ok(), accepted, "{epoch} {coordinator}");
    }
    assert_eq!(state.held().reign, Some(reign(2, "b")));
    let late = state.apply(change(99, true, true, &[7])).unwrap_err();
    assert_eq!(late.kind(), "reign");
}

#[test]
fn a_delta_counts_only_after_the_whole_slice_of_its_stream() {
    let mut state = joined(&[1]);
    state.open_stream();
    assert_eq!(state.apply(change(2, false, true, &[2])).unwrap_err().kind(), "no_slice");
    assert_eq!(ids(&state), [1]);
}

#[test]
fn a_repeated_change_is_ignored() {
    let mut state = joined(&[1]);
    state.apply(change(2, false, true, &[2])).unwrap();
    assert_eq!(state.apply(change(2, false, true, &[3])).unwrap_err().kind(), "revision");
    assert_eq!(ids(&state), [1, 2]);
}

#[test]
fn settings_of_the_relay_stay_until_they_change() {
    let mut state = joined(&[1]);
    let mut config = RelayConfig::default();
    config.cache.max_age = Duration::from_secs(7);
    state.apply(SliceChange { config: Some(Arc::new(config)), ..change(2, false, true, &[]) }).unwrap();
    state.apply(change(3, false, true, &[2])).unwrap();
    assert_eq!(state.held().config.cache.max_age, Duration::from_secs(7));
    assert!(state.held().jobs.contains_key("j"));
}

#[test]
fn a_slice_from_a_file_does_not_disturb_one_that_is_arriving() {
    let mut state = SliceState::default();
    assert_eq!(state.apply(change(5, true, false, &[2])), Ok(None));
    state.adopt(slice_of(1));
    let applied = state.apply(change(6, false, true, &[3])).unwrap().unwrap();
    assert_eq!(ids(&state), [2, 3]);
    assert_eq!(applied.removed, [TargetId(1)]);
}
