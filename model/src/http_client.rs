//! The HTTP client settings of a job, as plain data.
//!
//! In: what the configuration file says about credentials, TLS and headers. Out: the values a client is built
//! from. Nothing here opens a file or a connection: a [`Source::File`] is read by the relay that scrapes.

mod credentials;

pub use credentials::{CREDENTIAL_FILE_LIMIT, CredentialError};

use crate::secret::Secret;

/// Where a credential or certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The text stands in the configuration.
    Inline(Secret),
    /// The path of a file that holds it, read by the process that scrapes.
    File(Box<str>),
}

/// HTTP basic authentication (RFC 7617). An absent half is sent as the empty string.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BasicAuth {
    /// The user.
    pub username: Option<Source>,
    /// The password.
    pub password: Option<Source>,
}

/// The `Authorization` header: a type and its credentials. Absent credentials are sent as the empty string.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authorization {
    /// The scheme, `Bearer` by default; never `Basic`.
    pub kind: Box<str>,
    /// What follows the scheme.
    pub credentials: Option<Source>,
}

/// A TLS protocol version, in order of age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// TLS 1.0, `TLS10` in the configuration.
    Tls10,
    /// TLS 1.1, `TLS11`.
    Tls11,
    /// TLS 1.2, `TLS12`.
    Tls12,
    /// TLS 1.3, `TLS13`.
    Tls13,
}

impl TlsVersion {
    /// Reads Prometheus' spelling (`TLS10` to `TLS13`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "TLS10" => Some(Self::Tls10),
            "TLS11" => Some(Self::Tls11),
            "TLS12" => Some(Self::Tls12),
            "TLS13" => Some(Self::Tls13),
            _ => None,
        }
    }

    /// Prometheus' spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls10 => "TLS10",
            Self::Tls11 => "TLS11",
            Self::Tls12 => "TLS12",
            Self::Tls13 => "TLS13",
        }
    }
}

/// How a target's certificate is checked and which one is shown to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TlsConfig {
    /// The certificate authorities (PEM) to trust instead of the system's.
    pub ca: Option<Source>,
    /// The client certificate chain (PEM); needs [`TlsConfig::key`].
    pub cert: Option<Source>,
    /// The client certificate's private key (PEM).
    pub key: Option<Source>,
    /// The name the target's certificate must bear instead of the address' host.
    pub server_name: Option<Box<str>>,
    /// Accept any certificate.
    pub insecure_skip_verify: bool,
    /// The oldest version to speak.
    pub min_version: Option<TlsVersion>,
    /// The newest version to speak.
    pub max_version: Option<TlsVersion>,
}

/// One additional request header with all its values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpHeader {
    /// The header's name as configured.
    pub name: Box<str>,
    /// Its values in order: `values`, then `secrets`, then `files` of the configuration.
    pub values: Vec<Source>,
}

/// All HTTP client settings of one job. The default has no credentials, verifies against the system's roots
/// and follows no redirect (Prometheus follows them by default).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct HttpClientConfig {
    /// Basic authentication; excludes [`HttpClientConfig::authorization`].
    pub basic_auth: Option<BasicAuth>,
    /// The `Authorization` header.
    pub authorization: Option<Authorization>,
    /// TLS settings for `https` targets.
    pub tls: TlsConfig,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
    /// Headers added to every request.
    pub http_headers: Vec<HttpHeader>,
}
