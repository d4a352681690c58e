//! All watches of this process: one for each selection of each cluster, whoever needs it.
//!
//! In: what discoveries want to know. Out: subscriptions; for operators, how each watch fares and what it knows. A
//! watch starts with its first subscriber and ends a while after its last one.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use opentelemetry::metrics::Meter;
use parking_lot::Mutex;
use runtime::{Shutdown, Tasks};
use tokio::sync::Notify;

use super::access::Access;
use super::cluster::Cluster;
use super::objects::join;
use super::pod::{Object, Pod, Related};
use super::request::{Kind, Selection};
use super::watch::{Status, Subscription, Watch};
use super::watch_metrics::{Counters, observe};
use super::watching;

/// The watches. Cheap to clone.
#[derive(Clone)]
pub struct Watches(Arc<Registry>);

struct Registry {
    tasks: Tasks,
    shutdown: Shutdown,
    counters: Counters,
    clusters: Mutex<HashMap<Access, Weak<Cluster>>>,
    pods: Mutex<Running<Pod>>,
    nodes: Mutex<Running<Related>>,
}

type Running<T> = HashMap<(Access, Selection), Arc<Watch<T>>>;

/// A watch as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What people call the cluster.
    pub cluster: String,
    /// What is watched.
    pub selection: Selection,
    /// How it fares.
    pub status: Status,
}

impl std::fmt::Debug for Watches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.seen()).finish()
    }
}

impl Watches {
    /// None yet.
    #[must_use]
    pub fn new(tasks: Tasks, shutdown: Shutdown, meter: &Meter) -> Self {
        let counters = Counters::new(meter);
        let clusters = Mutex::default();
        let (pods, nodes) = (Mutex::default(), Mutex::default());
        let watches = Self(Arc::new(Registry { tasks, shutdown, counters, clusters, pods, nodes }));
        let observed = Arc::downgrade(&watches.0);
        observe(meter, move || observed.upgrade().map(|registry| Self(registry).seen()).unwrap_or_default());
        watches
    }

    /// Watches pods; `wake` tells of changes.
    pub(super) fn pods(
        &self,
        access: &Access,
        selection: Selection,
        wake: &Arc<Notify>,
    ) -> Subscription<Pod> {
        self.subscribe(|registry| &registry.pods, access, selection, wake)
    }

    /// Watches nodes; `wake` tells of changes.
    pub(super) fn nodes(
        &self,
        access: &Access,
        selection: Selection,
        wake: &Arc<Notify>,
    ) -> Subscription<Related> {
        self.subscribe(|registry| &registry.nodes, access, selection, wake)
    }

    fn subscribe<T: Object>(
        &self,
        of: fn(&Registry) -> &Mutex<Running<T>>,
        access: &Access,
        selection: Selection,
        wake: &Arc<Notify>,
    ) -> Subscription<T> {
        let mut running = of(&self.0).lock();
        let key = (access.clone(), selection);
        if let Some(watch) = running.get(&key) {
            return watch.subscribe(wake);
        }
        let metrics = self.0.counters.of(key.1.kind);
        let watch = Arc::new(Watch::new(self.cluster(access), key.1.clone(), metrics));
        let subscription = watch.subscribe(wake);
        running.insert(key.clone(), Arc::clone(&watch));
        let (registry, shutdown) = (Arc::downgrade(&self.0), self.0.shutdown.clone());
        // Under the registry's lock, nobody can subscribe to a watch that is about to end.
        let ends = move |watch: &Watch<T>| {
            let Some(registry) = registry.upgrade() else { return true };
            let mut running = of(&registry).lock();
            let ends = !watch.has_subscribers();
            if ends {
                running.remove(&key);
            }
            ends
        };
        self.0.tasks.work(async move {
            tokio::select! {
                () = shutdown.draining() => {}
                () = watching::run(watch, ends) => {}
            }
        });
        subscription
    }

    /// The one client of a cluster.
    fn cluster(&self, access: &Access) -> Arc<Cluster> {
        let mut clusters = self.0.clusters.lock();
        clusters.retain(|_, cluster| cluster.strong_count() > 0);
        if let Some(cluster) = clusters.get(access).and_then(Weak::upgrade) {
            return cluster;
        }
        let cluster = Arc::new(Cluster::new(access.clone()));
        clusters.insert(access.clone(), Arc::downgrade(&cluster));
        cluster
    }

    /// Every watch, in an order that stays.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        let mut all: Vec<Seen> = self.0.pods.lock().values().map(|watch| watch.seen()).collect();
        all.extend(self.0.nodes.lock().values().map(|watch| watch.seen()));
        all.sort_by(|one, other| (&one.cluster, &one.selection).cmp(&(&other.cluster, &other.selection)));
        all
    }

    /// The pod with that key from every watch of that cluster that knows it.
    #[must_use]
    pub fn pods_called(&self, access: &Access, key: &str) -> Vec<(Seen, Arc<Pod>)> {
        let running = self.0.pods.lock();
        let watches = running.iter().filter(|((of, _), _)| of == access).map(|(_, watch)| watch);
        let mut found: Vec<_> = watches.filter_map(|watch| Some((watch.seen(), watch.get(key)?))).collect();
        found.sort_by(|(one, _), (other, _)| one.selection.cmp(&other.selection));
        found
    }

    /// The node of that name, from the watch of that selection.
    #[must_use]
    pub fn node(&self, access: &Access, selection: &Selection, name: &str) -> Option<Arc<Related>> {
        let watch = self.0.nodes.lock().get(&(access.clone(), selection.clone())).cloned();
        watch?.get(&join(Kind::Node.word(), "", name))
    }
}
