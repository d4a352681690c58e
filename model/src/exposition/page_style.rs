//! What a page says of its targets, and by which labels it tells them apart.
//!
//! Plain values, fixed when a relay starts. Shapes are built for one style, and pages are planned in one.

use crate::labels::Labels;

use super::transform::{OWN_PREFIX, RESERVED_SERIES};

/// The style of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageStyle {
    /// The labels that tell targets apart. Where a sample has none of such a name, it is written with an empty value,
    /// else whoever scrapes the page attaches its own.
    pub identity: &'static [&'static str],
    /// Whether these are all that a sample gets from its target, and stand first on it, in this order.
    pub only_identity: bool,
    /// The names of the series that the relay writes for every target.
    pub series: &'static [&'static str],
    /// The beginning of names that only the relay may use.
    pub prefix: Option<&'static str>,
}

impl PageStyle {
    /// Every label of a target on each of its samples, and what Prometheus writes for a target that it scrapes.
    pub const PROMETHEUS: Self = Self {
        identity: &["job", "instance"],
        only_identity: false,
        series: &RESERVED_SERIES,
        prefix: Some(OWN_PREFIX),
    };

    /// The name and the namespace of its pod on each sample, and `up`; nothing else.
    pub const PODS: Self = Self {
        identity: &["k8s_pod_name", "k8s_namespace"],
        only_identity: true,
        series: &["up"],
        prefix: None,
    };

    /// What of a target's labels stands on its samples.
    #[must_use]
    pub fn labels(&self, labels: &Labels) -> Labels {
        if !self.only_identity {
            return labels.clone();
        }
        Labels::from_pairs(self.identity.iter().map(|name| (*name, labels.get(name))))
    }

    /// Where a label stands among those of its target: labels are written by this, then by name.
    #[must_use]
    pub fn rank(&self, name: &str) -> usize {
        let before = if self.only_identity { self.identity } else { &[] };
        before.iter().position(|first| *first == name).unwrap_or(before.len())
    }

    /// Whether the relay writes a family of this name itself.
    #[must_use]
    pub fn writes(&self, name: &str) -> bool {
        self.series.contains(&name) || self.keeps(name)
    }

    /// Whether no target may use the name, whatever the labels.
    #[must_use]
    pub fn keeps(&self, name: &str) -> bool {
        self.prefix.is_some_and(|prefix| name.starts_with(prefix))
    }
}

impl Default for PageStyle {
    fn default() -> Self {
        Self::PROMETHEUS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_pods_has_two_labels_of_each_target_and_one_series() {
        let found = Labels::from_pairs([("job", "j"), ("k8s_namespace", "n"), ("k8s_pod_name", "p")]);
        assert_eq!(PageStyle::PROMETHEUS.labels(&found), found);
        let pods = PageStyle::PODS;
        let shown = pods.labels(&found);
        let mut names: Vec<&str> = shown.iter().map(|(name, _)| name).collect();
        names.sort_by_key(|name| pods.rank(name));
        assert_eq!(names, ["k8s_pod_name", "k8s_namespace"]);
        for (name, prometheus, here) in
            [("up", true, true), ("scrape_series_added", true, false), ("scraperelay_x", true, false)]
        {
            assert_eq!((PageStyle::PROMETHEUS.writes(name), pods.writes(name)), (prometheus, here), "{name}");
        }
    }
}
