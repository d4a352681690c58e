//! The last good scrape of every target, on disk.
//!
//! In: records as scrapes bring them, and what no longer may be kept. Out: at start what the last process left; later
//! only the word that it is on disk. One thread writes; nobody waits for it without a bound. Whatever is wrong with the
//! directory, the relay goes on: a doubtful store is set aside whole, one that cannot be written means memory only. What
//! a copy may be used for is not decided here.

pub(crate) mod directory;
mod marks;
mod opening;
mod queue;
pub mod record;
mod store;
mod writer;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

pub use record::{Key, Record};
pub use store::Loaded;

use crate::instruments::{CacheInstruments, label};
use opening::{Opened, open_within};
use queue::{Op, Shared};

/// Opening and reading a store of 5,000 records takes under 200 ms; one that takes this long is stuck.
const OPEN_WITHIN: Duration = Duration::from_secs(4);
/// After so many parts of five of the wait for a flush, it is noted on disk that it is late.
const NOTED_AFTER: u32 = 4;
/// An operation of the writer that takes this long will not end: sled can hang.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// The layout that a record's values belong to.
#[derive(Clone)]
pub struct LayoutSource {
    /// Its content hash.
    pub hash: Key,
    /// A body of it; asked for only where the store does not have the layout yet.
    pub body: Arc<dyn Fn() -> Vec<u8> + Send + Sync>,
}

/// Why nothing goes to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryOnly {
    /// No directory was given.
    NotConfigured,
    /// A living process holds the directory.
    Locked,
    /// The directory cannot be created or written.
    Unwritable,
    /// The disk is full.
    Full,
    /// The store could not be opened, not even a fresh one.
    Unusable,
    /// Writing failed.
    WriteFailed,
    /// Writing, or opening, did not end.
    Stuck,
    /// The store panicked.
    Panicked,
}

impl MemoryOnly {
    /// A fixed word for metrics.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::NotConfigured => "not_configured",
            Self::Locked => "locked",
            Self::Unwritable => "unwritable",
            Self::Full => "full",
            Self::Unusable => "unusable",
            Self::WriteFailed => "write_failed",
            Self::Stuck => "stuck",
            Self::Panicked => "panicked",
        }
    }
}

/// Writes records to disk, or does not and says why.
#[derive(Clone)]
pub struct Cache {
    shared: Option<Arc<Shared>>,
    /// Whether there is a directory that this process could not use: what lies in it grows old.
    left_behind: bool,
    instruments: CacheInstruments,
}

impl Cache {
    /// A cache that keeps nothing on disk because nobody asked for it.
    #[must_use]
    pub fn memory(instruments: CacheInstruments) -> Self {
        instruments.enabled.record(0, &[]);
        Self { shared: None, left_behind: false, instruments }
    }

    /// Opens the store of the relay called `owner` in `dir`, which is created if need be, and reads all of it. Blocks for
    /// at most 4 s, whatever the disk does. Never fails: at worst nothing goes to disk.
    #[must_use]
    pub fn open(dir: &Path, owner: &str, instruments: CacheInstruments) -> (Self, Loaded) {
        match open_within(OPEN_WITHIN, dir, owner, &instruments) {
            Ok(Opened { store, directory, loaded }) => {
                for (kind, count) in &loaded.refused {
                    instruments.records_refused.add(*count, &label("reason", kind));
                    tracing::warn!(reason = kind, records = count, "cached records left out");
                }
                tracing::info!(dir = %dir.display(), records = loaded.len(), "cache opened");
                instruments.enabled.record(1, &[]);
                instruments.entries.record(loaded.len() as u64, &[]);
                let shared = writer::spawn(store, directory, instruments.clone());
                (Self { shared: Some(shared), left_behind: false, instruments }, loaded)
            }
            Err(reason) => {
                instruments.memory_only.add(1, &label("reason", reason.kind()));
                tracing::warn!(dir = %dir.display(), reason = reason.kind(), "cache is in memory only");
                (Self { left_behind: true, ..Self::memory(instruments) }, Loaded::default())
            }
        }
    }

    /// Whether records go to disk.
    #[must_use]
    pub fn is_on_disk(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.memory_only().is_none())
    }

    /// Whether something that was exposed may be missing on disk: then an older record must not be served by a later
    /// process.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.is_behind())
    }

    /// Whether there is a directory and nothing goes there any more, or never did: what lies in it grows old.
    #[must_use]
    pub fn has_given_up(&self) -> bool {
        self.left_behind || self.shared.as_ref().is_some_and(|shared| shared.memory_only().is_some())
    }

    /// Stores `record` in place of an older one of the same target.
    pub fn put(&self, record: Record, layout: LayoutSource) {
        self.push(Op::Put { record, layout });
    }

    /// Removes what is stored of `target`.
    pub fn remove(&self, target: Key) {
        self.push(Op::Remove(target));
    }

    /// Waits until everything given so far is on disk, for at most `bound`. `false` if it was not by then: counted, and
    /// noted on disk so that the next process uses nothing older than what was shown.
    pub async fn flush(&self, bound: Duration) -> bool {
        let (done, mut flushed) = oneshot::channel();
        let Some(shared) = self.shared.as_ref().filter(|_| self.is_on_disk()) else { return true };
        if !shared.push(Op::Flush(done)) {
            return true;
        }
        let patience = bound * NOTED_AFTER / 5;
        if tokio::time::timeout(patience, &mut flushed).await.is_ok() {
            return true;
        }
        shared.note_late();
        let in_time = tokio::time::timeout(bound - patience, flushed).await.is_ok();
        if !in_time {
            self.instruments.late_flushes.add(1, &[]);
        }
        in_time
    }

    /// Looks whether the writer still makes progress; to be called about once a second.
    pub fn check_progress(&self, now: Instant) {
        let Some(shared) = &self.shared else { return };
        if shared.busy_for(now).is_some_and(|busy| busy > STUCK_AFTER) {
            shared.give_up(MemoryOnly::Stuck);
        }
    }

    /// Writes what is left and closes the store, waiting for at most `bound`.
    pub async fn close(&self, bound: Duration) -> bool {
        let Some(shared) = &self.shared else { return true };
        let ended = shared.close();
        tokio::time::timeout(bound, ended).await.is_ok()
    }

    fn push(&self, op: Op) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.push(op))
    }
}

impl Loaded {
    /// Takes the record of `target` and its layout's body out, if both are there.
    pub fn take(&mut self, target: &Key) -> Option<(Record, Vec<u8>)> {
        let record = self.records.remove(target)?;
        let body = record::decode_layout(self.layouts.get(&record.layout)?).ok()?;
        Some((record, body))
    }

    /// The targets whose records were scraped before `oldest`, in milliseconds since 1970; they are forgotten.
    pub fn expire(&mut self, oldest: i64) -> Vec<Key> {
        let mut expired = Vec::new();
        self.records.retain(|target, record| {
            let young = record.scraped_at >= oldest;
            if !young {
                expired.push(*target);
            }
            young
        });
        if self.records.is_empty() {
            self.layouts = HashMap::new();
        }
        expired
    }

    /// When the record of `target` was scraped, in milliseconds since 1970.
    #[must_use]
    pub fn scraped_at(&self, target: &Key) -> Option<i64> {
        self.records.get(target).map(|record| record.scraped_at)
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

#[cfg(test)]
mod tests;
