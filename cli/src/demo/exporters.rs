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
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::exposition;

/// After an error a socket is asked again this much later.
const RETRY: Duration = Duration::from_millis(100);

/// The exporters' sockets, bound and not served yet.
#[derive(Debug)]
pub struct Exporters {
    listeners: Vec<TcpListener>,
    down: Down,
}

/// Which exporter is down, if one is: nothing listens on its port, and its connections are closed.
pub type Down = watch::Sender<Option<usize>>;

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
        Ok(Self { listeners, down: watch::Sender::new(None) })
    }

    /// Where each listens.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn addresses(&self) -> std::io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(TcpListener::local_addr).collect()
    }

    /// Kills one and brings it back.
    #[must_use]
    pub fn switch(&self) -> Down {
        self.down.clone()
    }

    /// Serves until the future is dropped.
    pub async fn serve(self) {
        let started = Instant::now();
        let tracker = TaskTracker::new();
        let all = self.listeners.into_iter().enumerate().map(|(number, listener)| {
            let exporter = Exporter { number, started, down: self.down.subscribe() };
            exporter.serve(listener, tracker.clone())
        });
        futures_util::future::join_all(all).await;
    }
}

/// One of them.
#[derive(Clone)]
struct Exporter {
    number: usize,
    started: Instant,
    down: watch::Receiver<Option<usize>>,
}

impl Exporter {
    async fn serve(mut self, listener: TcpListener, tracker: TaskTracker) {
        let Ok(address) = listener.local_addr() else { return };
        let mut listener = Some(listener);
        loop {
            let Some(open) = &listener else {
                self.until(false).await;
                match TcpListener::bind(address).await {
                    Ok(bound) => listener = Some(bound),
                    // Somebody else has the port, for now.
                    Err(_) => tokio::time::sleep(RETRY).await,
                }
                continue;
            };
            tokio::select! {
                () = self.clone().until_down() => listener = None,
                accepted = open.accept() => match accepted {
                    Ok((stream, _)) => drop(tracker.spawn(self.clone().answer(stream))),
                    // A client that is gone already, or no descriptor is left for now.
                    Err(_) => tokio::time::sleep(RETRY).await,
                },
            }
        }
    }

    async fn until_down(mut self) {
        self.until(true).await;
    }

    async fn until(&mut self, down: bool) {
        let number = self.number;
        if self.down.wait_for(|one| (*one == Some(number)) == down).await.is_err() {
            // Nobody is left who could change that.
            std::future::pending::<()>().await;
        }
    }

    async fn answer(self, stream: TcpStream) {
        let (number, started) = (self.number, self.started);
        let service = service_fn(move |request: http::Request<hyper::body::Incoming>| async move {
            let response = match request.uri().path() {
                "/metrics" => respond(StatusCode::OK, exposition::body(number, started.elapsed())),
                _ => respond(StatusCode::NOT_FOUND, "not found\n".to_owned()),
            };
            Ok::<_, Infallible>(response)
        });
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            () = self.until_down() => {}
            // How a connection ends is its client's business.
            _ = connection => {}
        }
    }
}

fn respond(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let text = header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}
