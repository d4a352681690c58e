//! `kubernetes_sd_configs`: which objects of which cluster are watched for targets.
//!
//! In: an element of the list. Out: a [`KubernetesDiscovery`], or Prometheus's own errors. What is not built yet (other
//! roles than `pod`, other attached metadata than a node's) is refused by name; [`Role`] and [`AttachMetadata`] have
//! its place. Nothing here opens a file or a connection.

mod selector;

use std::fmt;
use std::path::PathBuf;

use model::http_client::HttpClientConfig;
use url::Url;

use super::code::Code;
use super::context::{Context, Origin};
use super::fields::{Section, Written};
use super::http_client::{Client, http_client};
use super::left_out;
use super::position::{Position, Span};
use super::report::Report;
use super::tree::Node;

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
}

impl Default for AnnotationRules {
    fn default() -> Self {
        Self { scheme: true, declared_ports: true }
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
            .field("annotations", &self.annotations)
            .finish_non_exhaustive()
    }
}

/// Checks a label selector, as the API server does.
///
/// # Errors
/// What is wrong with it, for people.
pub fn check_label_selector(text: &str) -> Result<(), String> {
    selector::check_labels(text)
}

/// Reads an element of `kubernetes_sd_configs`.
pub(super) fn kubernetes(node: &Node, cx: &mut Context<'_>) -> Option<KubernetesDiscovery> {
    let mut section = Section::of(node, "kubernetes_sd_configs", &mut cx.report)?;
    let role = role(&mut section, cx);
    let api_server = api_server(&mut section, cx);
    // As in Prometheus, the file may come later: a watch that cannot read it says so and tries again.
    let kubeconfig_file = section.nonempty("kubeconfig_file", &mut cx.report).map(|file| cx.path(file.value));
    let context = section.nonempty("kubeconfig_context", &mut cx.report);
    let namespaces = namespaces(&mut section, cx);
    let selectors = selectors(&mut section, role, cx);
    let attach_metadata = attach_metadata(&mut section, cx);
    let annotations = annotations(&mut section, cx);
    let http = http_client(&mut section, Client::Discovery, cx);
    access(&mut section, namespaces.own_namespace, &http, cx);
    section.finish(&mut cx.report);
    Some(KubernetesDiscovery {
        role: role?,
        api_server,
        kubeconfig_file,
        kubeconfig_context: context.map(|context| context.value.into()),
        namespaces,
        selectors,
        attach_metadata,
        http,
        annotations,
        position: cx.position(node.span),
    })
}

fn role(section: &mut Section<'_>, cx: &mut Context<'_>) -> Option<Role> {
    let Some(written) = section.nonempty("role", &mut cx.report) else {
        let message = "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)";
        cx.report.add(Code::Missing, section.span_of("role"), message);
        return None;
    };
    let role = Role::parse(written.value);
    match role {
        None => unknown_role(written.value, written.span, cx),
        Some(Role::Pod) => {}
        Some(role) => {
            let message = format!("`role: {}` is not supported yet", role.as_str());
            let help = "use the role `pod`";
            if cx.origin == Origin::File {
                cx.report.add_help(Code::NotSupportedYet, written.span, message, help);
            }
        }
    }
    role
}

fn unknown_role(written: &str, span: Span, cx: &mut Context<'_>) {
    let names = "one of: pod, service, endpoints, endpointslice, node, ingress";
    cx.report.add_help(Code::UnknownValue, span, format!("unknown Kubernetes SD role {written:?}"), names);
}

fn api_server(section: &mut Section<'_>, cx: &mut Context<'_>) -> Option<Url> {
    let written = section.nonempty("api_server", &mut cx.report)?;
    let url = Url::parse(written.value).ok().filter(|url| {
        let plain = url.username().is_empty() && url.password().is_none();
        matches!(url.scheme(), "http" | "https") && url.has_host() && plain && url.query().is_none()
    });
    if url.is_none() {
        let message = "`api_server` is not an http or https address without credentials and query";
        cx.report.add_help(Code::BadText, written.span, message, "for instance https://HOST:6443");
    }
    url
}

fn namespaces(section: &mut Section<'_>, cx: &mut Context<'_>) -> Namespaces {
    let Some(mut block) = section.section("namespaces", &mut cx.report) else { return Namespaces::default() };
    let own_namespace = block.flag("own_namespace", false, &mut cx.report);
    let names = block.texts("names", &mut cx.report);
    block.finish(&mut cx.report);
    for name in names.iter().filter(|name| !selector::is_dns_label(name.value)) {
        let message = format!("{:?} is not a namespace's name", name.value);
        cx.report.add(Code::BadText, name.span, message);
    }
    Namespaces { own_namespace, names: names.into_iter().map(|name| name.value.into()).collect() }
}

fn selectors(section: &mut Section<'_>, of: Option<Role>, cx: &mut Context<'_>) -> Vec<Selector> {
    let mut found: Vec<Selector> = Vec::new();
    for node in section.list("selectors", &mut cx.report) {
        let Some(selector) = selector(node, cx) else { continue };
        let role = selector.role;
        if found.iter().any(|earlier| earlier.role == role) {
            let message = format!("duplicated selector role: {}", role.as_str());
            cx.report.add(Code::Duplicate, node.span, message);
        } else if let Some(of) = of.filter(|of| !of.selectable().contains(&role)) {
            let names: Vec<_> = of.selectable().iter().map(|role| role.as_str()).collect();
            let message = format!("{} role supports only {} selectors", of.as_str(), names.join(", "));
            cx.report.add(Code::Conflict, node.span, message);
        }
        found.push(selector);
    }
    found
}

fn selector(node: &Node, cx: &mut Context<'_>) -> Option<Selector> {
    let mut section = Section::of(node, "selectors", &mut cx.report)?;
    let role = section.text("role", &mut cx.report);
    let label = section.text("label", &mut cx.report);
    let field = section.text("field", &mut cx.report);
    section.finish(&mut cx.report);
    check(label.as_ref(), selector::check_labels, cx);
    check(field.as_ref(), selector::check_fields, cx);
    let written = role.as_ref().map_or("", |role| role.value);
    let Some(role) = Role::parse(written) else {
        unknown_role(written, role.map_or(node.span, |role| role.span), cx);
        return None;
    };
    let text = |written: Option<Written<&str>>| written.map_or("", |it| it.value).into();
    Some(Selector { role, label: text(label), field: text(field) })
}

fn check(written: Option<&Written<&str>>, check: fn(&str) -> Result<(), String>, cx: &mut Context<'_>) {
    if let Some(written) = written
        && let Err(message) = check(written.value)
    {
        cx.report.add(Code::BadText, written.span, message);
    }
}

fn attach_metadata(section: &mut Section<'_>, cx: &mut Context<'_>) -> AttachMetadata {
    let Some(mut block) = section.section("attach_metadata", &mut cx.report) else {
        return AttachMetadata::default();
    };
    let why = "only nodes are watched for their metadata";
    let mut later = |name| left_out::flag(&mut block, name, false, why, cx);
    let [namespace, deployment] = [later("namespace"), later("deployment")];
    let [job, cronjob] = [later("job"), later("cronjob")];
    let node = block.flag("node", false, &mut cx.report);
    block.finish(&mut cx.report);
    AttachMetadata { node, namespace, deployment, job, cronjob }
}

fn annotations(section: &mut Section<'_>, cx: &mut Context<'_>) -> Option<AnnotationRules> {
    let mut block = section.section("prometheus_io_annotations", &mut cx.report)?;
    let default = AnnotationRules::default();
    let rules = AnnotationRules {
        scheme: block.flag("scheme", default.scheme, &mut cx.report),
        declared_ports: block.flag("declared_ports", default.declared_ports, &mut cx.report),
    };
    block.finish(&mut cx.report);
    Some(rules)
}

/// At most one way to the API server.
fn access(section: &mut Section<'_>, own_namespace: bool, http: &HttpClientConfig, cx: &mut Context<'_>) {
    let (server, file) = (section.is_filled("api_server"), section.is_filled("kubeconfig_file"));
    let custom = is_custom(section, http);
    let own = own_namespace;
    let rules = [
        (file && server, "kubeconfig_file", "cannot use 'kubeconfig_file' and 'api_server' simultaneously"),
        (
            file && custom,
            "kubeconfig_file",
            "cannot use a custom HTTP client configuration together with 'kubeconfig_file'",
        ),
        (
            !server && custom,
            "role",
            "to use custom HTTP client configuration please provide the 'api_server' URL explicitly",
        ),
        (
            server && own,
            "namespaces",
            "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously",
        ),
        (
            file && own,
            "namespaces",
            "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously",
        ),
        (
            !file && section.is_filled("kubeconfig_context"),
            "kubeconfig_context",
            "'kubeconfig_context' needs a 'kubeconfig_file'",
        ),
    ];
    if let Some((_, field, message)) = rules.into_iter().find(|(broken, _, _)| *broken) {
        cx.report.add(Code::Conflict, section.span_of(field), message);
    }
}

/// Whether any field of the HTTP client differs from Prometheus's default, which follows redirects.
fn is_custom(section: &mut Section<'_>, http: &HttpClientConfig) -> bool {
    // What is wrong with the fields has been reported.
    let mut told = Report::default();
    let mut off = |name: &'static str| section.has(name) && !section.flag(name, true, &mut told);
    let switched_off = off("follow_redirects") || off("enable_http2");
    let default = HttpClientConfig { follow_redirects: http.follow_redirects, ..HttpClientConfig::default() };
    switched_off || *http != default
}
