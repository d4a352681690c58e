//! The watcher of the library that other programs use.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use integration::kubernetes::cluster::Cluster;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};

/// Follows pods until it is dropped.
pub(crate) struct Library {
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    /// Name to phase and readiness, as in `Running ready`.
    pods: BTreeMap<String, String>,
    /// What a list that is not complete has shown.
    listed: Option<BTreeMap<String, String>>,
    lists: u64,
}

impl Library {
    pub(crate) async fn start(kubeconfig: &Path, namespace: &str, labels: &str) -> Self {
        let cluster = Cluster::connect(kubeconfig).await.expect("the kubeconfig is good");
        let api: Api<Pod> = Api::namespaced(cluster.client(), namespace);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let writing = Arc::clone(&seen);
        let events = watcher::watcher(api, watcher::Config::default().labels(labels)).default_backoff();
        let task = tokio::spawn(async move {
            events.for_each(async |event| writing.lock().expect("no panic while held").take(event)).await;
        });
        Self { seen, task }
    }

    /// What it takes to exist: name to phase and readiness.
    pub(crate) fn pods(&self) -> BTreeMap<String, String> {
        self.seen.lock().expect("no panic while held").pods.clone()
    }

    /// How many complete lists it has had.
    pub(crate) fn lists(&self) -> u64 {
        self.seen.lock().expect("no panic while held").lists
    }
}

impl Seen {
    fn take(&mut self, event: Result<Event<Pod>, watcher::Error>) {
        match event {
            Ok(Event::Init) => self.listed = Some(BTreeMap::new()),
            Ok(Event::InitApply(pod)) => {
                self.listed.get_or_insert_default().insert(name(&pod), state(&pod));
            }
            Ok(Event::InitDone) => {
                self.pods = self.listed.take().unwrap_or_default();
                self.lists += 1;
            }
            Ok(Event::Apply(pod)) => drop(self.pods.insert(name(&pod), state(&pod))),
            Ok(Event::Delete(pod)) => drop(self.pods.remove(&name(&pod))),
            // It tries again.
            Err(_) => {}
        }
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn name(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap_or_default()
}

fn state(pod: &Pod) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let ready = status.conditions.iter().flatten().any(|it| it.type_ == "Ready" && it.status == "True");
    format!("{} {}", status.phase.unwrap_or_default(), if ready { "ready" } else { "unready" })
}
