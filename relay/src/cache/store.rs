//! The store: two trees of sled, one of records by target, one of layouts by hash.
//!
//! In and out: encoded records. Everything blocks and anything may panic: only the writer thread and the opening
//! thread call it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;

use super::directory;
use super::record::{self, Key, Record, RecordError};
use super::{LayoutSource, MemoryOnly};

/// sled cleans up by segments; smaller ones cost four times the CPU.
const SEGMENT: usize = 4 << 20;
/// A value over half a segment gets a file of its own, and those files are what breaks.
const VALUE_MOST: usize = SEGMENT / 2 - (64 << 10);
/// Pages of sled's own cache; more does not make it faster.
const PAGE_CACHE: u64 = 16 << 20;
/// sled's own flush, for a process that is killed between pages.
const FLUSH_EVERY_MS: u64 = 500;

/// Why a store is not used.
#[derive(Debug)]
pub(super) enum OpenError {
    /// Not the data's fault.
    Refused(MemoryOnly),
    /// Anything else: a fixed word and the sentence.
    Doubtful(&'static str, String),
}

/// Why something was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// The value does not fit into a segment; nothing is stored of the target.
    #[error("a record or layout of {0} bytes is larger than {VALUE_MOST}")]
    TooLarge(usize),
    /// The store is broken or the disk full.
    #[error("writing to the store")]
    Store(#[from] sled::Error),
}

/// What the last process left.
#[derive(Default)]
pub struct Loaded {
    pub(super) records: HashMap<Key, Record>,
    /// Encoded.
    pub(super) layouts: HashMap<Key, Vec<u8>>,
    /// Records that were left out, by a fixed word.
    pub(super) refused: BTreeMap<&'static str, u64>,
}

pub(super) struct Store {
    db: sled::Db,
    records: sled::Tree,
    layouts: sled::Tree,
    stored_layouts: HashSet<Key>,
    /// The keys of all records; sled itself counts them by reading all of them.
    stored: HashSet<Key>,
}

impl Store {
    /// Opens the store and reads all of it.
    pub(super) fn open(path: &Path) -> Result<(Self, Loaded), OpenError> {
        let db = sled::Config::default()
            .path(path)
            .mode(sled::Mode::LowSpace)
            .cache_capacity(PAGE_CACHE)
            .segment_size(SEGMENT)
            .flush_every_ms(Some(FLUSH_EVERY_MS))
            .open()
            .map_err(|error| open_error(&error))?;
        let records = db.open_tree("records").map_err(|error| open_error(&error))?;
        let layouts = db.open_tree("layouts").map_err(|error| open_error(&error))?;
        let mut store = Self { db, records, layouts, stored_layouts: HashSet::new(), stored: HashSet::new() };
        let loaded = store.read()?;
        Ok((store, loaded))
    }

    /// Every record and layout. Damage anywhere makes the whole store doubtful; a record of another build, or one
    /// whose layout is missing, is left out and removed.
    fn read(&mut self) -> Result<Loaded, OpenError> {
        let mut loaded = Loaded::default();
        for entry in &self.layouts {
            let (key, bytes) = entry.map_err(|error| open_error(&error))?;
            let (Ok(key), Ok(_)) = (Key::try_from(&*key), record::decode_layout(&bytes)) else {
                return Err(OpenError::Doubtful("damaged", "a layout is damaged".into()));
            };
            loaded.layouts.insert(key, bytes.to_vec());
        }
        for entry in &self.records {
            let (key, bytes) = entry.map_err(|error| open_error(&error))?;
            match Record::decode(&bytes) {
                Ok(record) if record.target != *key => {
                    return Err(OpenError::Doubtful("damaged", "a record lies under another's key".into()));
                }
                Ok(record) if !loaded.layouts.contains_key(&record.layout) => {
                    self.leave_out(&key, "layout", &mut loaded)?;
                }
                Ok(record) => drop(loaded.records.insert(record.target, record)),
                Err(error @ RecordError::Version(_)) => self.leave_out(&key, error.kind(), &mut loaded)?,
                Err(error) => return Err(OpenError::Doubtful("damaged", error.to_string())),
            }
        }
        self.remove_unused_layouts(&mut loaded)?;
        self.stored = loaded.records.keys().copied().collect();
        Ok(loaded)
    }

    fn leave_out(&self, key: &[u8], kind: &'static str, loaded: &mut Loaded) -> Result<(), OpenError> {
        *loaded.refused.entry(kind).or_default() += 1;
        self.records.remove(key).map(drop).map_err(|error| open_error(&error))
    }

    fn remove_unused_layouts(&mut self, loaded: &mut Loaded) -> Result<(), OpenError> {
        let used: HashSet<Key> = loaded.records.values().map(|record| record.layout).collect();
        for hash in loaded.layouts.keys().filter(|hash| !used.contains(*hash)) {
            self.layouts.remove(hash).map_err(|error| open_error(&error))?;
        }
        loaded.layouts.retain(|hash, _| used.contains(hash));
        self.stored_layouts = used;
        Ok(())
    }

    /// Writes a record, and its layout where it is new; how many bytes that were.
    pub(super) fn put(&mut self, record: &Record, layout: &LayoutSource) -> Result<usize, WriteError> {
        let stored = self.try_put(record, layout);
        if let Err(WriteError::TooLarge(_)) = stored {
            // What is stored of the target is older than what has been exposed since.
            self.remove(record.target)?;
        }
        stored
    }

    fn try_put(&mut self, record: &Record, layout: &LayoutSource) -> Result<usize, WriteError> {
        let mut written = 0;
        if !self.stored_layouts.contains(&layout.hash) {
            let bytes = fitting(record::encode_layout(&(layout.body)()))?;
            written += bytes.len();
            self.layouts.insert(layout.hash, bytes)?;
            self.stored_layouts.insert(layout.hash);
        }
        let bytes = fitting(record.encode())?;
        written += bytes.len();
        self.records.insert(record.target, bytes)?;
        self.stored.insert(record.target);
        Ok(written)
    }

    pub(super) fn remove(&mut self, target: Key) -> Result<(), WriteError> {
        if self.stored.remove(&target) {
            self.records.remove(target)?;
        }
        Ok(())
    }

    /// Returns once everything written is on disk.
    pub(super) fn flush(&self) -> Result<(), WriteError> {
        self.db.flush()?;
        Ok(())
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.stored.len()
    }
}

fn fitting(bytes: Vec<u8>) -> Result<Vec<u8>, WriteError> {
    if bytes.len() > VALUE_MOST { Err(WriteError::TooLarge(bytes.len())) } else { Ok(bytes) }
}

fn open_error(error: &sled::Error) -> OpenError {
    let sled::Error::Io(io) = error else {
        return OpenError::Doubtful("damaged", error.to_string());
    };
    let foreign = io.to_string().contains("could not acquire lock");
    match io.kind() {
        _ if foreign => OpenError::Refused(MemoryOnly::Locked),
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::PermissionDenied => OpenError::Refused(directory::reason(io)),
        _ => OpenError::Doubtful("io", error.to_string()),
    }
}
