//! Reads an element of `kubernetes_sd_configs`.
//!
//! In: its fields. Out: a [`KubernetesDiscovery`], or Prometheus's own errors. What is not built yet is refused by name.
//! Nothing here opens a file or a connection.

use model::http_client::{HttpClientConfig, TlsVersion};
use url::Url;

use super::super::code::Code;
use super::super::context::{Context, Origin};
use super::super::fields::{Section, Written};
use super::super::http_client::{Client, http_client};
use super::super::left_out;
use super::super::position::Span;
use super::super::report::Report;
use super::super::tree::Node;
use super::{AnnotationRules, AttachMetadata, KubernetesDiscovery, Namespaces, Role, Selector, selector};

/// Reads an element of `kubernetes_sd_configs`.
pub(in crate::config) fn kubernetes(node: &Node, cx: &mut Context<'_>) -> Option<KubernetesDiscovery> {
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
    versions(&section, &http, cx);
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
        ..default
    };
    block.finish(&mut cx.report);
    Some(rules)
}

/// The client for API servers speaks TLS 1.2 and 1.3, whichever the server likes.
fn versions(section: &Section<'_>, http: &HttpClientConfig, cx: &mut Context<'_>) {
    let (min, max) = (http.tls.min_version, http.tls.max_version);
    if min.is_some_and(|min| min > TlsVersion::Tls12) || max.is_some_and(|max| max < TlsVersion::Tls13) {
        let message = "bounds of the TLS version are not supported yet here: 1.2 and 1.3 are spoken";
        cx.report.add(Code::NotSupportedYet, section.span_of("tls_config"), message);
    }
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
