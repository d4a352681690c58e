//! Certificates and keys out of PEM text.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;

/// Where PEM text comes from.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum PemSource {
    /// The text itself, from a configuration or a Secret.
    Inline(Vec<u8>),
    /// A file, read again at each use.
    File(PathBuf),
}

impl fmt::Debug for PemSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(_) => f.write_str("Inline(<secret>)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

impl From<&Path> for PemSource {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

/// PEM text with the words that name it in an error.
pub(super) struct Pem {
    what: String,
    text: Vec<u8>,
}

impl Pem {
    /// Reads `source`; `role` names it, as in `CA`.
    pub(super) fn read(role: &str, source: &PemSource) -> Result<Self, TlsError> {
        match source {
            PemSource::Inline(text) => Ok(Self { what: format!("the inline {role}"), text: text.clone() }),
            PemSource::File(path) => {
                let what = format!("{role} file {}", path.display());
                match std::fs::read(path) {
                    Ok(text) => Ok(Self { what, text }),
                    Err(source) => Err(TlsError::Read { what, source }),
                }
            }
        }
    }

    /// Reads `source` if there is one.
    pub(super) fn read_some(role: &str, source: Option<&PemSource>) -> Result<Option<Self>, TlsError> {
        source.map(|source| Self::read(role, source)).transpose()
    }

    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let all: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(&self.text).collect();
        let all = all.map_err(|source| TlsError::Pem { what: self.what.clone(), source })?;
        if all.is_empty() { Err(self.empty("certificate")) } else { Ok(all) }
    }

    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(&self.text).map_err(|source| match source {
            PemError::NoItemsFound => self.empty("private key"),
            source => TlsError::Pem { what: self.what.clone(), source },
        })
    }

    pub(super) fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|source| self.refused(source))?;
        }
        Ok(roots)
    }

    pub(super) fn refused(&self, source: rustls::Error) -> TlsError {
        TlsError::Refused { what: self.what.clone(), source }
    }

    fn empty(&self, wanted: &'static str) -> TlsError {
        TlsError::Empty { what: self.what.clone(), wanted }
    }
}

/// A fingerprint of the contents, to see a change.
pub(super) fn fingerprint<'a>(texts: impl IntoIterator<Item = Option<&'a Pem>>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for text in texts {
        text.map(|pem| &pem.text).hash(&mut hasher);
    }
    hasher.finish()
}
