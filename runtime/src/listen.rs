//! The accept loop of every HTTP/1.1 listener.
//!
//! In: a bound socket and a service. Out: served connections, until shutdown drains: then no new connection is
//! taken, requests that run are finished, and idle connections are closed. Each connection is bounded: how many
//! there are, how long a head, a silence and a reader that does not read may take, how many bytes are buffered.
//! HTTP/2 is not spoken: a scraper needs none, and its floods cost more than they are worth.

mod metrics;
mod patience;
mod room;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::tls::ServerTls;
use crate::{Shutdown, Tasks};

pub use metrics::ListenMetrics;
use patience::{Activity, Patience};
use room::Place;
pub use room::Room;

/// Connections at a time; one more is closed at once.
pub const CONNECTIONS: usize = 512;
/// From the first byte of a request to the end of its head; also from a connection to its first request.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A kept-alive connection may be silent for this long. Longer than any usual scrape interval.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// A client that takes no byte for this long is dropped.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes buffered per connection and direction.
const BUFFER: usize = 64 * 1024;
/// Bytes of a request's head.
const HEAD_SIZE: usize = 16 * 1024;
/// After an accept error that does not pass by itself (no free file descriptor), the loop waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The bounds of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// See [`HEAD_TIMEOUT`].
    pub head_timeout: Duration,
    /// See [`IDLE_TIMEOUT`].
    pub idle_timeout: Duration,
    /// See [`WRITE_TIMEOUT`].
    pub write_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head_timeout: HEAD_TIMEOUT, idle_timeout: IDLE_TIMEOUT, write_timeout: WRITE_TIMEOUT }
    }
}

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("listening on {address}")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// The system's error.
    pub source: io::Error,
}

/// Opens a listening socket and tells its address: where port 0 was asked for, with the free one that was given.
///
/// # Errors
/// When the system refuses, as for a port that is taken.
pub async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), BindError> {
    let failed = |source| BindError { address, source };
    let socket = TcpListener::bind(address).await.map_err(failed)?;
    let bound = socket.local_addr().map_err(failed)?;
    Ok((socket, bound))
}

/// A listener that waits to be served.
pub struct Listener {
    /// The bound socket.
    pub socket: TcpListener,
    /// Where set, the listener speaks TLS only.
    pub tls: Option<Arc<ServerTls>>,
    /// How many connections at a time.
    pub room: Room,
    /// The bounds of each.
    pub limits: Limits,
    /// What is counted.
    pub metrics: ListenMetrics,
}

impl Listener {
    /// A plain listener with the default bounds.
    #[must_use]
    pub fn new(socket: TcpListener, metrics: ListenMetrics) -> Self {
        Self { socket, tls: None, room: Room::default(), limits: Limits::default(), metrics }
    }

    /// Serves an axum router: [`Listener::serve`] for pages that need no streaming of their own.
    pub async fn serve_router(self, router: axum::Router, tasks: Tasks, shutdown: Shutdown) {
        self.serve(TowerToHyperService::new(router), tasks, shutdown).await;
    }

    /// Serves connections until `shutdown` drains, each as short-lived work of `tasks`.
    pub async fn serve<S, B>(self, service: S, tasks: Tasks, shutdown: Shutdown)
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let Self { socket, tls, room, limits, metrics } = self;
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                () = shutdown.draining() => return,
            };
            let stream = match accepted {
                Ok((stream, _peer)) => stream,
                Err(error) => {
                    pause(&error, &metrics, &shutdown).await;
                    continue;
                }
            };
            let Some(place) = room.take() else {
                metrics.refused("limit");
                continue;
            };
            let connection =
                Connection { limits, metrics: metrics.clone(), shutdown: shutdown.clone(), place };
            let (tls, service) = (tls.clone(), service.clone());
            tasks.work(async move { connection.accept(stream, tls, service).await });
        }
    }
}

/// An accept error is either one connection's bad luck, or a shortage that the next call would meet as well.
async fn pause(error: &io::Error, metrics: &ListenMetrics, shutdown: &Shutdown) {
    metrics.accept_failed();
    let passing =
        [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::Interrupted];
    if passing.contains(&error.kind()) {
        return;
    }
    tracing::warn!(target = metrics.name(), %error, "cannot accept connections: is the open-file limit too low?");
    tokio::select! {
        () = tokio::time::sleep(ACCEPT_PAUSE) => {}
        () = shutdown.draining() => {}
    }
}

struct Connection {
    limits: Limits,
    metrics: ListenMetrics,
    shutdown: Shutdown,
    place: Place,
}

impl Connection {
    async fn accept<S, B>(self, stream: TcpStream, tls: Option<Arc<ServerTls>>, service: S)
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "connection was gone before it was served");
            return;
        }
        let Some(tls) = tls else { return self.serve(stream, service).await };
        let handshake = async {
            // Files may have to be read again.
            let config = tokio::task::spawn_blocking(move || tls.config()).await.map_err(io::Error::other)?;
            tokio_rustls::TlsAcceptor::from(config).accept(stream).await
        };
        match tokio::time::timeout(self.limits.head_timeout, handshake).await {
            Ok(Ok(stream)) => self.serve(stream, service).await,
            Ok(Err(error)) => {
                self.metrics.refused("tls");
                tracing::debug!(%error, "TLS handshake failed");
            }
            Err(_) => self.metrics.refused("timeout"),
        }
    }

    async fn serve<I, S, B>(self, io: I, service: S)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let _open = self.metrics.open();
        let activity = Activity::default();
        let io = TokioIo::new(Patience::new(io, activity.clone(), self.limits));
        let connection = http1::Builder::new()
            // Patience keeps the time: hyper's header timer also runs between requests and would close the
            // connection of a scraper that comes every 15 s.
            .header_read_timeout(None)
            .max_header_size(HEAD_SIZE)
            .max_buf_size(BUFFER)
            .serve_connection(io, activity.around(service));
        let mut connection = std::pin::pin!(connection);
        let end = tokio::select! {
            end = connection.as_mut() => end,
            () = self.shutdown.draining() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = end {
            let reason = if patience::timed_out(&error) { "timeout" } else { "broken" };
            self.metrics.refused(reason);
            tracing::debug!(%error, reason, "connection ended early");
        }
        drop(self.place);
    }
}

#[cfg(test)]
#[path = "listen/tests.rs"]
mod tests;
