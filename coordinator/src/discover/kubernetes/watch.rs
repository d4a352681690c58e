//! One watch: the objects of one selection of one cluster, kept as they are there.
//!
//! In: lists and events of the API server. Out: what is there, told to every subscriber by key. Whatever goes wrong,
//! and for however long, what is known stays until a complete list replaces it. The decisions are in
//! `turn` and `failure`, the reading in `items` and
//! `event`.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::cluster::Cluster;
use super::failure::Failure;
use super::objects::{Key, Listed, Objects, Unreadable};
use super::pod::Object;
use super::request::Selection;
use super::watch_metrics::WatchMetrics;
use super::watches::Seen;

/// Names of unreadable objects that are remembered, so that each is told of once.
const TOLD: usize = 1000;

/// A watch.
pub struct Watch<T> {
    /// The API server.
    pub(super) cluster: Arc<Cluster>,
    /// What is watched.
    pub(super) selection: Selection,
    /// Somebody wants another list.
    pub(super) asked: Notify,
    pub(super) metrics: WatchMetrics,
    shared: Mutex<Shared<T>>,
}

struct Shared<T> {
    objects: Objects<T>,
    status: Status,
    subscribers: Vec<Weak<Pending>>,
    told: HashSet<String>,
}

/// How a watch fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What is wrong; `None`: nothing.
    pub failure: Option<Failure>,
    /// Since when it is so.
    pub since: SystemTime,
    /// When a list was complete last.
    pub listed: Option<SystemTime>,
    /// When the server was heard last.
    pub heard: Option<SystemTime>,
    /// Lists that were read to their end.
    pub lists: u64,
    /// How many objects are known.
    pub objects: usize,
    /// Objects that could not be read.
    pub unreadable: u64,
}

/// What changed since a subscriber looked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// There was a list.
    pub listed: bool,
    /// These objects came, changed or went.
    pub keys: HashSet<Key>,
}

struct Pending {
    changes: Mutex<Changes>,
    wake: Arc<Notify>,
}

/// Somebody who wants to know.
pub struct Subscription<T> {
    watch: Arc<Watch<T>>,
    pending: Arc<Pending>,
}

impl<T: Object> Watch<T> {
    pub(super) fn new(cluster: Arc<Cluster>, selection: Selection, metrics: WatchMetrics) -> Self {
        let status = Status {
            failure: None,
            since: SystemTime::now(),
            listed: None,
            heard: None,
            lists: 0,
            objects: 0,
            unreadable: 0,
        };
        let objects = Objects::new(selection.kind.word());
        let shared = Shared { objects, status, subscribers: Vec::new(), told: HashSet::new() };
        Self { cluster, selection, asked: Notify::new(), metrics, shared: Mutex::new(shared) }
    }

    /// Tells of changes by `wake` from now on.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>, wake: &Arc<Notify>) -> Subscription<T> {
        let mut shared = self.shared.lock();
        let changes = Changes { listed: shared.status.listed.is_some(), keys: HashSet::new() };
        let pending = Arc::new(Pending { changes: Mutex::new(changes), wake: Arc::clone(wake) });
        shared.subscribers.push(Arc::downgrade(&pending));
        Subscription { watch: Arc::clone(self), pending }
    }

    /// Lists again soon.
    pub(super) fn list_again(&self) {
        self.asked.notify_one();
    }

    /// What operators see.
    pub(super) fn seen(&self) -> Seen {
        Seen { cluster: self.cluster.name(), selection: self.selection.clone(), status: self.status() }
    }

    /// Whether anybody listens.
    pub(super) fn has_subscribers(&self) -> bool {
        self.shared.lock().subscribers.iter().any(|subscriber| subscriber.strong_count() > 0)
    }

    /// The object with that key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Arc<T>> {
        self.shared.lock().objects.known().get(key).cloned()
    }

    /// How it fares.
    #[must_use]
    pub fn status(&self) -> Status {
        let shared = self.shared.lock();
        Status { objects: shared.objects.known().len(), ..shared.status.clone() }
    }

    pub(super) fn begin_list(&self) -> Listed<T> {
        self.shared.lock().objects.list()
    }

    pub(super) fn add(&self, list: &mut Listed<T>, json: &[u8]) {
        let mut shared = self.shared.lock();
        if let Err(unreadable) = shared.objects.add(list, json) {
            self.unreadable(&mut shared, unreadable);
        }
    }

    /// A list is complete: it is what is there.
    pub(super) fn listed(&self, list: Listed<T>) {
        let mut shared = self.shared.lock();
        shared.objects.replace(list);
        shared.status.listed = Some(SystemTime::now());
        shared.status.lists += 1;
        self.metrics.listed();
        shared.tell(|changes| changes.listed = true);
        self.fared(&mut shared, None);
    }

    pub(super) fn applied(&self, json: &[u8]) {
        let mut shared = self.shared.lock();
        let result = shared.objects.apply(json);
        self.changed(&mut shared, result);
    }

    pub(super) fn deleted(&self, json: &[u8]) {
        let mut shared = self.shared.lock();
        let result = shared.objects.delete(json);
        self.changed(&mut shared, result);
    }

    fn changed(&self, shared: &mut Shared<T>, result: Result<Option<Key>, Unreadable>) {
        match result {
            Ok(Some(key)) => shared.tell(|changes| {
                changes.keys.insert(Arc::clone(&key));
            }),
            Ok(None) => {}
            Err(unreadable) => self.unreadable(shared, unreadable),
        }
    }

    fn unreadable(&self, shared: &mut Shared<T>, Unreadable { key, error }: Unreadable) {
        self.metrics.unreadable();
        shared.status.unreadable += 1;
        if shared.told.len() < TOLD && shared.told.insert(key.clone()) {
            let cluster = self.cluster.name();
            tracing::warn!(
                cluster,
                object = key,
                error,
                "an object cannot be read: what was known of it stays"
            );
        }
    }

    /// The server was heard.
    pub(super) fn heard(&self) {
        let mut shared = self.shared.lock();
        self.fared(&mut shared, None);
    }

    /// Something is wrong.
    pub(super) fn failed(&self, failure: Failure) {
        self.metrics.failed(failure.reason);
        self.fared(&mut self.shared.lock(), Some(failure));
    }

    /// Notes how it fares now, and says so where it is another kind of answer than before.
    fn fared(&self, shared: &mut Shared<T>, failure: Option<Failure>) {
        let now = SystemTime::now();
        let status = &mut shared.status;
        if failure.is_none() {
            status.heard = Some(now);
        }
        let reason = |failure: &Option<Failure>| failure.as_ref().map(|failure| failure.reason);
        if reason(&failure) != reason(&status.failure) {
            status.since = now;
            let Selection { kind, namespace, .. } = &self.selection;
            let (cluster, kind) = (self.cluster.name(), kind.word());
            let namespace = namespace.as_deref().unwrap_or("all");
            match &failure {
                Some(failure) => {
                    let error = &*failure.message;
                    let reason = failure.reason.word();
                    tracing::warn!(
                        cluster,
                        kind,
                        namespace,
                        reason,
                        error,
                        "the watch fails, what is known stays"
                    );
                }
                None => tracing::info!(cluster, kind, namespace, "the watch works again"),
            }
        }
        status.failure = failure;
    }
}

impl<T> Shared<T> {
    fn tell(&mut self, change: impl Fn(&mut Changes)) {
        self.subscribers.retain(|subscriber| match subscriber.upgrade() {
            Some(pending) => {
                change(&mut pending.changes.lock());
                pending.wake.notify_one();
                true
            }
            None => false,
        });
    }
}

impl<T: Object> Subscription<T> {
    /// What changed since the last call.
    pub(super) fn changes(&self) -> Changes {
        std::mem::take(&mut self.pending.changes.lock())
    }

    /// Whether there was ever a complete list.
    pub(super) fn is_listed(&self) -> bool {
        self.watch.shared.lock().status.listed.is_some()
    }

    /// The watch.
    pub(super) fn watch(&self) -> &Arc<Watch<T>> {
        &self.watch
    }

    /// Every object.
    pub(super) fn all(&self) -> Vec<(Key, Arc<T>)> {
        let shared = self.watch.shared.lock();
        shared.objects.known().iter().map(|(key, object)| (Arc::clone(key), Arc::clone(object))).collect()
    }
}
