//! Every manifest reads as its kind, and nothing of it is lost in reading: a field that the API server does not know
//! would be dropped or refused.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::manifests::{self, KUBERNETES, Manifest, OPTIONAL, PROXY};
use crate::prometheus::PodMonitor;

#[test]
fn every_manifest_has_only_fields_of_its_kind() {
    let mut wrong = Vec::new();
    let mut kinds = 0;
    for manifest in [KUBERNETES, OPTIONAL, PROXY].into_iter().flat_map(manifests::of) {
        kinds += 1;
        wrong.extend(lost(&manifest).into_iter().map(|lost| format!("{}: {lost}", manifest.place)));
    }
    assert!(kinds >= 20, "{kinds}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_misspelt_field_is_found() {
    let value = serde_json::json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
        "spec": {"clusterIP": "None", "publishNotReadyAdresses": true, "ports": [{"port": 1, "targetport": "x"}]},
    });
    let found = lost(&Manifest { place: "here".to_owned(), value });
    assert_eq!(found, ["/spec/ports/0/targetport", "/spec/publishNotReadyAdresses"]);
}

fn lost(manifest: &Manifest) -> Vec<String> {
    let value = &manifest.value;
    let kept = match (manifest.text("/apiVersion"), manifest.kind()) {
        ("v1", "Namespace") => kept::<Namespace>(value),
        ("v1", "ServiceAccount") => kept::<ServiceAccount>(value),
        ("v1", "Service") => kept::<Service>(value),
        ("v1", "ConfigMap") => kept::<ConfigMap>(value),
        ("apps/v1", "Deployment") => kept::<Deployment>(value),
        ("apps/v1", "StatefulSet") => kept::<StatefulSet>(value),
        ("policy/v1", "PodDisruptionBudget") => kept::<PodDisruptionBudget>(value),
        ("networking.k8s.io/v1", "NetworkPolicy") => kept::<NetworkPolicy>(value),
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => kept::<ClusterRole>(value),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding") => kept::<ClusterRoleBinding>(value),
        ("monitoring.coreos.com/v1", "PodMonitor") => kept::<PodMonitor>(value),
        (version, kind) => Err(format!("{version} {kind} is not known here")),
    };
    match kept {
        Ok(kept) => {
            let mut lost = Vec::new();
            differences(value, &kept, "", &mut lost);
            lost.sort();
            lost
        }
        Err(error) => vec![error],
    }
}

/// The object as its type has it.
fn kept<T: DeserializeOwned + Serialize>(value: &Value) -> Result<Value, String> {
    let read: T = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
    serde_json::to_value(read).map_err(|error| error.to_string())
}

/// Where `written` says something that `kept` does not.
fn differences(written: &Value, kept: &Value, at: &str, found: &mut Vec<String>) {
    match (written, kept) {
        (Value::Object(written), Value::Object(kept)) => {
            for (name, value) in written {
                let at = format!("{at}/{name}");
                match kept.get(name) {
                    Some(kept) => differences(value, kept, &at, found),
                    None => found.push(at),
                }
            }
        }
        (Value::Array(written), Value::Array(kept)) if written.len() == kept.len() => {
            for (index, (written, kept)) in written.iter().zip(kept).enumerate() {
                differences(written, kept, &format!("{at}/{index}"), found);
            }
        }
        _ if written == kept => {}
        _ => found.push(at.to_owned()),
    }
}
