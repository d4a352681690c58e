//! One scrape of one target: a request, a bounded answer.
//!
//! In: a target's URL, its job's HTTP settings and a deadline. Out: the body, decoded, or the reason why there is
//! none. Each target has one connection, kept alive between scrapes, and another while two pages may not share a scrape;
//! nothing is pooled. Knows nothing of expositions, labels or caches, and never asks a target more than once, save where
//! a kept connection turns out to be dead before it has answered a byte.

pub mod address_guard;
pub mod budget;
pub mod client;
pub mod deadline;
pub mod settings;

mod blocking;
mod body;
mod connect;
mod connection;
mod endpoint;
mod error;
mod gzip;
mod stream;

use std::time::Duration;

use budget::Reservation;

pub use address_guard::AddressGuard;
pub use budget::Budget;
pub use client::{Client, Clients, Network};
pub use deadline::Deadline;
pub use endpoint::Endpoint;
pub use error::{FetchError, Phase};
pub use settings::ClientSettings;

/// The largest body after decompression, in bytes, unless the job says otherwise.
pub const DEFAULT_BODY_LIMIT: usize = 64 << 20;

/// What is asked of a target, beside the settings of its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    /// The `Accept` header.
    pub accept: http::HeaderValue,
    /// The target's scrape timeout, told to it as `X-Prometheus-Scrape-Timeout-Seconds`.
    pub timeout: Duration,
    /// Whether gzip is asked for; otherwise `identity`.
    pub enable_compression: bool,
    /// A decoded body of this many bytes is already too large, as in Prometheus; `usize::MAX` for no limit.
    pub body_limit: usize,
    /// A target that takes longer to accept a connection is down.
    pub connect_timeout: Duration,
    /// The most that the head of an answer may have, in bytes. Holds for connections opened from now on.
    pub header_limit: usize,
}

/// What a target answered with status 200.
#[derive(Debug)]
pub struct Answer {
    /// The `Content-Type` header, where there is one that is text.
    pub content_type: Option<String>,
    /// The body, decoded.
    pub body: Vec<u8>,
    /// Whether a connection had to be opened for it.
    pub new_connection: bool,
    /// The body's share of the memory for bodies in flight; drop it with the body.
    pub reservation: Reservation,
}

#[cfg(test)]
mod tests;
