//! One HTTP GET with the credentials and TLS settings of a discovery; nothing is kept between requests.

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use model::http_client::{HttpClientConfig, Source, TlsConfig, TlsVersion};
use runtime::bounded_file;
use runtime::tls::{self, ClientTls, ClientTlsOptions, PemSource};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

const USER_AGENT: &str = concat!("scrape-relay/", env!("CARGO_PKG_VERSION"));

/// What came back, whatever its status.
pub(super) struct Answer {
    /// The status code.
    pub(super) status: u16,
    /// As sent; empty where there was none.
    pub(super) content_type: String,
    /// The body, at most the limit.
    pub(super) body: Bytes,
}

/// Asks `url`. Redirects are answers like others: they are not followed.
///
/// # Errors
/// A sentence that names the step that failed.
pub(super) async fn get(
    url: &Url,
    config: &HttpClientConfig,
    headers: &[(&str, &str)],
    body_limit: usize,
) -> Result<Answer, String> {
    let host = url.host_str().ok_or("the URL has no host")?;
    let port = url.port_or_known_default().ok_or("the URL has no port")?;
    let request = request(url, config, headers).await?;
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let tcp = TcpStream::connect((&*bare, port)).await.map_err(|error| format!("connecting: {error}"))?;
    if url.scheme() != "https" {
        return exchange(tcp, request, body_limit).await;
    }
    let tls = ClientTls::new(tls_options(&config.tls));
    let tls = tokio::task::spawn_blocking(move || tls.config()).await.map_err(|error| error.to_string())?;
    let connector = TlsConnector::from(tls.map_err(|error| error.to_string())?);
    let name = config.tls.server_name.as_deref().unwrap_or(&bare).to_owned();
    let name = ServerName::try_from(name).map_err(|error| format!("server name: {error}"))?;
    let stream = connector.connect(name, tcp).await.map_err(|error| format!("TLS handshake: {error}"))?;
    exchange(stream, request, body_limit).await
}

async fn exchange<S>(stream: S, request: Request<Empty<Bytes>>, body_limit: usize) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| format!("connecting: {error}"))?;
    let exchange = async move {
        let response = sender.send_request(request).await.map_err(|error| format!("asking: {error}"))?;
        let status = response.status().as_u16();
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        let body = Limited::new(response.into_body(), body_limit).collect().await;
        let body =
            body.map_err(|error| format!("reading the answer (at most {body_limit} bytes): {error}"))?;
        Ok(Answer { status, content_type, body: body.to_bytes() })
    };
    tokio::pin!(connection);
    tokio::pin!(exchange);
    // The connection's end is seen by the exchange, which has the better words for it.
    tokio::select! {
        answer = &mut exchange => answer,
        _ = &mut connection => exchange.await,
    }
}

async fn request(
    url: &Url,
    config: &HttpClientConfig,
    headers: &[(&str, &str)],
) -> Result<Request<Empty<Bytes>>, String> {
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let host = url.host_str().unwrap_or_default();
    let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut request =
        Request::get(path).header(header::HOST, authority).header(header::USER_AGENT, USER_AGENT);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let config = config.clone();
    let credentials = tokio::task::spawn_blocking(move || config.headers(bounded_file::read)).await;
    let credentials = credentials.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    for (name, value) in &credentials {
        request = request.header(name, value);
    }
    request.body(Empty::new()).map_err(|error| error.to_string())
}

fn tls_options(config: &TlsConfig) -> ClientTlsOptions {
    let pem = |source: &Option<Source>| {
        source.as_ref().map(|source| match source {
            Source::Inline(text) => PemSource::Inline(text.expose().into()),
            Source::File(path) => PemSource::File(path.to_string().into()),
        })
    };
    let version = |version: TlsVersion| match version {
        TlsVersion::Tls10 => tls::TlsVersion::Tls10,
        TlsVersion::Tls11 => tls::TlsVersion::Tls11,
        TlsVersion::Tls12 => tls::TlsVersion::Tls12,
        TlsVersion::Tls13 => tls::TlsVersion::Tls13,
    };
    ClientTlsOptions {
        ca: pem(&config.ca),
        certificate: pem(&config.cert),
        key: pem(&config.key),
        insecure_skip_verify: config.insecure_skip_verify,
        min_version: config.min_version.map(version),
        max_version: config.max_version.map(version),
    }
}
