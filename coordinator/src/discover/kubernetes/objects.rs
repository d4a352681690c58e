//! The objects of one watch.
//!
//! In: lists and events as JSON. Out: what is there now, and which keys changed. A list replaces what was known only
//! when it is complete. An object that cannot be read costs only itself: what was known of it stays. One that has not
//! changed keeps its memory, so that a list does not hold two copies of a cluster.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use super::pod::{Meta, Object};
use super::text::Texts;

/// The key of an object: `KIND/NAMESPACE/NAME`, or `KIND/NAME` where it belongs to no namespace.
pub type Key = Arc<str>;

/// What is known of one watch's objects.
#[derive(Debug)]
pub(super) struct Objects<T> {
    kind: &'static str,
    known: HashMap<Key, Arc<T>>,
    texts: Texts,
}

/// A list that has not been read to its end.
#[derive(Debug)]
pub(super) struct Listed<T> {
    objects: HashMap<Key, Arc<T>>,
}

/// An object that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// Its key, or empty where not even that can be read.
    pub(super) key: String,
    /// Why.
    pub(super) error: String,
}

#[derive(Deserialize)]
struct Named {
    metadata: NamedMeta,
}

#[derive(Deserialize)]
struct NamedMeta {
    name: String,
    #[serde(default)]
    namespace: String,
}

impl<T: Object> Objects<T> {
    pub(super) fn new(kind: &'static str) -> Self {
        Self { kind, known: HashMap::new(), texts: Texts::default() }
    }

    /// What is there.
    pub(super) fn known(&self) -> &HashMap<Key, Arc<T>> {
        &self.known
    }

    /// An empty list.
    pub(super) fn list(&self) -> Listed<T> {
        Listed { objects: HashMap::with_capacity(self.known.len()) }
    }

    /// Adds an object to a list.
    ///
    /// # Errors
    /// It cannot be read; where it was known, it goes into the list as it was.
    pub(super) fn add(&mut self, list: &mut Listed<T>, json: &[u8]) -> Result<(), Unreadable> {
        let (key, object) = match self.read(json) {
            Ok(read) => read,
            Err(unreadable) => {
                if let Some((key, known)) = self.known.get_key_value(&*unreadable.key) {
                    list.objects.insert(Arc::clone(key), Arc::clone(known));
                }
                return Err(unreadable);
            }
        };
        match self.known.get_key_value(&*key) {
            Some((key, known)) if **known == object => {
                list.objects.insert(Arc::clone(key), Arc::clone(known))
            }
            Some((key, _)) => list.objects.insert(Arc::clone(key), Arc::new(object)),
            None => list.objects.insert(key.into(), Arc::new(object)),
        };
        Ok(())
    }

    /// Takes a complete list for what is there.
    pub(super) fn replace(&mut self, list: Listed<T>) {
        self.known = list.objects;
        self.texts.sweep();
    }

    /// Takes an object that is new or changed; its key, unless nothing of interest changed.
    ///
    /// # Errors
    /// It cannot be read: what was known of it stays.
    pub(super) fn apply(&mut self, json: &[u8]) -> Result<Option<Key>, Unreadable> {
        let (key, object) = self.read(json)?;
        if self.known.get(&*key).is_some_and(|known| **known == object) {
            return Ok(None);
        }
        let key = self.known.get_key_value(&*key).map_or_else(|| key.into(), |(key, _)| Arc::clone(key));
        self.known.insert(Arc::clone(&key), Arc::new(object));
        Ok(Some(key))
    }

    /// Forgets an object; its key, if it was known.
    ///
    /// # Errors
    /// Not even its name can be read.
    pub(super) fn delete(&mut self, json: &[u8]) -> Result<Option<Key>, Unreadable> {
        let key = self.name(json).map_err(|error| Unreadable { key: String::new(), error })?;
        Ok(self.known.remove_entry(&*key).map(|(key, _)| key))
    }

    fn read(&mut self, json: &[u8]) -> Result<(String, T), Unreadable> {
        match T::read(json, &mut self.texts) {
            Ok(object) => Ok((key(self.kind, object.meta()), object)),
            Err(error) => Err(Unreadable { key: self.name(json).unwrap_or_default(), error }),
        }
    }

    fn name(&self, json: &[u8]) -> Result<String, String> {
        let named: Named = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        Ok(join(self.kind, &named.metadata.namespace, &named.metadata.name))
    }
}

fn key(kind: &str, meta: &Meta) -> String {
    join(kind, &meta.namespace, &meta.name)
}

/// See [`Key`].
pub(super) fn join(kind: &str, namespace: &str, name: &str) -> String {
    if namespace.is_empty() { format!("{kind}/{name}") } else { format!("{kind}/{namespace}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::super::pod::Pod;
    use super::*;

    fn pod(name: &str, ip: &str) -> Vec<u8> {
        format!(r#"{{"metadata":{{"name":"{name}","namespace":"n","resourceVersion":"{ip}"}},"status":{{"podIP":"{ip}"}}}}"#)
            .into_bytes()
    }

    fn list(objects: &mut Objects<Pod>, pods: &[Vec<u8>]) -> Vec<Unreadable> {
        let mut list = objects.list();
        let wrong = pods.iter().filter_map(|json| objects.add(&mut list, json).err()).collect();
        objects.replace(list);
        wrong
    }

    fn ip(objects: &Objects<Pod>, key: &str) -> Option<String> {
        objects.known().get(key).map(|pod| pod.ip.to_string())
    }

    #[test]
    fn a_list_replaces_and_keeps_the_memory_of_what_did_not_change() {
        let mut objects = Objects::new("pod");
        list(&mut objects, &[pod("a", "1"), pod("b", "2"), pod("c", "3")]);
        let before = Arc::clone(&objects.known()["pod/n/a"]);
        list(&mut objects, &[pod("a", "1"), pod("b", "9")]);
        assert!(Arc::ptr_eq(&before, &objects.known()["pod/n/a"]));
        assert_eq!(ip(&objects, "pod/n/b").as_deref(), Some("9"));
        assert_eq!(objects.known().len(), 2);
    }

    #[test]
    fn events_tell_what_changed() {
        let mut objects = Objects::<Pod>::new("pod");
        let key = Some(Arc::from("pod/n/a"));
        assert_eq!(objects.apply(&pod("a", "1")), Ok(key.clone()));
        assert_eq!(objects.apply(&pod("a", "1")), Ok(None));
        assert_eq!(objects.apply(&pod("a", "2")), Ok(key.clone()));
        assert_eq!(objects.delete(&pod("a", "")), Ok(key));
        assert_eq!(objects.delete(&pod("a", "")), Ok(None));
    }

    #[test]
    fn what_cannot_be_read_costs_only_itself_and_stays_as_it_was() {
        let mut objects = Objects::new("pod");
        list(&mut objects, &[pod("a", "1"), pod("b", "2")]);
        let bad = br#"{"metadata":{"name":"a","namespace":"n"},"spec":{"containers":"?"}}"#.to_vec();
        let wrong = list(&mut objects, &[bad.clone(), pod("b", "3"), b"{}".to_vec()]);
        assert_eq!(wrong.iter().map(|wrong| &*wrong.key).collect::<Vec<_>>(), ["pod/n/a", ""]);
        assert_eq!(ip(&objects, "pod/n/a").as_deref(), Some("1"));
        assert_eq!(ip(&objects, "pod/n/b").as_deref(), Some("3"));
        assert_eq!(objects.apply(&bad).expect_err("unreadable").key, "pod/n/a");
        assert_eq!(ip(&objects, "pod/n/a").as_deref(), Some("1"));
    }
}
