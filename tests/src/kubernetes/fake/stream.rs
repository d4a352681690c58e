//! Lists and watches, made while they are sent.
//!
//! In: a request and the store. Out: chunks of JSON.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::answer::{Answer, status, status_object, streamed};
use super::crowd::{Crowd, NAMESPACE};
use super::selector::Selector;
use super::store::{Change, Store};
use super::target::Target;
use super::{Shared, State};

const EXPIRED: &str = "too old resource version";

/// What one page of a list has.
struct Page {
    objects: Vec<Arc<Value>>,
    crowd: Range<usize>,
    next: Option<String>,
}

pub(super) fn list(shared: &Shared, target: &Target, undecodable: bool) -> Answer {
    let state = shared.state();
    let store = &state.store;
    let token = target.parameter("continue");
    let since = token.split('/').next().and_then(|version| version.parse().ok());
    if since.is_some_and(|version| !store.remembers(version)) {
        return status(410, "Expired", "the provided continue parameter is too old");
    }
    let selector = selector(target);
    let version = since.unwrap_or(store.version());
    let page = page(store, target, &selector, &token, version);
    let metadata = json!({"resourceVersion": version.to_string(), "continue": page.next.unwrap_or_default()});
    let kind = kind(&target.resource, page.objects.first());
    let head = format!(r#"{{"kind":"{kind}List","apiVersion":"v1","metadata":{metadata},"items":["#);
    let crowd = store.crowd;
    let pods = page.crowd.map(move |number| crowd.pod(number)).filter(move |pod| selector.matches(pod));
    let bad = undecodable.then(|| json!({"metadata": {"name": "undecodable"}, "spec": 7}));
    let items = page.objects.into_iter().map(|object| object.as_ref().clone()).chain(pods).chain(bad);
    let items = items.enumerate().map(|(number, object)| {
        let comma = if number == 0 { "" } else { "," };
        format!("{comma}{}", without_types(object))
    });
    streamed(stream::iter([head].into_iter().chain(items).chain(["]}".to_owned()])))
}

fn page(store: &Store, target: &Target, selector: &Selector, token: &str, version: u64) -> Page {
    // Lists from the watch cache come whole.
    let cached = target.parameter("resourceVersion") == "0";
    let limit = target.parameter("limit").parse().ok().filter(|limit| *limit > 0 && !cached);
    let limit = limit.unwrap_or(usize::MAX);
    let cursor: Vec<&str> = token.splitn(4, '/').skip(1).collect();
    let (mut objects, from): (Vec<_>, usize) = match cursor[..] {
        ["crowd", number, ..] => (Vec::new(), number.parse().unwrap_or(0)),
        ["object", namespace, name] => (matching(store, target, selector, Some((namespace, name))), 0),
        _ => (matching(store, target, selector, None), 0),
    };
    let total = if crowded(target) { store.crowd.count } else { 0 };
    if objects.len() > limit {
        objects.truncate(limit);
        let last = objects.last().map(|object| &object["metadata"]);
        let text = |key: &str| last.and_then(|it| it[key].as_str()).unwrap_or_default();
        let next = format!("{version}/object/{}/{}", text("namespace"), text("name"));
        return Page { objects, crowd: 0..0, next: Some(next) };
    }
    let to = total.min(from.saturating_add(limit - objects.len()));
    let next = (to < total).then(|| format!("{version}/crowd/{to}"));
    Page { objects, crowd: from..to, next }
}

fn crowded(target: &Target) -> bool {
    target.resource == "pods" && matches!(target.namespace.as_str(), "" | NAMESPACE)
}

fn matching(
    store: &Store,
    target: &Target,
    selector: &Selector,
    after: Option<(&str, &str)>,
) -> Vec<Arc<Value>> {
    let here = |resource: &str, namespace: &str| {
        resource == target.resource && (target.namespace.is_empty() || namespace == target.namespace)
    };
    let objects = store.objects.iter().filter(|((resource, namespace, name), object)| {
        here(resource, namespace)
            && after.is_none_or(|after| (namespace.as_str(), name.as_str()) > after)
            && selector.matches(object)
    });
    objects.map(|(_, object)| Arc::clone(object)).collect()
}

fn selector(target: &Target) -> Selector {
    Selector::read(&target.parameter("labelSelector"), &target.parameter("fieldSelector"))
}

/// What a watch has yet to send, and where it is.
struct Watch {
    shared: Arc<Shared>,
    newest: watch::Receiver<u64>,
    target: Target,
    selector: Selector,
    /// Sent before anything else.
    first: VecDeque<String>,
    crowd: (Crowd, Range<usize>),
    /// After the first ones and the crowd.
    closing: Option<String>,
    position: u64,
    bookmark: Option<(Duration, Instant)>,
    end: Instant,
    over: bool,
}

pub(super) fn watch(shared: &Arc<Shared>, target: &Target, expired: bool) -> Answer {
    let state = shared.state();
    let asked = target.parameter("resourceVersion");
    let initial = target.parameter("sendInitialEvents") == "true";
    if initial && target.parameter("resourceVersionMatch") != "NotOlderThan" {
        return status(422, "Invalid", "sendInitialEvents requires resourceVersionMatch=NotOlderThan");
    }
    let mut watch = Watch::new(shared, &state, target);
    match asked.parse::<u64>() {
        _ if initial => watch.begin_with_everything(&state, true),
        Ok(version) if version > 0 => watch.position = version,
        _ => watch.begin_with_everything(&state, false),
    }
    if expired || !state.store.remembers(watch.position) {
        watch.first = VecDeque::from([event("ERROR", &status_object(410, "Expired", EXPIRED))]);
        watch.over = true;
    }
    drop(state);
    streamed(Box::pin(stream::unfold(watch, |mut watch| async {
        watch.next().await.map(|chunk| (chunk, watch))
    })))
}

impl Watch {
    fn new(shared: &Arc<Shared>, state: &State, target: &Target) -> Self {
        let now = Instant::now();
        let seconds = target.parameter("timeoutSeconds").parse().unwrap_or(1800);
        let wanted = target.parameter("allowWatchBookmarks") == "true";
        Self {
            shared: Arc::clone(shared),
            newest: shared.newest.subscribe(),
            selector: selector(target),
            target: target.clone(),
            first: VecDeque::new(),
            crowd: (state.store.crowd, 0..0),
            closing: None,
            position: state.store.version(),
            bookmark: state.bookmarks.filter(|_| wanted).map(|every| (every, now + every)),
            end: now + Duration::from_secs(seconds),
            over: false,
        }
    }

    fn begin_with_everything(&mut self, state: &State, bookmark: bool) {
        let objects = matching(&state.store, &self.target, &self.selector, None);
        self.first = objects.iter().map(|object| event("ADDED", object)).collect();
        let crowd = if crowded(&self.target) { state.store.crowd.count } else { 0 };
        self.crowd.1 = 0..crowd;
        self.closing = bookmark.then(|| self.bookmark(json!({"k8s.io/initial-events-end": "true"})));
    }

    fn bookmark(&self, annotations: Value) -> String {
        let metadata = json!({"resourceVersion": self.position.to_string(), "annotations": annotations});
        let kind = kind(&self.target.resource, None);
        event("BOOKMARK", &json!({"kind": kind, "apiVersion": "v1", "metadata": metadata}))
    }

    /// The next chunk; `None` at its end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(chunk) = self.at_hand() {
                return Some(chunk);
            }
            if self.over {
                return None;
            }
            let bookmark = self.bookmark.map(|(_, at)| at);
            tokio::select! {
                _ = self.newest.changed() => self.take_changes(),
                () = tokio::time::sleep_until(bookmark.unwrap_or(self.end)), if bookmark.is_some() => {
                    self.bookmark = self.bookmark.map(|(every, at)| (every, at + every));
                    return Some(self.bookmark(json!({})));
                }
                () = tokio::time::sleep_until(self.end) => self.over = true,
            }
        }
    }

    fn at_hand(&mut self) -> Option<String> {
        if let Some(first) = self.first.pop_front() {
            return Some(first);
        }
        let (crowd, selector) = (self.crowd.0, &self.selector);
        let pod = self.crowd.1.by_ref().map(|number| crowd.pod(number)).find(|pod| selector.matches(pod));
        if let Some(pod) = pod {
            return Some(event("ADDED", &pod));
        }
        if let Some(closing) = self.closing.take() {
            return Some(closing);
        }
        // What has happened since this watch was asked for is not announced again.
        if !self.over {
            self.take_changes();
        }
        self.first.pop_front()
    }

    fn take_changes(&mut self) {
        let state = self.shared.state();
        if state.store.remembers(self.position) {
            let events = state.store.since(self.position).iter();
            self.first.extend(events.filter_map(|change| seen(change, &self.target, &self.selector)));
            self.position = state.store.version();
        } else {
            self.first.push_back(event("ERROR", &status_object(410, "Expired", EXPIRED)));
            self.over = true;
        }
    }
}

/// A change as a watch with a selector sees it: what begins to match is added, what ceases to is deleted.
fn seen(change: &Change, target: &Target, selector: &Selector) -> Option<String> {
    let here = target.namespace.is_empty() || change.namespace == target.namespace;
    if !here || change.resource != target.resource {
        return None;
    }
    let matching = |object: &Option<Arc<Value>>| object.clone().filter(|object| selector.matches(object));
    match (matching(&change.before), matching(&change.after)) {
        (None, Some(after)) => Some(event("ADDED", &after)),
        (Some(_), Some(after)) => Some(event("MODIFIED", &after)),
        (Some(before), None) => {
            let mut last = before.as_ref().clone();
            last["metadata"]["resourceVersion"] = json!(change.version.to_string());
            Some(event("DELETED", &last))
        }
        (None, None) => None,
    }
}

fn event(kind: &str, object: &Value) -> String {
    format!("{}\n", json!({"type": kind, "object": object}))
}

/// Items of a list do not say what they are.
fn without_types(mut object: Value) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.remove("kind");
        object.remove("apiVersion");
    }
    object
}

fn kind(resource: &str, example: Option<&Arc<Value>>) -> String {
    let known = match resource {
        "pods" => "Pod",
        "nodes" => "Node",
        "namespaces" => "Namespace",
        _ => example.and_then(|object| object["kind"].as_str()).unwrap_or_default(),
    };
    known.to_owned()
}
