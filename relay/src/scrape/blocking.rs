//! Calls that may block for long: the resolver and files on a network.
//!
//! A call that hangs keeps its thread even when nobody waits for it any more, so each kind of call has its own
//! bound: a dead resolver or file server costs the scrapes that need it, not the whole process.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Runs a bounded number of blocking calls at a time.
#[derive(Clone, Debug)]
pub(super) struct Blocking {
    free: Arc<Semaphore>,
}

impl Blocking {
    /// At most `calls` at a time; the next one waits.
    pub(super) fn new(calls: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(calls)) }
    }

    /// Runs `call` on a thread where blocking is allowed. A call that has begun is not stopped when the future is
    /// dropped, and counts until it returns.
    pub(super) async fn run<T: Send + 'static>(&self, call: impl FnOnce() -> T + Send + 'static) -> T {
        let permit = self.free.clone().acquire_owned().await.expect("the semaphore is never closed");
        let running = tokio::task::spawn_blocking(move || {
            let _held = permit;
            call()
        });
        match running.await {
            Ok(result) => result,
            Err(stopped) => match stopped.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down and drops this future next.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_call_that_hangs_counts_until_it_returns_even_when_nobody_waits() {
        let blocking = Blocking::new(1);
        let (release, hang) = mpsc::channel::<()>();
        let hanging = blocking.run(move || hang.recv());
        assert!(tokio::time::timeout(Duration::from_millis(50), hanging).await.is_err());
        let next = tokio::spawn({
            let blocking = blocking.clone();
            async move { blocking.run(|| 7).await }
        });
        assert_eq!(blocking.free.available_permits(), 0);
        release.send(()).unwrap();
        assert_eq!(next.await.unwrap(), 7);
    }
}
