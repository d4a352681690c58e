//! Why a scrape brought no body, in words for an operator.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;
use model::http_client::CredentialError;
use runtime::tls::TlsError;

/// How far a scrape had come when its time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A credential file was being read.
    Credentials,
    /// The name was being looked up.
    Resolve,
    /// The connection was being opened.
    Connect,
    /// The TLS handshake was under way.
    Handshake,
    /// The request was out, no answer had come.
    Head,
    /// The body needed memory that other bodies held.
    Memory,
    /// The body was being received.
    Body {
        /// Bytes received.
        received: usize,
    },
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials => f.write_str("still reading credential files"),
            Self::Resolve => f.write_str("the name was still being looked up"),
            Self::Connect => f.write_str("still connecting"),
            Self::Handshake => f.write_str("the TLS handshake was not over"),
            Self::Head => f.write_str("the request was sent, no answer came"),
            Self::Memory => {
                f.write_str("the memory for bodies in flight was in use; raise it or scrape less at once")
            }
            Self::Body { received } => write!(f, "{received} bytes of the body had come"),
        }
    }
}

/// Why a scrape brought no body. Each message is complete in itself: it is what an operator sees as a target's last
/// error.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The target's URL cannot be scraped. The URL is not repeated, it may hold a secret.
    #[error("the target's URL cannot be scraped: {why}")]
    Url {
        /// The reason.
        why: &'static str,
    },
    /// Policy forbids the address.
    #[error("{address} is not scraped: {why}")]
    DeniedAddress {
        /// The address the name stands for.
        address: IpAddr,
        /// The rule.
        why: &'static str,
    },
    /// A credential or a configured header cannot be sent.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The name has no address.
    #[error("no address for {host}: {why}")]
    Dns {
        /// The name.
        host: String,
        /// What the resolver says.
        why: String,
    },
    /// Nobody listens.
    #[error("{address} refuses connections: is the target running and the port right?")]
    Refused {
        /// Host and port.
        address: String,
    },
    /// No connection for another reason.
    #[error("cannot connect to {address}: {why}")]
    Connect {
        /// Host and port.
        address: String,
        /// The system's error.
        why: io::Error,
    },
    /// The deadline or the connect timeout passed.
    #[error("no answer from {address} within {after:.1?}: {phase}")]
    Timeout {
        /// Host and port.
        address: String,
        /// How long was waited.
        after: Duration,
        /// How far it had come.
        phase: Phase,
    },
    /// The TLS settings cannot be used.
    #[error("TLS settings: {}", chain(.0))]
    TlsSettings(TlsError),
    /// TLS failed.
    #[error("TLS with {address}: {why}")]
    Tls {
        /// Host and port.
        address: String,
        /// What went wrong, with a hint.
        why: String,
    },
    /// The connection ended before the answer did.
    #[error("{address} closed the connection {}", if *.answered { "in the middle of its answer" } else { "without an answer" })]
    Closed {
        /// Host and port.
        address: String,
        /// Whether part of an answer had come.
        answered: bool,
    },
    /// What came is not HTTP.
    #[error("{address} does not answer in HTTP/1.1: {why}")]
    Protocol {
        /// Host and port.
        address: String,
        /// What is wrong.
        why: String,
    },
    /// The head of the answer is too large.
    #[error("the answer's headers exceed {limit} bytes: raise limits.response_headers if that is right")]
    HeaderLimit {
        /// The limit.
        limit: usize,
    },
    /// The status is not 200.
    #[error("server returned HTTP status {status}")]
    HttpStatus {
        /// The status.
        status: StatusCode,
    },
    /// A redirect that is not followed.
    #[error("redirect to {location:?} is not followed: {why}")]
    Redirect {
        /// The `Location` header.
        location: String,
        /// The rule.
        why: &'static str,
    },
    /// The body is too large.
    #[error("the body is {limit} bytes or more after decompression: raise body_size_limit if that is right")]
    BodyLimit {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body does not fit into the memory for bodies, even alone.
    #[error("the body needs {needed} bytes, all bodies in flight may have {capacity}")]
    Memory {
        /// Bytes needed.
        needed: usize,
        /// Bytes there are.
        capacity: usize,
    },
    /// The compressed body is damaged.
    #[error("the body is not valid gzip: {0}")]
    Gzip(io::Error),
}

impl FetchError {
    /// All values of [`FetchError::kind`].
    pub const KINDS: [&'static str; 16] = [
        "body_limit",
        "closed",
        "connect",
        "credentials",
        "denied_address",
        "dns",
        "gzip",
        "header_limit",
        "http_status",
        "memory",
        "protocol",
        "redirect",
        "refused",
        "timeout",
        "tls",
        "url",
    ];

    /// The reason as a metric label: one of a fixed set.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Url { .. } => "url",
            Self::DeniedAddress { .. } => "denied_address",
            Self::Credentials(_) => "credentials",
            Self::Dns { .. } => "dns",
            Self::Refused { .. } => "refused",
            Self::Connect { .. } => "connect",
            Self::Timeout { phase: Phase::Memory, .. } | Self::Memory { .. } => "memory",
            Self::Timeout { .. } => "timeout",
            Self::TlsSettings(_) | Self::Tls { .. } => "tls",
            Self::Closed { .. } => "closed",
            Self::Protocol { .. } => "protocol",
            Self::HeaderLimit { .. } => "header_limit",
            Self::HttpStatus { .. } => "http_status",
            Self::Redirect { .. } => "redirect",
            Self::BodyLimit { .. } => "body_limit",
            Self::Gzip(_) => "gzip",
        }
    }

    /// The error of a TLS handshake, or of the first read after it (where a TLS 1.3 server says that it wants a
    /// certificate).
    pub(super) fn tls(address: String, error: &io::Error) -> Self {
        let why = match rustls_error(error) {
            Some(rustls::Error::InvalidMessage(_)) => {
                "the other side does not speak TLS: is the scheme http?".into()
            }
            Some(rustls::Error::NoCertificatesPresented) => "the server sent no certificate".into(),
            Some(error) => error.to_string(),
            None if error.kind() == io::ErrorKind::UnexpectedEof => "the connection was closed".into(),
            None => error.to_string(),
        };
        Self::Tls { address, why }
    }

    /// What hyper says, put into our words. `answered`: whether any byte of the answer had come;
    /// `limit`: the bytes that its head may have.
    pub(super) fn http(address: String, error: &hyper::Error, (answered, limit): (bool, usize)) -> Self {
        if error.is_parse_too_large() {
            return Self::HeaderLimit { limit };
        }
        if error.is_parse() {
            let why = format!("{error}; is the scheme https, or the port another protocol's?");
            return Self::Protocol { address, why };
        }
        match io_cause(error) {
            Some(cause) if rustls_error(cause).is_some() => Self::tls(address, cause),
            _ => Self::Closed { address, answered },
        }
    }
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn io_cause(error: &hyper::Error) -> Option<&io::Error> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error);
        }
        cause = error.source();
    }
    None
}

/// An error and its causes on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}
