//! Label sets: sorted by name, unique, immutable and cheap to clone.
//!
//! A label with an empty value is the same as no label (Prometheus data model), so neither
//! [`Labels`] nor [`LabelsBuilder`] ever holds one.

use std::fmt;
use std::sync::Arc;

/// One label.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// The name, any non-empty UTF-8.
    pub name: Box<str>,
    /// The value, never empty.
    pub value: Box<str>,
}

/// An immutable label set, sorted by name; a clone is a reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[Label]>);

impl Default for Labels {
    fn default() -> Self {
        Self(Arc::from([]))
    }
}

impl Labels {
    /// The set of `pairs`. A later pair replaces an earlier one of the same name, an empty value removes it.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// The value of `name`, or the empty string where there is no such label.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        find(&self.0, name).map_or("", |at| &self.0[at].value)
    }

    /// Whether there is a label called `name`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        find(&self.0, name).is_ok()
    }

    /// The labels in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|label| (&*label.name, &*label.value))
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no label at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A builder that starts with these labels.
    #[must_use]
    pub fn to_builder(&self) -> LabelsBuilder {
        LabelsBuilder(self.0.to_vec())
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl fmt::Display for Labels {
    /// `{a="1", b="2"}`, values escaped as in the text format.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

/// A label set under construction, kept sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelsBuilder(Vec<Label>);

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:?}", self.name, self.value)
    }
}

impl LabelsBuilder {
    /// The value of `name`, or the empty string.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        find(&self.0, name).map_or("", |at| &self.0[at].value)
    }

    /// Sets `name` to `value`; an empty value removes the label.
    pub fn set(&mut self, name: &str, value: &str) {
        match (find(&self.0, name), value.is_empty()) {
            (Ok(at), true) => drop(self.0.remove(at)),
            (Ok(at), false) => self.0[at].value = value.into(),
            (Err(_), true) => {}
            (Err(at), false) => {
                let label = Label { name: name.into(), value: value.into() };
                self.0.insert(at, label);
            }
        }
    }

    /// Removes `name`.
    pub fn remove(&mut self, name: &str) {
        self.set(name, "");
    }

    /// Keeps only the labels that `keep` accepts.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        self.0.retain(|label| keep(&label.name, &label.value));
    }

    /// The labels in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|label| (&*label.name, &*label.value))
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no label at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The finished set.
    #[must_use]
    pub fn build(self) -> Labels {
        Labels(self.0.into())
    }
}

fn find(labels: &[Label], name: &str) -> Result<usize, usize> {
    labels.binary_search_by(|label| (*label.name).cmp(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_sorted_unique_and_without_empty_values() {
        let labels = Labels::from_pairs([("b", "1"), ("a", "2"), ("b", "3"), ("c", ""), ("a", "")]);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("b", "3")]);
    }
}
