//! TLS configurations from PEM, for clients and servers, on rustls with the ring provider.
//!
//! In: inline PEM or paths. Out: a rustls configuration that is rebuilt when the content of a file has changed
//! since the last use, so that rotated certificates need no restart. Errors name the file.

mod client;
mod insecure;
mod pem;
mod server;

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

pub use client::{ClientTls, ClientTlsOptions};
pub use pem::PemSource;
pub use server::{ServerTls, ServerTlsOptions};

/// A TLS version that a setting can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// TLS 1.0; not spoken here.
    Tls10,
    /// TLS 1.1; not spoken here.
    Tls11,
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// Why there is no TLS configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("reading {what}")]
    Read {
        /// What the file holds, and its path.
        what: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The text holds no PEM block of the kind needed.
    #[error("{what} holds no {wanted} in PEM form")]
    Empty {
        /// Where the text comes from.
        what: String,
        /// The kind of block.
        wanted: &'static str,
    },
    /// The text holds a block that cannot be decoded.
    #[error("{what} is not valid PEM")]
    Pem {
        /// Where the text comes from.
        what: String,
        /// What the decoder says.
        source: rustls_pki_types::pem::Error,
    },
    /// A certificate or key is refused by rustls.
    #[error("{what} cannot be used")]
    Refused {
        /// Where the certificate or key comes from.
        what: String,
        /// What rustls says.
        source: rustls::Error,
    },
    /// A certificate without its key or the other way round.
    #[error("a client certificate needs both a certificate and its key")]
    HalfPair,
    /// No certificate authority is known.
    #[error("the system has no trusted certificate authorities: install them or name a CA ({errors})")]
    NoRoots {
        /// What went wrong while looking.
        errors: String,
    },
    /// No protocol version is left.
    #[error("no TLS version from {min:?} to {max:?} is spoken here: allow 1.2 or 1.3")]
    Versions {
        /// The lowest version allowed.
        min: TlsVersion,
        /// The highest version allowed.
        max: TlsVersion,
    },
    /// A verifier could not be built.
    #[error("building the verifier of client certificates")]
    Verifier(#[source] rustls::server::VerifierBuilderError),
}

/// Makes ring the process's provider for libraries that ask rustls for the default. First thing in `main`; a
/// second call changes nothing.
pub fn install_provider() {
    // An error says that a provider is there already, which is what was asked for.
    let _there_already = rustls::crypto::ring::default_provider().install_default();
}

fn versions(
    min: Option<TlsVersion>,
    max: Option<TlsVersion>,
) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let (min, max) = (min.unwrap_or(TlsVersion::Tls12), max.unwrap_or(TlsVersion::Tls13));
    let spoken = [(TlsVersion::Tls13, &TLS13), (TlsVersion::Tls12, &TLS12)];
    let left: Vec<_> =
        spoken.into_iter().filter(|(it, _)| (min..=max).contains(it)).map(|(_, version)| version).collect();
    if left.is_empty() { Err(TlsError::Versions { min, max }) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_between_the_bounds_are_offered_and_none_is_an_error() {
        use TlsVersion::{Tls10, Tls11, Tls12, Tls13};
        for (min, max, count) in [
            (None, None, 2),
            (Some(Tls10), None, 2),
            (Some(Tls13), None, 1),
            (None, Some(Tls12), 1),
            (Some(Tls12), Some(Tls12), 1),
        ] {
            assert_eq!(versions(min, max).unwrap().len(), count, "{min:?} {max:?}");
        }
        assert!(matches!(versions(None, Some(Tls11)), Err(TlsError::Versions { .. })));
    }
}
