//! Target groups: what discovery finds.

use crate::labels::Labels;

/// Targets that share labels and were found together. A later group with the same source replaces this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetGroup {
    /// What the group is known by within its discovery.
    pub source: Box<str>,
    /// The labels of every target that has none of that name itself.
    pub labels: Labels,
    /// Each target's own labels, `__address__` among them.
    pub targets: Vec<Labels>,
}

impl TargetGroup {
    /// A group of labels as they were found, empty ones included: a target's own empty label keeps the group's
    /// label of that name off it.
    pub fn from_found<T, L, N, V>(source: impl Into<Box<str>>, labels: &[(N, V)], targets: T) -> Self
    where
        T: IntoIterator<Item = L>,
        L: AsRef<[(N, V)]>,
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let targets: Vec<L> = targets.into_iter().collect();
        let shared = Labels::from_pairs(labels.iter().map(|(name, value)| (name, value)));
        // Labels that some target masks go to the other targets one by one.
        let masked = |name: &str| {
            let mut own = targets.iter().flat_map(|target| target.as_ref());
            own.any(|(own, value)| own.as_ref() == name && value.as_ref().is_empty())
        };
        let (masked, shared): (Vec<_>, Vec<_>) = shared.iter().partition(|(name, _)| masked(name));
        let targets = targets.iter().map(|target| {
            let own = target.as_ref().iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
            Labels::from_pairs(masked.iter().copied().chain(own))
        });
        Self { source: source.into(), targets: targets.collect(), labels: Labels::from_pairs(shared) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_label_of_a_target_masks_the_groups() {
        let targets = [vec![("__address__", "a:1"), ("x", "")], vec![("__address__", "b:1")]];
        let group = TargetGroup::from_found("0", &[("x", "1"), ("y", "2")], targets);
        assert_eq!(group.labels, Labels::from_pairs([("y", "2")]));
        assert_eq!(group.targets[0], Labels::from_pairs([("__address__", "a:1")]));
        assert_eq!(group.targets[1], Labels::from_pairs([("__address__", "b:1"), ("x", "1")]));
    }
}
