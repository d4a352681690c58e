//! What a slice looks like on its way: settings, and parts of bounded size.

use std::collections::HashSet;

use bytes::Bytes;
use model::slice::Released;
use model::target::TargetId;
use prost::Message as _;
use proto::assignment::v1 as wire;

use super::{RECORD, staged, three};
use crate::fleet::world::World;
use crate::fleet::{FleetEvent, Stage, StreamEnd};

#[test]
fn settings_come_once_for_each_job_and_again_when_they_change() {
    let mut world = three();
    let jobs =
        |world: &mut World| -> usize { world.sim("a").received.iter().map(|change| change.jobs.len()).sum() };
    assert_eq!(jobs(&mut world), 1);
    world.set_targets(0..120);
    assert_eq!(jobs(&mut world), 1);
    let mut changed = crate::fleet::fixture::jobs();
    for settings in changed.values_mut() {
        std::sync::Arc::make_mut(settings).honor_labels = true;
    }
    let targets = crate::fleet::fixture::targets(0..120);
    world.apply(FleetEvent::Targets { targets, jobs: changed, unread: HashSet::new() });
    assert_eq!(jobs(&mut world), 2);
    assert!(world.sim("a").received.last().unwrap().jobs[0].honor_labels);
}

#[test]
fn a_large_slice_comes_in_messages_under_2_mib_that_belong_together() {
    let mut world = World::new(1, 20_000);
    world.start("a", "1");
    world.end("a", StreamEnd::Peer);
    world.sim("a").received.clear();
    world.join("a");
    let received = world.sim("a").received.clone();
    assert!(received.len() > 2, "{} messages", received.len());
    let sizes: Vec<_> = received.iter().map(|change| wire::SliceChange::from(change).encoded_len()).collect();
    assert!(sizes.iter().all(|size| *size < 2 << 20), "{sizes:?}");
    assert!(received.iter().map(|change| change.whole).eq((0..received.len()).map(|at| at == 0)));
    let last = received.len() - 1;
    assert!(received.iter().map(|change| change.complete).eq((0..received.len()).map(|at| at == last)));
    assert_eq!(world.held("a").len(), 20_000);
}

#[test]
fn large_records_come_in_messages_under_2_mib_and_those_above_1_mib_not_at_all() {
    let mut world = staged(Stage::HandingOver);
    let stream = world.sim("a").stream.unwrap();
    let ids: Vec<TargetId> = world.sim("a").slice.keys().copied().collect();
    let record = |bytes: usize| Some(Bytes::from(vec![0; bytes]));
    let sizes = |at: usize| if at == 0 { (1 << 20) + 1 } else { 1 << 20 };
    let say =
        |(at, id): (usize, &TargetId)| Released { target: *id, never_good: false, record: record(sizes(at)) };
    let released: Vec<_> = ids.iter().enumerate().map(say).collect();
    let stamp = world.fleet.relays["a"].sent;
    world.sim("b").received.clear();
    world.apply(FleetEvent::Released { stream, released });
    assert_eq!(world.snapshot().record_bytes, (ids.len() - 1) << 20);
    world.apply(FleetEvent::Acknowledged { stream, stamp });
    let counts = world.snapshot().counters.records;
    assert_eq!(counts, [("handed_over", ids.len() as u64 - 1), ("too_large", 1)].into());
    assert_eq!(world.count("b", RECORD), ids.len() - 1);
    let sent = world.sim("b").received.clone();
    assert!(sent.iter().all(|change| wire::SliceChange::from(change).encoded_len() < 2 << 20));
    assert_eq!(world.snapshot().record_bytes, 0, "acknowledged");
}
