//! A file of one relay, in one version, whole.
//!
//! In and out: bytes. What is torn, altered, another relay's or another build's does not open: a directory may have been
//! given to another relay.

use xxhash_rust::xxh3::xxh3_64;

/// `body` as a file that begins with `magic` and is `relay`'s.
pub(super) fn sealed(magic: &[u8], relay: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend_from_slice(&u16::try_from(relay.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend_from_slice(relay.as_bytes());
    bytes.extend_from_slice(body);
    let checksum = xxh3_64(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// What [`sealed`] was given, or why it is not that.
pub(super) fn opened<'a>(magic: &[u8], relay: &str, bytes: &'a [u8]) -> Result<&'a [u8], String> {
    let (body, checksum) = bytes.split_last_chunk::<8>().ok_or("too short")?;
    if xxh3_64(body) != u64::from_le_bytes(*checksum) {
        return Err("its checksum is wrong".to_owned());
    }
    let body = body.strip_prefix(magic).ok_or("another build wrote it")?;
    let (length, body) = body.split_first_chunk::<2>().ok_or("too short")?;
    let (name, body) = body.split_at_checked(u16::from_le_bytes(*length).into()).ok_or("too short")?;
    if name != relay.as_bytes() {
        return Err(format!("it is {:?}'s", String::from_utf8_lossy(name)));
    }
    Ok(body)
}
