//! Streams of targets and their changes, for whoever watches.
//!
//! In: the snapshots, and requests. Out: a stream each, made only as fast as it is read: nothing is kept for a slow
//! reader but its place in [`Changes`], so that it is told of a target as it is by then.

use std::collections::{HashSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use model::target::TargetId;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter, UpDownCounter};
use parking_lot::Mutex;
use proto::admin::v1::{WatchTargetsRequest, WatchTargetsResponse};
use runtime::Shutdown;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_stream::Stream;
use tonic::Status;

use crate::admin::Admin;
use crate::admin::watching::{self, Question};
use crate::fleet::Snapshot;
use crate::target_changes::Changes;

/// Watches at a time. Each keeps the ids of the targets that it has told of: 2 MB of 50,000.
const WATCHES: usize = 32;
/// Least distance between two looks at what has changed: no target is told of more than four times a second.
const PACE: Duration = Duration::from_millis(250);
/// Targets that are looked at in one go.
const BATCH: usize = 500;
/// After this time without a message comes one with nothing but a token.
const QUIET: Duration = Duration::from_secs(10);

/// What a request is answered with.
pub type Messages = Pin<Box<dyn Stream<Item = Result<WatchTargetsResponse, Status>> + Send>>;

/// What all watches share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Watching {
    changes: Arc<Mutex<Changes>>,
    positions: watch::Sender<u64>,
    places: Arc<Semaphore>,
    boot_id: Arc<str>,
    shutdown: Shutdown,
    instruments: Instruments,
}

#[derive(Clone, Debug)]
struct Instruments {
    open: UpDownCounter<i64>,
    refused: Counter<u64>,
    lists: Counter<u64>,
    superseded: Counter<u64>,
}

impl Watching {
    /// Nobody watches yet; `snapshot` is where changes start.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, shutdown: Shutdown, meter: &Meter) -> Self {
        let boot_id = snapshot.reign.coordinator_boot_id.clone();
        let changes = Arc::new(Mutex::new(Changes::new(snapshot)));
        let places = Arc::new(Semaphore::new(WATCHES));
        let instruments = Instruments::new(meter);
        Self { changes, positions: watch::Sender::new(0), places, boot_id, shutdown, instruments }
    }

    /// Follows the snapshots until shutdown.
    pub async fn follow(self, mut snapshots: watch::Receiver<Arc<Snapshot>>) {
        loop {
            let snapshot = snapshots.borrow_and_update().clone();
            let position = {
                let mut changes = self.changes.lock();
                changes.observe(snapshot);
                changes.position()
            };
            self.positions.send_if_modified(|last| std::mem::replace(last, position) != position);
            tokio::select! {
                () = self.shutdown.draining() => return,
                changed = snapshots.changed() => if changed.is_err() {
                    // The fleet has stopped, and is about to stop the process.
                    return self.shutdown.draining().await;
                },
            }
        }
    }

    /// The stream that answers `request`.
    pub(crate) fn open(&self, admin: &Admin, request: &WatchTargetsRequest) -> Result<Messages, Status> {
        let question = Question::parse(request, &self.boot_id)?;
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            self.instruments.refused.add(1, &[]);
            return Err(Status::resource_exhausted(format!("{WATCHES} watches are open: close one first")));
        };
        self.instruments.open.add(1, &[]);
        let watch = Watch {
            known: HashSet::new(),
            stage: self.first_stage(&question),
            pending: VecDeque::new(),
            positions: self.positions.subscribe(),
            next_look: Instant::now(),
            last_message: Instant::now(),
            question,
            admin: admin.clone(),
            watching: self.clone(),
            _place: place,
        };
        Ok(Box::pin(stream::unfold(watch.resumed(), Watch::step)))
    }

    fn first_stage(&self, question: &Question) -> Stage {
        let known = |position: &u64| self.changes.lock().reach(*position);
        match (question.position, question.is_resumption) {
            (Some(position), _) if known(&position) => Stage::Following { position },
            (_, true) => self.list("token"),
            (_, false) => self.list("new"),
        }
    }

    /// The beginning of a list of everything.
    fn list(&self, reason: &'static str) -> Stage {
        self.instruments.lists.add(1, &[KeyValue::new("reason", reason)]);
        Stage::Listing { position: self.changes.lock().position(), after: None }
    }
}

impl Instruments {
    fn new(meter: &Meter) -> Self {
        Self {
            open: meter
                .i64_up_down_counter("scraperelay_coordinator_target_watches")
                .with_description("Operators' watches of targets that are open.")
                .build(),
            refused: meter
                .u64_counter("scraperelay_coordinator_target_watches_refused_total")
                .with_description("Watches refused because as many as there may be are open.")
                .build(),
            lists: meter
                .u64_counter("scraperelay_coordinator_target_watch_lists_total")
                .with_description("Times at which a watch was told all targets, by reason.")
                .build(),
            superseded: meter
                .u64_counter("scraperelay_coordinator_target_watch_superseded_total")
                .with_description(
                    "Changes that a watch was not told of, since another of the same target has followed.",
                )
                .build(),
        }
    }
}

/// How far a watch has come.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// It is told all targets; what has changed after `position` follows.
    Listing { position: u64, after: Option<TargetId> },
    /// It has been told everything up to `position`.
    Following { position: u64 },
}

/// One stream.
struct Watch {
    question: Question,
    /// What it has been told of and not been told to be gone.
    known: HashSet<TargetId>,
    stage: Stage,
    pending: VecDeque<WatchTargetsResponse>,
    positions: watch::Receiver<u64>,
    next_look: Instant,
    last_message: Instant,
    admin: Admin,
    watching: Watching,
    _place: OwnedSemaphorePermit,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watching.instruments.open.add(-1, &[]);
    }
}

impl Watch {
    /// Where it goes on from a token, what the reader knows is worked out; else it is told to begin anew.
    fn resumed(mut self) -> Self {
        match self.stage {
            Stage::Following { position } => {
                let changes = self.watching.changes.lock();
                let view = self.admin.view_of(changes.latest().clone());
                let newer = changes.since(position, usize::MAX);
                drop(changes);
                self.known = watching::known(&view, &self.question, &newer, position);
            }
            Stage::Listing { .. } => self.pending.push_back(watching::reset()),
        }
        self
    }

    async fn step(mut self) -> Option<(Result<WatchTargetsResponse, Status>, Self)> {
        loop {
            if let Some(message) = self.pending.pop_front() {
                self.last_message = Instant::now();
                return Some((Ok(message), self));
            }
            if self.watching.shutdown.is_draining() {
                return None;
            }
            match self.stage {
                Stage::Listing { position, after } => self.list(position, after),
                Stage::Following { position } => self.news(position).await,
            }
        }
    }

    fn list(&mut self, position: u64, after: Option<TargetId>) {
        let view = self.admin.view_of(self.watching.changes.lock().latest().clone());
        let listed = watching::list(&view, &self.question, after, BATCH, &mut self.known);
        self.pending.extend(listed.messages);
        self.stage = match listed.last {
            Some(last) => Stage::Listing { position, after: Some(last) },
            None => {
                self.pending.push_back(self.question.bookmark(position));
                Stage::Following { position }
            }
        };
    }

    /// Waits for changes after `position` and makes messages of them.
    async fn news(&mut self, position: u64) {
        let shutdown = self.watching.shutdown.clone();
        tokio::select! {
            () = shutdown.draining() => return,
            _ = self.positions.wait_for(|latest| *latest > position) => {}
        }
        tokio::select! {
            () = shutdown.draining() => return,
            () = tokio::time::sleep_until(self.next_look) => {}
        }
        self.next_look = Instant::now() + PACE;
        let (changes, snapshot) = {
            let changes = self.watching.changes.lock();
            let newer = changes.reach(position).then(|| changes.since(position, BATCH));
            (newer, changes.latest().clone())
        };
        let Some(changes) = changes else {
            // So slow that what has gone meanwhile is forgotten.
            self.known.clear();
            self.pending.push_back(watching::reset());
            self.stage = self.watching.list("slow");
            return;
        };
        let Some(last) = changes.last().map(|change| change.position) else { return };
        let skipped = (last - position).saturating_sub(changes.len() as u64);
        self.watching.instruments.superseded.add(skipped, &[]);
        let view = self.admin.view_of(snapshot);
        self.pending.extend(watching::tell(&view, &self.question, &changes, &mut self.known));
        if self.pending.is_empty() && self.last_message.elapsed() >= QUIET {
            self.pending.push_back(self.question.bookmark(last));
        }
        self.stage = Stage::Following { position: last };
    }
}
