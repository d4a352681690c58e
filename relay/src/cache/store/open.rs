//! A store that is opened and read whole, and believed only where nothing speaks against it.
//!
//! In: a path and the name of the relay that asks. Out: the store with its records, or the doubt: damage, another
//! relay's, another build's, older than what was exposed.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use super::{FLUSH_EVERY_MS, Loaded, MARKS, OpenError, PAGE_CACHE, SEGMENT, Store, WriteError};
use crate::cache::MemoryOnly;
use crate::cache::directory::{self, read_bounded};
use crate::cache::marks::{Marks, Verdict};
use crate::cache::record::{self, Key, Record, RecordError};

/// Marks of 10,000,000 targets; a larger file is not ours.
const MARKS_MOST: u64 = 256 << 20;

impl Store {
    /// Opens the store and reads all of it.
    pub(in crate::cache) fn open(path: &Path, owner: &str) -> Result<(Self, Loaded), OpenError> {
        let db = sled::Config::default()
            .path(path)
            .mode(sled::Mode::LowSpace)
            .cache_capacity(PAGE_CACHE)
            .segment_size(SEGMENT)
            .flush_every_ms(Some(FLUSH_EVERY_MS))
            .open()?;
        let records = db.open_tree("records")?;
        let layouts = db.open_tree("layouts")?;
        let (stored_layouts, stored) = (HashSet::new(), HashMap::new());
        let (path, owner) = (path.to_owned(), owner.to_owned());
        let unconfirmed = true;
        let mut store = Self { path, owner, db, records, layouts, stored_layouts, stored, unconfirmed };
        let is_new = store.take_ownership()?;
        let marks = if is_new { Marks::default() } else { store.marks()? };
        let loaded = store.read(&marks)?;
        if is_new || !loaded.refused.is_empty() {
            store.confirm().map_err(write_error)?;
        }
        store.forget_late()?;
        // What came after the marks is shown from now on.
        let is_marked = |(target, at): (&Key, &i64)| is_new || marks.newest.get(target) == Some(at);
        store.unconfirmed = !store.stored.iter().all(is_marked);
        Ok((store, loaded))
    }

    /// Whether the store is new. One that is not has to say that it is this relay's: records are bound to what *this*
    /// relay exposed last.
    fn take_ownership(&self) -> Result<bool, OpenError> {
        let whose = self.db.open_tree("owner")?;
        if let Some(owner) = whose.get("name")? {
            return if *owner == *self.owner.as_bytes() { Ok(false) } else { Err(foreign(&owner)) };
        }
        if !self.records.is_empty() || !self.layouts.is_empty() {
            return Err(foreign(b"nobody"));
        }
        whose.insert("name", self.owner.as_bytes())?;
        Ok(true)
    }

    fn marks(&self) -> Result<Marks, OpenError> {
        let bytes = match read_bounded(&self.path.join(MARKS), MARKS_MOST) {
            Ok(bytes) => bytes,
            // Between a store's first moment and its first marks a process may end.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.records.is_empty() => {
                return Ok(Marks::default());
            }
            Err(error) => return Err(OpenError::Doubtful("damaged", format!("the marks: {error}"))),
        };
        let marks = Marks::decode(&bytes).map_err(|(kind, why)| OpenError::Doubtful(kind, why.into()))?;
        if marks.owner == self.owner { Ok(marks) } else { Err(foreign(marks.owner.as_bytes())) }
    }

    /// Every record and layout. Damage anywhere makes the whole store doubtful, and so does a record older than its
    /// mark. Left out and removed is what is whole and of no use: a record of another build, one whose layout is
    /// missing, one that was never exposed, and all of them where a page had shown what did not reach the disk.
    fn read(&mut self, marks: &Marks) -> Result<Loaded, OpenError> {
        let late = self.path.join("late").try_exists().unwrap_or(true);
        let mut loaded = Loaded { layouts: self.read_layouts()?, ..Loaded::default() };
        for entry in &self.records {
            let (key, bytes) = entry?;
            let record = match Record::decode(&bytes) {
                Ok(record) if record.target != *key => {
                    return Err(OpenError::Doubtful("damaged", "a record lies under another's key".into()));
                }
                Ok(record) => record,
                Err(error @ RecordError::Version(_)) => {
                    self.leave_out(&key, error.kind(), &mut loaded)?;
                    continue;
                }
                Err(error) => return Err(OpenError::Doubtful("damaged", error.to_string())),
            };
            let verdict = marks.judge(&record.target, record.scraped_at);
            let has_layout = loaded.layouts.contains_key(&record.layout);
            match fault(verdict, late, has_layout) {
                None => drop(loaded.records.insert(record.target, record)),
                Some("rolled_back") => {
                    let why = "a record is older than what was exposed last".into();
                    return Err(OpenError::Doubtful("rolled_back", why));
                }
                Some(kind) => self.leave_out(&key, kind, &mut loaded)?,
            }
        }
        self.remove_unused_layouts(&mut loaded)?;
        self.stored = loaded.records.values().map(|record| (record.target, record.scraped_at)).collect();
        Ok(loaded)
    }

    fn read_layouts(&self) -> Result<HashMap<Key, Vec<u8>>, OpenError> {
        let mut layouts = HashMap::new();
        for entry in &self.layouts {
            let (key, bytes) = entry?;
            let (Ok(key), Ok(_)) = (Key::try_from(&*key), record::decode_layout(&bytes)) else {
                return Err(OpenError::Doubtful("damaged", "a layout is damaged".into()));
            };
            layouts.insert(key, bytes.to_vec());
        }
        Ok(layouts)
    }

    fn leave_out(&self, key: &[u8], kind: &'static str, loaded: &mut Loaded) -> Result<(), OpenError> {
        *loaded.refused.entry(kind).or_default() += 1;
        self.records.remove(key)?;
        Ok(())
    }

    fn remove_unused_layouts(&mut self, loaded: &mut Loaded) -> Result<(), OpenError> {
        let used: HashSet<Key> = loaded.records.values().map(|record| record.layout).collect();
        for hash in loaded.layouts.keys().filter(|hash| !used.contains(*hash)) {
            self.layouts.remove(hash)?;
        }
        loaded.layouts.retain(|hash, _| used.contains(hash));
        self.stored_layouts = used;
        Ok(())
    }

    /// What was shown and is not here is of no matter once nothing older is here either.
    fn forget_late(&self) -> Result<(), OpenError> {
        match std::fs::remove_file(self.path.join("late")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(&error)),
            _ => Ok(()),
        }
    }
}

/// Why a record that is whole may not be used, as a fixed word.
fn fault(verdict: Verdict, late: bool, has_layout: bool) -> Option<&'static str> {
    match verdict {
        _ if late => Some("late"),
        Verdict::Older => Some("rolled_back"),
        Verdict::Unconfirmed => Some("unconfirmed"),
        Verdict::Current if !has_layout => Some("layout"),
        Verdict::Current => None,
    }
}

fn foreign(owner: &[u8]) -> OpenError {
    OpenError::Doubtful("foreign", format!("the store is {:?}'s", String::from_utf8_lossy(owner)))
}

impl From<sled::Error> for OpenError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => io_error(&error),
            error => Self::Doubtful("damaged", error.to_string()),
        }
    }
}

fn write_error(error: WriteError) -> OpenError {
    match error {
        WriteError::Store(error) => error.into(),
        WriteError::Marks(error) => io_error(&error),
        WriteError::TooLarge(_) => OpenError::Doubtful("damaged", error.to_string()),
    }
}

fn io_error(error: &io::Error) -> OpenError {
    let is_held = error.to_string().contains("could not acquire lock");
    match error.kind() {
        _ if is_held => OpenError::Refused(MemoryOnly::Locked),
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::PermissionDenied => OpenError::Refused(directory::reason(error)),
        _ => OpenError::Doubtful("io", error.to_string()),
    }
}
