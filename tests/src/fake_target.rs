//! Targets that do what a test tells them: answer, hang, fail, send garbage.
//!
//! Each has a port of its own on loopback, or an address of its own in a network namespace.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What a target does when it is scraped.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Answers 200 with a body made for the moment: see [`Exposition`].
    Serve(Exposition),
    /// Answers 200 with these bytes under this Content-Type.
    Body(&'static str, Bytes),
    /// Answers this status.
    Status(u16),
    /// Answers a status and a body that the request decides, in the text format.
    Depends(fn(&Parts) -> (u16, String)),
    /// Accepts and never answers.
    Hang,
    /// Closes the connection without an answer.
    Close,
}

/// How a body is made.
#[derive(Clone)]
pub struct Exposition {
    /// Sent as Content-Type.
    pub content_type: &'static str,
    /// Makes the body: given the target's number and how long the process runs.
    pub make: Arc<dyn Fn(usize, Duration) -> String + Send + Sync>,
}

impl std::fmt::Debug for Exposition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exposition").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

/// Content-Type of the text format.
pub const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Content-Type of OpenMetrics.
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A group of targets in this process; dropping it closes every connection.
pub struct FakeTargets {
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
    tasks: JoinSet<()>,
}

struct Shared {
    started: Instant,
    frozen: Mutex<Option<Duration>>,
    default: Box<dyn Fn(usize) -> Behaviour + Send + Sync>,
    special: Mutex<HashMap<usize, Behaviour>>,
    scrapes: AtomicU64,
    connections: AtomicU64,
}

impl FakeTargets {
    /// `count` targets on free ports of 127.0.0.1; `behaviour` is asked for each target's number.
    ///
    /// # Errors
    /// Where a port cannot be had.
    pub async fn start(
        count: usize,
        behaviour: impl Fn(usize) -> Behaviour + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), count, behaviour).await
    }

    /// Like [`FakeTargets::start`], on free ports of another address of this machine.
    ///
    /// # Errors
    /// Where a port cannot be had.
    pub async fn start_at(
        address: IpAddr,
        count: usize,
        behaviour: impl Fn(usize) -> Behaviour + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let mut targets = Self::none(behaviour);
        for number in 0..count {
            let listener = TcpListener::bind((address, 0)).await?;
            targets.addresses.push(listener.local_addr()?);
            targets.tasks.spawn(accept(listener, move |_| number, Arc::clone(&targets.shared)));
        }
        Ok(targets)
    }

    /// As many targets as a listener has addresses: `number` tells which of them a connection was made to.
    ///
    /// # Errors
    /// Where the listener is none that can be waited for.
    pub fn behind(
        listener: std::net::TcpListener,
        number: impl Fn(SocketAddr) -> usize + Send + 'static,
        behaviour: impl Fn(usize) -> Behaviour + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let mut targets = Self::none(behaviour);
        let listener = TcpListener::from_std(listener)?;
        targets.tasks.spawn(accept(listener, number, Arc::clone(&targets.shared)));
        Ok(targets)
    }

    fn none(behaviour: impl Fn(usize) -> Behaviour + Send + Sync + 'static) -> Self {
        let shared = Shared {
            started: Instant::now(),
            frozen: Mutex::default(),
            default: Box::new(behaviour),
            special: Mutex::default(),
            scrapes: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared), addresses: Vec::new(), tasks: JoinSet::new() }
    }

    /// Where each target listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Gives one target another behaviour from its next scrape on.
    pub fn set(&self, number: usize, behaviour: Behaviour) {
        self.special().insert(number, behaviour);
    }

    /// Gives one target the behaviour of the group again.
    pub fn reset(&self, number: usize) {
        self.special().remove(&number);
    }

    /// Stops the clock that bodies are made from, so that two scrapers see the same values.
    pub fn freeze(&self) {
        let now = self.shared.started.elapsed();
        *self.shared.frozen.lock().expect("nothing panics while it is held") = Some(now);
    }

    fn special(&self) -> std::sync::MutexGuard<'_, HashMap<usize, Behaviour>> {
        self.shared.special.lock().expect("nothing panics while it is held")
    }

    /// How many scrapes were answered or begun.
    #[must_use]
    pub fn scrapes(&self) -> u64 {
        self.shared.scrapes.load(Ordering::Relaxed)
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

async fn accept(
    listener: TcpListener,
    number: impl Fn(SocketAddr) -> usize + Send + 'static,
    shared: Arc<Shared>,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // One that is closed already has no address, and no scraper that waits.
        let Ok(address) = stream.local_addr() else { continue };
        let number = number(address);
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(number, Arc::clone(&shared), request));
            // How a connection ends is the scraper's business.
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await
                .ok();
        });
        while connections.try_join_next().is_some() {}
    }
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

async fn answer(
    number: usize,
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Answer, std::io::Error> {
    shared.scrapes.fetch_add(1, Ordering::Relaxed);
    let special = shared.special.lock().expect("nothing panics while it is held").get(&number).cloned();
    match special.unwrap_or_else(|| (shared.default)(number)) {
        Behaviour::Serve(exposition) => {
            let frozen = *shared.frozen.lock().expect("nothing panics while it is held");
            let body = (exposition.make)(number, frozen.unwrap_or_else(|| shared.started.elapsed()));
            Ok(respond(StatusCode::OK, exposition.content_type, body.into()))
        }
        Behaviour::Body(content_type, body) => Ok(respond(StatusCode::OK, content_type, body)),
        Behaviour::Status(status) => {
            let status = StatusCode::from_u16(status).map_err(std::io::Error::other)?;
            Ok(respond(status, "text/plain", Bytes::from_static(b"as told\n")))
        }
        Behaviour::Depends(decide) => {
            let (status, body) = decide(&request.into_parts().0);
            let status = StatusCode::from_u16(status).map_err(std::io::Error::other)?;
            Ok(respond(status, TEXT, body.into()))
        }
        Behaviour::Hang => std::future::pending().await,
        Behaviour::Close => Err(std::io::Error::other("closed as told")),
    }
}

fn respond(status: StatusCode, content_type: &str, body: Bytes) -> Answer {
    let mut response = Response::new(Full::new(body).boxed());
    *response.status_mut() = status;
    if let Ok(value) = content_type.parse() {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}
