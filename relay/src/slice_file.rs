//! The slice on disk, for a relay that starts and finds no coordinator.
//!
//! In: the slice held, without inline secrets, and contact as it moves. Out: at the next start the same slice, if it is
//! young enough. Two files, each replaced whole: a torn or altered one is no slice.
//!
//! ```text
//! DIR/slice     "scrape-relay slice 1\n" | milliseconds since 1970, 8 | SliceChange (protobuf) | xxh3-64 of all before
//! DIR/contact   JSON: when the coordinator was last in contact and what was served from the cache then
//! ```

mod contact_file;
mod secrets;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use model::slice::{Assignment, Permission, SliceChange};
use model::target::TargetId;
use prost::Message;
use proto::assignment::v1 as wire;
use proto::convert::ConvertError;
use xxhash_rust::xxh3::xxh3_64;

use crate::cache::Loaded;
use crate::contact::BootTime;
use crate::gather::outcome::{from_unix_ms, unix_ms};
use crate::slice::{HeldSlice, SliceState};

pub use contact_file::LastContact;

const MAGIC: &[u8] = b"scrape-relay slice 1\n";
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
    /// It is not what this build writes.
    #[error("slice file {path} is damaged or from another build: {why}")]
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
    /// In `dir`, which this process holds.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Writes the slice in the place of the older one.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn store(&self, slice: &HeldSlice, now: SystemTime) -> Result<(), SliceFileError> {
        let Some(change) = whole(slice) else { return Ok(()) };
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&unix_ms(now).to_le_bytes());
        bytes.extend_from_slice(&wire::SliceChange::from(&change).encode_to_vec());
        let checksum = xxh3_64(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        self.replace("slice", &bytes)
    }

    /// Writes down contact in the place of the older one.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn store_contact(&self, contact: &LastContact) -> Result<(), SliceFileError> {
        self.replace("contact", &contact.to_bytes())
    }

    /// The slice, if there is one that may be served at `start`. Records in `loaded` that are newer than the contact
    /// belong to targets that have been scraped live since: these are not counted as served from the cache.
    ///
    /// # Errors
    /// Why the file that is there is not used.
    pub fn load(&self, start: &Start, loaded: &Loaded) -> Result<Option<KeptSlice>, SliceFileError> {
        let path = self.dir.join("slice");
        let bytes = match read_bounded(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(SliceFileError::Io { path, source }),
        };
        let (written, slice) =
            read_slice(&bytes).map_err(|why| SliceFileError::Damaged { path: path.clone(), why })?;
        let last = LastContact::from_bytes(&std::fs::read(self.dir.join("contact")).unwrap_or_default());
        let scraped_at = |id: TargetId| loaded.scraped_at(&id.0.to_be_bytes()).map(from_unix_ms);
        let kept = KeptSlice::judge((written, slice), last.as_ref(), start, scraped_at);
        kept.map(Some).map_err(|age| SliceFileError::TooOld { path, age_seconds: age.as_secs() })
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), SliceFileError> {
        let path = self.dir.join(name);
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
            file.write_all(bytes)?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|source| SliceFileError::Io { path: path.clone(), source })
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

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    if std::fs::metadata(path)?.len() > FILE_MOST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any slice"));
    }
    std::fs::read(path)
}

fn read_slice(bytes: &[u8]) -> Result<(SystemTime, HeldSlice), String> {
    let (body, checksum) = bytes.split_last_chunk::<8>().ok_or("too short")?;
    if xxh3_64(body) != u64::from_le_bytes(*checksum) {
        return Err("checksum".to_owned());
    }
    let body = body.strip_prefix(MAGIC).ok_or("another build wrote it")?;
    let (written, body) = body.split_first_chunk::<8>().ok_or("too short")?;
    let change = wire::SliceChange::decode(body).map_err(|error| error.to_string())?;
    let change = SliceChange::try_from(change).map_err(|error: ConvertError| error.to_string())?;
    let mut state = SliceState::default();
    state.apply(change).map_err(|error| error.to_string())?.ok_or("incomplete")?;
    Ok((from_unix_ms(i64::from_le_bytes(*written)), state.held().clone()))
}

#[cfg(test)]
mod tests;
