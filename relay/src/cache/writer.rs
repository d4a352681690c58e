//! The one thread that writes to the store.
//!
//! In: operations, in order. Out: the word that they are on disk. At most 1 MiB, or one value, is written without a flush.
//! After any failure nothing more is written.

use std::sync::Arc;

use super::directory::{self, Directory};
use super::queue::{Op, Shared};
use super::record::Record;
use super::store::{Store, WriteError};
use super::{LayoutSource, MemoryOnly};
use crate::instruments::{CacheInstruments, label};

/// More unflushed bytes than this have been seen to hang sled. Only a single value may be larger.
const UNFLUSHED_MOST: usize = 1 << 20;
/// What removing a record counts for.
const REMOVAL: usize = 64;

/// Starts the writer thread on `store`.
pub(super) fn spawn(store: Store, directory: Arc<Directory>, instruments: CacheInstruments) -> Arc<Shared> {
    let shared = Arc::new(Shared::new(directory, instruments));
    let thread_shared = shared.clone();
    let run = move || {
        let writing = std::panic::AssertUnwindSafe(|| write(&thread_shared, store));
        if std::panic::catch_unwind(writing).is_err() {
            thread_shared.give_up(MemoryOnly::Panicked);
        }
        thread_shared.end();
    };
    if std::thread::Builder::new().name("cache-writer".into()).spawn(run).is_err() {
        shared.give_up(MemoryOnly::Unusable);
        shared.end();
    }
    shared
}

fn write(shared: &Shared, mut store: Store) {
    let mut unflushed = 0;
    while let Some(op) = shared.next() {
        match apply(shared, &mut store, op, &mut unflushed) {
            Ok(()) => {}
            Err(WriteError::TooLarge(bytes)) => {
                tracing::debug!(bytes, "record not stored: too large");
                shared.instruments.write_failures.add(1, &label("reason", "too_large"));
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::error!(%error, cause, "cache write failed");
                shared.instruments.write_failures.add(1, &label("reason", "store"));
                shared.give_up(reason(&error));
            }
        }
    }
    if shared.memory_only().is_none() {
        match store.confirm() {
            Ok(()) => {
                shared.flushed();
                shared.caught_up();
            }
            Err(error) => tracing::error!(%error, "cache was not flushed at the end"),
        }
    }
}

fn apply(shared: &Shared, store: &mut Store, op: Op, unflushed: &mut usize) -> Result<(), WriteError> {
    let written = match op {
        Op::Put { record, layout } => return put(shared, store, &record, &layout, unflushed),
        Op::Remove(target) => usize::from(store.remove(target)?) * REMOVAL,
        Op::Flush(done) => {
            store.confirm()?;
            *unflushed = 0;
            shared.flushed();
            shared.caught_up();
            shared.instruments.entries.record(store.len() as u64, &[]);
            // Fails where the page that asked has given up waiting.
            done.send(()).ok();
            return Ok(());
        }
    };
    make_room(store, unflushed, written)
}

fn put(
    shared: &Shared,
    store: &mut Store,
    record: &Record,
    layout: &LayoutSource,
    unflushed: &mut usize,
) -> Result<(), WriteError> {
    match store.encode(record, layout) {
        Ok(encoded) => {
            let bytes = encoded.len();
            make_room(store, unflushed, bytes)?;
            store.put(encoded)?;
            shared.instruments.written_bytes.add(bytes as u64, &[]);
            Ok(())
        }
        Err(error) => {
            // What is stored of the target is older than what has been exposed since.
            store.remove(record.target)?;
            Err(error)
        }
    }
}

/// Counts `bytes` as unflushed, after a flush where they would be too many otherwise.
fn make_room(store: &Store, unflushed: &mut usize, bytes: usize) -> Result<(), WriteError> {
    if *unflushed > 0 && *unflushed + bytes > UNFLUSHED_MOST {
        store.flush()?;
        *unflushed = 0;
    }
    *unflushed += bytes;
    Ok(())
}

fn reason(error: &WriteError) -> MemoryOnly {
    match error {
        WriteError::Store(sled::Error::Io(io)) | WriteError::Marks(io)
            if directory::reason(io) == MemoryOnly::Full =>
        {
            MemoryOnly::Full
        }
        _ => MemoryOnly::WriteFailed,
    }
}
