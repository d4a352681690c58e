//! `kubernetes_sd_configs`: which objects of which cluster are watched for targets.
//!
//! Plain data, which code may build as well as a file ([`read`]). Other roles than `pod` and other attached metadata
//! than a node's are not built yet; [`Role`] and [`AttachMetadata`] have their place.

mod read;
mod selector;

use std::fmt;
use std::path::PathBuf;

use model::http_client::HttpClientConfig;
use url::Url;

use super::position::Position;

pub(super) use read::kubernetes;

pub use selector::check_labels as check_label_selector;

/// The kinds of objects that become targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A target for each port that a pod's containers declare.
    Pod,
    /// Not built yet, like those below.
    Service,
    /// See above.
    Endpoints,
    /// See above.
    EndpointSlice,
    /// See above; as a selector's role it chooses the nodes of `attach_metadata`.
    Node,
    /// See above.
    Ingress,
}

impl Role {
    const ALL: [Self; 6] =
        [Self::Pod, Self::Service, Self::Endpoints, Self::EndpointSlice, Self::Node, Self::Ingress];

    /// Prometheus's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Service => "service",
            Self::Endpoints => "endpoints",
            Self::EndpointSlice => "endpointslice",
            Self::Node => "node",
            Self::Ingress => "ingress",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// The roles whose objects a discovery of this role may select.
    fn selectable(self) -> &'static [Self] {
        match self {
            Self::Pod => &[Self::Pod, Self::Node],
            Self::Service => &[Self::Service],
            Self::Endpoints => &[Self::Pod, Self::Service, Self::Endpoints],
            Self::EndpointSlice => &[Self::Pod, Self::Service, Self::EndpointSlice],
            Self::Node => &[Self::Node],
            Self::Ingress => &[Self::Ingress],
        }
    }
}

/// Which namespaces are watched; all of them where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// The namespace that this process runs in.
    pub own_namespace: bool,
    /// These ones.
    pub names: Vec<Box<str>>,
}

/// Which objects of a role are watched. The API server applies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// Whose objects.
    pub role: Role,
    /// A label selector, or empty.
    pub label: Box<str>,
    /// A field selector, or empty.
    pub field: Box<str>,
}

/// Which related objects' metadata becomes labels too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AttachMetadata {
    /// The pod's node. A pod on a node that is not known is no target then.
    pub node: bool,
    /// The pod's namespace. Nothing is watched for this yet, so files cannot ask for it; so for those below.
    pub namespace: bool,
    /// The deployment that the pod's replica set belongs to.
    pub deployment: bool,
    /// The job that the pod belongs to.
    pub job: bool,
    /// The cron job that the pod's job belongs to.
    pub cronjob: bool,
}

/// How the annotations `prometheus.io/...` make a pod a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AnnotationRules {
    /// Whether `prometheus.io/scheme` is listened to.
    pub scheme: bool,
    /// Whether pods in their host's network are targets only on ports that their containers declare.
    pub declared_ports: bool,
    /// Whether a pod whose annotations are refused is a target that is down, instead of none. Files cannot ask for it.
    pub refused_are_down: bool,
}

impl Default for AnnotationRules {
    fn default() -> Self {
        Self { scheme: true, declared_ports: true, refused_are_down: false }
    }
}

/// One element of `kubernetes_sd_configs`. Neither `api_server` nor `kubeconfig_file`: the cluster that this process
/// runs in.
#[derive(Clone, PartialEq)]
pub struct KubernetesDiscovery {
    /// What becomes targets.
    pub role: Role,
    /// The API server's address, an `http` or `https` one.
    pub api_server: Option<Url>,
    /// A kubeconfig that says where the API server is and how to authenticate.
    pub kubeconfig_file: Option<PathBuf>,
    /// The kubeconfig's context, where it is not the current one.
    pub kubeconfig_context: Option<Box<str>>,
    /// Where objects are looked for.
    pub namespaces: Namespaces,
    /// Which of them; at most one for each role.
    pub selectors: Vec<Selector>,
    /// What else becomes labels.
    pub attach_metadata: AttachMetadata,
    /// Credentials, TLS and headers for `api_server`; files are read by the coordinator.
    pub http: HttpClientConfig,
    /// Where set, a pod is one target or none, as its annotations say.
    pub annotations: Option<AnnotationRules>,
    /// Where the element stands.
    pub position: Position,
}

impl KubernetesDiscovery {
    /// Every pod of the cluster that this process runs in, as Prometheus discovers them.
    #[must_use]
    pub fn pods(position: Position) -> Self {
        Self {
            role: Role::Pod,
            api_server: None,
            kubeconfig_file: None,
            kubeconfig_context: None,
            namespaces: Namespaces::default(),
            selectors: Vec::new(),
            attach_metadata: AttachMetadata::default(),
            http: HttpClientConfig::default(),
            annotations: None,
            position,
        }
    }

    /// Whether the two look for the same, wherever they stand in the file.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        *self == Self { position: self.position.clone(), ..other.clone() }
    }
}

impl fmt::Debug for KubernetesDiscovery {
    /// Without the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubernetesDiscovery")
            .field("role", &self.role)
            .field("api_server", &self.api_server.as_ref().map(|url| url.origin().ascii_serialization()))
            .field("kubeconfig_file", &self.kubeconfig_file)
            .field("kubeconfig_context", &self.kubeconfig_context)
            .field("namespaces", &self.namespaces)
            .field("selectors", &self.selectors)
            .field("attach_metadata", &self.attach_metadata)
            .field("prometheus_io_annotations", &self.annotations)
            .finish_non_exhaustive()
    }
}
