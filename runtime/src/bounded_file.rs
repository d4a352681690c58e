//! A file read whole, if it is small enough.
//!
//! In: a path and a bound. Out: the bytes, or why there are none; the caller names the file and says what it is for.
//! Blocks, as files may lie on a network: call it where blocking is allowed.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Why a file was not read. The message holds nothing of its content.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A directory, a pipe or a device: opening a pipe would wait for a writer.
    #[error("it is not a file")]
    NotAFile,
    /// It is larger than the bound.
    #[error("it has more than {limit} bytes")]
    TooLarge {
        /// The bound in bytes.
        limit: u64,
    },
}

/// The bytes of the file at `path`, at most `limit`; symbolic links are followed.
///
/// # Errors
/// See [`ReadError`].
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(ReadError::NotAFile);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    // Not by the size that the system tells: a file may grow while it is read.
    if bytes.len() as u64 > limit { Err(ReadError::TooLarge { limit }) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_up_to_the_bound_is_read_and_a_larger_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for (size, fits) in [(0, true), (9, true), (10, true), (11, false), (5000, false)] {
            std::fs::write(&path, vec![b'x'; size]).unwrap();
            match read(&path, 10) {
                Ok(bytes) => assert!(fits && bytes.len() == size, "{size}"),
                Err(error) => assert!(!fits && error.to_string() == "it has more than 10 bytes", "{error}"),
            }
        }
    }

    #[test]
    fn what_is_no_file_is_refused_without_waiting() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for path in [pipe.as_path(), directory.path()] {
            assert!(matches!(read(path, 10), Err(ReadError::NotAFile)), "{}", path.display());
        }
        let gone = read(&directory.path().join("gone"), 10).unwrap_err();
        assert!(matches!(&gone, ReadError::Io(error) if error.kind() == io::ErrorKind::NotFound), "{gone}");
    }
}
