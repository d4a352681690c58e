//! One relay, its coordinator, and how a test talks to both.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use model::job::ScrapeSettings;
use model::labels::Labels;
use model::slice::{Assignment, Epoch, Permission, Reign, RelayConfig as Settings, Revision, SliceChange};
use model::target::{PlacementKey, Target, TargetId};
use relay::contact::Timings;
use relay::{Front, Relay, RelayConfig};
use runtime::{Runtime, Shutdown, Telemetry};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::coordinator::FakeCoordinator;
use super::target::FakeTarget;

/// Nothing that a test waits for takes longer.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

/// The protocol's durations, about fifteen times faster.
pub(crate) const QUICK: Timings = Timings {
    heartbeat: Duration::from_millis(60),
    alone_after_end: Duration::from_millis(400),
    alone_after_silence: Duration::from_millis(1_500),
    reconnect_most: Duration::from_millis(100),
    slice_file_after: Duration::from_millis(500),
    status_every: Duration::from_millis(150),
    join_timeout: Duration::from_secs(2),
};

/// A relay that runs in this process.
pub(crate) struct RunningRelay {
    pub(crate) metrics: SocketAddr,
    pub(crate) http: SocketAddr,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), relay::Error>>,
}

impl RunningRelay {
    pub(crate) async fn start(coordinator: &str, cache: Option<&Path>) -> Self {
        Self::start_with(coordinator, cache, QUICK).await
    }

    pub(crate) async fn start_with(coordinator: &str, cache: Option<&Path>, timings: Timings) -> Self {
        Self::start_leaving(coordinator, cache, timings, Duration::ZERO).await
    }

    /// One that waits for others to take its targets before it ends.
    pub(crate) async fn start_leaving(
        coordinator: &str,
        cache: Option<&Path>,
        timings: Timings,
        drain_timeout: Duration,
    ) -> Self {
        let relay = Relay::bind(RelayConfig {
            coordinators: vec![coordinator.to_owned()],
            name: "r1".into(),
            listen: "127.0.0.1:0".parse().unwrap(),
            http_listen: "127.0.0.1:0".parse().unwrap(),
            advertise: None,
            cache_dir: cache.map(Path::to_owned),
            capacity: None,
            timings,
            drain_timeout,
            front: Front::default(),
            deny_local: false,
        });
        let relay = relay.await.unwrap();
        let bound = relay.bound();
        let shutdown = Shutdown::new();
        let runtime = Runtime::new(Telemetry::metrics_only().unwrap(), shutdown.clone());
        let task = tokio::spawn(relay.run(runtime));
        Self { metrics: bound.metrics, http: bound.http, shutdown, task }
    }

    /// A page as Prometheus asks for it, without compression.
    pub(crate) async fn page(&self) -> String {
        let response =
            self.ask(Method::GET, "/metrics", &[("x-prometheus-scrape-timeout-seconds", "2")]).await;
        assert_eq!(response.status(), 200);
        String::from_utf8(response.into_body().to_vec()).unwrap()
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
        ask(self.metrics, method, path, headers).await
    }

    /// The value of an own metric; 0 while it is not there.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let page = ask(self.http, Method::GET, "/metrics", &[]).await;
        let page = String::from_utf8(page.into_body().to_vec()).unwrap();
        let line = page.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.rsplit(' ').next()).map_or(0.0, |value| value.parse().unwrap())
    }

    pub(crate) async fn ready(&self) {
        until("the relay is ready", async || {
            ask(self.http, Method::GET, "/readyz", &[]).await.status() == 200
        })
        .await;
    }

    /// Asks for pages until one satisfies `is`.
    pub(crate) async fn page_until(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let deadline = tokio::time::Instant::now() + BOUND;
        loop {
            let page = self.page().await;
            if is(&page) {
                return page;
            }
            assert!(tokio::time::Instant::now() < deadline, "never {what}; last page:\n{page}");
        }
    }

    /// Asks it to end, as the first signal does.
    pub(crate) fn ask_to_stop(&self) {
        self.shutdown.drain();
    }

    /// As the second signal does.
    pub(crate) fn abort(&self) {
        self.shutdown.abort();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    pub(crate) async fn stop(self) {
        self.shutdown.drain();
        self.task.await.unwrap().unwrap();
    }

    /// As far as one process can be killed: nothing is finished or flushed.
    pub(crate) async fn kill(self) {
        self.shutdown.abort();
        self.task.abort();
        self.task.await.ok();
    }
}

pub(crate) async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + BOUND;
    while !is().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn ask(
    to: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> Response<Bytes> {
    let stream = TcpStream::connect(to).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let driving = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", "relay");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    driving.abort();
    Response::from_parts(parts, body)
}

/// A target of job `j` called `name`.
pub(crate) fn assigned(name: &str, target: &FakeTarget, permission: Permission) -> Assignment {
    let id = name.bytes().fold(7u128, |id, byte| id * 257 + u128::from(byte));
    let target = Target {
        id: TargetId(id),
        key: PlacementKey(1),
        job: "j".into(),
        labels: Labels::from_pairs([("job", "j"), ("instance", name)]),
        url: format!("http://{}/metrics", target.address).into(),
        scrape_interval: Duration::from_secs(15),
        scrape_timeout: Duration::from_secs(1),
        min_interval: None,
    };
    Assignment { target: Arc::new(target), permission, record: None }
}

pub(crate) fn reign(epoch: u64) -> Reign {
    Reign { epoch: Epoch(epoch), coordinator_boot_id: format!("c{epoch}").into() }
}

/// A whole slice.
pub(crate) fn whole(revision: u64, assigned: Vec<Assignment>) -> SliceChange {
    SliceChange {
        reign: reign(1),
        revision: Revision(revision),
        whole: true,
        complete: true,
        assigned,
        removed: Vec::new(),
        jobs: vec![Arc::new(ScrapeSettings::new("j"))],
        config: Some(Arc::new(Settings::default())),
        drained: None,
    }
}

/// A change of it.
pub(crate) fn delta(revision: u64, assigned: Vec<Assignment>, removed: Vec<TargetId>) -> SliceChange {
    SliceChange { whole: false, config: None, jobs: Vec::new(), removed, ..whole(revision, assigned) }
}

/// A relay that holds `assigned`.
pub(crate) async fn relay_with(
    assigned: Vec<Assignment>,
    cache: Option<&Path>,
) -> (FakeCoordinator, RunningRelay) {
    let coordinator = FakeCoordinator::start().await;
    coordinator.push(&whole(1, assigned)).await;
    let relay = RunningRelay::start(&coordinator.url(), cache).await;
    relay.ready().await;
    // The gauge is brought up to date every second; until then it shows what was before the first slice.
    until("in contact", async || relay.metric("scraperelay_alone ").await == 0.0).await;
    (coordinator, relay)
}

/// Whether the page has this very line.
pub(crate) fn has(page: &str, line: &str) -> bool {
    page.lines().any(|found| found == line)
}
