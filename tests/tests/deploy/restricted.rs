//! Pods keep to the restricted Pod Security Standard, and to more: no writable root, bounded memory.

use serde_json::{Value, json};

use crate::manifests::{self, KUBERNETES, one};

#[test]
fn pods_keep_to_the_restricted_profile() {
    let manifests = manifests::of(KUBERNETES);
    let workloads: Vec<_> = manifests.iter().filter(|it| it.is_workload()).collect();
    assert_eq!(workloads.len(), 2);
    for workload in workloads {
        let pod = workload.at("/spec/template/spec");
        for field in
            ["hostNetwork", "hostPID", "hostIPC", "hostUsers", "initContainers", "ephemeralContainers"]
        {
            assert_eq!(pod[field], Value::Null, "{}: {field}", workload.place);
        }
        assert_eq!(pod["enableServiceLinks"], false, "{}", workload.place);
        let security = &pod["securityContext"];
        assert_eq!(security["runAsNonRoot"], true, "{}", workload.place);
        assert_eq!(
            (&security["runAsUser"], &security["runAsGroup"]),
            (&json!(65532), &json!(65532)),
            "{}",
            workload.place
        );
        assert_eq!(security["seccompProfile"], json!({"type": "RuntimeDefault"}), "{}", workload.place);
        let expected = json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        });
        assert_eq!(workload.container()["securityContext"], expected, "{}", workload.place);
        assert!(workload.container()["resources"]["limits"]["memory"].is_string(), "{}", workload.place);
        let kinds = ["name", "configMap", "secret", "emptyDir", "projected", "persistentVolumeClaim"];
        for volume in workload.list("/spec/template/spec/volumes") {
            let named = volume.as_object().expect("a volume has fields").keys();
            assert!(
                named.into_iter().all(|field| kinds.contains(&field.as_str())),
                "{}: {volume}",
                workload.place
            );
        }
    }
}

#[test]
fn the_namespace_is_held_to_the_profile() {
    let manifests = manifests::of(KUBERNETES);
    let labels = one(&manifests, "Namespace", "scrape-relay").at("/metadata/labels");
    for mode in ["enforce", "audit", "warn"] {
        assert_eq!(labels[format!("pod-security.kubernetes.io/{mode}")], "restricted", "{mode}");
    }
}
