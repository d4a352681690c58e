//! Two steps to the end: *drain* (finish what runs, start nothing new) and *abort* (drop what still runs).
//!
//! The first SIGTERM or SIGINT drains, the second aborts.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Tells tasks when to end. All clones see the same state.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    drain: CancellationToken,
    abort: CancellationToken,
}

impl Shutdown {
    /// A shutdown that nobody has asked for yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A shutdown for a part: drains and aborts when this one does, and alone when the part is told to.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { drain: self.drain.child_token(), abort: self.abort.child_token() }
    }

    /// A shutdown for a part that has something to do before it ends: it aborts when this one does, and drains when the
    /// part is told to, which its owner does in the end.
    #[must_use]
    pub fn deferred(&self) -> Self {
        Self { drain: CancellationToken::new(), abort: self.abort.child_token() }
    }

    /// Asks everything to finish.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Asks everything to stop at once. Drains too.
    pub fn abort(&self) {
        self.drain.cancel();
        self.abort.cancel();
    }

    /// Whether the end has been asked for.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Waits until the end is asked for.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Waits until everything has to stop at once.
    pub async fn aborted(&self) {
        self.abort.cancelled().await;
    }

    /// Starts to listen for SIGTERM and SIGINT: the future drains at the first and aborts at the second, then
    /// ends. It also ends when something else has aborted.
    ///
    /// # Errors
    /// When the system refuses a signal listener. Needs a tokio runtime.
    pub fn on_signals(&self) -> io::Result<impl Future<Output = ()> + Send + 'static> {
        let mut signals = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
        let shutdown = self.clone();
        Ok(async move {
            tokio::select! {
                () = shutdown.aborted() => return,
                () = either(&mut signals) => {}
            }
            tracing::info!("signal received: finishing what runs; a second signal stops at once");
            shutdown.drain();
            tokio::select! {
                () = shutdown.aborted() => return,
                () = either(&mut signals) => {}
            }
            tracing::warn!("second signal received: stopping at once");
            shutdown.abort();
        })
    }
}

async fn either([terminate, interrupt]: &mut [Signal; 2]) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_ends_with_the_whole_and_also_alone() {
        let whole = Shutdown::new();
        let (first, second) = (whole.child(), whole.child());
        first.drain();
        assert!(first.is_draining() && !second.is_draining() && !whole.is_draining());
        whole.abort();
        second.draining().await;
        second.aborted().await;
    }

    #[tokio::test]
    async fn a_part_with_something_to_do_drains_when_it_is_told_to_and_aborts_with_the_whole() {
        let whole = Shutdown::new();
        let part = whole.deferred();
        whole.drain();
        assert!(!part.is_draining());
        part.drain();
        assert!(part.is_draining());
        whole.abort();
        part.aborted().await;
    }

    #[tokio::test]
    async fn the_first_signal_drains_and_the_second_aborts() {
        let shutdown = Shutdown::new();
        let signals = tokio::spawn(shutdown.on_signals().unwrap());
        let me = rustix::process::getpid();
        rustix::process::kill_process(me, rustix::process::Signal::TERM).unwrap();
        shutdown.draining().await;
        assert!(!shutdown.abort.is_cancelled());
        rustix::process::kill_process(me, rustix::process::Signal::INT).unwrap();
        shutdown.aborted().await;
        signals.await.unwrap();
    }
}
