//! Relays over real streams on loopback.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::slice::{Permission, SliceChange};
use model::status::StatusReport;
use model::target::TargetId;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use wire::assignment_service_client::AssignmentServiceClient;
use wire::join_response::Message as Answer;

use super::*;
use crate::fleet::fixture::{hello, jobs, target, targets};
use crate::fleet::{RelayState, Snapshot, Timings};
use crate::fleet_task;

/// How long any wait may take.
const PATIENCE: Duration = Duration::from_secs(20);

struct Coordinator {
    address: SocketAddr,
    fleet: FleetHandle,
    stop: CancellationToken,
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn coordinator(timings: Timings, expected_relays: usize) -> Coordinator {
    let (fleet, task) = fleet_task::new("coordinator-boot".into(), timings);
    let stop = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    fleet.configure(Arc::default(), expected_relays, false).await.unwrap();
    tokio::spawn(task.run(stop.clone()));
    let server = with_keepalive(Server::builder()).add_service(service(fleet.clone()));
    let incoming = TcpListenerStream::new(listener);
    tokio::spawn(server.serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned()));
    Coordinator { address, fleet, stop }
}

impl Coordinator {
    async fn until(&self, condition: impl FnMut(&Arc<Snapshot>) -> bool) -> Arc<Snapshot> {
        let mut snapshots: watch::Receiver<_> = self.fleet.snapshots();
        let reached = timeout(PATIENCE, snapshots.wait_for(condition)).await;
        reached.expect("the state is reached in time").expect("the fleet runs").clone()
    }
}

/// A relay that obeys, acknowledges and scrapes nothing.
struct FakeRelay {
    name: &'static str,
    requests: mpsc::Sender<wire::JoinRequest>,
    answers: Streaming<wire::JoinResponse>,
    slice: BTreeMap<TargetId, Permission>,
    jobs: usize,
    echoed: u64,
    _channel: Channel,
}

impl FakeRelay {
    async fn join(coordinator: &Coordinator, name: &'static str) -> Self {
        Self::join_as(coordinator, name, "boot-1").await
    }

    async fn join_as(coordinator: &Coordinator, name: &'static str, boot_id: &str) -> Self {
        Self::join_at(coordinator.address, name, boot_id).await
    }

    async fn join_at(address: SocketAddr, name: &'static str, boot_id: &str) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let channel = endpoint.connect().await.unwrap();
        let (requests, queue) = mpsc::channel(16);
        let mut client = AssignmentServiceClient::new(channel.clone());
        let mut hello = hello(name, boot_id);
        hello.last_page = Some(SystemTime::now());
        requests.send(request(Message::Hello(wire::Hello::from(&hello)))).await.unwrap();
        let answers = client.join(ReceiverStream::new(queue)).await.unwrap().into_inner();
        let slice = BTreeMap::new();
        Self { name, requests, answers, slice, jobs: 0, echoed: 0, _channel: channel }
    }

    /// Takes in answers until `condition` holds; heartbeats meanwhile.
    async fn until(&mut self, condition: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut beat = tokio::time::interval(Duration::from_millis(100));
        let mut sequence = self.echoed;
        while !condition(self) {
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => panic!("{} waits in vain", self.name),
                _ = beat.tick() => {
                    sequence += 1;
                    let heartbeat = Message::Heartbeat(wire::Heartbeat { sequence });
                    self.requests.send(request(heartbeat)).await.unwrap();
                }
                answer = self.answers.message() => {
                    let answer = answer.unwrap().expect("the stream goes on");
                    self.take(answer.message.expect("a message")).await;
                }
            }
        }
    }

    async fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Welcome(welcome) => assert_eq!(welcome.protocol, 1),
            Answer::HeartbeatEcho(echo) => self.echoed = echo.sequence,
            Answer::Ping(ping) => {
                let pong = Message::Pong(wire::Pong { nonce: ping.nonce });
                self.requests.send(request(pong)).await.unwrap();
            }
            Answer::SliceChange(wire) => {
                let change = SliceChange::try_from(wire).unwrap();
                if change.whole {
                    self.slice.clear();
                }
                for id in &change.removed {
                    self.slice.remove(id);
                }
                self.jobs += change.jobs.len();
                self.slice.extend(change.assigned.iter().map(|one| (one.target.id, one.permission)));
                let stamp = Stamp { epoch: change.reign.epoch, revision: change.revision };
                self.requests.send(request(Message::Acknowledged(stamp.into()))).await.unwrap();
            }
        }
    }
}

fn request(message: Message) -> wire::JoinRequest {
    wire::JoinRequest { message: Some(message) }
}

#[tokio::test]
async fn a_relay_joins_and_gets_its_slice_then_what_changes() {
    let coordinator = coordinator(Timings::default(), 1).await;
    let mut relay = FakeRelay::join(&coordinator, "relay-0").await;
    coordinator.fleet.set_targets(targets(0..50), jobs(), HashSet::new()).await.unwrap();
    relay.until(|relay| relay.slice.len() == 50 && relay.echoed > 0).await;
    assert!(relay.slice.values().all(|permission| *permission == Permission::Discard));
    assert_eq!(relay.jobs, 1, "each job's settings come once");

    coordinator.fleet.set_targets(targets(10..52), jobs(), HashSet::new()).await.unwrap();
    let gone = target(3).id;
    relay.until(|relay| relay.slice.len() == 42 && !relay.slice.contains_key(&gone)).await;
    assert_eq!(relay.jobs, 1);
    let snapshot = coordinator.until(|snapshot| snapshot.targets.len() == 42).await;
    assert_eq!(snapshot.relay("relay-0").unwrap().state, RelayState::Active);
    assert!(snapshot.targets.iter().all(|entry| entry.owner.is_some()));
}

#[tokio::test]
async fn two_relays_share_and_the_targets_of_one_that_goes_away_move() {
    let short = Timings { ended: Duration::from_millis(600), ..Timings::default() };
    let coordinator = coordinator(short, 2).await;
    let mut first = FakeRelay::join(&coordinator, "relay-0").await;
    let mut second = FakeRelay::join(&coordinator, "relay-1").await;
    coordinator.fleet.set_targets(targets(0..60), jobs(), HashSet::new()).await.unwrap();
    first.until(|relay| !relay.slice.is_empty()).await;
    second.until(|relay| !relay.slice.is_empty()).await;
    assert_eq!(first.slice.len() + second.slice.len(), 60);
    assert!(first.slice.len().abs_diff(second.slice.len()) <= 12, "{} targets", first.slice.len());

    let left: Vec<_> = second.slice.keys().copied().collect();
    drop(second);
    first.until(|relay| relay.slice.len() == 60).await;
    assert!(left.iter().all(|id| first.slice[id] == Permission::None), "the lost one may still expose them");
    let snapshot = coordinator.until(|snapshot| snapshot.relay("relay-1").unwrap().targets == 0).await;
    assert_eq!(snapshot.relay("relay-1").unwrap().state, RelayState::Lost);
    assert_eq!(snapshot.counters.ended, BTreeMap::from([("left", 1)]), "its process lives");
    let owner = snapshot.target(left[0]).unwrap().owner.clone().unwrap();
    assert_eq!((&*owner.relay, owner.reason.to_string()), ("relay-0", "relay-1 left".to_owned()));

    // A new process of that name that has its slice exposes nothing of the former one: the wait is over.
    let mut back = FakeRelay::join_as(&coordinator, "relay-1", "boot-2").await;
    tokio::join!(
        first.until(|relay| left.iter().all(|id| relay.slice.get(id) != Some(&Permission::None))),
        back.until(|relay| !relay.slice.is_empty())
    );
}

#[tokio::test]
async fn a_connection_that_is_torn_down_counts_as_the_peers_end() {
    let coordinator = coordinator(Timings::default(), 1).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, target) = (listener.local_addr().unwrap(), coordinator.address);
    let between = tokio::spawn(async move {
        let (mut relay, _) = listener.accept().await.unwrap();
        let mut coordinator = tokio::net::TcpStream::connect(target).await.unwrap();
        tokio::io::copy_bidirectional(&mut relay, &mut coordinator).await
    });
    let mut relay = FakeRelay::join_at(address, "relay-0", "boot-1").await;
    coordinator.fleet.set_targets(targets(0..3), jobs(), HashSet::new()).await.unwrap();
    relay.until(|relay| relay.slice.len() == 3).await;
    between.abort();
    let suspect = |snapshot: &Arc<Snapshot>| {
        snapshot.relay("relay-0").is_some_and(|relay| relay.state == RelayState::Suspect)
    };
    let snapshot = coordinator.until(suspect).await;
    assert_eq!(snapshot.counters.ended, BTreeMap::from([("peer", 1)]));
    assert_eq!(snapshot.relays[0].targets, 3, "nothing moves before the relay is lost");
}

#[tokio::test]
async fn a_status_shows_in_the_snapshot() {
    let coordinator = coordinator(Timings::default(), 1).await;
    let mut relay = FakeRelay::join(&coordinator, "relay-0").await;
    coordinator.fleet.set_targets(targets(0..3), jobs(), HashSet::new()).await.unwrap();
    relay.until(|relay| relay.slice.len() == 3).await;
    let mut status = model::status::TargetStatus::pending(target(1).id);
    status.state = model::status::TargetState::Up;
    status.last_samples = 4321;
    let report = StatusReport { targets: vec![status], ..StatusReport::default() };
    relay.requests.send(request(Message::Status(wire::Status::from(&report)))).await.unwrap();
    let up = |snapshot: &Arc<Snapshot>| {
        snapshot.target(target(1).id).is_some_and(|entry| entry.state() == model::status::TargetState::Up)
    };
    let snapshot = coordinator.until(up).await;
    assert_eq!(snapshot.relay("relay-0").unwrap().states, BTreeMap::from([("pending", 2), ("up", 1)]));
}

#[tokio::test]
async fn a_living_relay_keeps_its_name() {
    let coordinator = coordinator(Timings::default(), 1).await;
    let mut relay = FakeRelay::join(&coordinator, "relay-0").await;
    coordinator.fleet.set_targets(targets(0..3), jobs(), HashSet::new()).await.unwrap();
    relay.until(|relay| relay.slice.len() == 3).await;
    let mut rival = FakeRelay::join_as(&coordinator, "relay-0", "boot-2").await;
    let (refused, ()) = tokio::join!(rival.answers.message(), async {
        let counted = |snapshot: &Arc<Snapshot>| snapshot.counters.closed.contains_key("already_exists");
        tokio::select! {
            _ = coordinator.until(counted) => {}
            () = relay.until(|_| false) => {}
        }
    });
    assert_eq!(refused.unwrap_err().code(), tonic::Code::AlreadyExists);
    assert_eq!(relay.slice.len(), 3);
}

#[tokio::test]
async fn what_is_no_hello_is_refused_by_name() {
    let coordinator = coordinator(Timings::default(), 1).await;
    let endpoint = Endpoint::from_shared(format!("http://{}", coordinator.address)).unwrap();
    let mut client = AssignmentServiceClient::new(endpoint.connect().await.unwrap());
    let mut nameless = wire::Hello::from(&hello("relay-0", "boot-1"));
    nameless.name.clear();
    let heartbeat = Message::Heartbeat(wire::Heartbeat { sequence: 1 });
    for (first, says) in
        [(Message::Hello(nameless), "hello.name is missing"), (heartbeat, "the first message is not a hello")]
    {
        let messages = tokio_stream::iter([request(first)]);
        let mut answers = client.join(messages).await.unwrap().into_inner();
        let refused = answers.message().await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (tonic::Code::InvalidArgument, says));
    }
}

#[test]
fn only_what_the_peer_has_sent_counts_as_its_end() {
    let io = |kind: io::ErrorKind| Status::from_error(Box::new(io::Error::from(kind)));
    assert_eq!(end_of(&io(io::ErrorKind::ConnectionReset)), StreamEnd::Peer);
    assert_eq!(end_of(&io(io::ErrorKind::TimedOut)), StreamEnd::Local);
    assert_eq!(end_of(&io(io::ErrorKind::HostUnreachable)), StreamEnd::Local);
    let reset = Status::from_error(Box::new(h2::Error::from(h2::Reason::CANCEL)));
    assert_eq!(end_of(&reset), StreamEnd::Local, "a reset that did not come from the peer");
    assert_eq!(end_of(&Status::internal("no source")), StreamEnd::Local);
}
