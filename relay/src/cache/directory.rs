//! The cache's directory: who holds it, where the store lies in it, and how a store is set aside.
//!
//! ```text
//! DIR/lock                    held (flock) by the process that uses the directory
//! DIR/store                   the store
//! DIR/store/marks             how new it has to be
//! DIR/store/late              there while a page has shown what is not in the store
//! DIR/cache.quarantine-TIME   the newest store that was set aside, TIME in milliseconds since 1970
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};

use super::MemoryOnly;

/// How the directories of set-aside stores begin.
const QUARANTINE: &str = "cache.quarantine-";

/// A directory that this process holds for as long as the value lives.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Creates the directory if need be and takes it.
    pub(super) fn take(path: &Path) -> Result<Self, MemoryOnly> {
        fs::create_dir_all(path).map_err(|error| reason(&error))?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join("lock"));
        let lock = lock.map_err(|error| reason(&error))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(MemoryOnly::Locked),
            Err(_) => Err(MemoryOnly::Unwritable),
        }
    }

    /// Where the store lies.
    pub(super) fn store_path(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Moves the store out of the way and removes those that were moved before.
    pub(super) fn set_aside(&self) -> io::Result<()> {
        let store = self.store_path();
        if !store.exists() {
            return Ok(());
        }
        let older = self.quarantined()?;
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        fs::rename(store, self.path.join(format!("{QUARANTINE}{}", since_1970.as_millis())))?;
        older.iter().try_for_each(fs::remove_dir_all)
    }

    /// Removes the store and what was set aside before: on a full disk nothing is worth its room.
    pub(super) fn clear(&self) -> io::Result<()> {
        self.set_aside()?;
        self.quarantined()?.iter().try_for_each(fs::remove_dir_all)
    }

    /// Notes that a page has shown what is not in the store.
    pub(super) fn note_late(&self) -> io::Result<()> {
        File::create(self.store_path().join("late")).map(drop)
    }

    /// Takes the note back.
    pub(super) fn note_caught_up(&self) -> io::Result<()> {
        fs::remove_file(self.store_path().join("late"))
    }

    /// Does something to the directory in a thread of its own, which `task` names: on a disk that hangs, anything hangs.
    pub(super) fn in_background(
        self: Arc<Self>,
        task: &'static str,
        act: impl FnOnce(&Self) -> io::Result<()> + Send + 'static,
    ) {
        let act = move || {
            if let Err(error) = act(&self) {
                tracing::warn!(%error, task, "the cache's directory could not be changed");
            }
        };
        if let Err(error) = std::thread::Builder::new().name(task.to_owned()).spawn(act) {
            tracing::warn!(%error, task, "no thread for the cache's directory");
        }
    }

    fn quarantined(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(QUARANTINE) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }
}

/// Puts a whole file in the place of `dir/name`. The name it has meanwhile is always the same: processes that are killed
/// leave one of them, not thousands.
pub(crate) fn replace_file(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = dir.join(format!("{name}.unfinished"));
    File::create(&unfinished)?.write_all(bytes)?;
    fs::rename(unfinished, dir.join(name))
}

/// Reads a file whole, unless it has more than `most` bytes.
pub(crate) fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {most} bytes")));
    }
    fs::read(path)
}

/// What an I/O error says about where records may go.
pub(super) fn reason(error: &io::Error) -> MemoryOnly {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => MemoryOnly::Full,
        _ => MemoryOnly::Unwritable,
    }
}
