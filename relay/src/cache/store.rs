//! The store: trees of sled, one of records by target, one of layouts by hash, one that says whose they are; and beside
//! them the marks that say how new the records have to be.
//!
//! In and out: encoded records. Everything blocks and anything may panic: only the writer thread and the opening
//! thread call it.

mod open;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::PathBuf;

use super::directory::replace_file;
use super::marks::Marks;
use super::record::{self, Key, Record};
use super::{LayoutSource, MemoryOnly};

/// sled cleans up by segments; smaller ones cost four times the CPU.
const SEGMENT: usize = 4 << 20;
/// A value over half a segment gets a file of its own, and those files are what breaks.
const VALUE_MOST: usize = SEGMENT / 2 - (64 << 10);
/// Pages of sled's own cache; more does not make it faster.
const PAGE_CACHE: u64 = 16 << 20;
/// The file beside sled's own that says how new the records are.
const MARKS: &str = "marks";
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
    /// What says how new the records are is not written.
    #[error("writing the marks beside the store")]
    Marks(#[source] io::Error),
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

/// A record, and its layout where the store lacks it, as they will lie in the store.
pub(super) struct Encoded {
    target: Key,
    scraped_at: i64,
    record: Vec<u8>,
    layout: Option<(Key, Vec<u8>)>,
}

impl Encoded {
    /// How many bytes it takes.
    pub(super) fn len(&self) -> usize {
        self.record.len() + self.layout.as_ref().map_or(0, |(_, bytes)| bytes.len())
    }
}

pub(super) struct Store {
    path: PathBuf,
    owner: String,
    db: sled::Db,
    records: sled::Tree,
    layouts: sled::Tree,
    stored_layouts: HashSet<Key>,
    /// When each record was scraped. sled itself would count them by reading all of them.
    stored: HashMap<Key, i64>,
    /// Whether anything was written since it was confirmed.
    unconfirmed: bool,
}

impl Store {
    /// A record as bytes; nothing is written yet.
    pub(super) fn encode(&self, record: &Record, layout: &LayoutSource) -> Result<Encoded, WriteError> {
        let new = !self.stored_layouts.contains(&layout.hash);
        let layout = new
            .then(|| fitting(record::encode_layout(&(layout.body)())).map(|bytes| (layout.hash, bytes)))
            .transpose()?;
        let bytes = fitting(record.encode())?;
        Ok(Encoded { target: record.target, scraped_at: record.scraped_at, record: bytes, layout })
    }

    /// Writes a record, and its layout where it is new.
    pub(super) fn put(&mut self, encoded: Encoded) -> Result<(), WriteError> {
        self.unconfirmed = true;
        if let Some((hash, bytes)) = encoded.layout {
            self.layouts.insert(hash, bytes)?;
            self.stored_layouts.insert(hash);
        }
        self.records.insert(encoded.target, encoded.record)?;
        self.stored.insert(encoded.target, encoded.scraped_at);
        Ok(())
    }

    /// Removes a record; whether there was one.
    pub(super) fn remove(&mut self, target: Key) -> Result<bool, WriteError> {
        let stored = self.stored.remove(&target).is_some();
        if stored {
            self.unconfirmed = true;
            self.records.remove(target)?;
        }
        Ok(stored)
    }

    /// Returns once everything written is on disk.
    pub(super) fn flush(&self) -> Result<(), WriteError> {
        self.db.flush()?;
        Ok(())
    }

    /// Flushes, and marks what is there as what a page may have shown: nothing older counts from now on.
    pub(super) fn confirm(&mut self) -> Result<(), WriteError> {
        if self.unconfirmed {
            self.flush()?;
            let marks = Marks::encode(&self.owner, &self.stored);
            replace_file(&self.path, MARKS, &marks).map_err(WriteError::Marks)?;
            self.unconfirmed = false;
        }
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
