//! What can happen to a directory, by seed.

use std::fs;
use std::path::{Path, PathBuf};

use integration::seeded::Seeded;

use crate::setup::copy;

/// The directories that there are to take things from.
pub(crate) struct Directories {
    /// The relay's own, as SIGKILL left it.
    pub(crate) own: PathBuf,
    /// Its own as it was some pages before.
    pub(crate) older: PathBuf,
    /// Another relay's, of the same targets, from before.
    pub(crate) other: PathBuf,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Damage {
    /// Nothing, to see that the copies are there then.
    Untouched,
    /// So many bits of one file are flipped.
    Flipped(u64),
    /// A file ends somewhere before its end.
    Truncated,
    /// 4 KiB of a file are zeros.
    Zeroed,
    /// A file is gone.
    Deleted,
    /// One file of the store is from before.
    OlderFile,
    /// sled's main file and its snapshots are from before.
    OlderDatabase,
    /// One file is another relay's.
    OthersFile,
    /// The store is another relay's.
    OthersStore,
    /// All of it is another relay's.
    OthersDirectory,
    /// Another build's marks.
    OtherVersion,
    /// sled's settings are of another format.
    OtherFormat,
}

/// All of them; the more often one stands here, the more often it happens.
pub(crate) const ALL: [Damage; 16] = [
    Damage::Flipped(1),
    Damage::Truncated,
    Damage::OthersStore,
    Damage::OlderDatabase,
    Damage::Untouched,
    Damage::OthersDirectory,
    Damage::Deleted,
    Damage::Flipped(64),
    Damage::OthersFile,
    Damage::OtherVersion,
    Damage::Zeroed,
    Damage::OlderFile,
    Damage::Flipped(512),
    Damage::OtherFormat,
    Damage::Truncated,
    Damage::Flipped(1),
];

impl Damage {
    /// Makes `to` a copy of the relay's own directory to which this has happened; to which file.
    pub(crate) fn inflict(self, seeded: &mut Seeded, directories: &Directories, to: &Path) -> String {
        copy(&directories.own, to);
        let files = files(to);
        let file = seeded.pick(&files).clone();
        let name = file.strip_prefix(to).expect("it is in there").to_path_buf();
        let done = match self {
            Self::Untouched => Ok(()),
            Self::Flipped(bits) => altered(&file, |bytes| flip(seeded, bytes, bits)),
            Self::Truncated => altered(&file, |bytes| bytes.truncate(seeded.below(bytes.len()))),
            Self::Zeroed => altered(&file, |bytes| {
                let from = seeded.below(bytes.len());
                bytes[from..].iter_mut().take(4096).for_each(|byte| *byte = 0);
            }),
            Self::Deleted => fs::remove_file(&file),
            Self::OlderFile => replaced(&directories.older.join(&name), &file),
            Self::OlderDatabase => older_database(&directories.older, to),
            Self::OthersFile => replaced(&directories.other.join(&name), &file),
            Self::OthersStore => {
                copy(&directories.other.join("store"), &to.join("store"));
                return "store".into();
            }
            Self::OthersDirectory => {
                copy(&directories.other, to);
                return "all".into();
            }
            Self::OtherVersion => altered(&to.join("store/marks"), other_version),
            Self::OtherFormat => fs::write(to.join("store/conf"), "segment_size: 524288\nversion: 9.9\n"),
        };
        done.expect("the damage is done");
        name.display().to_string()
    }
}

/// What a relay keeps, without the lock.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("the directory is read") {
        let path = entry.expect("an entry").path();
        match path.file_name().is_some_and(|name| name == "lock") {
            true => {}
            false if path.is_dir() => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

fn altered(file: &Path, alter: impl FnOnce(&mut Vec<u8>)) -> std::io::Result<()> {
    let mut bytes = fs::read(file)?;
    alter(&mut bytes);
    fs::write(file, bytes)
}

fn flip(seeded: &mut Seeded, bytes: &mut [u8], bits: u64) {
    // Mostly zeros lie behind what a store has written: half of the faults are put where something is.
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(bytes.len(), |last| last + 1);
    for _ in 0..bits.min(bytes.len() as u64) {
        let at = if seeded.below(2) == 0 { seeded.below(used) } else { seeded.below(bytes.len()) };
        bytes[at] ^= 1 << seeded.below(8);
    }
}

/// Snapshots have other names each time: then the file goes.
fn replaced(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.exists() { fs::copy(from, to).map(drop) } else { fs::remove_file(to) }
}

fn older_database(older: &Path, to: &Path) -> std::io::Result<()> {
    let marks = fs::read(to.join("store/marks"))?;
    copy(&older.join("store"), &to.join("store"));
    fs::write(to.join("store/marks"), marks)
}

/// The marks of a version that this build does not know, whole.
fn other_version(bytes: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(bytes).find("marks 1").expect("this version's marks");
    bytes[text + "marks ".len()] = b'2';
    bytes.truncate(bytes.len() - 8);
    bytes.extend_from_slice(&xxhash_rust::xxh3::xxh3_64(bytes).to_le_bytes());
}
