//! The HTTP settings of a job, shared by the clients of all its targets.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use model::http_client::{HttpClientConfig, Source, TlsConfig, TlsVersion};
use parking_lot::Mutex;
use runtime::bounded_file;
use runtime::tls::{self, ClientTls, ClientTlsOptions, PemSource};
use rustls::ClientConfig;
use tokio::time::Instant;

use super::FetchError;
use super::blocking::Blocking;

/// TLS files are looked at again for a kept connection when the last look is this old.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Reads of a job's files at a time. Usually they take microseconds.
const READS: usize = 8;

/// A job's HTTP settings with what is shared among its targets: one TLS configuration, so one set of roots and
/// session tickets.
#[derive(Debug)]
pub struct ClientSettings {
    config: HttpClientConfig,
    tls: ClientTls,
    files: Blocking,
    last: Mutex<Option<(Instant, Arc<ClientConfig>)>>,
}

impl ClientSettings {
    /// Shares `config` among the clients of a job. Reads no file yet.
    #[must_use]
    pub fn new(config: HttpClientConfig) -> Arc<Self> {
        let tls = ClientTls::new(options(&config.tls));
        Arc::new(Self { config, tls, files: Blocking::new(READS), last: Mutex::new(None) })
    }

    /// The settings as configured.
    #[must_use]
    pub fn config(&self) -> &HttpClientConfig {
        &self.config
    }

    pub(super) fn server_name(&self) -> Option<&str> {
        self.config.tls.server_name.as_deref()
    }

    /// The headers that say who is asking, from the files as they are now.
    pub(super) async fn credential_headers(self: &Arc<Self>) -> Result<HeaderMap, FetchError> {
        let headers = if self.config.has_credential_files() {
            let settings = self.clone();
            self.files.run(move || settings.config.headers(bounded_file::read)).await
        } else {
            self.config.headers(bounded_file::read)
        };
        Ok(headers?)
    }

    /// The TLS configuration for a new connection, from the files as they are now.
    pub(super) async fn tls_config(self: &Arc<Self>) -> Result<Arc<ClientConfig>, FetchError> {
        let settings = self.clone();
        let config = self.files.run(move || settings.tls.config()).await.map_err(FetchError::TlsSettings)?;
        *self.last.lock() = Some((Instant::now(), config.clone()));
        Ok(config)
    }

    /// The TLS configuration that a kept connection should have been opened with, at most a second old.
    pub(super) async fn recent_tls_config(self: &Arc<Self>) -> Result<Arc<ClientConfig>, FetchError> {
        let last = self.last.lock().clone();
        match last {
            Some((when, config)) if when.elapsed() < LOOK_AGAIN => Ok(config),
            _ => self.tls_config().await,
        }
    }
}

fn options(config: &TlsConfig) -> ClientTlsOptions {
    let TlsConfig { ca, cert, key, server_name: _, insecure_skip_verify, min_version, max_version } = config;
    ClientTlsOptions {
        ca: ca.as_ref().map(pem),
        certificate: cert.as_ref().map(pem),
        key: key.as_ref().map(pem),
        insecure_skip_verify: *insecure_skip_verify,
        min_version: min_version.map(version),
        max_version: max_version.map(version),
    }
}

fn pem(source: &Source) -> PemSource {
    match source {
        Source::Inline(text) => PemSource::Inline(text.expose().as_bytes().to_vec()),
        Source::File(path) => PemSource::File(PathBuf::from(&**path)),
    }
}

fn version(version: TlsVersion) -> tls::TlsVersion {
    match version {
        TlsVersion::Tls10 => tls::TlsVersion::Tls10,
        TlsVersion::Tls11 => tls::TlsVersion::Tls11,
        TlsVersion::Tls12 => tls::TlsVersion::Tls12,
        TlsVersion::Tls13 => tls::TlsVersion::Tls13,
    }
}
