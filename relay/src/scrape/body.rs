//! The body of an answer: received and decoded within its limits.
//!
//! One contiguous buffer, reserved from what the answer says of its size and what the target sent last time, so that
//! a usual body is received without growing. What a target merely claims is not believed beyond that: a false
//! `Content-Length` holds no memory that others need.

use http::Response;
use http::header::CONTENT_ENCODING;
use http_body::Body;
use hyper::body::Incoming;

use super::budget::Reservation;
use super::connection::Connection;
use super::gzip::{Decoders, Step};
use super::{FetchError, Phase};

/// A target whose size is not known is believed to send this many bytes at first.
const FIRST: usize = 64 << 10;
/// A `Content-Length` up to this many bytes, or four times the last body, is believed at once.
const BELIEVED: usize = 1 << 20;
/// A body that nobody wants is received up to this many bytes, to keep its connection.
const DRAIN: u64 = 64 << 10;

/// What bounds a body.
pub(super) struct Bounds<'a> {
    /// A decoded body of this many bytes is too large.
    pub(super) limit: usize,
    /// The target's last body, in bytes; 0 where there is none.
    pub(super) last: usize,
    /// The memory it may have.
    pub(super) reservation: &'a mut Reservation,
    /// Bytes held beside the buffer that grows: the compressed body while it is decoded.
    pub(super) beside: usize,
    /// How far the scrape has come.
    pub(super) phase: &'a mut Phase,
}

/// Receives the body of `response`, decoded where it says that it is gzip and nothing else, as in Prometheus.
pub(super) async fn receive(
    connection: &mut Connection,
    response: Response<Incoming>,
    decoders: &Decoders,
    address: &str,
    bounds: &mut Bounds<'_>,
) -> Result<Vec<u8>, FetchError> {
    let gzip = response.headers().get(CONTENT_ENCODING).is_some_and(|it| it == "gzip");
    let body = response.into_body();
    if !gzip {
        return read(connection, body, address, bounds).await;
    }
    let compressed = read(connection, body, address, bounds).await?;
    decode(compressed, decoders, bounds).await
}

async fn read(
    connection: &mut Connection,
    mut body: Incoming,
    address: &str,
    bounds: &mut Bounds<'_>,
) -> Result<Vec<u8>, FetchError> {
    let claimed = body.size_hint().exact().map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    if claimed.is_some_and(|size| size >= bounds.limit) {
        return Err(FetchError::BodyLimit { limit: bounds.limit });
    }
    let believed = bounds.last.saturating_mul(4).max(BELIEVED);
    let first = claimed.unwrap_or_else(|| bounds.last.max(FIRST)).min(believed);
    let mut bytes = Vec::new();
    bounds.make_room(&mut bytes, first).await?;
    *bounds.phase = Phase::Body { received: 0 };
    while let Some(piece) = connection.next(&mut body).await {
        let piece = piece.map_err(|error| {
            FetchError::http(address.to_owned(), &error, (true, connection.header_limit()))
        })?;
        let needed = bytes.len() + piece.len();
        if needed >= bounds.limit {
            return Err(FetchError::BodyLimit { limit: bounds.limit });
        }
        if needed > bytes.capacity() {
            let more = needed.max(bytes.capacity().saturating_mul(2)).min(bounds.limit);
            bounds.make_room(&mut bytes, more).await?;
        }
        bytes.extend_from_slice(&piece);
        *bounds.phase = Phase::Body { received: bytes.len() };
    }
    Ok(bytes)
}

async fn decode(
    compressed: Vec<u8>,
    decoders: &Decoders,
    bounds: &mut Bounds<'_>,
) -> Result<Vec<u8>, FetchError> {
    let received = compressed.len();
    let first = bounds.last + bounds.last / 8 + FIRST.min(received.saturating_mul(8)).max(64);
    let mut bytes = Vec::new();
    bounds.beside = received;
    let mut decoding = decoders.decode(compressed);
    bounds.make_room(&mut bytes, first.min(bounds.limit)).await?;
    *bounds.phase = Phase::Body { received };
    loop {
        let step = decoding.step(&mut bytes).map_err(FetchError::Gzip)?;
        if bytes.len() >= bounds.limit {
            return Err(FetchError::BodyLimit { limit: bounds.limit });
        }
        if step == Step::End {
            return Ok(bytes);
        }
        if bytes.len() == bytes.capacity() {
            let more = bytes.capacity().saturating_mul(2).min(bounds.limit);
            bounds.make_room(&mut bytes, more).await?;
            *bounds.phase = Phase::Body { received };
        }
        // Other scrapes go on, and the deadline is looked at.
        tokio::task::yield_now().await;
    }
}

impl Bounds<'_> {
    async fn make_room(&mut self, bytes: &mut Vec<u8>, capacity: usize) -> Result<(), FetchError> {
        *self.phase = Phase::Memory;
        self.reservation.grow(self.beside.saturating_add(capacity)).await?;
        bytes.reserve_exact(capacity.saturating_sub(bytes.len()));
        Ok(())
    }
}

/// Receives and forgets a small body that nobody wants. Whether the connection can be used again.
pub(super) async fn drain(connection: &mut Connection, response: Response<Incoming>) -> bool {
    let mut body = response.into_body();
    if body.size_hint().exact().is_none_or(|size| size > DRAIN) {
        return false;
    }
    while let Some(piece) = connection.next(&mut body).await {
        if piece.is_err() {
            return false;
        }
    }
    connection.is_usable().await
}
