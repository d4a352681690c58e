//! The task that owns the fleet.
//!
//! In: events over a bounded queue, and time. Out: messages on the streams, and snapshots for everyone else. It
//! decides nothing; that is the fleet's.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::job::ScrapeSettings;
use model::slice::{PROTOCOL, RelayConfig};
use model::target::Target;
use proto::assignment::v1 as wire;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use wire::join_response::Message;

use crate::fleet::{Closing, Effect, Fleet, FleetEvent, Guards, Now, Snapshot, StreamEnd, StreamId, Timings};

/// Events that may wait. A sender waits with them, so a relay's heartbeat is echoed only once the fleet will see it.
const EVENTS: usize = 1024;
/// How often the clocks are looked at, and the least distance between two snapshots.
const TICK: Duration = Duration::from_millis(100);
/// A snapshot is taken at least every so many ticks, for the times in it.
const IDLE_TICKS: u32 = 10;

/// One message to a relay, or the status its stream ends with.
pub(crate) type Outgoing = Result<wire::JoinResponse, Status>;

/// The fleet's side of a stream.
#[derive(Clone, Debug)]
pub(crate) struct StreamHandle {
    /// Bounded; a stream whose queue is full is cut.
    pub(crate) outgoing: mpsc::Sender<Outgoing>,
    /// Ends both directions.
    pub(crate) cut: CancellationToken,
}

/// What the task receives.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A stream, before any event of it.
    Opened(StreamId, StreamHandle),
    /// An event and when it came in.
    Event(FleetEvent, Instant),
}

/// The fleet was stopped; the process is about to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the fleet has stopped: the coordinator is shutting down")]
pub struct Stopped;

/// For all who have something to say to the fleet, or want to see it.
#[derive(Clone, Debug)]
pub struct FleetHandle {
    incoming: mpsc::Sender<Incoming>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl FleetHandle {
    /// Tells of the known targets, the settings of all jobs, and the jobs whose discoveries have not all reported.
    ///
    /// # Errors
    /// Where the fleet has stopped.
    pub async fn set_targets(
        &self,
        targets: Arc<Vec<Arc<Target>>>,
        jobs: HashMap<Arc<str>, Arc<ScrapeSettings>>,
        unread: HashSet<Arc<str>>,
    ) -> Result<(), Stopped> {
        self.send(FleetEvent::Targets { targets, jobs, unread }).await
    }

    /// Tells of the configuration: what all relays get, how many a start waits for (0: not known), and whether those
    /// that hold nothing wait for the targets.
    ///
    /// # Errors
    /// Where the fleet has stopped.
    pub async fn configure(
        &self,
        config: Arc<RelayConfig>,
        expected_relays: usize,
        complete_start: bool,
    ) -> Result<(), Stopped> {
        self.send(FleetEvent::Configured { config, expected_relays, complete_start }).await
    }

    /// The snapshots, the latest first.
    #[must_use]
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// The latest snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    pub(crate) async fn send(&self, event: FleetEvent) -> Result<(), Stopped> {
        let incoming = Incoming::Event(event, Instant::now());
        self.incoming.send(incoming).await.map_err(|_| Stopped)
    }

    pub(crate) async fn open(&self, stream: StreamId, handle: StreamHandle) -> Result<(), Stopped> {
        self.incoming.send(Incoming::Opened(stream, handle)).await.map_err(|_| Stopped)
    }
}

/// The task; [`FleetTask::run`] is to be spawned once.
pub struct FleetTask {
    fleet: Fleet,
    started: Instant,
    incoming: mpsc::Receiver<Incoming>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    streams: HashMap<StreamId, StreamHandle>,
    changed: bool,
    idle_ticks: u32,
}

/// A fleet in the hands of the coordinator process `boot_id` (random, new in every process), and its task.
#[must_use]
pub fn new(boot_id: Arc<str>, timings: Timings) -> (FleetHandle, FleetTask) {
    let (sender, incoming) = mpsc::channel(EVENTS);
    let now = Now { elapsed: Duration::ZERO, wall: SystemTime::now() };
    let mut fleet = Fleet::new(boot_id, timings, now);
    let (snapshots, receiver) = watch::channel(Arc::new(fleet.snapshot()));
    let task = FleetTask {
        fleet,
        started: Instant::now(),
        incoming,
        snapshots,
        streams: HashMap::new(),
        changed: false,
        idle_ticks: 0,
    };
    (FleetHandle { incoming: sender, snapshots: receiver }, task)
}

impl FleetTask {
    /// The same with other rules of the protocol, for tests.
    pub(crate) fn with_guards(self, guards: Guards) -> Self {
        Self { fleet: self.fleet.with_guards(guards), ..self }
    }

    /// Runs until `shutdown`, or until nobody can send events any more. All streams end then.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                incoming = self.incoming.recv() => match incoming {
                    Some(incoming) => self.receive(incoming),
                    None => break,
                },
                _ = ticks.tick() => self.tick(),
            }
        }
        for stream in self.streams.into_values() {
            // A full queue needs no word of farewell.
            drop(stream.outgoing.try_send(Err(Status::unavailable("the coordinator is shutting down"))));
            stream.cut.cancel();
        }
    }

    fn receive(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Opened(stream, handle) => drop(self.streams.insert(stream, handle)),
            Incoming::Event(event, at) => {
                self.changed = true;
                self.apply(event, at);
            }
        }
    }

    /// Looks at the clocks, but not before what has come in meanwhile: a heartbeat that waits is no silence.
    fn tick(&mut self) {
        for _ in 0..EVENTS {
            let Ok(incoming) = self.incoming.try_recv() else { break };
            self.receive(incoming);
        }
        self.apply(FleetEvent::Tick, Instant::now());
        self.idle_ticks += 1;
        if std::mem::take(&mut self.changed) || self.idle_ticks >= IDLE_TICKS {
            self.idle_ticks = 0;
            self.snapshots.send_replace(Arc::new(self.fleet.snapshot()));
        }
    }

    fn apply(&mut self, event: FleetEvent, at: Instant) {
        if let FleetEvent::Ended { stream, .. } = &event {
            self.streams.remove(stream);
        }
        let now = Now { elapsed: at.duration_since(self.started), wall: SystemTime::now() };
        let effects = self.fleet.apply(event, now);
        self.changed |= !effects.is_empty();
        for effect in effects {
            self.carry_out(effect, at);
        }
    }

    fn carry_out(&mut self, effect: Effect, at: Instant) {
        match effect {
            Effect::Welcome { stream, reign } => {
                let welcome = wire::Welcome {
                    epoch: reign.epoch.0,
                    coordinator_boot_id: reign.coordinator_boot_id.to_string(),
                    protocol: PROTOCOL,
                    coordinator: String::new(),
                };
                self.post(stream, Message::Welcome(welcome), at);
            }
            Effect::Change { stream, change } => {
                self.post(stream, Message::SliceChange(wire::SliceChange::from(&*change)), at);
            }
            Effect::Ping { stream, nonce } => self.post(stream, Message::Ping(wire::Ping { nonce }), at),
            Effect::Close { stream, why } => self.close(stream, why),
        }
    }

    fn post(&mut self, stream: StreamId, message: Message, at: Instant) {
        let Some(handle) = self.streams.get(&stream) else { return };
        let response = wire::JoinResponse { message: Some(message) };
        if handle.outgoing.try_send(Ok(response)).is_err() {
            handle.cut.cancel();
            tracing::warn!(stream = stream.0, "relay does not read what it is sent: stream cut");
            self.apply(FleetEvent::Ended { stream, end: StreamEnd::Slow }, at);
        }
    }

    fn close(&mut self, stream: StreamId, why: Closing) {
        let Some(handle) = self.streams.remove(&stream) else { return };
        tracing::warn!(stream = stream.0, reason = why.kind(), "stream closed");
        // Where the queue is full the stream ends without a reason.
        drop(handle.outgoing.try_send(Err(farewell(why))));
        handle.cut.cancel();
    }
}

fn farewell(why: Closing) -> Status {
    match why {
        Closing::AlreadyExists => {
            Status::already_exists("a living relay of this name is connected: give each relay its own --name")
        }
        Closing::Replaced => Status::aborted("this relay has opened a newer stream"),
        Closing::Silent => Status::deadline_exceeded("nothing came from this relay for too long"),
        Closing::Unacknowledged => Status::deadline_exceeded("a change was not acknowledged for too long"),
        Closing::Protocol => Status::failed_precondition(format!(
            "this coordinator speaks version {PROTOCOL} of the protocol: use a relay of the same release"
        )),
        Closing::TooMany => Status::resource_exhausted(
            "this coordinator keeps no more relays: remove some, and wait until lost ones are forgotten",
        ),
        Closing::Epoch => Status::invalid_argument("hello.highest_epoch is no number that a reign can have"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::fixture::{hello, jobs, targets};

    #[tokio::test]
    async fn a_relay_that_does_not_read_is_cut_and_counted() {
        let (fleet, task) = new("coordinator-boot".into(), Timings::default());
        let stop = CancellationToken::new();
        let running = tokio::spawn(task.run(stop.clone()));
        let (outgoing, unread) = mpsc::channel(2);
        let cut = CancellationToken::new();
        let stream = StreamId(1);
        fleet.open(stream, StreamHandle { outgoing, cut: cut.clone() }).await.unwrap();
        fleet.configure(Arc::default(), 1, false).await.unwrap();
        fleet.send(FleetEvent::Hello { stream, hello: hello("relay-0", "boot-1") }).await.unwrap();
        // A welcome and an empty slice fill the queue; the first real slice has no room.
        fleet.set_targets(targets(0..3), jobs(), HashSet::new()).await.unwrap();
        cut.cancelled().await;
        let mut snapshots = fleet.snapshots();
        let counted = |snapshot: &Arc<Snapshot>| snapshot.counters.ended.get("slow") == Some(&1);
        snapshots.wait_for(counted).await.unwrap();
        drop(unread);
        stop.cancel();
        running.await.unwrap();
        assert_eq!(fleet.configure(Arc::default(), 1, false).await, Err(Stopped));
    }
}
