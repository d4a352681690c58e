//! A pod as a group of targets that are worked out when they are needed.
//!
//! In: a pod, its node, the rules of the discovery. Out: its target group, its one annotated target, or why it has
//! none. Label sets are large and most pods are no targets, so what is kept is the pod.

use std::net::IpAddr;
use std::sync::Arc;

use model::job::Job;
use model::labels::Labels;
use model::target::{Resolved, Target, TargetError, resolve};
use model::target_group::TargetGroup;

use super::annotations::{Refusal, Wish, wish};
use super::group::{self, Relations, group};
use super::objects::Key;
use super::pod::{Pod, Related};
use crate::config::{AnnotationRules, AttachMetadata};

/// How a discovery makes targets of pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// What is attached.
    pub attach: AttachMetadata,
    /// Whether annotations decide.
    pub annotations: Option<AnnotationRules>,
}

/// A pod and what its targets are made of. A clone is a few reference counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodGroup {
    /// What it is known by: the source of its group.
    pub key: Key,
    /// The pod.
    pub pod: Arc<Pod>,
    /// Its node, where it is attached and known.
    pub node: Option<Arc<Related>>,
    /// Whether it should have been gone by now.
    pub past_grace: bool,
    /// The discovery's rules.
    pub rules: Rules,
}

/// What a pod is made into.
#[derive(Clone, Debug, PartialEq)]
pub enum Made {
    /// A group, perhaps without targets.
    Group(TargetGroup),
    /// Nothing; a sentence why.
    Nothing(&'static str),
    /// Its annotations ask for what is refused.
    Refused(Labels, Refusal),
}

impl PodGroup {
    /// What the pod is made into.
    #[must_use]
    pub fn made(&self) -> Made {
        let Some(annotations) = self.rules.annotations else {
            return match (&*self.pod.ip, self.rules.attach.node && self.node.is_none()) {
                ("", _) => Made::Nothing("it has no address yet"),
                (_, true) => Made::Nothing("its node is not known, or not selected"),
                _ => Made::Group(group(&self.pod, self.rules.attach, self.relations())),
            };
        };
        match wish(&self.pod, annotations, self.past_grace) {
            Wish::Nothing(why) => Made::Nothing(why),
            Wish::Refused(refusal) => Made::Refused(self.labels(), refusal),
            Wish::Target(_) if self.rules.attach.node && self.node.is_none() => {
                Made::Nothing("its node is not known, or not selected")
            }
            Wish::Target(target) => Made::Group(TargetGroup {
                source: (*self.key).into(),
                labels: self.labels(),
                targets: vec![target],
            }),
        }
    }

    /// The labels that its targets share.
    #[must_use]
    pub fn labels(&self) -> Labels {
        group::labels(&self.pod, self.rules.attach, self.relations())
    }

    /// What becomes of its targets in `job`.
    #[must_use]
    pub fn resolve(&self, job: &Job) -> Vec<Resolved> {
        match self.made() {
            Made::Group(group) => {
                resolve(job, &group).into_iter().map(|resolved| self.checked(resolved)).collect()
            }
            Made::Nothing(_) => Vec::new(),
            Made::Refused(discovered, refusal) => vec![failed(discovered, refusal)],
        }
    }

    /// The labels before relabelling of its target number `at` in `job`.
    #[must_use]
    pub fn discovered(&self, job: &Job, at: usize) -> Labels {
        match self.made() {
            Made::Group(group) => model::target::discovered_labels(job, &group, at).unwrap_or_default(),
            Made::Nothing(_) | Made::Refused(..) => self.labels(),
        }
    }

    /// An annotated pod is scraped at its own address, whatever relabelling made of what it says of itself.
    fn checked(&self, resolved: Resolved) -> Resolved {
        match resolved {
            Resolved::Target { target, discovered, .. }
                if self.rules.annotations.is_some() && !self.is_own(&target) =>
            {
                let sentence = format!("its URL {} does not lead to the pod's own address", target.url);
                failed(discovered, Refusal { word: "address", sentence })
            }
            other => other,
        }
    }

    fn is_own(&self, target: &Target) -> bool {
        let url = url::Url::parse(&target.url);
        let host = url.ok().and_then(|url| url.host().map(|host| host.to_owned()));
        let ip = match host {
            Some(url::Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(url::Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            _ => None,
        };
        ip.is_some() && ip == self.pod.ip.parse().ok()
    }

    fn relations(&self) -> Relations<'_> {
        Relations { node: self.node.as_deref(), ..Relations::default() }
    }
}

fn failed(discovered: Labels, Refusal { word, sentence }: Refusal) -> Resolved {
    Resolved::Failed { discovered, error: TargetError::Refused { word, sentence: sentence.into() } }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::relabel::Rule;

    use super::*;
    use crate::config;
    use crate::discover::kubernetes::pod::Object as _;
    use crate::discover::kubernetes::text::Texts;

    fn annotated() -> PodGroup {
        let json = br#"{"metadata":{"name":"p","namespace":"n","uid":"u","labels":{"to":"10.9.9.9:1"},
            "annotations":{"prometheus.io/scrape":"true","prometheus.io/port":"1"}},"status":{"podIP":"10.0.0.1"}}"#;
        let pod = Arc::new(Pod::read(json, &mut Texts::default()).expect("a pod"));
        let rules = Rules { annotations: Some(AnnotationRules::default()), ..Rules::default() };
        PodGroup { key: "pod/n/p".into(), pod, node: None, past_grace: false, rules }
    }

    fn job(rules: &str) -> Job {
        let rules: Vec<Rule> =
            config::relabel_rules_from_yaml(rules, model::names::ValidationScheme::Utf8).expect("good rules");
        Job { relabel: rules.into(), params: BTreeMap::new(), ..Job::new("j") }
    }

    #[test]
    fn an_annotated_pod_is_one_target_with_the_pods_labels() {
        let resolved = annotated().resolve(&job("[]"));
        let [Resolved::Target { target, discovered, .. }] = &*resolved else { panic!("{resolved:?}") };
        assert_eq!(&*target.url, "http://10.0.0.1:1/metrics");
        assert_eq!(discovered.get("__meta_kubernetes_pod_uid"), "u");
        assert_eq!(annotated().discovered(&job("[]"), 0), *discovered);
    }

    #[test]
    fn relabelling_by_what_a_pod_says_leads_nowhere_else() {
        let rule = "[{source_labels: [__meta_kubernetes_pod_label_to], target_label: __address__}]";
        let resolved = annotated().resolve(&job(rule));
        let [Resolved::Failed { error, .. }] = &*resolved else { panic!("{resolved:?}") };
        assert_eq!(error.kind(), "address");
    }

    #[test]
    fn a_refused_pod_that_is_shown_leads_nowhere_and_says_why() {
        let mut group = annotated();
        let mut pod = (*group.pod).clone();
        pod.meta.annotations = pod
            .meta
            .annotations
            .iter()
            .map(|(name, value)| match &**name {
                "prometheus.io/port" => (name.clone(), "http".into()),
                _ => (name.clone(), value.clone()),
            })
            .collect();
        group.pod = Arc::new(pod);
        assert!(matches!(&*group.resolve(&job("[]")), [Resolved::Failed { .. }]));
        group.rules.annotations =
            Some(AnnotationRules { refused_are_down: true, ..AnnotationRules::default() });
        let resolved = group.resolve(&job("[]"));
        let [Resolved::Target { target, .. }] = &*resolved else { panic!("{resolved:?}") };
        assert_eq!(&*target.url, "http://10.0.0.1:0/metrics");
        let said = group.discovered(&job("[]"), 0);
        assert!(
            said.get("__meta_scraperelay_refused").contains("prometheus.io/port is \"http\""),
            "{said:?}"
        );
    }

    #[test]
    fn a_pod_on_an_unknown_node_is_left_out() {
        let mut group = annotated();
        group.rules.attach.node = true;
        assert!(matches!(group.made(), Made::Nothing(_)));
        group.rules.annotations = None;
        assert!(matches!(group.made(), Made::Nothing(_)));
    }
}
