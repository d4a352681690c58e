//! What a test does in an API server, real or scripted: namespaces, documents, nodes, pods.
//!
//! In: a kubeconfig. Requests are sent once: a test sees what the server answered.

use std::path::{Path, PathBuf};

use futures_util::{StreamExt, TryStreamExt, stream};
use http::Request;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams, TypeMeta};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, pinned_kind};
use serde_json::{Value, json};

use super::pod::Pod;

/// Requests in flight when many pods are made: more do not make an API server faster.
const AT_ONCE: usize = 16;

/// An API server as one user sees it.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    server: String,
    authority: Option<PathBuf>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Cluster {
    /// The cluster and user of a kubeconfig's current context. No request is sent.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub async fn connect(kubeconfig: &Path) -> Result<Self, String> {
        let file = Kubeconfig::read_from(kubeconfig).map_err(|error| error.to_string())?;
        let cluster = file.clusters.first().and_then(|named| named.cluster.clone()).ok_or("no cluster")?;
        let options = KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(file, &options).await;
        let mut config = config.map_err(|error| error.to_string())?;
        config.default_retry = false;
        let client = Client::try_from(config).map_err(|error| error.to_string())?;
        let server = cluster.server.ok_or("the cluster has no server")?;
        Ok(Self { client, server, authority: cluster.certificate_authority.map(Into::into) })
    }

    /// A client of the library, for what is not here.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The API server's URL.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// GET of a path that answers JSON.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn get(&self, path: &str) -> Result<Value, String> {
        self.send("GET", path, "application/json", &Value::Null).await
    }

    /// GET of a path that answers text.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn get_text(&self, path: &str) -> Result<String, String> {
        let request = Request::get(path).body(Vec::new()).map_err(|error| error.to_string())?;
        self.client.request_text(request).await.map_err(|error| format!("GET {path}: {error}"))
    }

    /// POST of an object.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.send("POST", path, "application/json", body).await
    }

    /// A JSON merge patch.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn merge(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.send("PATCH", path, "application/merge-patch+json", body).await
    }

    async fn send(&self, method: &str, path: &str, content: &str, body: &Value) -> Result<Value, String> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder().method(method).uri(path).header("Content-Type", content);
        let request = request.body(body).map_err(|error| error.to_string())?;
        self.client.request(request).await.map_err(|error| format!("{method} {path}: {error}"))
    }

    /// Makes a namespace. Nothing is in it, not even the ServiceAccount `default`.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn namespace(&self, name: &str) -> Result<(), String> {
        self.namespace_with(name, &json!({})).await
    }

    /// Like [`Self::namespace`], with labels (a JSON object).
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn namespace_with(&self, name: &str, labels: &Value) -> Result<(), String> {
        let body =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        self.post("/api/v1/namespaces", &body).await.map(drop)
    }

    /// Makes a node with an internal address.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn node(&self, name: &str, address: &str, labels: &Value) -> Result<(), String> {
        let metadata = json!({"name": name, "labels": labels});
        let body = json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata});
        self.post("/api/v1/nodes", &body).await?;
        let addresses =
            json!([{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}]);
        let status = json!({"status": {"addresses": addresses}});
        self.merge(&format!("/api/v1/nodes/{name}/status"), &status).await.map(drop)
    }

    /// Applies every YAML document of `text`, of any kind the server knows, by server-side apply. The scripted server knows none.
    ///
    /// # Errors
    /// Names the document that was refused.
    pub async fn apply(&self, text: &str) -> Result<(), String> {
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| error.to_string())?;
        for document in documents.iter().filter(|document| !document.is_null()) {
            self.apply_one(document).await?;
        }
        Ok(())
    }

    async fn apply_one(&self, document: &Value) -> Result<(), String> {
        let types: TypeMeta = serde_json::from_value(document.clone())
            .map_err(|error| format!("a document without apiVersion and kind: {error}"))?;
        let name = document["metadata"]["name"].as_str().ok_or("a document without metadata.name")?;
        let what = |error: &dyn std::fmt::Display| format!("{} {name}: {error}", types.kind);
        let kind = GroupVersionKind::try_from(&types).map_err(|error| what(&error))?;
        let (resource, capabilities) =
            pinned_kind(&self.client, &kind).await.map_err(|error| what(&error))?;
        let namespace = document["metadata"]["namespace"].as_str().unwrap_or("default");
        let api: Api<DynamicObject> = match capabilities.scope {
            Scope::Cluster => Api::all_with(self.client(), &resource),
            Scope::Namespaced => Api::namespaced_with(self.client(), namespace, &resource),
        };
        let params = PatchParams::apply("tests").force();
        api.patch(name, &params, &Patch::Apply(document)).await.map(drop).map_err(|error| what(&error))
    }

    /// Makes a pod with the status it names; gives its UID.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn create_pod(&self, pod: &Pod) -> Result<String, String> {
        let made = self.post(&format!("/api/v1/namespaces/{}/pods", pod.namespace), &pod.object()).await?;
        self.pod_status(pod, &pod.status()).await?;
        Ok(made["metadata"]["uid"].as_str().unwrap_or_default().to_owned())
    }

    /// Makes many, several at a time; gives their UIDs in the same order.
    ///
    /// # Errors
    /// What the server answered for the first that was refused.
    pub async fn create_pods(&self, pods: &[Pod]) -> Result<Vec<String>, String> {
        stream::iter(pods).map(|pod| self.create_pod(pod)).buffered(AT_ONCE).try_collect().await
    }

    /// Merges into a pod's status: `{"phase": "Failed"}`.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn pod_status(&self, pod: &Pod, status: &Value) -> Result<(), String> {
        self.merge(&format!("{}/status", pod.path()), &json!({"status": status})).await.map(drop)
    }

    /// Makes a pod ready, or not.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn set_ready(&self, pod: &Pod, ready: bool) -> Result<(), String> {
        self.pod_status(pod, &pod.clone().ready(ready).status()).await
    }

    /// Merges into a pod's labels; `null` removes one.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn set_labels(&self, pod: &Pod, labels: &Value) -> Result<(), String> {
        self.merge(&pod.path(), &json!({"metadata": {"labels": labels}})).await.map(drop)
    }

    /// Deletes a pod, which is gone at once.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn delete_pod(&self, pod: &Pod) -> Result<(), String> {
        self.delete(&pod.path()).await
    }

    /// Deletes many, several at a time.
    ///
    /// # Errors
    /// What the server answered for the first that was refused.
    pub async fn delete_pods(&self, pods: &[Pod]) -> Result<(), String> {
        stream::iter(pods).map(|pod| self.delete_pod(pod)).buffered(AT_ONCE).try_collect().await
    }

    /// Deletes an object, which is gone at once.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn delete(&self, path: &str) -> Result<(), String> {
        let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0});
        self.send("DELETE", path, "application/json", &options).await.map(drop)
    }

    /// Asks that a pod end: it stays, with a deletion timestamp, as while its kubelet lets it finish.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn terminate_pod(&self, pod: &Pod) -> Result<(), String> {
        let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 30});
        self.send("DELETE", &pod.path(), "application/json", &options).await.map(drop)
    }
}
