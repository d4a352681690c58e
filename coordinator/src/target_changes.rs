//! Which targets have changed, in order: what somebody who was away has to be told.
//!
//! In: snapshots, one after the other. Out: for a position, the targets that have changed since, each once and by its
//! id: how it does now stands in the latest snapshot. So there are never more entries than targets, and those that went
//! of late.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::target::TargetId;

use crate::fleet::{Snapshot, TargetEntry};

/// Targets that have gone and are remembered; who was away for longer is told everything anew.
const GONE: usize = 10_000;

/// One target that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place in the order.
    pub position: u64,
    /// The target.
    pub target: TargetId,
    /// Where it came.
    pub added: u64,
}

/// The order of changes.
#[derive(Debug)]
pub struct Changes {
    latest: Arc<Snapshot>,
    position: u64,
    /// Up to here changes may have been forgotten.
    floor: u64,
    order: BTreeMap<u64, TargetId>,
    places: HashMap<TargetId, Place>,
    gone: BTreeMap<u64, TargetId>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    position: u64,
    added: u64,
}

impl Changes {
    /// Nothing has changed since `snapshot`.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        let place = |entry: &Arc<TargetEntry>| (entry.target.id, Place { position: 0, added: 0 });
        Self {
            places: snapshot.targets.iter().map(place).collect(),
            latest: snapshot,
            position: 0,
            floor: 0,
            order: BTreeMap::new(),
            gone: BTreeMap::new(),
        }
    }

    /// The latest snapshot: it has all that is in the order.
    #[must_use]
    pub fn latest(&self) -> &Arc<Snapshot> {
        &self.latest
    }

    /// The place of the latest change.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Takes in what `snapshot` has changed. Entries that are the same allocation are not looked into.
    pub fn observe(&mut self, snapshot: Arc<Snapshot>) {
        let former = std::mem::replace(&mut self.latest, snapshot.clone());
        let (mut old, mut new) = (former.targets.iter().peekable(), snapshot.targets.iter().peekable());
        loop {
            match (old.peek(), new.peek()) {
                (Some(before), Some(now)) if Arc::ptr_eq(before, now) => {
                    old.next();
                    new.next();
                }
                (Some(before), Some(now)) if before.target.id == now.target.id => {
                    if differs(before, now) {
                        self.note(now.target.id, false);
                    }
                    old.next();
                    new.next();
                }
                (Some(before), now) if now.is_none_or(|now| before.target.id < now.target.id) => {
                    self.note(before.target.id, true);
                    old.next();
                }
                (_, Some(now)) => {
                    self.note(now.target.id, false);
                    new.next();
                }
                (_, None) => break,
            }
        }
        self.forget();
    }

    fn note(&mut self, target: TargetId, is_gone: bool) {
        self.position += 1;
        let position = self.position;
        let place = self.places.entry(target).or_insert(Place { position, added: position });
        let former = std::mem::replace(&mut place.position, position);
        self.order.remove(&former);
        self.gone.remove(&former);
        self.order.insert(position, target);
        if is_gone {
            self.gone.insert(position, target);
        }
    }

    fn forget(&mut self) {
        while self.gone.len() > GONE {
            let Some((position, target)) = self.gone.pop_first() else { return };
            self.order.remove(&position);
            self.places.remove(&target);
            self.floor = position;
        }
    }

    /// Whether all that has changed after `position` is known.
    #[must_use]
    pub fn reach(&self, position: u64) -> bool {
        (self.floor..=self.position).contains(&position)
    }

    /// At most `most` of the changes after `position`, in order.
    pub fn since(&self, position: u64, most: usize) -> Vec<Change> {
        let newer = self.order.range(position + 1..).take(most);
        let change = |(position, target): (&u64, &TargetId)| {
            let added = self.places.get(target).map_or(*position, |place| place.added);
            Change { position: *position, target: *target, added }
        };
        newer.map(change).collect()
    }
}

/// Whether there is more between two entries than the times and counts of scrapes.
fn differs(before: &TargetEntry, now: &TargetEntry) -> bool {
    let owner = |entry: &TargetEntry| {
        entry.owner.as_ref().map(|owner| (owner.relay.clone(), owner.permission, owner.reason.clone()))
    };
    let failure = |entry: &TargetEntry| {
        let failure = entry.status.as_ref().and_then(|status| status.failure.as_ref());
        failure.map(|failure| failure.kind.clone())
    };
    before.target != now.target
        || before.listed != now.listed
        || before.moving != now.moving
        || before.transfer != now.transfer
        || before.state() != now.state()
        || owner(before) != owner(now)
        || failure(before) != failure(now)
}

#[cfg(test)]
mod tests {
    use model::status::TargetState;

    use super::*;
    use crate::fleet::world::{World, seconds};

    fn world() -> (World, Changes) {
        let mut world = World::new(1, 3);
        world.start("a", "1");
        world.pass(seconds(1));
        let snapshot = Arc::new(world.snapshot());
        (world, Changes::new(snapshot))
    }

    fn observe(changes: &mut Changes, world: &mut World) {
        changes.observe(Arc::new(world.snapshot()));
    }

    fn told(changes: &Changes, since: u64) -> Vec<u128> {
        changes.since(since, 100).iter().map(|change| change.target.0).collect()
    }

    #[test]
    fn a_target_is_told_once_however_often_it_has_changed() {
        let (mut world, mut changes) = world();
        for state in [TargetState::Up, TargetState::Down, TargetState::Up] {
            world.report("a", [1], state);
            observe(&mut changes, &mut world);
        }
        world.report("a", [0], TargetState::Up);
        observe(&mut changes, &mut world);
        assert_eq!((told(&changes, 0), changes.position()), (vec![1, 0], 4));
        assert_eq!(told(&changes, 3), [0]);
        assert_eq!(changes.since(0, 1).len(), 1);
        // Scraped again, to the same result.
        world.report("a", [0, 1], TargetState::Up);
        observe(&mut changes, &mut world);
        assert_eq!(changes.position(), 4);
    }

    #[test]
    fn what_comes_and_goes_is_told() {
        let (mut world, mut changes) = world();
        world.set_targets([0, 2, 7]);
        observe(&mut changes, &mut world);
        assert_eq!(told(&changes, 0), [1, 7]);
        let [gone, come] = changes.since(0, 100).try_into().expect("two");
        assert!(gone.added == 0 && come.added == come.position, "{gone:?} {come:?}");
        assert!(changes.latest().target(gone.target).is_none());
        world.set_targets([0, 1, 2, 7]);
        observe(&mut changes, &mut world);
        assert_eq!(*told(&changes, 2).first().expect("it is back"), 1);
    }

    #[test]
    fn only_so_many_that_have_gone_are_remembered() {
        let (mut world, mut changes) = world();
        let many = GONE as u64 + 5;
        world.set_targets(0..many);
        observe(&mut changes, &mut world);
        let before = changes.position();
        assert!(changes.reach(0) && changes.reach(before) && !changes.reach(before + 1));
        world.set_targets(0..3);
        world.pass(seconds(1));
        observe(&mut changes, &mut world);
        assert!(!changes.reach(before) && changes.reach(changes.position()));
        assert_eq!((changes.gone.len(), changes.places.len()), (GONE, GONE + 3));
        assert!(changes.order.len() <= GONE + 3);
        // One that comes back is not gone any more.
        world.set_targets(0..many);
        observe(&mut changes, &mut world);
        assert!(changes.gone.is_empty() && changes.places.len() == GONE + 5);
    }
}
