//! The server's side: who to be, and whom to let in.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;

use super::client::provider;
use super::pem::{Pem, fingerprint};
use super::{PemSource, TlsError, TlsVersion, versions};

/// What a server's TLS is made from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerTlsOptions {
    /// The server's certificate chain, leaf first.
    pub certificate: PemSource,
    /// The certificate's key.
    pub key: PemSource,
    /// Where set, only clients with a certificate of these authorities are let in.
    pub client_ca: Option<PemSource>,
    /// The lowest version to speak.
    pub min_version: Option<TlsVersion>,
}

/// A server configuration that follows its files.
#[derive(Debug)]
pub struct ServerTls {
    options: ServerTlsOptions,
    built: Mutex<Option<(u64, Arc<ServerConfig>)>>,
}

impl ServerTls {
    /// Reads the files once, so that a mistake shows at the start.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub fn new(options: ServerTlsOptions) -> Result<Self, TlsError> {
        let tls = Self { options, built: Mutex::new(None) };
        tls.read()?;
        Ok(tls)
    }

    /// The configuration for a new connection. When the files have changed to something that cannot be used (a
    /// rotation half done), the last good one goes on. Reads files, so call it where blocking is allowed.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        match self.read() {
            Ok(config) => config,
            Err(error) => {
                let last = self.built.lock().as_ref().map(|(_, config)| config.clone());
                tracing::warn!(
                    target = "tls",
                    error = &error as &dyn std::error::Error,
                    "keeping the last good certificate"
                );
                last.expect("new() has built one")
            }
        }
    }

    fn read(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let options = &self.options;
        let certificate = Pem::read("server certificate", &options.certificate)?;
        let key = Pem::read("server key", &options.key)?;
        let client_ca = Pem::read_some("client CA", options.client_ca.as_ref())?;
        let now = fingerprint([Some(&certificate), Some(&key), client_ca.as_ref()]);
        let mut built = self.built.lock();
        if let Some((then, config)) = &*built
            && *then == now
        {
            return Ok(config.clone());
        }
        let config = Arc::new(self.build(&certificate, &key, client_ca.as_ref())?);
        *built = Some((now, config.clone()));
        Ok(config)
    }

    fn build(&self, certificate: &Pem, key: &Pem, client_ca: Option<&Pem>) -> Result<ServerConfig, TlsError> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&versions(self.options.min_version, None)?)
            .expect("ring has cipher suites for both versions");
        let builder = match client_ca {
            Some(ca) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(ca.roots()?), provider())
                    .build()
                    .map_err(TlsError::Verifier)?,
            ),
            None => builder.with_no_client_auth(),
        };
        builder
            .with_single_cert(certificate.certificates()?, key.key()?)
            .map_err(|source| certificate.refused(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_half_done_keeps_the_last_good_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = (dir.path().join("tls.crt"), dir.path().join("tls.key"));
        let write = || {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            std::fs::write(&cert, made.cert.pem()).unwrap();
            std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        };
        write();
        let options = ServerTlsOptions {
            certificate: PemSource::File(cert.clone()),
            key: PemSource::File(key.clone()),
            client_ca: None,
            min_version: None,
        };
        let tls = ServerTls::new(options.clone()).unwrap();
        let first = tls.config();
        std::fs::write(&cert, "half").unwrap();
        assert!(Arc::ptr_eq(&first, &tls.config()));
        assert!(ServerTls::new(options).unwrap_err().to_string().contains("tls.crt"));
        write();
        assert!(!Arc::ptr_eq(&first, &tls.config()));
    }
}
