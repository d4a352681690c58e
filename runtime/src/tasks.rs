//! The only place that starts tasks, so that every task has a name, an owner and an end.
//!
//! A long-running task that ends before it was asked to, fails or panics drains the whole process and is named
//! in the error of [`Tasks::finish`]. Short-lived work (one request, one connection) is only counted and waited
//! for.

use std::any::Any;
use std::collections::BTreeMap;
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio_util::task::TaskTracker;

use crate::Shutdown;

/// An error of any kind.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// How a task can end: with `()`, or with a `Result` whose error is kept.
pub trait Outcome {
    /// The error to report, if any.
    ///
    /// # Errors
    /// What went wrong in the task.
    fn into_result(self) -> Result<(), BoxError>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> Outcome for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

/// Why a process stopped other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A task that should run until the end did not.
    #[error("task {name} ended although nobody asked it to")]
    Ended {
        /// The task.
        name: String,
    },
    /// A task failed.
    #[error("task {name} failed")]
    Failed {
        /// The task.
        name: String,
        /// Its error.
        source: BoxError,
    },
    /// A task panicked: a bug.
    #[error("task {name} panicked: {message}")]
    Panicked {
        /// The task.
        name: String,
        /// The panic's message.
        message: String,
    },
    /// The grace period was over before everything had finished.
    #[error("not finished within {grace:?}: {}", names.join(", "))]
    Unfinished {
        /// How long was waited.
        grace: Duration,
        /// The tasks that still ran; `request` stands for short-lived work.
        names: Vec<String>,
    },
}

/// Starts tasks and waits for their end. All clones share the same tasks.
#[derive(Clone, Debug)]
pub struct Tasks {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    shutdown: Shutdown,
    tracker: TaskTracker,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    running: BTreeMap<u64, String>,
    /// The first failure is the cause; later ones are usually its consequences and are only logged.
    failure: Option<TaskError>,
}

impl Tasks {
    /// No tasks yet; `shutdown` tells them when to end.
    #[must_use]
    pub fn new(shutdown: Shutdown) -> Self {
        Self { shared: Arc::new(Shared { shutdown, tracker: TaskTracker::new(), state: Mutex::default() }) }
    }

    /// Starts a task that runs until shutdown. When it ends before, fails or panics, the process drains. It is
    /// dropped at [`Shutdown::abort`].
    pub fn spawn<F>(&self, name: impl Into<String>, task: F)
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        let (shared, name) = (self.shared.clone(), name.into());
        let id = shared.enter(name.clone());
        self.shared.tracker.spawn(async move {
            let end = tokio::select! {
                end = AssertUnwindSafe(task).catch_unwind() => Some(end.map(Outcome::into_result)),
                () = shared.shutdown.aborted() => None,
            };
            shared.leave(id, end.and_then(|end| shared.judge(&name, end)));
        });
    }

    /// Starts a piece of short-lived work, such as one connection. It may end whenever it likes; a panic in it is
    /// logged and stops nothing. It is dropped at [`Shutdown::abort`].
    pub fn work<F>(&self, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let shared = self.shared.clone();
        self.shared.tracker.spawn(async move {
            tokio::select! {
                end = AssertUnwindSafe(work).catch_unwind() => {
                    if let Err(panic) = end {
                        tracing::error!(panic = panic_message(panic.as_ref()), "work panicked");
                    }
                }
                () = shared.shutdown.aborted() => {}
            }
        });
    }

    /// Waits until the end is asked for and everything has finished, for at most `grace` from then on; what still
    /// runs after that is aborted.
    ///
    /// # Errors
    /// The first task that ended unasked, failed or panicked; else what had not finished.
    pub async fn finish(&self, grace: Duration) -> Result<(), TaskError> {
        let shared = &self.shared;
        shared.shutdown.draining().await;
        shared.tracker.close();
        let unfinished = tokio::time::timeout(grace, shared.tracker.wait()).await.is_err();
        let names = shared.unfinished();
        if unfinished {
            shared.shutdown.abort();
            shared.tracker.wait().await;
        }
        match shared.state.lock().failure.take() {
            Some(failure) => Err(failure),
            None if unfinished => Err(TaskError::Unfinished { grace, names }),
            None => Ok(()),
        }
    }
}

impl Shared {
    fn enter(&self, name: String) -> u64 {
        let mut state = self.state.lock();
        state.next += 1;
        let id = state.next;
        state.running.insert(id, name);
        id
    }

    fn leave(&self, id: u64, failure: Option<TaskError>) {
        let mut state = self.state.lock();
        state.running.remove(&id);
        if let Some(failure) = failure {
            tracing::error!(error = %failure, cause = failure.source().map(tracing::field::display), "task stopped");
            state.failure.get_or_insert(failure);
            drop(state);
            self.shutdown.drain();
        }
    }

    fn judge(&self, name: &str, end: Result<Result<(), BoxError>, Box<dyn Any + Send>>) -> Option<TaskError> {
        let name = name.to_owned();
        match end {
            Err(panic) => Some(TaskError::Panicked { name, message: panic_message(panic.as_ref()) }),
            Ok(Err(source)) => Some(TaskError::Failed { name, source }),
            Ok(Ok(())) if !self.shutdown.is_draining() => Some(TaskError::Ended { name }),
            Ok(Ok(())) => None,
        }
    }

    fn unfinished(&self) -> Vec<String> {
        let named: Vec<String> = self.state.lock().running.values().cloned().collect();
        let requests = self.tracker.len().saturating_sub(named.len());
        named.into_iter().chain((requests > 0).then(|| format!("request x{requests}"))).collect()
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(5);

    async fn finish(tasks: &Tasks) -> String {
        tasks.finish(GRACE).await.map_or_else(|error| error.to_string(), |()| "ok".to_owned())
    }

    #[tokio::test]
    async fn a_task_that_waits_for_the_end_finishes_well() {
        let shutdown = Shutdown::new();
        let tasks = Tasks::new(shutdown.clone());
        let seen = shutdown.clone();
        tasks.spawn("patient", async move { seen.draining().await });
        shutdown.drain();
        assert_eq!(finish(&tasks).await, "ok");
    }

    #[tokio::test]
    async fn a_task_that_ends_unasked_stops_the_process_by_name() {
        let tasks = Tasks::new(Shutdown::new());
        tasks.spawn("brief", async {});
        assert_eq!(finish(&tasks).await, "task brief ended although nobody asked it to");
    }

    #[tokio::test]
    async fn a_task_that_fails_or_panics_stops_the_process_by_name() {
        let tasks = Tasks::new(Shutdown::new());
        tasks.spawn("file_sd", async { Err::<(), _>(std::io::Error::other("gone")) });
        assert_eq!(finish(&tasks).await, "task file_sd failed");
        let tasks = Tasks::new(Shutdown::new());
        tasks.spawn("buggy", async { assert_eq!(1, 2, "sum") });
        let end = finish(&tasks).await;
        assert!(end.starts_with("task buggy panicked: ") && end.contains("sum"), "{end}");
    }

    #[tokio::test]
    async fn a_panic_in_short_work_stops_nothing() {
        let shutdown = Shutdown::new();
        let tasks = Tasks::new(shutdown.clone());
        tasks.work(async { panic!("one request") });
        tasks.work(async {});
        while !tasks.shared.tracker.is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(!shutdown.is_draining());
        shutdown.drain();
        assert_eq!(finish(&tasks).await, "ok");
    }

    #[tokio::test]
    async fn what_does_not_finish_in_time_is_named_and_dropped() {
        let shutdown = Shutdown::new();
        let tasks = Tasks::new(shutdown.clone());
        tasks.spawn("stuck", std::future::pending::<()>());
        tasks.work(std::future::pending());
        shutdown.drain();
        let end = tasks.finish(Duration::from_millis(20)).await.unwrap_err().to_string();
        assert_eq!(end, "not finished within 20ms: stuck, request x1");
        assert!(tasks.shared.tracker.is_empty());
    }
}
