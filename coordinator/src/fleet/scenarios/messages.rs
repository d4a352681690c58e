//! What a slice looks like on its way: settings, and parts of bounded size.

use std::collections::HashSet;

use prost::Message as _;
use proto::assignment::v1 as wire;

use super::three;
use crate::fleet::world::World;
use crate::fleet::{FleetEvent, StreamEnd};

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
