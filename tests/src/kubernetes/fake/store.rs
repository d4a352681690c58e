//! The objects, and what has happened to them.
//!
//! In: changes. Out: what is there, and every change since a resource version, if it is remembered.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::crowd::Crowd;

/// Changes that are remembered; older ones are forgotten, as by a compaction.
const REMEMBERED: usize = 100_000;

/// Resource, namespace, name.
pub(super) type Key = (String, String, String);

/// A change of one object.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) resource: String,
    pub(super) namespace: String,
    pub(super) before: Option<Arc<Value>>,
    /// `None`: deleted.
    pub(super) after: Option<Arc<Value>>,
}

/// All objects of all resources.
#[derive(Default)]
pub(super) struct Store {
    pub(super) objects: BTreeMap<Key, Arc<Value>>,
    pub(super) crowd: Crowd,
    changes: Vec<Change>,
    /// Versions up to here are forgotten.
    forgotten: u64,
    version: u64,
}

impl Store {
    /// The newest resource version; 1 where nothing has happened.
    pub(super) fn version(&self) -> u64 {
        self.version + 1
    }

    pub(super) fn forget(&mut self) {
        // A version of its own, so that even whoever has seen everything is behind.
        self.version += 1;
        self.changes.clear();
        self.forgotten = self.version();
    }

    /// Whether everything that happened after `version` is remembered.
    pub(super) fn remembers(&self, version: u64) -> bool {
        version >= self.forgotten
    }

    /// What has happened after `version`.
    pub(super) fn since(&self, version: u64) -> &[Change] {
        let from = self.changes.partition_point(|change| change.version <= version);
        self.changes.get(from..).unwrap_or_default()
    }

    /// Puts an object in and gives it as it is now.
    pub(super) fn put(&mut self, resource: &str, mut object: Value) -> Arc<Value> {
        self.version += 1;
        let version = self.version();
        let namespace = text(&object["metadata"]["namespace"]);
        let key = (resource.to_owned(), namespace.clone(), text(&object["metadata"]["name"]));
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = json!(format!("00000000-0000-4000-8000-{version:012}"));
        }
        let after = Arc::new(object);
        let before = self.objects.insert(key, Arc::clone(&after));
        let after_ = Some(Arc::clone(&after));
        self.remember(Change { version, resource: resource.to_owned(), namespace, before, after: after_ });
        after
    }

    /// Takes an object out and gives it as it was.
    pub(super) fn delete(&mut self, key: &Key) -> Option<Arc<Value>> {
        let before = self.objects.remove(key)?;
        self.version += 1;
        let version = self.version();
        let (resource, namespace, _) = key.clone();
        self.remember(Change {
            version,
            resource,
            namespace,
            before: Some(Arc::clone(&before)),
            after: None,
        });
        Some(before)
    }

    fn remember(&mut self, change: Change) {
        self.changes.push(change);
        if self.changes.len() > REMEMBERED {
            let oldest = self.changes.drain(..REMEMBERED / 2).next_back();
            self.forgotten = oldest.map_or(self.forgotten, |change| change.version);
        }
    }
}

/// A JSON merge patch (RFC 7386), which is what every kind of patch means here.
pub(super) fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in patch {
        match value {
            Value::Null => drop(into.as_object_mut().and_then(|object| object.remove(key))),
            value => merge(&mut into[key.as_str()], value),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
