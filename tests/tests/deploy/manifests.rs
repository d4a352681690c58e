//! Manifests as values, and the questions that tests ask of them.

use serde_json::Value;

use crate::files;

/// The directories with manifests of our own installation.
pub(crate) const KUBERNETES: &str = "deploy/kubernetes";
/// What goes along with it on demand.
pub(crate) const OPTIONAL: &str = "deploy/kubernetes/optional";
/// The other program's deployment.
pub(crate) const PROXY: &str = "deploy/metrics-k8s-proxy";

/// One object of a file.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The file and the object, for messages.
    pub(crate) place: String,
    pub(crate) value: Value,
}

/// All objects of all files of a directory but those that only kustomize reads.
pub(crate) fn of(directory: &str) -> Vec<Manifest> {
    let names = files::names(directory).into_iter().filter(|name| name != "kustomization.yaml");
    names.flat_map(|name| file(&format!("{directory}/{name}"))).collect()
}

/// All objects of one file.
pub(crate) fn file(path: &str) -> Vec<Manifest> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&files::read(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(!documents.is_empty(), "{path} has no object");
    let manifest = |value: Value| {
        let named = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or("?").to_owned();
        Manifest { place: format!("{path}: {} {}", named("/kind"), named("/metadata/name")), value }
    };
    documents.into_iter().map(manifest).collect()
}

/// The one object of that kind whose name ends so.
pub(crate) fn one<'m>(manifests: &'m [Manifest], kind: &str, name: &str) -> &'m Manifest {
    let mut found = manifests.iter().filter(|it| it.kind() == kind && it.name() == name);
    let first = found.next().unwrap_or_else(|| panic!("there is no {kind} {name}"));
    assert!(found.next().is_none(), "there are two {kind} {name}");
    first
}

impl Manifest {
    pub(crate) fn kind(&self) -> &str {
        self.text("/kind")
    }

    pub(crate) fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// What stands at a JSON pointer; null where nothing does.
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.value.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// The text there; it must be one.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_else(|| panic!("{}: no text at {pointer}", self.place))
    }

    /// The list there; empty where nothing stands.
    pub(crate) fn list(&self, pointer: &str) -> &[Value] {
        self.at(pointer).as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether it makes pods.
    pub(crate) fn is_workload(&self) -> bool {
        matches!(self.kind(), "Deployment" | "StatefulSet")
    }

    /// The one container of a workload.
    pub(crate) fn container(&self) -> &Value {
        let [container] = self.list("/spec/template/spec/containers") else {
            panic!("{} has not one container", self.place)
        };
        container
    }

    /// The container's declared ports: name and number.
    pub(crate) fn ports(&self) -> Vec<(&str, u64)> {
        let ports = self.container()["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
        let port = |port: &'_ Value| port["containerPort"].as_u64().expect("a port has a number");
        ports.iter().map(|it| (it["name"].as_str().unwrap_or_default(), port(it))).collect()
    }

    /// The container's arguments.
    pub(crate) fn arguments(&self) -> Vec<&str> {
        let arguments = self.container()["args"].as_array().map(Vec::as_slice).unwrap_or_default();
        arguments.iter().map(|it| it.as_str().expect("an argument is a text")).collect()
    }

    /// The value of a flag written as `--flag=value`.
    pub(crate) fn flag(&self, flag: &str) -> Option<&str> {
        self.arguments().into_iter().find_map(|it| it.strip_prefix(flag)?.strip_prefix('='))
    }

    /// Whether the pods of this workload have these labels; no labels, no pods.
    pub(crate) fn is_selected_by(&self, labels: &Value) -> bool {
        let own = self.at("/spec/template/metadata/labels");
        let wanted = labels.as_object().filter(|labels| !labels.is_empty());
        wanted.is_some_and(|labels| labels.iter().all(|(name, value)| &own[name] == value))
    }
}
