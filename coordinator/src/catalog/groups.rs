//! The groups of one discovery by what they are known by.
//!
//! In: what a discovery found, whole or change by change. Out: the groups in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::discover::Group;

/// What a group is known by within its discovery.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GroupKey {
    /// Its place in a read that is always whole.
    At(usize),
    /// Its source, which no other group has.
    Source(Arc<str>),
}

/// The groups of one discovery.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Groups(pub(super) BTreeMap<GroupKey, Group>);

impl From<Vec<Group>> for Groups {
    fn from(groups: Vec<Group>) -> Self {
        let key = |(at, group): (usize, &Group)| match group {
            Group::Whole(_) => GroupKey::At(at),
            Group::Pod(pod) => GroupKey::Source(Arc::clone(&pod.key)),
        };
        Self(groups.into_iter().enumerate().map(|(at, group)| (key((at, &group)), group)).collect())
    }
}

impl Groups {
    /// Whether both reads say the same of what there is. Pods change all the time: who is there is what counts.
    pub(super) fn agree(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|((key, group), (other_key, other))| {
                let is_pod = matches!((group, other), (Group::Pod(_), Group::Pod(_)));
                key == other_key && (is_pod || group == other)
            })
    }

    /// Takes what a group is now.
    pub(super) fn change(&mut self, source: &Arc<str>, group: Option<&Group>) {
        let key = GroupKey::Source(Arc::clone(source));
        match group {
            Some(group) => drop(self.0.insert(key, group.clone())),
            None => drop(self.0.remove(&key)),
        }
    }
}
