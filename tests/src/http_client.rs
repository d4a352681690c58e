//! One HTTP GET, for tests that ask pages and APIs.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as sent.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Asks `http://AUTHORITY/PATH` within a minute.
///
/// # Errors
/// A sentence that names the step that failed.
pub async fn get(url: &str, headers: &[(&str, &str)]) -> Result<Answer, String> {
    request("GET", url, headers).await
}

/// Like [`get`], with any method.
///
/// # Errors
/// A sentence that names the step that failed.
pub async fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> Result<Answer, String> {
    let answer = tokio::time::timeout(Duration::from_secs(60), ask(method, url, headers));
    answer.await.map_err(|_| format!("{url}: no answer within a minute"))?
}

async fn ask(method: &str, url: &str, headers: &[(&str, &str)]) -> Result<Answer, String> {
    let name = |error: &dyn std::fmt::Display| format!("{url}: {error}");
    let rest = url.strip_prefix("http://").ok_or("not an http URL")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let stream = TcpStream::connect(authority).await.map_err(|error| name(&error))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| name(&error))?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(format!("/{path}")).header("Host", authority);
    for (header, value) in headers {
        request = request.header(*header, *value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| name(&error))?;
    let response = sender.send_request(request).await.map_err(|error| name(&error))?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| name(&error))?.to_bytes();
    drop(sender);
    connection.abort();
    Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
}
