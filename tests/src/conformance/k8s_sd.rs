//! Kubernetes objects: the target group that discovery makes of each.

use coordinator::config::AttachMetadata;
use coordinator::discover::kubernetes::group::{Relations, group};
use coordinator::discover::kubernetes::pod::{Object, Pod, Related};
use coordinator::discover::kubernetes::text::Texts;
use model::labels::Labels;
use serde_json::{Value, json};

use super::{Verdict, object, text_pairs};

/// Runs a case of `k8s_sd.jsonl`.
pub(super) fn run(case: &Value) -> Verdict {
    match case["role"].as_str() {
        Some("pod") => pod(case),
        Some("service") => Verdict::Skipped { why: "role service" },
        Some("endpoints") => Verdict::Skipped { why: "role endpoints" },
        Some("endpointslice") => Verdict::Skipped { why: "role endpointslice" },
        Some("node") => Verdict::Skipped { why: "role node" },
        Some("ingress") => Verdict::Skipped { why: "role ingress" },
        _ => Verdict::malformed("a role of Kubernetes discovery"),
    }
}

fn pod(case: &Value) -> Verdict {
    let mut texts = Texts::default();
    let pod: Pod = match read(&case["object"], &mut texts) {
        Ok(pod) => pod,
        Err(error) => return Verdict::Fail { expected: case["expect"].to_string(), got: error },
    };
    let attach = &case["context"]["attach"];
    let switch = |name: &str| attach[name].as_bool().unwrap_or_default();
    let attach = AttachMetadata {
        node: switch("node"),
        namespace: switch("namespace"),
        deployment: switch("deployment"),
        job: switch("job"),
        cronjob: switch("cronjob"),
    };
    let controller = pod.meta.controller.as_ref().map_or("", |controller| &*controller.name);
    let mut find = |kind: &str, namespace: &str, name: &str| related(case, kind, namespace, name, &mut texts);
    let node = find("nodes", "", &pod.node_name);
    let namespace = find("namespaces", "", &pod.meta.namespace);
    let replica_set = find("replicasets", &pod.meta.namespace, controller);
    let job = find("jobs", &pod.meta.namespace, controller);
    let relations = Relations {
        node: node.as_ref(),
        namespace: namespace.as_ref(),
        replica_set: replica_set.as_ref(),
        job: job.as_ref(),
    };
    let group = group(&pod, attach, relations);
    let mut got: Vec<Value> = group.targets.iter().map(labels).collect();
    let expect = &case["expect"];
    let mut expected: Vec<Value> = expect["targets"].as_array().into_iter().flatten().map(filled).collect();
    for targets in [&mut got, &mut expected] {
        targets.sort_by_key(Value::to_string);
    }
    Verdict::compare(
        &json!({"source": expect["source"], "labels": filled(&expect["labels"]), "targets": expected}),
        &json!({"source": &*group.source, "labels": labels(&group.labels), "targets": got}),
    )
}

fn read<T: Object>(object: &Value, texts: &mut Texts) -> Result<T, String> {
    T::read(object.to_string().as_bytes(), texts)
}

/// The object of that kind and name among those that the case knows.
fn related(case: &Value, kind: &str, namespace: &str, name: &str, texts: &mut Texts) -> Option<Related> {
    let mut objects = case["context"][kind].as_array().into_iter().flatten();
    let is = |object: &&Value| {
        let metadata = &object["metadata"];
        metadata["name"] == name && metadata["namespace"].as_str().unwrap_or("") == namespace
    };
    read(objects.find(is)?, texts).ok()
}

fn labels(labels: &Labels) -> Value {
    object(labels.iter())
}

/// Without labels whose value is empty.
fn filled(labels: &Value) -> Value {
    object(text_pairs(labels).filter(|(_, value)| !value.is_empty()))
}
