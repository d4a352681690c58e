//! One assignment stream, from the Hello to its end.
//!
//! Contact is what this file is careful about: heartbeats are stamped before they are sent, echoes are matched by number,
//! and every end is told to [`Contact`](crate::contact::Contact) as what it was.

mod let_go;

use std::time::Duration;

use model::slice::{SliceChange, Stamp};
use model::status::StatusReport;
use proto::assignment::v1 as wire;
use proto::assignment::v1::assignment_service_client::AssignmentServiceClient;
use proto::assignment::v1::join_request::Message as Request;
use proto::assignment::v1::join_response::Message as Response;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use super::Assignment;
use super::end::{End, chain};
use super::holding::CarriedOut;
use super::report::{self, Which};
use crate::boottime;
use crate::gather::Context;

/// Messages that wait to be sent. A stream that does not take them is as good as silent.
const OUTBOX: usize = 64;
/// A message from the coordinator: slices come in parts of 2 MiB, records with them may be larger.
const MESSAGE_MOST: usize = 64 << 20;
/// Without a word for so many heartbeats a stream is given up and another is sought.
const SILENT_HEARTBEATS: u32 = 3;

/// An open stream.
struct Stream<'a> {
    assignment: &'a Assignment,
    outbox: mpsc::Sender<wire::JoinRequest>,
    inbox: Streaming<wire::JoinResponse>,
    joined: bool,
    /// The last change that was carried out, until it may be acknowledged.
    owed: Option<Stamp>,
    sequence: u64,
    heartbeat: Interval,
    /// Whether the coordinator was told that this process is about to end.
    says_leaving: bool,
    /// Whether what is held from an earlier process was held as this stream began.
    says_kept: bool,
}

/// What happens next on a stream.
enum Next {
    Message(Box<Result<Option<wire::JoinResponse>, tonic::Status>>),
    Heartbeat,
    Report(Which),
    Leave,
    TookKept,
    Silence,
}

impl Assignment {
    /// Joins the coordinator at `address` and stays until the stream ends.
    pub(super) async fn stream(&self, address: &str) -> End {
        let context = self.gather.context.clone();
        let join_timeout = context.contact.timings().join_timeout;
        let channel = match timeout(join_timeout, connect(address)).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(error)) => return End::NoConnection(chain(&error)),
            Err(_) => return End::NoConnection(format!("no connection within {join_timeout:?}")),
        };
        let (outbox, outgoing) = mpsc::channel(OUTBOX);
        let (hello, says_kept) = {
            let mut holding = self.holding.lock().await;
            holding.open_stream();
            let (slice, leaves) = (holding.slice(), self.leaving.is_asked());
            (report::hello(&self.identity, &self.gather, slice, leaves), slice.reign.is_some())
        };
        let says_leaving = hello.draining;
        context.contact.update(|contact| contact.opened(boottime::now()));
        let first = message(Request::Hello(wire::Hello::from(&hello)));
        outbox.try_send(first).expect("the outbox is new and empty");
        let mut client = AssignmentServiceClient::new(channel).max_decoding_message_size(MESSAGE_MOST);
        let joining = client.join(ReceiverStream::new(outgoing));
        let end = match timeout(join_timeout, joining).await {
            Ok(Ok(response)) => {
                tracing::info!(coordinator = address, "assignment stream opened");
                let inbox = response.into_inner();
                let heartbeat = every(context.contact.timings().heartbeat);
                Stream {
                    assignment: self,
                    outbox,
                    inbox,
                    joined: false,
                    owed: None,
                    sequence: 0,
                    heartbeat,
                    says_leaving,
                    says_kept,
                }
                .run()
                .await
            }
            Ok(Err(status)) => End::of(&status, false),
            Err(_) => {
                End::Closed { why: format!("no answer to the Hello within {join_timeout:?}"), joined: false }
            }
        };
        tell(&context, &end);
        end
    }
}

impl Stream<'_> {
    async fn run(mut self) -> End {
        let (context, leaving) = (self.assignment.gather.context.clone(), self.assignment.leaving.clone());
        let timings = *context.contact.timings();
        let mut status = every(timings.status_every);
        let silence = timings.heartbeat * SILENT_HEARTBEATS + timings.heartbeat / 2;
        let mut heard = Instant::now();
        loop {
            let next = tokio::select! {
                received = self.inbox.message() => Next::Message(Box::new(received)),
                _ = self.heartbeat.tick() => Next::Heartbeat,
                _ = status.tick() => Next::Report(Which::Changed),
                () = context.changed.notified() => Next::Report(Which::StateChanged),
                () = leaving.asked(), if !self.says_leaving => Next::Leave,
                () = self.assignment.took_kept.cancelled(), if !self.says_kept => Next::TookKept,
                () = tokio::time::sleep_until(heard + silence) => Next::Silence,
            };
            let ended = match next {
                Next::Message(received) => {
                    let ended = self.received(*received).await;
                    heard = Instant::now();
                    ended
                }
                Next::Heartbeat => self.beat().await,
                Next::Report(which) => self.report(which),
                Next::Leave => self.leave().await,
                // Only a Hello says what is held, and by whose word.
                Next::TookKept => Some(self.closed("the coordinator has to hear of the kept slice".into())),
                Next::Silence => Some(self.closed(format!("nothing heard for {silence:?}"))),
            };
            if let Some(end) = ended {
                return end;
            }
        }
    }

    async fn received(&mut self, received: Result<Option<wire::JoinResponse>, tonic::Status>) -> Option<End> {
        match received {
            Ok(Some(message)) => self.receive(message).await,
            Ok(None) => Some(End::ByPeer { why: "no more messages".into(), joined: self.joined }),
            Err(status) => Some(End::of(&status, self.joined)),
        }
    }

    /// Takes a message in; the stream's end, if that is what follows from it.
    async fn receive(&mut self, received: wire::JoinResponse) -> Option<End> {
        match received.message? {
            Response::Welcome(welcome) => {
                let wire::Welcome { epoch, coordinator, protocol, .. } = welcome;
                tracing::info!(epoch, coordinator, protocol, "welcomed");
                None
            }
            Response::HeartbeatEcho(echo) => {
                let contact = &self.assignment.gather.context.contact;
                contact.update(|contact| contact.echoed(echo.sequence));
                self.assignment.holding.lock().await.write_contact().await;
                None
            }
            Response::SliceChange(change) => self.change(change).await,
            Response::Ping(ping) => self.send(Request::Pong(wire::Pong { nonce: ping.nonce })),
        }
    }

    async fn change(&mut self, change: wire::SliceChange) -> Option<End> {
        let change = match SliceChange::try_from(change) {
            Ok(change) => change,
            Err(error) => return Some(self.closed(format!("a change cannot be read: {}", chain(&error)))),
        };
        let applied = self.assignment.holding.lock().await.change(change).await;
        match applied {
            Ok(Some(CarriedOut { stamp, departed })) => {
                self.first_slice();
                if let Some(end) = self.release(departed).await {
                    return Some(end);
                }
                self.owed = Some(stamp);
                // Its echo ends a process that leaves: nobody should have to wait for the next one.
                if self.says_leaving && self.targets() == 0 {
                    self.beat().await
                } else {
                    self.acknowledge().await
                }
            }
            Ok(None) => None,
            Err(refused) => {
                tracing::warn!(reason = refused.kind(), error = %refused, "slice change not applied");
                None
            }
        }
    }

    /// Acknowledges what has been carried out, if it may be by now.
    async fn acknowledge(&mut self) -> Option<End> {
        if self.owed.is_none() || !self.assignment.holding.lock().await.may_acknowledge() {
            return None;
        }
        let stamp = self.owed.take()?;
        let end = self.send(Request::Acknowledged(wire::Acknowledged::from(stamp)));
        self.assignment.leaving.acknowledged(self.targets(), boottime::now());
        end
    }

    fn targets(&self) -> usize {
        self.assignment.gather.roster().map_or(0, |roster| roster.slots.len())
    }

    /// Says that this process is about to end, so that others are given its targets.
    async fn leave(&mut self) -> Option<End> {
        self.says_leaving = true;
        let assignment = self.assignment;
        let holding = assignment.holding.lock().await;
        let hello = report::hello(&assignment.identity, &assignment.gather, holding.slice(), true);
        self.send(Request::Hello(wire::Hello::from(&hello)))
    }

    /// A coordinator that may be new is told how the targets do.
    fn first_slice(&mut self) {
        if !std::mem::replace(&mut self.joined, true) {
            self.assignment.gather.context.changed.notify_one();
        }
    }

    async fn beat(&mut self) -> Option<End> {
        self.assignment.holding.lock().await.write(Duration::ZERO).await;
        if let Some(end) = self.acknowledge().await {
            return Some(end);
        }
        self.sequence += 1;
        let sequence = self.sequence;
        let contact = &self.assignment.gather.context.contact;
        // Stamped before it is handed over: what waits in a buffer must not count as sent later.
        contact.update(|contact| contact.sent(sequence, boottime::now()));
        self.send(Request::Heartbeat(wire::Heartbeat { sequence }))
    }

    fn report(&mut self, which: Which) -> Option<End> {
        let reports = report::reports(&self.assignment.gather, which);
        let mut messages =
            reports.iter().map(|report: &StatusReport| Request::Status(wire::Status::from(report)));
        messages.find_map(|message| self.send(message))
    }

    fn send(&self, request: Request) -> Option<End> {
        match self.outbox.try_send(message(request)) {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(_)) => {
                Some(self.closed(format!("{OUTBOX} messages wait to be sent")))
            }
            // The reader says why the stream is over.
            Err(mpsc::error::TrySendError::Closed(_)) => None,
        }
    }

    fn closed(&self, why: String) -> End {
        End::Closed { why, joined: self.joined }
    }
}

/// Tells contact how a stream ended.
fn tell(context: &Context, end: &End) {
    context.contact.update(|contact| {
        if end.is_known_to_both() { contact.ended(boottime::now()) } else { contact.broke() }
    });
}

async fn connect(address: &str) -> Result<Channel, tonic::transport::Error> {
    Endpoint::from_shared(address.to_owned())?.tcp_nodelay(true).connect().await
}

fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn message(request: Request) -> wire::JoinRequest {
    wire::JoinRequest { message: Some(request) }
}
