//! One HTTP/1.1 connection to one target.
//!
//! It has no task of its own: it is driven by the scrape that uses it and rests in between, so an idle connection
//! is memory and a socket, nothing that runs. A scrape that is dropped half way drops its connection with it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;

use super::stream::Stream;

/// The most that hyper buffers for a connection, in bytes. hyper lets its read buffer grow to 400 KB by default and
/// keeps it while the connection idles, which would be the largest part of a relay's memory. It is as
/// large as the largest head allowed, and never less than this: hyper takes no smaller one.
const BUFFER_LEAST: usize = 8 << 10;
/// Header lines of an answer.
const HEADER_LINES: usize = 100;

type Driver = Pin<Box<http1::Connection<TokioIo<Stream>, Empty<Bytes>>>>;

/// An open connection.
pub(super) struct Connection {
    sender: http1::SendRequest<Empty<Bytes>>,
    /// `None` once the connection has ended.
    driver: Option<Driver>,
    received: Arc<AtomicU64>,
    tls: Option<Arc<ClientConfig>>,
    header_limit: usize,
}

impl Connection {
    /// HTTP over `stream`, which was opened with the settings `tls`.
    pub(super) async fn new(
        stream: Stream,
        tls: Option<Arc<ClientConfig>>,
        header_limit: usize,
    ) -> Result<Self, hyper::Error> {
        let received = stream.received();
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(header_limit.max(BUFFER_LEAST))
            .max_header_size(header_limit)
            .max_headers(HEADER_LINES)
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Self { sender, driver: Some(Box::pin(driver)), received, tls, header_limit })
    }

    /// The TLS settings it was opened with.
    pub(super) fn tls(&self) -> Option<&Arc<ClientConfig>> {
        self.tls.as_ref()
    }

    /// The most that a head may have, in bytes.
    pub(super) fn header_limit(&self) -> usize {
        self.header_limit
    }

    /// Bytes received since it was opened.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Whether it can take another request, as far as this side knows: looks once whether the target has closed it.
    pub(super) async fn is_usable(&mut self) -> bool {
        poll_fn(|cx| {
            if let Some(driver) = &mut self.driver
                && driver.as_mut().poll(cx).is_ready()
            {
                self.driver = None;
            }
            Poll::Ready(())
        })
        .await;
        self.driver.is_some() && self.sender.is_ready()
    }

    /// Sends `request` and waits for the head of the answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        let answer = self.sender.send_request(request);
        drive(&mut self.driver, answer).await
    }

    /// The next piece of a body that came over this connection, `None` at its end. Trailers are dropped.
    pub(super) async fn next(&mut self, body: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            match drive(&mut self.driver, body.frame()).await? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Waits for `future` while the connection works for it.
async fn drive<F: Future>(driver: &mut Option<Driver>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(output);
        }
        if let Some(running) = driver
            && running.as_mut().poll(cx).is_ready()
        {
            // Its error has gone to the request or body that waits; dropping it ends any other wait.
            *driver = None;
        }
        future.as_mut().poll(cx)
    })
    .await
}
