//! The gRPC service that relays join: one stream each.
//!
//! In: a relay's messages, handed to the fleet as events. Out: what the fleet sends, through a bounded queue. It
//! converts and forwards; it answers heartbeats, and nothing else, by itself.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::slice::{Hello, Released, Stamp};
use model::status::StatusReport;
use proto::assignment::v1 as wire;
use proto::convert::ConvertError;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status, Streaming};
use wire::assignment_service_server::{AssignmentService, AssignmentServiceServer};
use wire::join_request::Message;

use crate::fleet::{FleetEvent, StreamEnd, StreamId};
use crate::fleet_task::{FleetHandle, Outgoing, StreamHandle};

/// Messages that may wait for a relay to read them: at most 64 MiB, as none exceeds 2 MiB.
const QUEUE: usize = 32;
/// The largest message taken from a relay: the hello of one that holds 200,000 targets, most of them described.
const MESSAGE_LIMIT: usize = 64 << 20;
/// How long a stream may stay without its first message.
const HELLO: Duration = Duration::from_secs(10);
/// How long the pings of HTTP/2 go unanswered before a connection is dropped; far longer than the protocol's own
/// silence, so that it never decides whether a relay is lost.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The service for a tonic server, for relays that report to `fleet`.
#[must_use]
pub fn service(fleet: FleetHandle) -> AssignmentServiceServer<Assign> {
    let assign = Assign { fleet, streams: AtomicU64::new(1), readers: TaskTracker::new() };
    AssignmentServiceServer::new(assign).max_decoding_message_size(MESSAGE_LIMIT)
}

/// `server` with the keep-alive that the streams want.
#[must_use]
pub fn with_keepalive(server: tonic::transport::Server) -> tonic::transport::Server {
    server.http2_keepalive_interval(Some(KEEPALIVE)).http2_keepalive_timeout(Some(KEEPALIVE))
}

/// The service.
#[derive(Debug)]
pub struct Assign {
    fleet: FleetHandle,
    streams: AtomicU64,
    readers: TaskTracker,
}

#[tonic::async_trait]
impl AssignmentService for Assign {
    type JoinStream = Pin<Box<dyn Stream<Item = Outgoing> + Send>>;

    async fn join(
        &self,
        request: Request<Streaming<wire::JoinRequest>>,
    ) -> Result<Response<Self::JoinStream>, Status> {
        let stream = StreamId(self.streams.fetch_add(1, Ordering::Relaxed));
        let (outgoing, queue) = mpsc::channel(QUEUE);
        let handle = StreamHandle { outgoing, cut: CancellationToken::new() };
        let stopped = |_| Status::unavailable("the coordinator is shutting down");
        self.fleet.open(stream, handle.clone()).await.map_err(stopped)?;
        let reader = Reader { stream, handle, fleet: self.fleet.clone() };
        self.readers.spawn(reader.run(request.into_inner()));
        Ok(Response::new(Box::pin(ReceiverStream::new(queue))))
    }
}

/// Why a stream's reading ends.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Ended(#[from] Box<Status>),
    #[error("the relay has closed the stream")]
    Closed,
    #[error("no hello within {} s", HELLO.as_secs())]
    NoHello,
    #[error("the first message is not a hello")]
    NotHello,
    #[error("an empty message")]
    Empty,
    #[error("{0}")]
    Invalid(#[from] ConvertError),
    #[error("the relay does not read what it is sent")]
    Slow,
    #[error("the coordinator is shutting down")]
    Stopped,
}

impl ReadError {
    fn end(&self) -> StreamEnd {
        match self {
            Self::Ended(status) => end_of(status),
            Self::Closed => StreamEnd::Left,
            Self::NoHello | Self::Stopped => StreamEnd::Local,
            Self::NotHello | Self::Empty | Self::Invalid(_) => StreamEnd::Invalid,
            Self::Slow => StreamEnd::Slow,
        }
    }

    fn farewell(&self) -> Status {
        match self {
            Self::NoHello => Status::deadline_exceeded(self.to_string()),
            Self::Slow => Status::resource_exhausted(self.to_string()),
            Self::NotHello | Self::Empty | Self::Invalid(_) => Status::invalid_argument(self.to_string()),
            Self::Ended(_) | Self::Closed | Self::Stopped => Status::unavailable(self.to_string()),
        }
    }
}

/// One stream's incoming half.
struct Reader {
    stream: StreamId,
    handle: StreamHandle,
    fleet: FleetHandle,
}

impl Reader {
    async fn run(self, mut messages: Streaming<wire::JoinRequest>) {
        let cut = self.handle.cut.clone();
        let error = tokio::select! {
            () = cut.cancelled() => return,
            error = self.read(&mut messages) => error,
        };
        let end = error.end();
        tracing::info!(stream = self.stream.0, end = end.kind(), %error, "stream ended");
        // The peer may be gone, or its queue full: then there is nobody to tell.
        drop(self.handle.outgoing.try_send(Err(error.farewell())));
        let ended = FleetEvent::Ended { stream: self.stream, end };
        if self.fleet.send(ended).await.is_err() {
            tracing::debug!(stream = self.stream.0, "the fleet has stopped before its stream ended");
        }
    }

    /// Reads until the stream ends; that is why there is only an error.
    async fn read(&self, messages: &mut Streaming<wire::JoinRequest>) -> ReadError {
        match self.read_all(messages).await {
            Err(error) => error,
            Ok(never) => match never {},
        }
    }

    async fn read_all(
        &self,
        messages: &mut Streaming<wire::JoinRequest>,
    ) -> Result<std::convert::Infallible, ReadError> {
        let first = timeout(HELLO, next(messages)).await.map_err(|_| ReadError::NoHello)??;
        let Message::Hello(hello) = first else { return Err(ReadError::NotHello) };
        self.hello(hello).await?;
        loop {
            match next(messages).await? {
                Message::Hello(hello) => self.hello(hello).await?,
                Message::Heartbeat(heartbeat) => self.heartbeat(heartbeat).await?,
                Message::Acknowledged(wire) => {
                    let stamp = Stamp::from(wire);
                    self.tell(FleetEvent::Acknowledged { stream: self.stream, stamp }).await?;
                }
                Message::Released(wire) => {
                    let released =
                        wire.targets.into_iter().map(Released::try_from).collect::<Result<_, _>>()?;
                    self.tell(FleetEvent::Released { stream: self.stream, released }).await?;
                }
                Message::Status(wire) => {
                    let report = StatusReport::try_from(wire)?;
                    self.tell(FleetEvent::Status { stream: self.stream, report }).await?;
                }
                Message::Pong(wire::Pong { nonce }) => {
                    self.tell(FleetEvent::Pong { stream: self.stream, nonce }).await?;
                }
            }
        }
    }

    async fn hello(&self, wire: wire::Hello) -> Result<(), ReadError> {
        let hello = Hello::try_from(wire)?;
        tracing::info!(stream = self.stream.0, relay = %hello.name, boot_id = %hello.boot_id, "relay has come");
        self.tell(FleetEvent::Hello { stream: self.stream, hello }).await
    }

    /// The echo goes out after the fleet has the event: what a relay takes for contact the fleet has seen too.
    async fn heartbeat(&self, wire::Heartbeat { sequence }: wire::Heartbeat) -> Result<(), ReadError> {
        self.tell(FleetEvent::Heard { stream: self.stream }).await?;
        let echo = wire::join_response::Message::HeartbeatEcho(wire::HeartbeatEcho { sequence });
        let response = wire::JoinResponse { message: Some(echo) };
        self.handle.outgoing.try_send(Ok(response)).map_err(|_| ReadError::Slow)
    }

    async fn tell(&self, event: FleetEvent) -> Result<(), ReadError> {
        self.fleet.send(event).await.map_err(|_| ReadError::Stopped)
    }
}

async fn next(messages: &mut Streaming<wire::JoinRequest>) -> Result<Message, ReadError> {
    let message = messages.message().await.map_err(Box::new)?;
    message.ok_or(ReadError::Closed)?.message.ok_or(ReadError::Empty)
}

/// Whether the relay closed the stream, its end of the connection went (FIN, RST), or only this side saw it end.
fn end_of(status: &Status) -> StreamEnd {
    let mut source = status.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return match error.get_io() {
                Some(error) => end_of_io(error.kind()),
                None if error.is_remote() => StreamEnd::Left,
                None => StreamEnd::Local,
            };
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return end_of_io(error.kind());
        }
        source = error.source();
    }
    StreamEnd::Local
}

fn end_of_io(kind: io::ErrorKind) -> StreamEnd {
    match kind {
        // h2 calls an end of the connection a broken pipe.
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => {
            StreamEnd::Peer
        }
        _ => StreamEnd::Local,
    }
}

#[cfg(test)]
mod tests;
