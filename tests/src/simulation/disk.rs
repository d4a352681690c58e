//! What a relay has on disk: records of good scrapes, its slice, its last contact.
//!
//! Writes go through one queue, as to the cache's writer: what is still in it when the process is killed is lost.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use model::target::TargetId;
use relay::gather::outcome::Good;
use relay::slice::HeldSlice;
use relay::slice_file::{LastContact, carried_out};

/// How long a write takes on a healthy disk.
const WRITE: Duration = Duration::from_millis(2);

/// Records on the wire: a number stands for what would be written.
#[derive(Clone, Debug, Default)]
pub(super) struct Records(Vec<Arc<Good>>);

impl Records {
    pub(super) fn write(&mut self, copy: Arc<Good>) -> Bytes {
        self.0.push(copy);
        Bytes::copy_from_slice(&(self.0.len() - 1).to_le_bytes())
    }

    pub(super) fn read(&self, record: &[u8]) -> Arc<Good> {
        let number = record.first_chunk().map(|bytes| usize::from_le_bytes(*bytes));
        number.and_then(|number| self.0.get(number)).expect("a record that was written here").clone()
    }
}

/// One relay's disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    records: BTreeMap<TargetId, Arc<Good>>,
    queue: VecDeque<(Duration, TargetId, Option<Arc<Good>>)>,
    stuck_until: Duration,
    pub(super) slice: Option<(SystemTime, HeldSlice)>,
    pub(super) contact: Option<LastContact>,
}

impl Disk {
    /// Writes take until `until`, at least.
    pub(super) fn stick(&mut self, until: Duration) {
        self.stuck_until = self.stuck_until.max(until);
    }

    pub(super) fn is_stuck(&self, now: Duration) -> bool {
        now < self.stuck_until
    }

    fn write(&mut self, now: Duration, target: TargetId, record: Option<Arc<Good>>) {
        self.settle(now);
        let done = (now + WRITE).max(self.stuck_until);
        let after = self.queue.back().map_or(done, |(last, ..)| done.max(*last));
        self.queue.push_back((after, target, record));
    }

    pub(super) fn put(&mut self, now: Duration, target: TargetId, record: Arc<Good>) {
        self.write(now, target, Some(record));
    }

    pub(super) fn remove(&mut self, now: Duration, target: TargetId) {
        self.write(now, target, None);
    }

    fn settle(&mut self, now: Duration) {
        while let Some((_, target, record)) = self.queue.pop_front_if(|(done, ..)| *done <= now) {
            match record {
                Some(record) => drop(self.records.insert(target, record)),
                None => drop(self.records.remove(&target)),
            }
        }
    }

    /// Whether everything is written within `patience`.
    pub(super) fn flushes(&self, now: Duration, patience: Duration) -> bool {
        self.queue.back().is_none_or(|(done, ..)| *done <= now + patience)
    }

    /// What waits is written, if the disk writes at all.
    pub(super) fn flush(&mut self, now: Duration) {
        if !self.is_stuck(now) {
            self.queue.iter_mut().for_each(|(done, ..)| *done = now);
            self.settle(now);
        }
    }

    /// The process is gone, with what it had not written.
    pub(super) fn end_process(&mut self, now: Duration) {
        self.settle(now);
        self.queue.clear();
    }

    /// What a new process finds.
    pub(super) fn load(&mut self, now: Duration) -> BTreeMap<TargetId, Arc<Good>> {
        self.settle(now);
        self.records.clone()
    }

    pub(super) fn keep_slice(&mut self, slice: &HeldSlice, wall: SystemTime) {
        let mut kept = slice.clone();
        for held in kept.targets.values_mut() {
            held.permission = carried_out(held.permission);
            held.served_since = None;
        }
        self.slice = Some((wall, kept));
    }
}
