//! A coordinator that pushes what a test says and remembers what it hears.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use proto::assignment::v1 as wire;
use proto::assignment::v1::assignment_service_server::{AssignmentService, AssignmentServiceServer};
use proto::assignment::v1::join_request::Message as Request;
use proto::assignment::v1::join_response::Message as Response;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

type Sender = mpsc::Sender<Result<wire::JoinResponse, Status>>;

/// What was heard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) hellos: Vec<wire::Hello>,
    pub(crate) acknowledged: Vec<u64>,
    pub(crate) statuses: Vec<wire::TargetStatus>,
    /// What was said of targets that were let go, message by message, each with how many changes were acknowledged
    /// before.
    pub(crate) released: Vec<(usize, Vec<wire::ReleasedTarget>)>,
    pub(crate) heartbeats: u64,
}

struct Shared {
    heard: watch::Sender<Heard>,
    streams: Mutex<Vec<Sender>>,
    /// Cancelled to end all streams that are open.
    end: Mutex<CancellationToken>,
    /// Sent to whoever joins.
    slice: Mutex<Option<wire::SliceChange>>,
    /// Whether nothing is said any more, on streams that stay open.
    mute: Mutex<bool>,
    /// Refuse whoever joins, with this leader.
    leader: Mutex<Option<String>>,
}

/// A coordinator on loopback.
#[derive(Clone)]
pub(crate) struct FakeCoordinator {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _server: Arc<AbortOnDrop>,
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl FakeCoordinator {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            heard: watch::Sender::default(),
            streams: Mutex::default(),
            end: Mutex::default(),
            slice: Mutex::default(),
            mute: Mutex::new(false),
            leader: Mutex::default(),
        });
        let service = AssignmentServiceServer::new(Service(shared.clone()));
        let serving = tonic::transport::Server::builder().add_service(service);
        let server = tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));
        let server = Arc::new(AbortOnDrop(server.abort_handle()));
        Self { address, shared, _server: server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What whoever joins from now on gets as a whole slice, and whoever is there gets as a change.
    pub(crate) async fn push(&self, change: &model::slice::SliceChange) {
        let change = wire::SliceChange::from(change);
        if change.whole {
            *self.shared.slice.lock() = Some(change.clone());
        }
        self.send(Response::SliceChange(change)).await;
    }

    pub(crate) async fn send(&self, message: Response) {
        let streams = self.shared.streams.lock().clone();
        for stream in streams {
            stream.send(Ok(wire::JoinResponse { message: Some(message.clone()) })).await.ok();
        }
    }

    /// Ends all streams, as a coordinator that dies does.
    fn end_streams(&self) {
        self.shared.streams.lock().clear();
        std::mem::take(&mut *self.shared.end.lock()).cancel();
    }

    /// Says nothing any more, to nobody: streams are accepted and stay open, as those of a frozen process.
    pub(crate) fn mute(&self) {
        *self.shared.mute.lock() = true;
    }

    /// Refuses everybody from now on, and ends the streams that are there.
    pub(crate) fn stop_leading(&self, leader: &str) {
        *self.shared.leader.lock() = Some(leader.to_owned());
        self.end_streams();
    }

    pub(crate) fn lead(&self) {
        *self.shared.leader.lock() = None;
    }

    /// Waits until what was heard satisfies `until`.
    pub(crate) async fn hears(&self, until: impl FnMut(&Heard) -> bool) -> Heard {
        let mut heard = self.shared.heard.subscribe();
        let waited = tokio::time::timeout(super::fleet::BOUND, heard.wait_for(until)).await;
        let found = waited.unwrap_or_else(|_| panic!("not heard: {:?}", self.shared.heard.borrow()));
        found.unwrap().clone()
    }
}

struct Service(Arc<Shared>);

#[tonic::async_trait]
impl AssignmentService for Service {
    type JoinStream = Pin<Box<dyn Stream<Item = Result<wire::JoinResponse, Status>> + Send>>;

    async fn join(
        &self,
        request: tonic::Request<Streaming<wire::JoinRequest>>,
    ) -> Result<tonic::Response<Self::JoinStream>, Status> {
        if let Some(leader) = self.0.leader.lock().clone() {
            let mut status = Status::failed_precondition("another leads");
            status.metadata_mut().insert("scraperelay-leader", leader.parse().unwrap());
            return Err(status);
        }
        let (send, receive) = mpsc::channel(64);
        let mut incoming = request.into_inner();
        let shared = self.0.clone();
        let end = self.0.end.lock().clone();
        tokio::spawn(async move {
            let hearing = async {
                while let Some(Ok(message)) = incoming.next().await {
                    shared.hear(message, &send).await;
                }
            };
            end.run_until_cancelled(hearing).await;
        });
        Ok(tonic::Response::new(Box::pin(ReceiverStream::new(receive))))
    }
}

impl Shared {
    async fn hear(&self, message: wire::JoinRequest, stream: &Sender) {
        match message.message.unwrap() {
            // Said on a stream that is there already: nothing follows at once.
            Request::Hello(hello) if hello.draining && self.knows(stream) => {
                self.heard.send_modify(|heard| heard.hellos.push(hello))
            }
            Request::Hello(hello) => {
                let welcome = wire::Welcome {
                    epoch: 1,
                    coordinator_boot_id: "c".into(),
                    protocol: 1,
                    ..Default::default()
                };
                self.answer(stream, Response::Welcome(welcome)).await;
                self.streams.lock().push(stream.clone());
                let slice = self.slice.lock().clone();
                if let Some(slice) = slice {
                    self.answer(stream, Response::SliceChange(slice)).await;
                }
                self.heard.send_modify(|heard| heard.hellos.push(hello));
            }
            Request::Heartbeat(heartbeat) => {
                self.heard.send_modify(|heard| heard.heartbeats += 1);
                let echo = wire::HeartbeatEcho { sequence: heartbeat.sequence };
                self.answer(stream, Response::HeartbeatEcho(echo)).await;
            }
            Request::Acknowledged(acknowledged) => {
                self.heard.send_modify(|heard| heard.acknowledged.push(acknowledged.revision));
            }
            Request::Released(released) => {
                self.heard.send_modify(|heard| {
                    heard.released.push((heard.acknowledged.len(), released.targets));
                });
            }
            Request::Status(status) => {
                self.heard.send_modify(|heard| heard.statuses.extend(status.targets));
            }
            Request::Pong(_) => {}
        }
    }

    fn knows(&self, stream: &Sender) -> bool {
        self.streams.lock().iter().any(|known| known.same_channel(stream))
    }

    async fn answer(&self, stream: &Sender, message: Response) {
        if *self.mute.lock() {
            return;
        }
        stream.send(Ok(wire::JoinResponse { message: Some(message) })).await.ok();
    }
}
