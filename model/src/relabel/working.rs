//! The label set that rules are working on.
//!
//! It is the shared [`LabelsBuilder`] plus what only `labelmap` needs: which labels have been set since the start,
//! in that order. Prometheus 3 visits the untouched labels first, by name, and then these; where two labels map
//! to one name, the last visited wins.

use crate::labels::LabelsBuilder;

/// A label set with a memory of what was set.
#[derive(Debug)]
pub(crate) struct Working<'l> {
    labels: &'l mut LabelsBuilder,
    /// The names that were set, the earliest first; each at most once.
    set: Vec<Box<str>>,
}

impl<'l> Working<'l> {
    /// Begins with `labels`, none of them set so far.
    pub(crate) fn new(labels: &'l mut LabelsBuilder) -> Self {
        Self { labels, set: Vec::new() }
    }

    /// The value of `name`, or the empty string.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.labels.get(name)
    }

    /// The labels as they are.
    pub(crate) fn labels(&self) -> &LabelsBuilder {
        self.labels
    }

    /// Sets `name`; an empty value removes it.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let known = self.set.iter().position(|earlier| **earlier == *name);
        match (known, value.is_empty()) {
            (Some(at), true) => drop(self.set.remove(at)),
            (None, false) => self.set.push(name.into()),
            (Some(_), false) | (None, true) => {}
        }
        self.labels.set(name, value);
    }

    /// Keeps only the labels whose name `keep` accepts.
    pub(crate) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.set.retain(|name| keep(name));
        self.labels.retain(|name, _| keep(name));
    }

    /// The labels in the order in which Prometheus visits them.
    pub(crate) fn visit(&self) -> impl Iterator<Item = (&str, &str)> {
        let untouched = self.labels.iter().filter(|(name, _)| !self.set.iter().any(|set| **set == **name));
        untouched.chain(self.set.iter().map(|name| (&**name, self.labels.get(name))))
    }
}
