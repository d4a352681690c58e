//! The bounded queue in front of the writer thread, and what becomes of the directory when writing ends.
//!
//! In: operations, in order. A full queue drops the oldest record that waits, and removes instead what the store has of
//! its target: an older record than the last exposed one must not outlive the process. After any failure the store is
//! set aside (removed on a full disk) and nothing more is taken.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::directory::Directory;
use super::record::{Key, Record};
use super::{LayoutSource, MemoryOnly};
use crate::instruments::{CacheInstruments, label};

/// Bytes of records that wait: a fan-out of 10,000 targets brings about 40 MB at once.
const QUEUE_BYTES: usize = 64 << 20;
/// Operations that wait. Where there are more, the disk does not keep up at all.
const QUEUE_OPS: usize = 200_000;

/// One thing for the writer to do.
pub(super) enum Op {
    /// Store a record.
    Put {
        /// The record.
        record: Record,
        /// The layout its values belong to.
        layout: LayoutSource,
    },
    /// Remove a target's record.
    Remove(Key),
    /// Bring everything to disk and say so.
    Flush(oneshot::Sender<()>),
}

impl Op {
    fn bytes(&self) -> usize {
        match self {
            Self::Put { record, .. } => record.values.len(),
            Self::Remove(_) | Self::Flush(_) => 0,
        }
    }
}

/// What the writer thread shares with those who give it work.
pub(super) struct Shared {
    state: Mutex<State>,
    work: Condvar,
    /// Held until the thread has ended.
    directory: Mutex<Option<Arc<Directory>>>,
    /// Whether the note of a late flush is there or on its way; the lock is held while it is written or taken back.
    noted: AtomicBool,
    note: Mutex<()>,
    pub(super) instruments: CacheInstruments,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Op>,
    bytes: usize,
    /// Since when the operation that runs has run.
    busy_since: Option<Instant>,
    /// Whether something was taken since the last flush that ended well.
    unflushed: bool,
    memory_only: Option<MemoryOnly>,
    closing: bool,
    ended: bool,
    waiting_for_end: Vec<oneshot::Sender<()>>,
}

impl Shared {
    /// An empty queue in front of the store in `directory`.
    pub(super) fn new(directory: Arc<Directory>, instruments: CacheInstruments) -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            directory: Mutex::new(Some(directory)),
            noted: AtomicBool::new(false),
            note: Mutex::default(),
            instruments,
        }
    }

    /// Why nothing is written any more, if so.
    pub(super) fn memory_only(&self) -> Option<MemoryOnly> {
        self.state.lock().memory_only
    }

    /// Whether the disk may lack something that was handed over.
    pub(super) fn is_behind(&self) -> bool {
        let state = self.state.lock();
        state.memory_only.is_some() || state.unflushed || !state.queue.is_empty()
    }

    /// How long the operation that runs has run.
    pub(super) fn busy_for(&self, now: Instant) -> Option<Duration> {
        self.state.lock().busy_since.map(|since| now.saturating_duration_since(since))
    }

    /// Adds an operation. `false` if nothing is written any more.
    pub(super) fn push(&self, op: Op) -> bool {
        let mut state = self.state.lock();
        if state.memory_only.is_some() || state.closing {
            return false;
        }
        state.bytes += op.bytes();
        state.queue.push_back(op);
        let dropped = state.shorten();
        let hopeless = state.queue.len() > QUEUE_OPS;
        drop(state);
        if hopeless {
            self.give_up(MemoryOnly::Stuck);
        }
        self.work.notify_one();
        if dropped > 0 {
            self.instruments.write_failures.add(dropped, &label("reason", "queue_full"));
        }
        true
    }

    /// Writes no more: `reason` is logged and counted, the store set aside so that no later process serves what is
    /// now growing old in it.
    pub(super) fn give_up(&self, reason: MemoryOnly) {
        let mut state = self.state.lock();
        if state.memory_only.is_some() {
            return;
        }
        state.memory_only = Some(reason);
        state.queue.clear();
        state.bytes = 0;
        drop(state);
        self.work.notify_one();
        tracing::error!(reason = reason.kind(), "cache goes on in memory only");
        self.instruments.enabled.record(0, &[]);
        self.instruments.memory_only.add(1, &label("reason", reason.kind()));
        let instruments = self.instruments.clone();
        self.on_disk("cache-aside", move |directory| {
            put_away(directory, reason)?;
            if reason != MemoryOnly::Full {
                instruments.quarantines.add(1, &label("reason", reason.kind()));
            }
            Ok(())
        });
    }

    /// Notes on disk that a page is about to show what the store lacks, unless that is noted already.
    pub(super) fn note_late(self: &Arc<Self>) {
        if self.noted.swap(true, Ordering::SeqCst) {
            return;
        }
        let shared = self.clone();
        self.on_disk("cache-late", move |directory| {
            let _note = shared.note.lock();
            if shared.is_behind() { directory.note_late() } else { Ok(()) }
        });
    }

    /// Takes the note back, once everything handed over is on disk.
    pub(super) fn caught_up(&self) {
        if !self.noted.load(Ordering::SeqCst) || self.is_behind() {
            return;
        }
        let Some(directory) = self.directory.lock().clone() else { return };
        let _note = self.note.lock();
        self.noted.store(false, Ordering::SeqCst);
        match directory.note_caught_up() {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, "the next start leaves this cache out: the note of a late flush stays");
            }
            _ => {}
        }
    }

    fn on_disk(
        &self,
        task: &'static str,
        act: impl FnOnce(&Directory) -> std::io::Result<()> + Send + 'static,
    ) {
        let directory = self.directory.lock().clone();
        if let Some(directory) = directory {
            directory.in_background(task, act);
        }
    }

    /// Asks the thread to write what waits and to end; resolves once it has.
    pub(super) fn close(&self) -> oneshot::Receiver<()> {
        let (ended, wait) = oneshot::channel();
        let mut state = self.state.lock();
        state.closing = true;
        if !state.ended {
            state.waiting_for_end.push(ended);
        }
        drop(state);
        self.work.notify_one();
        wait
    }

    pub(super) fn end(&self) {
        drop(self.directory.lock().take());
        let mut state = self.state.lock();
        state.ended = true;
        state.waiting_for_end.clear();
    }

    /// The next operation, with the clock started; `None` at the end.
    pub(super) fn next(&self) -> Option<Op> {
        let mut state = self.state.lock();
        state.busy_since = None;
        loop {
            if state.memory_only.is_some() {
                return None;
            }
            if let Some(op) = state.queue.pop_front() {
                state.bytes -= op.bytes();
                state.busy_since = Some(Instant::now());
                state.unflushed = true;
                return Some(op);
            }
            if state.closing {
                return None;
            }
            self.work.wait(&mut state);
        }
    }

    pub(super) fn flushed(&self) {
        self.state.lock().unflushed = false;
    }
}

impl State {
    /// Drops the oldest records until the bounds hold; how many.
    fn shorten(&mut self) -> u64 {
        let mut dropped = 0;
        let mut at = 0;
        while self.bytes > QUEUE_BYTES && at < self.queue.len() {
            let bytes = self.queue[at].bytes();
            if let Op::Put { record, .. } = &self.queue[at] {
                self.queue[at] = Op::Remove(record.target);
                self.bytes -= bytes;
                dropped += 1;
            }
            at += 1;
        }
        dropped
    }
}

/// Takes a store that is no longer written out of the way: later it would be older than what was exposed. On a full disk
/// it is not worth its room either.
fn put_away(directory: &Directory, reason: MemoryOnly) -> std::io::Result<()> {
    if reason == MemoryOnly::Full { directory.clear() } else { directory.set_aside() }
}
