//! What a real API server makes of the manifests: it takes every field, its Pod Security admission takes the pods, and
//! its authorizer gives the accounts what they need and no more.

use integration::kubernetes::api_server::ApiServer;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams, TypeMeta};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, pinned_kind};
use serde_json::{Value, json};

use crate::manifests::{self, KUBERNETES, Manifest, OPTIONAL, PROXY};

const NAMESPACE: &str = "scrape-relay";

#[tokio::test(flavor = "multi_thread")]
async fn a_real_api_server_takes_all_of_it() {
    let _alone = crate::alone().await;
    let Some(server) = ApiServer::start().await else { return };
    let client = server.cluster().client();
    let ours =
        manifests::of(KUBERNETES).into_iter().chain(manifests::of(OPTIONAL)).chain(manifests::of(PROXY));
    let rest = apply_all(&client, ours).await;
    let mut wrong = rest[0].value.clone();
    wrong["metadata"]["nmae"] = json!("x");
    assert!(apply(&client, &wrong).await.unwrap_err().contains("nmae"));

    for workload in rest.iter().filter(|it| it.is_workload() && it.at("/metadata/namespace").is_null()) {
        let pod = pod(workload);
        apply(&client, &pod).await.unwrap_or_else(|error| panic!("a pod of {}: {error}", workload.place));
        let mut open = pod;
        open["metadata"]["name"] = json!("open");
        open["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        let refused = apply(&client, &open).await.unwrap_err();
        assert!(refused.contains("violates PodSecurity"), "{refused}");
    }
    rights(&client).await;
}

/// Applies what has a kind that the server knows, namespaces first; gives the others of them.
pub(crate) async fn apply_all(client: &Client, all: impl IntoIterator<Item = Manifest>) -> Vec<Manifest> {
    let known = all.into_iter().filter(|it| it.kind() != "PodMonitor");
    let (first, rest): (Vec<_>, Vec<_>) = known.partition(|it| it.kind() == "Namespace");
    for manifest in first.iter().chain(&rest) {
        apply(client, &manifest.value).await.unwrap_or_else(|error| panic!("{}: {error}", manifest.place));
    }
    rest
}

/// A pod as the workload would make it, but for its volume claim.
fn pod(workload: &Manifest) -> Value {
    let template = workload.at("/spec/template");
    let mut spec = template["spec"].clone();
    for claim in workload.list("/spec/volumeClaimTemplates") {
        spec["volumes"] = json!([{"name": claim["metadata"]["name"], "emptyDir": {}}]);
    }
    let metadata = json!({"name": workload.name(), "labels": template["metadata"]["labels"]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

async fn rights(client: &Client) {
    let coordinator = "system:serviceaccount:scrape-relay:scrape-relay-coordinator";
    let relay = "system:serviceaccount:scrape-relay:scrape-relay-relay";
    let proxy = "system:serviceaccount:default:metrics-k8s-proxy";
    for (user, verb, resource, expected) in [
        (coordinator, "list", "pods", true),
        (coordinator, "watch", "pods", true),
        (coordinator, "watch", "nodes", true),
        (coordinator, "delete", "pods", false),
        (coordinator, "get", "secrets", false),
        (coordinator, "list", "services", false),
        (relay, "list", "pods", false),
        (proxy, "watch", "pods", true),
        (proxy, "watch", "nodes", false),
    ] {
        let asked = ResourceAttributes {
            verb: Some(verb.to_owned()),
            resource: Some(resource.to_owned()),
            ..ResourceAttributes::default()
        };
        let spec = SubjectAccessReviewSpec {
            user: Some(user.to_owned()),
            resource_attributes: Some(asked),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let answer = Api::all(client.clone()).create(&PostParams::default(), &review).await;
        let allowed = answer.expect("a review is answered").status.is_some_and(|status| status.allowed);
        assert_eq!(allowed, expected, "{user} {verb} {resource}");
    }
}

/// Server-side apply that refuses unknown fields; what names no namespace goes where kustomize would put it.
async fn apply(client: &Client, object: &Value) -> Result<(), String> {
    let types: TypeMeta = serde_json::from_value(object.clone()).map_err(|error| error.to_string())?;
    let kind = GroupVersionKind::try_from(&types).map_err(|error| error.to_string())?;
    let (resource, capabilities) = pinned_kind(client, &kind).await.map_err(|error| error.to_string())?;
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or(NAMESPACE);
    let api: Api<DynamicObject> = match capabilities.scope {
        Scope::Cluster => Api::all_with(client.clone(), &resource),
        Scope::Namespaced => Api::namespaced_with(client.clone(), namespace, &resource),
    };
    let name = object["metadata"]["name"].as_str().ok_or("no name")?;
    let params =
        PatchParams { field_manager: Some("tests".to_owned()), force: true, ..PatchParams::default() };
    let applied = api.patch(name, &params.validation_strict(), &Patch::Apply(object)).await;
    applied.map(drop).map_err(|error| error.to_string())
}
