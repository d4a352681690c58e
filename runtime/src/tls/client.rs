//! The client's side: whom to trust, and who to be.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};

use super::insecure::TrustAnyone;
use super::pem::{Pem, fingerprint};
use super::{PemSource, TlsError, TlsVersion, versions};

/// What a client's TLS is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClientTlsOptions {
    /// The authorities to trust; none means those of the system.
    pub ca: Option<PemSource>,
    /// The client certificate chain, leaf first.
    pub certificate: Option<PemSource>,
    /// The client certificate's key.
    pub key: Option<PemSource>,
    /// Accept any server certificate, for any name.
    pub insecure_skip_verify: bool,
    /// The lowest version to speak.
    pub min_version: Option<TlsVersion>,
    /// The highest version to speak.
    pub max_version: Option<TlsVersion>,
}

/// A client configuration that follows its files. Share one among all targets with the same options: they then
/// share its session tickets and its memory.
#[derive(Debug)]
pub struct ClientTls {
    options: ClientTlsOptions,
    built: Mutex<Option<(u64, Arc<ClientConfig>)>>,
}

impl ClientTls {
    /// Reads nothing yet.
    #[must_use]
    pub fn new(options: ClientTlsOptions) -> Self {
        Self { options, built: Mutex::new(None) }
    }

    /// The configuration for a new connection: the one of the last call unless the content of a file has changed.
    /// Reads files, so call it where blocking is allowed.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let options = &self.options;
        let ca = Pem::read_some("CA", options.ca.as_ref())?;
        let certificate = Pem::read_some("client certificate", options.certificate.as_ref())?;
        let key = Pem::read_some("client key", options.key.as_ref())?;
        let now = fingerprint([ca.as_ref(), certificate.as_ref(), key.as_ref()]);
        let mut built = self.built.lock();
        if let Some((then, config)) = &*built
            && *then == now
        {
            return Ok(config.clone());
        }
        let config = Arc::new(build(options, ca.as_ref(), certificate.as_ref().zip(key.as_ref()))?);
        *built = Some((now, config.clone()));
        Ok(config)
    }
}

fn build(
    options: &ClientTlsOptions,
    ca: Option<&Pem>,
    pair: Option<(&Pem, &Pem)>,
) -> Result<ClientConfig, TlsError> {
    if options.certificate.is_some() != options.key.is_some() {
        return Err(TlsError::HalfPair);
    }
    let provider = provider();
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions(options.min_version, options.max_version)?)
        .expect("ring has cipher suites for both versions");
    let builder = if options.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAnyone::new(provider)))
    } else {
        let roots = ca.map_or_else(system_roots, Pem::roots)?;
        builder.with_root_certificates(roots)
    };
    match pair {
        Some((certificate, key)) => builder
            .with_client_auth_cert(certificate.certificates()?, key.key()?)
            .map_err(|source| certificate.refused(source)),
        None => Ok(builder.with_no_client_auth()),
    }
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A system's list may hold a certificate that rustls cannot read; the others still count.
    let (added, _ignored) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(TlsError::NoRoots { errors: errors.join("; ") });
    }
    Ok(roots)
}

/// The provider that all configurations here use.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn certificate() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn message(options: ClientTlsOptions) -> String {
        ClientTls::new(options).config().unwrap_err().to_string()
    }

    #[test]
    fn the_same_files_give_the_same_configuration_and_changed_ones_a_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        std::fs::write(&ca, certificate().0).unwrap();
        let tls =
            ClientTls::new(ClientTlsOptions { ca: Some(PemSource::File(ca.clone())), ..Default::default() });
        let first = tls.config().unwrap();
        assert!(Arc::ptr_eq(&first, &tls.config().unwrap()));
        std::fs::write(&ca, certificate().0).unwrap();
        assert!(!Arc::ptr_eq(&first, &tls.config().unwrap()));
        std::fs::remove_file(&ca).unwrap();
        assert!(tls.config().unwrap_err().to_string().contains("ca.pem"));
    }

    #[test]
    fn errors_name_the_file_and_what_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| -> PathBuf {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (cert, key) = certificate();
        let empty = PemSource::File(file("empty.pem", "nothing"));
        let cert = PemSource::File(file("cert.pem", &cert));
        let ca = message(ClientTlsOptions { ca: Some(empty.clone()), ..Default::default() });
        assert!(ca.contains("empty.pem holds no certificate"), "{ca}");
        let with_key = |key| ClientTlsOptions {
            ca: Some(cert.clone()),
            certificate: Some(cert.clone()),
            key,
            ..Default::default()
        };
        assert!(message(with_key(None)).contains("both a certificate and its key"));
        assert!(message(with_key(Some(empty))).contains("empty.pem holds no private key"));
        let other = PemSource::Inline(certificate().1.into_bytes());
        assert!(message(with_key(Some(other))).contains("cert.pem cannot be used"));
        ClientTls::new(with_key(Some(PemSource::Inline(key.into_bytes())))).config().unwrap();
    }
}
