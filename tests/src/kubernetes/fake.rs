//! A scripted API server on loopback: it lists, watches and changes objects like the real one, and fails on demand.
//!
//! In: requests over plain HTTP, and [`Fault`]s from a test. Out: JSON. Objects of any resource are kept as they were sent; nothing
//! is validated, defaulted or authorized. What it shares with the real server is held by tests that run against both.

mod answer;
mod crowd;
mod selector;
mod store;
mod stream;
mod target;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::api_server::kubeconfig;
use super::audit::Asked;
use super::cluster::Cluster;
use store::Store;

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A Status object with this code, reason and message.
    Status(u16, &'static str, &'static str),
    /// 429 with a Retry-After of so many seconds.
    TooManyRequests(u32),
    /// A code with a body that is no Status, as a proxy before the API server sends it.
    Text(u16, &'static str),
    /// Nothing at all is answered; the connection stays open.
    Hang,
    /// The headers of a good answer, then silence.
    SilentBody,
    /// So many bytes of the good answer, then the connection is closed.
    CutAfter(usize),
    /// To a watch: 200, and an ERROR event with code 410.
    ExpiredEvent,
    /// To a list: one more item, which is no pod: its `spec` is a number.
    Undecodable,
}

/// 410 at the start of a watch or in the middle of a paged list.
pub const GONE: Fault = Fault::Status(410, "Expired", "too old resource version");
/// How servers without WatchList refuse it.
pub const NO_WATCH_LIST: Fault =
    Fault::Status(422, "Invalid", "sendInitialEvents is forbidden for watch: feature is disabled");

struct Planned {
    verb: &'static str,
    resource: &'static str,
    times: usize,
    fault: Fault,
}

#[derive(Default)]
struct State {
    store: Store,
    planned: Vec<Planned>,
    asked: Vec<Asked>,
    /// How often watches that ask for bookmarks get one.
    bookmarks: Option<Duration>,
}

struct Shared {
    state: Mutex<State>,
    /// The newest resource version, for watches that wait for more.
    newest: watch::Sender<u64>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it is held")
    }
}

/// A running one; dropping it closes every connection.
pub struct FakeApiServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    cluster: Cluster,
    directory: TempDir,
    _tasks: JoinSet<()>,
}

impl FakeApiServer {
    /// An empty one on a free port.
    ///
    /// # Errors
    /// Where it has no port or no directory.
    pub async fn start() -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let file = directory.path().join("kubeconfig");
        let text = kubeconfig(&format!("http://{address}"), None, &json!({"token": "scripted"}));
        std::fs::write(&file, text).map_err(|error| error.to_string())?;
        let state = State { bookmarks: Some(Duration::from_secs(1)), ..State::default() };
        let newest = watch::Sender::new(state.store.version());
        let shared = Arc::new(Shared { state: Mutex::new(state), newest });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        let cluster = Cluster::connect(&file).await?;
        Ok(Self { shared, address, cluster, directory, _tasks: tasks })
    }

    /// What a test does in it.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Where it listens, for plain HTTP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig for it.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("kubeconfig")
    }

    /// The next `times` requests of this verb (`list`, `watch`, `get`, `create`, `patch`, `delete`) on this resource fail so.
    /// Faults planned for the same requests come one after the other.
    pub fn fail(&self, verb: &'static str, resource: &'static str, times: usize, fault: Fault) {
        self.shared.state().planned.push(Planned { verb, resource, times, fault });
    }

    /// Nothing fails any more.
    pub fn heal(&self) {
        self.shared.state().planned.clear();
    }

    /// Forgets all changes: whoever goes on from a resource version of before is answered 410.
    pub fn forget(&self) {
        self.shared.state().store.forget();
        self.wake();
    }

    /// How often watches get bookmarks: never for `None`. Once a second at first.
    pub fn bookmarks(&self, every: Option<Duration>) {
        self.shared.state().bookmarks = every;
    }

    /// Lists of pods have `count` more, each of at least `bytes`, made while they are sent: see [`Self::crowd_namespace`].
    pub fn crowd(&self, count: usize, bytes: usize) {
        self.annotated_crowd(count, bytes, 0);
    }

    /// The same, and every `annotated`-th of them asks to be scraped on its port 8080; the first is one of these.
    pub fn annotated_crowd(&self, count: usize, bytes: usize, annotated: usize) {
        self.shared.state().store.crowd = crowd::Crowd { count, bytes, annotated };
    }

    /// The namespace that the pods of [`Self::crowd`] are in.
    #[must_use]
    pub fn crowd_namespace() -> &'static str {
        crowd::NAMESPACE
    }

    /// Puts an object in, or in place of an older one, as it is; also one that no client could send.
    ///
    /// # Panics
    /// Where it has no name.
    pub fn put(&self, resource: &str, object: Value) {
        assert!(object["metadata"]["name"].is_string(), "an object without a name: {object}");
        self.shared.state().store.put(resource, object);
        self.wake();
    }

    /// What was asked so far, in the order of the requests. `status` is 0 where no answer was sent.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.state().asked.clone()
    }

    fn wake(&self) {
        let version = self.shared.state().store.version();
        self.shared.newest.send_replace(version);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(move |request| answer::answer(Arc::clone(&shared), request));
            let http = hyper::server::conn::http1::Builder::new();
            // How a connection ends is the client's business.
            http.serve_connection(TokioIo::new(stream), service).await.ok();
        });
        while connections.try_join_next().is_some() {}
    }
}
