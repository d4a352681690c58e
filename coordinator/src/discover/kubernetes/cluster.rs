//! One API server and the client that talks to it, shared by all watches of that cluster.
//!
//! In: requests. Out: answers whose status is good, or why there is none. The client is made anew when one of the files
//! behind it changed, when its certificate runs out, and when the server no longer takes its credentials.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use http::request::Builder;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Limited};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use tokio::sync::Mutex;

use super::access::{self, Access};
use super::failure::{Failure, Reason};

/// A client that was refused is made anew at most this often.
const RENEWAL: Duration = Duration::from_secs(5);
/// The most that is read of an answer that is an error.
const LARGEST_ERROR: usize = 64 << 10;
/// How long the client may take to be made: an exec plugin may have to ask somebody.
const SETUP: Duration = Duration::from_secs(60);
/// A client's certificate is replaced so long before it ends.
const BEFORE_THE_END: i64 = 60;

/// A cluster.
pub struct Cluster {
    access: Access,
    built: Mutex<Option<Built>>,
}

struct Built {
    client: Client,
    files: Vec<PathBuf>,
    fingerprint: u64,
    at: Instant,
    /// Tells clients of one cluster apart.
    generation: u64,
}

impl Cluster {
    /// No connection is opened yet.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self { access, built: Mutex::default() }
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> String {
        self.access.name()
    }

    /// A client that is as new as its files, and its generation.
    pub(super) async fn client(&self) -> Result<(Client, u64), Failure> {
        let mut built = self.built.lock().await;
        if let Some(there) = &mut *built
            && there.is_stale().await
        {
            self.renew(there).await;
        }
        if built.is_none() {
            *built =
                Some(build(&self.access, 0).await.map_err(|error| Failure::new(Reason::Credentials, error))?);
        }
        let there = built.as_ref();
        there
            .map(|built| (built.client.clone(), built.generation))
            .ok_or_else(|| Failure::new(Reason::Credentials, "there is no client"))
    }

    /// Whether a client of that generation should be replaced.
    pub(super) async fn is_stale(&self, generation: u64) -> bool {
        match &*self.built.lock().await {
            Some(built) => built.generation != generation || built.is_stale().await,
            None => true,
        }
    }

    /// The server no longer takes the credentials of a client of that generation.
    pub(super) async fn refused(&self, generation: u64) {
        let mut built = self.built.lock().await;
        if let Some(there) = &mut *built
            && there.generation == generation
            && there.at.elapsed() >= RENEWAL
        {
            self.renew(there).await;
        }
    }

    /// Replaces a client. Where its files cannot be read just now, or only in part, it stays until they change again.
    async fn renew(&self, there: &mut Built) {
        let files = there.files.clone();
        let seen = tokio::task::spawn_blocking(move || access::fingerprint(&files)).await;
        match build(&self.access, there.generation + 1).await {
            Ok(new) => *there = new,
            Err(error) => {
                let cluster = self.name();
                tracing::warn!(cluster, error, "no new client: the one before stays");
                there.fingerprint = seen.unwrap_or(there.fingerprint);
                there.at = Instant::now();
            }
        }
    }
}

impl Built {
    async fn is_stale(&self) -> bool {
        let ends = self.client.valid_until().as_ref();
        if ends.is_some_and(|end| end.as_second() - BEFORE_THE_END < Timestamp::now().as_second()) {
            return true;
        }
        let (files, before) = (self.files.clone(), self.fingerprint);
        let now = tokio::task::spawn_blocking(move || access::fingerprint(&files)).await;
        now.is_ok_and(|now| now != before)
    }
}

async fn build(access: &Access, generation: u64) -> Result<Built, String> {
    let built = tokio::time::timeout(SETUP, build_now(access, generation)).await;
    built.unwrap_or_else(|_| Err(format!("no client within {SETUP:?}")))
}

async fn build_now(access: &Access, generation: u64) -> Result<Built, String> {
    runtime::tls::install_provider();
    let access::Settings { config, files } = access.settings().await?;
    // An exec plugin is run, and files are read.
    let made = tokio::task::spawn_blocking(move || {
        let fingerprint = access::fingerprint(&files);
        Client::try_from(config).map(|client| (client, files, fingerprint))
    });
    let made = made.await.map_err(|error| error.to_string())?;
    let (client, files, fingerprint) = made.map_err(|error| access::plain(&error))?;
    Ok(Built { client, files, fingerprint, at: Instant::now(), generation })
}

/// Asks for `path`; the body is read by the caller.
pub(super) async fn get(client: &Client, path: &str, patience: Duration) -> Result<Response<Body>, Failure> {
    send(client, Request::get(path), Body::empty(), patience).await
}

/// Sends an object, in JSON, to `path`; the body is read by the caller.
pub(super) async fn post(
    client: &Client,
    path: &str,
    object: Vec<u8>,
    patience: Duration,
) -> Result<Response<Body>, Failure> {
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    send(client, request, Body::from(object), patience).await
}

async fn send(
    client: &Client,
    request: Builder,
    body: Body,
    patience: Duration,
) -> Result<Response<Body>, Failure> {
    let request = request.header(header::ACCEPT, "application/json");
    // A watch that is compressed event by event cannot be read by the client's decompression.
    let request = request.header(header::ACCEPT_ENCODING, "identity").body(body);
    let request = request.map_err(|error| Failure::new(Reason::Refused, error.to_string()))?;
    let silent = || Failure::new(Reason::Silent, format!("no answer within {patience:?}"));
    let response = tokio::time::timeout(patience, client.send(request)).await.map_err(|_| silent())?;
    let response = response.map_err(|error| failure(&error))?;
    if response.status().is_success() {
        return Ok(response);
    }
    let code = response.status().as_u16();
    let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.map(str::to_owned);
    let body = Limited::new(response.into_body(), LARGEST_ERROR).collect();
    let body = tokio::time::timeout(patience, body).await;
    let body = body.ok().and_then(Result::ok).map(|body| body.to_bytes()).unwrap_or_default();
    Err(Failure::of_status(code, retry_after.as_deref(), &body))
}

/// What an error of the client means.
fn failure(error: &kube::Error) -> Failure {
    let reason = match error {
        kube::Error::Auth(_) => Reason::Credentials,
        _ => Reason::Connect,
    };
    Failure::new(reason, access::plain(error))
}

#[cfg(test)]
mod tests {
    use model::http_client::{HttpClientConfig, Source, TlsConfig};
    use model::secret::Secret;

    use super::*;

    #[tokio::test]
    async fn a_client_for_https_is_made_with_authorities_and_certificate() {
        let made = rcgen::generate_simple_self_signed(vec!["h".to_owned()]).expect("a certificate");
        let inline = |text: String| Some(Source::Inline(Secret::new(text)));
        let (ca, cert) = (inline(made.cert.pem()), inline(made.cert.pem()));
        let key = inline(made.signing_key.serialize_pem());
        let http = HttpClientConfig {
            tls: TlsConfig { ca, cert, key, ..TlsConfig::default() },
            ..Default::default()
        };
        let url = "https://127.0.0.1:1/".parse().expect("a URL");
        let cluster = Cluster::new(Access::Server(url, Box::new(http)));
        let (client, generation) = cluster.client().await.expect("a client");
        assert!(!cluster.is_stale(generation).await);
        let failure =
            get(&client, "/api/v1/pods", Duration::from_secs(10)).await.expect_err("nobody is there");
        assert_eq!(failure.reason, Reason::Connect, "{failure:?}");
    }
}
