//! The slice on disk, for a relay that starts and finds no coordinator.
//!
//! In: the slice held, without inline secrets, and contact as it moves. Out: at the next start the same slice, if it is
//! young enough and this relay's. Two files, each replaced whole: a torn or altered one is no slice.
//!
//! ```text
//! DIR/slice     sealed for the relay: milliseconds since 1970, 8 | SliceChange (protobuf)
//! DIR/contact   sealed for the relay: JSON: when the coordinator was last in contact and what was served from the cache
//! ```

mod bounded;
mod contact_file;
mod secrets;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::slice::{Assignment, Epoch, Permission, Reign, SliceChange};
use model::target::TargetId;
use prost::Message;
use proto::assignment::v1 as wire;
use proto::convert::ConvertError;
use tokio::sync::Semaphore;

use crate::cache::Loaded;
use crate::cache::directory::{read_bounded, replace_file};
use crate::contact::BootTime;
use crate::gather::outcome::{from_unix_ms, unix_ms};
use crate::seal;
use crate::slice::{HeldSlice, SliceState};

pub use contact_file::LastContact;

const MAGIC: &[u8] = b"scrape-relay slice 2\n";
/// What the other file begins with.
const CONTACT_MAGIC: &[u8] = b"scrape-relay contact 2\n";
/// A slice larger than this is not one of ours.
const FILE_MOST: u64 = 1 << 30;

/// Why there is no slice on disk to start with.
#[derive(Debug, thiserror::Error)]
pub enum SliceFileError {
    /// The file cannot be read or written.
    #[error("slice file {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The disk does not answer.
    #[error("slice files in {dir}: the disk has not answered within {bound:?}")]
    Stuck {
        /// Where they are.
        dir: PathBuf,
        /// What was waited.
        bound: Duration,
    },
    /// It is not what this relay, and this build, writes.
    #[error("slice file {path} is damaged or not this relay's: {why}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It is too old.
    #[error("slice file {path} is {age_seconds} s old, older than relay.slice_max_age")]
    TooOld {
        /// Which file.
        path: PathBuf,
        /// Its age in seconds.
        age_seconds: u64,
    },
}

/// Where the slice is kept.
#[derive(Clone, Debug)]
pub struct SliceFile {
    dir: PathBuf,
    relay: Arc<str>,
    /// One at a time is on its way to the disk.
    way: Arc<Semaphore>,
}

/// What the files hold, unread.
#[derive(Debug, Default)]
pub struct SliceBytes {
    slice: Option<Vec<u8>>,
    contact: Vec<u8>,
}

/// A slice from disk, and the contact that its process had.
#[derive(Debug)]
pub struct KeptSlice {
    /// The slice.
    pub slice: HeldSlice,
    /// The last contact, if it was in this boot of the machine and just before this process started.
    pub contact: Option<BootTime>,
}

impl KeptSlice {
    /// What may be done at `start` with a slice that was written at `written`, with the `last` contact written down and
    /// the time of each target's record.
    ///
    /// # Errors
    /// The slice's age, where it is too old.
    pub fn judge(
        (written, mut slice): (SystemTime, HeldSlice),
        last: Option<&LastContact>,
        start: &Start,
        scraped_at: impl Fn(TargetId) -> Option<SystemTime>,
    ) -> Result<Self, Duration> {
        let confirmed = last.map_or(written, |last| written.max(last.at()));
        let age = start.now.duration_since(confirmed).unwrap_or_default();
        if age > slice.config.relay.slice_max_age {
            return Err(age);
        }
        let contact = last.and_then(|last| last.just_before(start));
        if let (Some(contact), Some(last)) = (contact, last) {
            for held in slice.targets.values_mut().filter(|held| last.served(held.target.id)) {
                let live_since = scraped_at(held.target.id).is_some_and(|scraped| scraped > last.at());
                held.served_since = (!live_since).then_some(contact);
            }
        }
        Ok(Self { slice, contact })
    }
}

/// The moment at which a kept slice is looked at.
#[derive(Clone, Debug)]
pub struct Start {
    /// The time.
    pub now: SystemTime,
    /// When this process started.
    pub started: BootTime,
    /// Which boot of the machine this is.
    pub machine_boot_id: String,
    /// A contact that was longer before the start than this is none.
    pub contact_within: Duration,
}

impl SliceFile {
    /// In `dir`, which this process holds, of the relay called `relay`.
    #[must_use]
    pub fn new(dir: &Path, relay: &str) -> Self {
        Self { dir: dir.to_owned(), relay: relay.into(), way: Arc::new(Semaphore::new(1)) }
    }

    /// Writes the slice in the place of the older one.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn store(&self, slice: &HeldSlice, now: SystemTime) -> Result<(), SliceFileError> {
        let Some(change) = whole(slice) else { return Ok(()) };
        let mut bytes = unix_ms(now).to_le_bytes().to_vec();
        bytes.extend_from_slice(&wire::SliceChange::from(&change).encode_to_vec());
        self.replace("slice", &seal::sealed(MAGIC, &self.relay, &bytes))
    }

    /// Writes down contact in the place of the older one.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn store_contact(&self, contact: &LastContact) -> Result<(), SliceFileError> {
        self.replace("contact", &seal::sealed(CONTACT_MAGIC, &self.relay, &contact.to_bytes()))
    }

    /// Reads what is there.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn read(&self) -> Result<SliceBytes, SliceFileError> {
        let path = self.dir.join("slice");
        let slice = match read_bounded(&path, FILE_MOST) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(SliceFileError::Io { path, source }),
        };
        // Without contact a slice is live only.
        let contact = read_bounded(&self.dir.join("contact"), FILE_MOST).unwrap_or_default();
        Ok(SliceBytes { slice, contact })
    }

    /// The slice in `bytes`, if there is one that may be served at `start`. Records in `loaded` that are newer than the
    /// contact belong to targets that have been scraped live since: these are not counted as served from the cache.
    ///
    /// # Errors
    /// Why the file that is there is not used.
    pub fn judge(
        &self,
        bytes: &SliceBytes,
        start: &Start,
        loaded: &Loaded,
    ) -> Result<Option<KeptSlice>, SliceFileError> {
        let path = self.dir.join("slice");
        let Some(slice) = &bytes.slice else { return Ok(None) };
        let (written, slice) = read_slice(&self.relay, slice)
            .map_err(|why| SliceFileError::Damaged { path: path.clone(), why })?;
        let last = opened(CONTACT_MAGIC, &self.relay, &bytes.contact).ok();
        let last = last.and_then(LastContact::from_bytes);
        let scraped_at = |id: TargetId| loaded.scraped_at(&id.0.to_be_bytes()).map(from_unix_ms);
        let kept = KeptSlice::judge((written, slice), last.as_ref(), start, scraped_at);
        kept.map(Some).map_err(|age| SliceFileError::TooOld { path, age_seconds: age.as_secs() })
    }

    /// Whether the slice in `bytes`, however old, says that an operator has drained this relay, and by whose word it is.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn last_words(&self, bytes: &SliceBytes) -> Result<(bool, Option<Reign>), SliceFileError> {
        let Some(slice) = &bytes.slice else { return Ok((false, None)) };
        let damaged = |why| SliceFileError::Damaged { path: self.dir.join("slice"), why };
        let change = decode(&self.relay, slice).map_err(damaged)?.1;
        let epoch = Epoch(change.epoch);
        let reign = Reign { epoch, coordinator_boot_id: change.coordinator_boot_id.as_str().into() };
        Ok((change.drained(), Some(reign)))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), SliceFileError> {
        let error = |source| SliceFileError::Io { path: self.dir.join(name), source };
        replace_file(&self.dir, name, bytes).map_err(error)
    }
}

/// What a slice on disk says for a permission: one that has been carried out is `keep` from then on.
#[must_use]
pub fn carried_out(permission: Permission) -> Permission {
    if permission == Permission::None { Permission::None } else { Permission::Keep }
}

/// The whole slice as one change.
fn whole(slice: &HeldSlice) -> Option<SliceChange> {
    let assigned = slice.targets.values().map(|held| Assignment {
        target: held.target.clone(),
        permission: carried_out(held.permission),
        record: None,
    });
    Some(SliceChange {
        reign: slice.reign.clone()?,
        revision: slice.revision,
        whole: true,
        complete: true,
        assigned: assigned.collect(),
        removed: Vec::new(),
        jobs: slice.jobs.values().map(secrets::without_inline).collect(),
        config: Some(slice.config.clone()),
        drained: Some(slice.drained),
    })
}

fn read_slice(relay: &str, bytes: &[u8]) -> Result<(SystemTime, HeldSlice), String> {
    let (written, change) = decode(relay, bytes)?;
    let change = SliceChange::try_from(change).map_err(|error: ConvertError| error.to_string())?;
    let mut state = SliceState::default();
    state.apply(change).map_err(|error| error.to_string())?.ok_or("incomplete")?;
    Ok((written, state.held().clone()))
}

/// What is sealed for `relay`.
fn opened<'a>(magic: &[u8], relay: &str, bytes: &'a [u8]) -> Result<&'a [u8], String> {
    let (owner, body) = seal::opened(magic, bytes).map_err(|broken| broken.to_string())?;
    if owner == relay { Ok(body) } else { Err(format!("it is {owner:?}'s")) }
}

fn decode(relay: &str, bytes: &[u8]) -> Result<(SystemTime, wire::SliceChange), String> {
    let body = opened(MAGIC, relay, bytes)?;
    let (written, body) = body.split_first_chunk::<8>().ok_or("too short")?;
    let change = wire::SliceChange::decode(body).map_err(|error| error.to_string())?;
    Ok((from_unix_ms(i64::from_le_bytes(*written)), change))
}

#[cfg(test)]
mod tests;
