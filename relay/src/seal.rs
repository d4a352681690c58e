//! A file of one relay, in one version, whole.
//!
//! In and out: bytes. What is torn, altered or another build's does not open. Whose it is is told: a directory may have
//! been given to another relay.
//!
//! ```text
//! magic | the relay's name, its length before it in 2 bytes | what is sealed | xxh3-64 of all before
//! ```

use std::borrow::Cow;
use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

/// Why bytes are no sealed file of this build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Its end is missing.
    Short,
    /// Its checksum is another.
    Altered,
    /// It begins with another build's magic.
    Version,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "too short",
            Self::Altered => "its checksum is wrong",
            Self::Version => "another build wrote it",
        })
    }
}

/// `body` as a file that begins with `magic` and is `relay`'s.
pub(crate) fn sealed(magic: &[u8], relay: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(magic.len() + 2 + relay.len() + body.len() + 8);
    bytes.extend_from_slice(magic);
    bytes.extend_from_slice(&u16::try_from(relay.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend_from_slice(relay.as_bytes());
    bytes.extend_from_slice(body);
    let checksum = xxh3_64(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The relay and the body that [`sealed`] was given.
pub(crate) fn opened<'a>(magic: &[u8], bytes: &'a [u8]) -> Result<(Cow<'a, str>, &'a [u8]), Broken> {
    let (body, checksum) = bytes.split_last_chunk::<8>().ok_or(Broken::Short)?;
    if xxh3_64(body) != u64::from_le_bytes(*checksum) {
        return Err(Broken::Altered);
    }
    let body = body.strip_prefix(magic).ok_or(Broken::Version)?;
    let (length, body) = body.split_first_chunk::<2>().ok_or(Broken::Short)?;
    let (name, body) = body.split_at_checked(u16::from_le_bytes(*length).into()).ok_or(Broken::Short)?;
    Ok((String::from_utf8_lossy(name), body))
}
