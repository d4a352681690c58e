//! A pod as a test describes it. No kubelet runs it: its status is what the test says.

use serde_json::{Map, Value, json};

/// A pod: where it is, what it is called, what its status says.
#[derive(Clone, Debug)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    labels: Map<String, Value>,
    annotations: Map<String, Value>,
    node: String,
    address: Option<String>,
    phase: &'static str,
    ready: bool,
    host_network: bool,
    ports: Vec<(String, u16)>,
    owner: Option<(String, String)>,
}

impl Pod {
    /// A pod that runs and is ready, on the node `node-1`, with no address and no port.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            labels: Map::new(),
            annotations: Map::new(),
            node: "node-1".to_owned(),
            address: None,
            phase: "Running",
            ready: true,
            host_network: false,
            ports: Vec::new(),
            owner: None,
        }
    }

    /// With a label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), json!(value));
        self
    }

    /// With an annotation.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), json!(value));
        self
    }

    /// On this node.
    #[must_use]
    pub fn node(mut self, node: &str) -> Self {
        node.clone_into(&mut self.node);
        self
    }

    /// With this pod address.
    #[must_use]
    pub fn address(mut self, address: impl std::fmt::Display) -> Self {
        self.address = Some(address.to_string());
        self
    }

    /// In its node's network: its address is the node's.
    #[must_use]
    pub fn host_network(mut self) -> Self {
        self.host_network = true;
        self
    }

    /// With a declared port of its container, TCP.
    #[must_use]
    pub fn port(mut self, name: &str, port: u16) -> Self {
        self.ports.push((name.to_owned(), port));
        self
    }

    /// In this phase: `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
    #[must_use]
    pub fn phase(mut self, phase: &'static str) -> Self {
        self.phase = phase;
        self
    }

    /// Ready, or not.
    #[must_use]
    pub fn ready(mut self, ready: bool) -> Self {
        self.ready = ready;
        self
    }

    /// Made by a controller of this kind (`ReplicaSet`, `DaemonSet`, ...) and name.
    #[must_use]
    pub fn owner(mut self, kind: &str, name: &str) -> Self {
        self.owner = Some((kind.to_owned(), name.to_owned()));
        self
    }

    /// Its path in the API.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/pods/{}", self.namespace, self.name)
    }

    /// The object without a status.
    #[must_use]
    pub fn object(&self) -> Value {
        let ports: Vec<Value> = self.ports.iter().map(|(name, port)| declared(name, *port)).collect();
        let owners: Vec<Value> = self.owner.iter().map(|(kind, name)| owner(kind, name)).collect();
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "namespace": self.namespace, "name": self.name,
                "labels": self.labels, "annotations": self.annotations, "ownerReferences": owners,
            },
            "spec": {
                "nodeName": self.node, "hostNetwork": self.host_network, "automountServiceAccountToken": false,
                "containers": [{"name": "main", "image": IMAGE, "ports": ports}],
            },
        })
    }

    /// The status that a kubelet would write.
    #[must_use]
    pub fn status(&self) -> Value {
        let ready = if self.ready { "True" } else { "False" };
        let mut status = json!({
            "phase": self.phase,
            "conditions": [{"type": "Ready", "status": ready}, {"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [{
                "name": "main", "ready": self.ready, "restartCount": 0, "image": IMAGE, "imageID": "",
                "containerID": format!("containerd://{}-{}", self.namespace, self.name),
                "state": {"running": {}},
            }],
        });
        if let Some(address) = &self.address {
            status["podIP"] = json!(address);
            status["podIPs"] = json!([{"ip": address}]);
        }
        status
    }
}

const IMAGE: &str = "registry.test/app:1";

fn declared(name: &str, port: u16) -> Value {
    match name {
        "" => json!({"containerPort": port}),
        name => json!({"name": name, "containerPort": port}),
    }
}

fn owner(kind: &str, name: &str) -> Value {
    let version = match kind {
        "Job" => "batch/v1",
        _ => "apps/v1",
    };
    json!({"apiVersion": version, "kind": kind, "name": name, "uid": format!("uid-of-{name}"), "controller": true})
}
