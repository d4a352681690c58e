//! An API server that knows pods, keeps a log of their changes and fails when it is told to.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{Response, Uri};
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

#[derive(Default)]
struct Known {
    pods: BTreeMap<String, Value>,
    version: u64,
    log: Vec<(u64, String)>,
    /// Versions before this one are forgotten.
    kept: u64,
    /// What every request is answered instead.
    failure: Option<(u16, &'static str, &'static str)>,
    /// What stands in the path of requests that are answered 403.
    forbidden: Option<&'static str>,
    asked: Vec<String>,
}

/// The server; it stops when this is dropped.
pub(super) struct FakeCluster {
    known: Arc<Shared>,
    address: std::net::SocketAddr,
    _stop: tokio_util::sync::DropGuard,
}

struct Shared {
    known: Mutex<Known>,
    changed: watch::Sender<u64>,
    /// Changing it ends every watch that runs.
    round: watch::Sender<u64>,
}

impl FakeCluster {
    pub(super) async fn start() -> Self {
        let shared = Shared {
            known: Mutex::new(Known { version: 1, ..Known::default() }),
            changed: watch::Sender::new(0),
            round: watch::Sender::new(0),
        };
        let known = Arc::new(shared);
        let router = Router::new().fallback(get(answer)).with_state(Arc::clone(&known));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                served = axum::serve(listener, router) => served.expect("it serves"),
            }
        });
        Self { known, address, _stop: stop.drop_guard() }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn write(&self, kind: &str, name: &str, pod: Option<Value>) {
        let mut known = self.known.known.lock();
        known.version += 1;
        let version = known.version;
        let mut object = pod.clone().unwrap_or_else(|| json!({"metadata": {"name": name, "namespace": "n"}}));
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        match pod {
            Some(_) => known.pods.insert(name.to_owned(), object.clone()),
            None => known.pods.remove(name),
        };
        known.log.push((version, json!({"type": kind, "object": object}).to_string()));
        drop(known);
        self.known.changed.send_replace(version);
    }

    pub(super) fn set(&self, name: &str, ip: &str) {
        self.write("MODIFIED", name, Some(pod(name, ip)));
    }

    pub(super) fn set_object(&self, name: &str, object: Value) {
        self.write("MODIFIED", name, Some(object));
    }

    pub(super) fn remove(&self, name: &str) {
        self.write("DELETED", name, None);
    }

    /// Answers everything with this from now on, and ends what runs.
    pub(super) fn fail(&self, failure: Option<(u16, &'static str, &'static str)>) {
        self.known.known.lock().failure = failure;
        self.known.round.send_modify(|round| *round += 1);
    }

    /// Answers 403 to whatever has this in its path.
    pub(super) fn forbid(&self, part: &'static str) {
        self.known.known.lock().forbidden = Some(part);
    }

    /// Forgets the log: whoever watches from before has to list again.
    pub(super) fn forget(&self) {
        let mut known = self.known.known.lock();
        known.kept = known.version + 1;
        known.log.clear();
        drop(known);
        self.known.round.send_modify(|round| *round += 1);
    }

    /// Requests for lists so far.
    pub(super) fn lists(&self) -> usize {
        self.known.known.lock().asked.iter().filter(|asked| !asked.contains("watch=true")).count()
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.known.known.lock().asked.clone()
    }
}

pub(super) fn pod(name: &str, ip: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "n", "uid": format!("uid-{name}")},
        "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 1}]}]},
        "status": {"podIP": ip},
    })
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<HashMap<String, String>>,
    uri: Uri,
) -> Response<Body> {
    let version: u64 = query.get("resourceVersion").and_then(|text| text.parse().ok()).unwrap_or_default();
    let mut known = shared.known.lock();
    known.asked.push(uri.to_string());
    if known.forbidden.is_some_and(|part| uri.path().contains(part)) {
        return Response::builder().status(403).body(Body::empty()).expect("an answer");
    }
    if let Some((code, header, body)) = known.failure {
        let response = Response::builder().status(code);
        return response.header("Retry-After", header).body(Body::from(body)).expect("an answer");
    }
    if query.contains_key("watch") {
        drop(known);
        return Response::new(follow(&shared, version));
    }
    // Pages of two.
    let after = query.get("continue").cloned().unwrap_or_default();
    let mut rest: Vec<&Value> =
        known.pods.iter().filter(|(name, _)| **name > after).map(|(_, pod)| pod).collect();
    let more = rest.len() > 2 && query.contains_key("limit");
    if more {
        rest.truncate(2);
    }
    let next = rest.last().filter(|_| more).map_or(json!(""), |pod| pod["metadata"]["name"].clone());
    let metadata = json!({"resourceVersion": known.version.to_string(), "continue": next});
    Response::new(Body::from(json!({"kind": "PodList", "metadata": metadata, "items": rest}).to_string()))
}

/// The changes after `version`, as they come.
fn follow(shared: &Arc<Shared>, version: u64) -> Body {
    let (changed, round) = (shared.changed.subscribe(), shared.round.subscribe());
    let shared = Arc::clone(shared);
    let state = (shared, version);
    Body::from_stream(stream::unfold(Some(state), move |state| {
        let (mut changed, mut round) = (changed.clone(), round.clone());
        async move {
            let (shared, version) = state?;
            loop {
                let (lines, now) = lines(&shared, version);
                if !lines.is_empty() {
                    let expired = lines.contains("410");
                    let state = (!expired).then_some((shared, now));
                    return Some((Ok::<_, std::convert::Infallible>(Bytes::from(lines)), state));
                }
                tokio::select! {
                    changed = changed.changed() => changed.ok()?,
                    _ = round.changed() => return None,
                    () = tokio::time::sleep(Duration::from_secs(20)) => return None,
                }
            }
        }
    }))
}

fn lines(shared: &Shared, version: u64) -> (String, u64) {
    let known = shared.known.lock();
    if version + 1 < known.kept {
        let expired =
            json!({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}});
        return (format!("{expired}\n"), version);
    }
    let new = known.log.iter().filter(|(at, _)| *at > version);
    (new.map(|(_, line)| format!("{line}\n")).collect(), known.version)
}
