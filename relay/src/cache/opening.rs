//! Opening a cache within a bound, whatever the disk does.
//!
//! In: a directory and the name of the relay. Out: an open store and its records, or why nothing goes to disk. All that
//! touches the disk happens in a thread of its own, since any of it may hang or panic.

use std::panic::catch_unwind;
use std::path::Path;
use std::sync::mpsc::{SendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::MemoryOnly;
use super::directory::Directory;
use super::store::{Loaded, OpenError, Store};
use crate::instruments::{CacheInstruments, label};

/// What an opening gives.
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) directory: Arc<Directory>,
    pub(super) loaded: Loaded,
}

/// Opens the store in `dir`, or gives up after `bound`.
pub(super) fn open_within(
    bound: Duration,
    dir: &Path,
    owner: &str,
    instruments: &CacheInstruments,
) -> Result<Opened, MemoryOnly> {
    let held = Arc::new(OnceLock::new());
    let opening = Opening { held: held.clone(), owner: owner.to_owned(), instruments: instruments.clone() };
    // Without a place to wait in: what comes after the bound comes back to the thread.
    let (send, receive) = sync_channel(0);
    let path = dir.to_owned();
    let open = move || {
        if let Err(SendError(Ok(late))) = send.send(opening.open(&path)) {
            let Opened { store, directory, .. } = late;
            drop(store);
            opening.set_aside(&directory, "stuck").ok();
        }
    };
    if std::thread::Builder::new().name("cache-open".into()).spawn(open).is_err() {
        return Err(MemoryOnly::Unusable);
    }
    receive.recv_timeout(bound).unwrap_or_else(|_| {
        drop(receive);
        tracing::warn!(dir = %dir.display(), ?bound, "the cache is not open yet and is given up");
        if let Some(directory) = held.get() {
            set_aside_stuck(directory.clone(), instruments.clone());
        }
        Err(MemoryOnly::Stuck)
    })
}

struct Opening {
    /// The directory, once it is this process's.
    held: Arc<OnceLock<Arc<Directory>>>,
    owner: String,
    instruments: CacheInstruments,
}

impl Opening {
    fn open(&self, dir: &Path) -> Result<Opened, MemoryOnly> {
        let directory = Arc::new(Directory::take(dir)?);
        self.held.get_or_init(|| directory.clone());
        self.open_in(&directory).map(|(store, loaded)| Opened { store, directory, loaded })
    }

    /// Opens the store, once more with a fresh one where there is any doubt or no room.
    fn open_in(&self, directory: &Directory) -> Result<(Store, Loaded), MemoryOnly> {
        match self.attempt(directory) {
            Err(OpenError::Refused(MemoryOnly::Full)) => {
                tracing::warn!("the disk is full: the cache and what was set aside are removed");
                directory.clear().map_err(|_| MemoryOnly::Full)?;
            }
            Err(OpenError::Doubtful(kind, why)) => {
                let dir = directory.store_path();
                tracing::warn!(dir = %dir.display(), reason = kind, error = why, "cache set aside");
                self.set_aside(directory, kind)?;
            }
            opened => return opened.map_err(refusal),
        }
        self.attempt(directory).map_err(refusal)
    }

    fn attempt(&self, directory: &Directory) -> Result<(Store, Loaded), OpenError> {
        let (path, owner) = (directory.store_path(), self.owner.as_str());
        let opened = catch_unwind(|| Store::open(&path, owner));
        opened.unwrap_or_else(|_| Err(OpenError::Doubtful("panic", "the store panicked".into())))
    }

    fn set_aside(&self, directory: &Directory, kind: &'static str) -> Result<(), MemoryOnly> {
        directory.set_aside().map_err(|error| {
            tracing::warn!(%error, "the cache could not be set aside");
            MemoryOnly::Unwritable
        })?;
        self.instruments.quarantines.add(1, &label("reason", kind));
        Ok(())
    }
}

/// A store that hangs as it is opened would hang the next process, too; but so may renaming it.
fn set_aside_stuck(directory: Arc<Directory>, instruments: CacheInstruments) {
    directory.in_background("cache-aside", move |directory| {
        directory.set_aside()?;
        instruments.quarantines.add(1, &label("reason", "stuck"));
        Ok(())
    });
}

fn refusal(error: OpenError) -> MemoryOnly {
    match error {
        OpenError::Refused(reason) => reason,
        OpenError::Doubtful(..) => MemoryOnly::Unusable,
    }
}
