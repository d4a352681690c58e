//! What the watches know of one pod.
//!
//! In: a discovery and a pod's name. Out: the pod as each watch of that discovery knows it.

use super::access::Access;
use super::objects::join;
use super::pod_group::PodGroup;
use super::pods::{node_selection, rules, until};
use super::request::{Kind, Selection};
use super::watches::{Seen, Watches};
use crate::config::{KubernetesDiscovery, Role};

/// A pod that a watch knows.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The watch.
    pub watch: Seen,
    /// The pod with what the discovery makes of it.
    pub group: PodGroup,
}

impl Watches {
    /// The pod of that name in every watch of `discovery`.
    #[must_use]
    pub fn sightings(&self, discovery: &KubernetesDiscovery, namespace: &str, name: &str) -> Vec<Sighting> {
        let access = Access::of(discovery);
        let key = join(Kind::Pod.word(), namespace, name);
        let rules = rules(discovery);
        let nodes = node_selection(discovery);
        let found = self.pods_called(&access, &key).into_iter();
        let found = found.filter(|(watch, _)| is_of(discovery, &watch.selection));
        let sighting = |(watch, pod): (Seen, std::sync::Arc<super::pod::Pod>)| {
            let ends = pod.meta.deleted_at.filter(|_| rules.annotations.is_some());
            let past_grace = ends.is_some_and(|at| until(at).is_zero());
            let node = nodes.as_ref().and_then(|nodes| self.node(&access, nodes, &pod.node_name));
            Sighting { watch, group: PodGroup { key: (&*key).into(), pod, node, past_grace, rules } }
        };
        found.map(sighting).collect()
    }
}

/// Whether `discovery` asked for the watch of `selection`.
fn is_of(discovery: &KubernetesDiscovery, selection: &Selection) -> bool {
    let selector = discovery.selectors.iter().find(|selector| selector.role == Role::Pod);
    let wanted = selector.map_or(("", ""), |selector| (&selector.label, &selector.field));
    let names = &discovery.namespaces;
    let place = match &selection.namespace {
        None => names.names.is_empty() && !names.own_namespace,
        Some(namespace) => names.own_namespace || names.names.contains(namespace),
    };
    place && wanted == (&*selection.label, &*selection.field)
}
