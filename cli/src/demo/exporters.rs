//! The demo's exporters: one listener each, on a free port of loopback.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::exposition;

/// After an error a socket is asked again this much later.
const RETRY: Duration = Duration::from_millis(100);

/// The exporters' sockets, bound and not served yet.
#[derive(Debug)]
pub struct Exporters(Vec<TcpListener>);

impl Exporters {
    /// Binds `count` free ports.
    ///
    /// # Errors
    /// Where the machine has no port or no descriptor left.
    pub async fn bind(count: usize) -> std::io::Result<Self> {
        let mut listeners = Vec::with_capacity(count);
        for _ in 0..count {
            listeners.push(TcpListener::bind("127.0.0.1:0").await?);
        }
        Ok(Self(listeners))
    }

    /// Where each listens.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn addresses(&self) -> std::io::Result<Vec<SocketAddr>> {
        self.0.iter().map(TcpListener::local_addr).collect()
    }

    /// Serves until the future is dropped.
    pub async fn serve(self) {
        let started = Instant::now();
        let tracker = TaskTracker::new();
        let all = self.0.into_iter().enumerate().map(|(number, listener)| {
            let tracker = tracker.clone();
            async move {
                loop {
                    match listener.accept().await {
                        Ok((stream, _)) => drop(tracker.spawn(serve(stream, number, started))),
                        // A client that is gone already, or no descriptor is left for now.
                        Err(_) => tokio::time::sleep(RETRY).await,
                    }
                }
            }
        });
        futures_util::future::join_all(all).await;
    }
}

async fn serve(stream: TcpStream, number: usize, started: Instant) {
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| async move {
        let response = match request.uri().path() {
            "/metrics" => respond(StatusCode::OK, exposition::body(number, started.elapsed())),
            _ => respond(StatusCode::NOT_FOUND, "not found\n".to_owned()),
        };
        Ok::<_, Infallible>(response)
    });
    // How a connection ends is its client's business.
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

fn respond(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let text = header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}
