//! A connection that gives up on a client that does not go on: no request, half a head, or a response it does not
//! read.
//!
//! hyper's own timer cannot tell half a head from the silence between two scrapes; this one can, because the
//! service says when a request starts and ends.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::service::Service;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::Limits;

/// Requests started plus requests answered: odd while one is in service.
#[derive(Clone, Debug, Default)]
pub(super) struct Activity(Arc<AtomicU64>);

impl Activity {
    /// `service`, saying when it works.
    pub(super) fn around<S>(&self, service: S) -> Watched<S> {
        Watched { service, activity: self.clone() }
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

pub(super) struct Watched<S> {
    service: S,
    activity: Activity,
}

impl<R, S> Service<R> for Watched<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn call(&self, request: R) -> Self::Future {
        let activity = self.activity.clone();
        activity.0.fetch_add(1, Ordering::AcqRel);
        let answer = self.service.call(request);
        Box::pin(async move {
            let answer = answer.await;
            activity.0.fetch_add(1, Ordering::AcqRel);
            answer
        })
    }
}

/// The connection.
pub(super) struct Patience<I> {
    io: I,
    activity: Activity,
    limits: Limits,
    /// The activity when `read` was last set, so that a change starts a new wait.
    seen: u64,
    /// Whether bytes of the next head have arrived.
    in_head: bool,
    read: Pin<Box<Sleep>>,
    write: Option<Pin<Box<Sleep>>>,
}

impl<I> Patience<I> {
    pub(super) fn new(io: I, activity: Activity, limits: Limits) -> Self {
        let read = Box::pin(tokio::time::sleep(limits.head_timeout));
        Self { io, activity, limits, seen: 0, in_head: false, read, write: None }
    }

    fn wait_to_read(&mut self, wait: Duration) {
        self.read.as_mut().reset(Instant::now() + wait);
    }

    /// Starts a new wait when a request has started or ended since the last look.
    fn look(&mut self) {
        let now = self.activity.count();
        if now != self.seen {
            self.seen = now;
            self.in_head = false;
            self.wait_to_read(self.limits.idle_timeout);
        }
    }

    /// Whether no request is in service.
    fn between_requests(&self) -> bool {
        self.seen.is_multiple_of(2)
    }

    /// Bytes have arrived: between requests they start a head, which then has its own time.
    fn arrived(&mut self) {
        if self.between_requests() && !self.in_head {
            self.in_head = true;
            self.wait_to_read(self.limits.head_timeout);
        }
    }

    /// Nothing has arrived: an error if that has lasted too long.
    fn nothing_arrived(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.between_requests() && self.read.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }

    fn wrote<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        // hyper need not read again after a response when it found nothing to read during it, so the wait for the
        // next request begins here; when it is over, hyper is woken and reads.
        self.look();
        let _woken_later = self.between_requests() && self.read.as_mut().poll(cx).is_ready();
        if result.is_ready() {
            self.write = None;
            return result;
        }
        let wait = self.limits.write_timeout;
        let write = self.write.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
        ready!(write.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Patience<I> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.look();
        match Pin::new(&mut this.io).poll_read(cx, buf) {
            Poll::Pending => this.nothing_arrived(cx),
            ready => {
                this.arrived();
                ready
            }
        }
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Patience<I> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.wrote(cx, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.io).poll_write_vectored(cx, slices);
        this.wrote(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.io).poll_flush(cx);
        this.wrote(cx, result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.io).poll_shutdown(cx);
        this.wrote(cx, result)
    }
}

/// Whether a connection ended because patience did.
pub(super) fn timed_out(error: &hyper::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|it| it.kind() == io::ErrorKind::TimedOut) {
            return true;
        }
        cause = error.source();
    }
    false
}
