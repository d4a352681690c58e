//! The target group of a pod, exactly Prometheus 3's of the role `pod`.
//!
//! In: a pod, the objects it belongs to, and which of them are attached. Out: the group, which is empty where the pod
//! has no address or its attached node is not known. Phase, readiness and the ports' protocols decide nothing here:
//! that is relabelling's business.

use std::fmt::{self, Write as _};

use model::labels::{Labels, LabelsBuilder};
use model::target::ADDRESS;
use model::target_group::TargetGroup;

use super::pod::{Container, Meta, Pod, Port, Related};
use crate::config::AttachMetadata;

const PREFIX: &str = "__meta_kubernetes_";

/// The objects that a pod belongs to, as far as they are known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Relations<'a> {
    /// Its node.
    pub node: Option<&'a Related>,
    /// Its namespace.
    pub namespace: Option<&'a Related>,
    /// The replica set that controls it.
    pub replica_set: Option<&'a Related>,
    /// The job that controls it.
    pub job: Option<&'a Related>,
}

/// What the group of a pod is known by.
#[must_use]
pub fn source(pod: &Pod) -> String {
    format!("pod/{}/{}", pod.meta.namespace, pod.meta.name)
}

/// The group of `pod`.
#[must_use]
pub fn group(pod: &Pod, attach: AttachMetadata, relations: Relations<'_>) -> TargetGroup {
    let source = source(pod).into();
    if pod.ip.is_empty() || (attach.node && relations.node.is_none()) {
        return TargetGroup { source, ..TargetGroup::default() };
    }
    let targets = pod.containers.iter().enumerate();
    let targets = targets.flat_map(|(at, container)| targets_of(pod, container, at >= pod.regular)).collect();
    TargetGroup { source, labels: labels(pod, attach, relations), targets }
}

/// The labels that all targets of `pod` share.
#[must_use]
pub fn labels(pod: &Pod, attach: AttachMetadata, relations: Relations<'_>) -> Labels {
    let mut labels = Found::default();
    labels.set("namespace", &pod.meta.namespace);
    for (name, value) in [
        ("pod_name", &*pod.meta.name),
        ("pod_ip", &pod.ip),
        ("pod_ready", &pod.ready),
        ("pod_phase", &pod.phase),
        ("pod_node_name", &pod.node_name),
        ("pod_host_ip", &pod.host_ip),
        ("pod_uid", &pod.meta.uid),
    ] {
        labels.set(name, value);
    }
    labels.object("pod", &pod.meta);
    if let Some(controller) = &pod.meta.controller {
        labels.set("pod_controller_kind", &controller.kind);
        labels.set("pod_controller_name", &controller.name);
    }
    labels.workload(pod, attach, relations);
    if let Some(node) = relations.node.filter(|_| attach.node) {
        labels.set("node_name", &node.meta.name);
        labels.object("node", &node.meta);
    }
    if let Some(namespace) = relations.namespace.filter(|_| attach.namespace) {
        labels.object("namespace", &namespace.meta);
    }
    labels.finish()
}

/// One target for each port, or one without a port.
fn targets_of(pod: &Pod, container: &Container, is_init: bool) -> Vec<Labels> {
    let own = |port: Option<&Port>| {
        let mut labels = Found::default();
        labels.set("pod_container_name", &container.name);
        labels.set("pod_container_id", &container.id);
        labels.set("pod_container_image", &container.image);
        labels.set("pod_container_init", if is_init { "true" } else { "false" });
        if let Some(port) = port {
            labels.set("pod_container_port_name", &port.name);
            labels.set("pod_container_port_number", &port.number.to_string());
            labels.set("pod_container_port_protocol", &port.protocol);
        }
        let address = port.map_or_else(|| pod.ip.to_string(), |port| join(&pod.ip, port.number));
        labels.labels.set(ADDRESS, &address);
        labels.finish()
    };
    if container.ports.is_empty() {
        return vec![own(None)];
    }
    container.ports.iter().map(|port| own(Some(port))).collect()
}

/// `HOST:PORT`, an IPv6 address in brackets.
pub(super) fn join(ip: &str, port: u32) -> String {
    if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
}

/// Labels as they are found. The name is put together in one buffer.
#[derive(Default)]
struct Found {
    labels: LabelsBuilder,
    name: String,
}

impl Found {
    fn set(&mut self, name: &str, value: &str) {
        self.name.clear();
        self.name.push_str(PREFIX);
        self.name.push_str(name);
        self.labels.set(&self.name, value);
    }

    /// The labels and annotations of an object of `kind`.
    fn object(&mut self, kind: &str, meta: &Meta) {
        for (what, pairs) in [("label", &meta.labels), ("annotation", &meta.annotations)] {
            for (name, value) in pairs {
                self.pair(format_args!("{kind}_{what}_"), name, value);
                self.pair(format_args!("{kind}_{what}present_"), name, "true");
            }
        }
    }

    fn pair(&mut self, start: fmt::Arguments<'_>, name: &str, value: &str) {
        self.name.clear();
        write!(self.name, "{PREFIX}{start}").expect("a string takes all text");
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        self.name.extend(name.chars().map(plain));
        self.labels.set(&self.name, value);
    }

    /// Which deployment, job or cron job the pod belongs to.
    fn workload(&mut self, pod: &Pod, attach: AttachMetadata, relations: Relations<'_>) {
        let Some(controller) = &pod.meta.controller else { return };
        let above = |object: Option<&Related>, kind: &str| {
            let above = object.and_then(|object| object.meta.controller.as_ref());
            above.filter(|above| *above.kind == *kind).map(|above| above.name.to_string())
        };
        match &*controller.kind {
            "ReplicaSet" if attach.deployment => {
                let name = above(relations.replica_set, "Deployment").unwrap_or_default();
                self.set("pod_deployment_name", &name);
            }
            "Job" => {
                if attach.job {
                    self.set("pod_job_name", &controller.name);
                }
                let cronjob = above(relations.job, "CronJob").filter(|_| attach.cronjob);
                self.set("pod_cronjob_name", &cronjob.unwrap_or_default());
            }
            _ => {}
        }
    }

    fn finish(self) -> Labels {
        self.labels.build()
    }
}
