//! How many connections a listener serves at a time; the number may change while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::CONNECTIONS;

/// Room for connections. Clones share it.
#[derive(Clone, Debug)]
pub struct Room(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    most: AtomicUsize,
    open: AtomicUsize,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place(Room);

impl Default for Room {
    fn default() -> Self {
        Self::new(CONNECTIONS)
    }
}

impl Room {
    /// Room for `most` connections at a time.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Counts { most: AtomicUsize::new(most), open: AtomicUsize::new(0) }))
    }

    /// Changes the number. Connections above a smaller one are served to their end.
    pub fn set(&self, most: usize) {
        self.0.most.store(most, Ordering::Relaxed);
    }

    /// A place, if one is free.
    pub(super) fn take(&self) -> Option<Place> {
        let most = self.0.most.load(Ordering::Relaxed);
        let one_more = |open| (open < most).then_some(open + 1);
        let taken = self.0.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.is_ok().then(|| Place(self.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_room_takes_nobody_until_enough_have_gone() {
        let room = Room::new(2);
        let (first, second) = (room.take(), room.take());
        assert!(first.is_some() && second.is_some() && room.take().is_none());
        room.set(1);
        drop(first);
        assert!(room.take().is_none(), "one is still there");
        drop(second);
        assert!(room.take().is_some());
    }
}
