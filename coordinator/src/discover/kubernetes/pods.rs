//! The role `pod`: what a discovery says of the pods of its watches.
//!
//! In: changes of pods and nodes. Out: the whole of what is known after a list, and after an event only what changed.
//! Until every namespace has been listed nothing is said, for a while: a part of the targets would look like a removal
//! of the others.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::access::{self, Access};
use super::objects::{Key, join};
use super::pod::{Pod, Related};
use super::pod_group::{PodGroup, Rules};
use super::request::{Kind, Selection};
use super::watch::Subscription;
use crate::config::{KubernetesDiscovery, Role};
use crate::discover::file::SECOND_READ;
use crate::discover::{Changed, Context, Found, Group, Report};

/// How long a discovery waits for all its namespaces before it says what it knows of some.
const ALL_LISTED: Duration = Duration::from_secs(15);
/// Events within this time are told together.
const GATHER: Duration = Duration::from_millis(20);
/// How soon what failed at the start is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// The watches of pods that `discovery` needs, given the namespace that this process runs in.
#[must_use]
pub fn selections(discovery: &KubernetesDiscovery, own_namespace: Option<&str>) -> Vec<Selection> {
    let names = discovery.namespaces.names.iter().map(|name| &**name).chain(own_namespace);
    let names: BTreeSet<&str> = names.collect();
    if names.is_empty() {
        return vec![selection(discovery, Kind::Pod, None)];
    }
    names.into_iter().map(|name| selection(discovery, Kind::Pod, Some(name.into()))).collect()
}

/// The watch of nodes that `discovery` needs, if it attaches them.
#[must_use]
pub fn node_selection(discovery: &KubernetesDiscovery) -> Option<Selection> {
    discovery.attach_metadata.node.then(|| selection(discovery, Kind::Node, None))
}

fn selection(discovery: &KubernetesDiscovery, kind: Kind, namespace: Option<Box<str>>) -> Selection {
    let role = match kind {
        Kind::Pod => Role::Pod,
        Kind::Node => Role::Node,
    };
    let selector = discovery.selectors.iter().find(|selector| selector.role == role);
    let (label, field) = selector.map(|it| (it.label.clone(), it.field.clone())).unwrap_or_default();
    Selection { kind, namespace, label, field }
}

/// How `discovery` makes targets of pods.
#[must_use]
pub fn rules(discovery: &KubernetesDiscovery) -> Rules {
    Rules { attach: discovery.attach_metadata, annotations: discovery.annotations }
}

/// Says what there is until cancelled.
pub(in crate::discover) async fn run(discovery: &KubernetesDiscovery, context: &Context) {
    let own = loop {
        let own = discovery.namespaces.own_namespace.then(access::own_namespace).transpose();
        match own {
            Ok(own) => break own,
            Err(error) => {
                let error = format!("{}: own_namespace: {error}", discovery.position);
                if !context.report("kubernetes", Err(error)).await {
                    return;
                }
                tokio::time::sleep(RETRY).await;
            }
        }
    };
    let access = Access::of(discovery);
    let wake = Arc::new(Notify::new());
    let selections = selections(discovery, own.as_deref()).into_iter();
    let pods = selections.map(|selection| context.watches.pods(&access, selection, &wake)).collect();
    let nodes = node_selection(discovery).map(|nodes| context.watches.nodes(&access, nodes, &wake));
    let told = Told {
        pods,
        nodes,
        rules: rules(discovery),
        leaving: BTreeSet::new(),
        said: false,
        early: HashSet::new(),
    };
    told.run(&wake, context).await;
}

/// A discovery that listens.
struct Told {
    pods: Vec<Subscription<Pod>>,
    nodes: Option<Subscription<Related>>,
    rules: Rules,
    /// Pods that are no targets any more at a time, in seconds since 1970.
    leaving: BTreeSet<(i64, Key)>,
    /// Whether anything has been said.
    said: bool,
    /// The pods that were told of while some namespaces had not been listed.
    early: HashSet<Key>,
}

impl Told {
    async fn run(mut self, wake: &Notify, context: &Context) {
        let patience = Instant::now() + ALL_LISTED;
        let mut list_again: Option<Instant> = None;
        loop {
            let until_left = self.leaving.first().map(|(at, _)| until(*at));
            tokio::select! {
                () = wake.notified() => tokio::time::sleep(GATHER).await,
                () = sleep_for(until_left) => {}
                () = tokio::time::sleep_until(patience), if !self.said && Instant::now() < patience => {}
                () = context.read_again.notified() => {
                    list_again.get_or_insert(Instant::now() + SECOND_READ);
                    continue;
                }
                () = sleep_for(list_again.map(|at| at.saturating_duration_since(Instant::now()))) => {
                    list_again = None;
                    for pods in &self.pods {
                        pods.watch().list_again();
                    }
                    if let Some(nodes) = &self.nodes {
                        nodes.watch().list_again();
                    }
                    continue;
                }
            }
            let Some(report) = self.report(context, Instant::now() >= patience) else { continue };
            if context.reports.send(report).await.is_err() {
                return;
            }
        }
    }

    /// What there is to say; `None`: nothing.
    fn report(&mut self, context: &Context, impatient: bool) -> Option<Report> {
        let all = |told: &Self| told.pods.iter().all(Subscription::is_listed);
        let some = impatient && self.pods.iter().any(Subscription::is_listed);
        let nodes = self.nodes.as_ref().is_none_or(Subscription::is_listed);
        if !self.said && (!nodes || !(all(self) || some)) {
            return None;
        }
        let mut keys: HashSet<Key> = HashSet::new();
        let mut listed = !std::mem::replace(&mut self.said, true);
        for pods in &self.pods {
            let changes = pods.changes();
            listed |= changes.listed;
            keys.extend(changes.keys);
        }
        if let Some(nodes) = &self.nodes {
            let changes = nodes.changes();
            listed |= changes.listed;
            keys.extend(self.pods_on(&changes.keys));
        }
        let discovery = context.id.clone();
        // After the changes were taken: a list that comes in between wakes this discovery again.
        let all = all(self);
        if listed && all {
            self.early = HashSet::new();
            self.leaving.clear();
            let all: Vec<_> = self.pods.iter().flat_map(Subscription::all).collect();
            let groups = all.into_iter().map(|(key, pod)| self.group(key, pod)).collect();
            return Some(Report::Found(Found { discovery, groups, partial: false }));
        }
        if !all {
            // Nothing is said of the namespaces that are not known: what was found there before stays.
            let known = self.pods.iter().flat_map(Subscription::all).map(|(key, _)| key).collect();
            keys.extend(std::mem::replace(&mut self.early, known));
            keys.extend(self.early.iter().cloned());
        }
        keys.extend(self.left());
        let groups: Vec<_> = keys.into_iter().map(|key| (Arc::clone(&key), self.now(key))).collect();
        (!groups.is_empty()).then_some(Report::Changed(Changed { discovery, groups }))
    }

    /// The pods on these nodes.
    fn pods_on(&self, nodes: &HashSet<Key>) -> Vec<Key> {
        if nodes.is_empty() {
            return Vec::new();
        }
        let all = self.pods.iter().flat_map(Subscription::all);
        let on = |pod: &Pod| nodes.contains(&*join(Kind::Node.word(), "", &pod.node_name));
        all.filter(|(_, pod)| on(pod)).map(|(key, _)| key).collect()
    }

    /// The pods whose time is over.
    fn left(&mut self) -> Vec<Key> {
        let mut left = Vec::new();
        while self.leaving.first().is_some_and(|(at, _)| until(*at).is_zero()) {
            left.extend(self.leaving.pop_first().map(|(_, key)| key));
        }
        left
    }

    fn now(&mut self, key: Key) -> Option<Group> {
        let pod = self.pods.iter().find_map(|pods| pods.watch().get(&key))?;
        Some(self.group(key, pod))
    }

    fn group(&mut self, key: Key, pod: Arc<Pod>) -> Group {
        let ends = pod.meta.deleted_at.filter(|_| self.rules.annotations.is_some());
        let past_grace = ends.is_some_and(|at| until(at).is_zero());
        if let Some(at) = ends.filter(|_| !past_grace) {
            self.leaving.insert((at, Arc::clone(&key)));
        }
        let name = || join(Kind::Node.word(), "", &pod.node_name);
        let node = self.nodes.as_ref().and_then(|nodes| nodes.watch().get(&name()));
        Group::Pod(PodGroup { key, pod, node, past_grace, rules: self.rules })
    }
}

/// How long it is until `at`, in seconds since 1970.
pub(super) fn until(at: i64) -> Duration {
    let at = UNIX_EPOCH + Duration::from_secs(u64::try_from(at).unwrap_or_default());
    at.duration_since(SystemTime::now()).unwrap_or_default()
}

async fn sleep_for(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
