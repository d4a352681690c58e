//! Where a job's targets come from: `static_configs`, `file_sd_configs`, `http_sd_configs`, and
//! `kubernetes_sd_configs`, which [`kubernetes`](super::kubernetes) reads.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use model::http_client::HttpClientConfig;
use model::names::{self, ValidationScheme};
use model::target::ADDRESS;
use model::target_group::TargetGroup;
use url::Url;

use super::code::Code;
use super::context::Context;
use super::fields::{Section, list, text};
use super::http_client::{Client, http_client};
use super::kubernetes::{KubernetesDiscovery, kubernetes};
use super::position::Position;
use super::tree::Node;

/// Prometheus's default of `file_sd_configs.refresh_interval`.
pub const FILE_REFRESH: Duration = Duration::from_secs(300);
/// Prometheus's default of `http_sd_configs.refresh_interval`.
pub const HTTP_REFRESH: Duration = Duration::from_secs(60);

/// One source of target groups.
#[derive(Clone, Debug, PartialEq)]
pub enum Discovery {
    /// The groups of one `static_configs`, in order; their sources are `0`, `1`, ...
    Static(Vec<TargetGroup>),
    /// One element of `file_sd_configs`.
    File(FileDiscovery),
    /// One element of `http_sd_configs`.
    Http(Box<HttpDiscovery>),
    /// One element of `kubernetes_sd_configs`.
    Kubernetes(Box<KubernetesDiscovery>),
}

/// Files to read target groups from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDiscovery {
    /// Shell patterns (`*` in the last element only); relative ones are joined to the configuration's directory.
    pub files: Vec<PathBuf>,
    /// How often they are read again though nothing seems to have changed.
    pub refresh_interval: Duration,
    /// Where the element stands.
    pub position: Position,
}

/// A server to fetch target groups from.
#[derive(Clone, PartialEq)]
pub struct HttpDiscovery {
    /// An `http` or `https` address with a host and without credentials.
    pub url: Url,
    /// The address as it was written, for the label `__meta_url`.
    pub url_text: Box<str>,
    /// How often it is asked, and how long one answer may take.
    pub refresh_interval: Duration,
    /// Credentials, TLS, headers; files are read by the coordinator.
    pub http: HttpClientConfig,
    /// Where the element stands.
    pub position: Position,
}

impl fmt::Debug for HttpDiscovery {
    /// Without the query, which may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpDiscovery({} at {})", self.url.origin().ascii_serialization(), self.position)
    }
}

/// Reads the discoveries of a job. `checks_hosts`: without relabelling a static target must already be an address.
pub(super) fn discoveries(job: &mut Section<'_>, checks_hosts: bool, cx: &mut Context<'_>) -> Vec<Discovery> {
    let mut found = Vec::new();
    let nodes = elements(job, "static_configs", cx).into_iter().enumerate();
    let groups: Vec<_> =
        nodes.filter_map(|(at, node)| target_group(node, &at.to_string(), checks_hosts, cx)).collect();
    if !groups.is_empty() {
        found.push(Discovery::Static(groups));
    }
    let files = elements(job, "file_sd_configs", cx);
    found.extend(files.into_iter().filter_map(|node| file(node, cx)).map(Discovery::File));
    let servers = elements(job, "http_sd_configs", cx);
    found.extend(servers.into_iter().filter_map(|node| http(node, cx)).map(Box::new).map(Discovery::Http));
    let clusters = elements(job, "kubernetes_sd_configs", cx).into_iter();
    let clusters: Vec<_> = clusters.filter_map(|node| kubernetes(node, cx)).collect();
    found.extend(clusters.into_iter().map(Box::new).map(Discovery::Kubernetes));
    found
}

/// The groups of a file that is a list of them.
pub(super) fn target_groups(root: &Node, file_name: &str, cx: &mut Context<'_>) -> Vec<TargetGroup> {
    let nodes = filled(list(root, "the file", &mut cx.report), "the file", cx).into_iter().enumerate();
    nodes.filter_map(|(at, node)| target_group(node, &format!("{file_name}:{at}"), false, cx)).collect()
}

/// The elements of a list, those that are null reported and left out.
fn elements<'t>(job: &mut Section<'t>, name: &'static str, cx: &mut Context<'_>) -> Vec<&'t Node> {
    filled(job.list(name, &mut cx.report), name, cx)
}

fn filled<'t>(nodes: &'t [Node], name: &str, cx: &mut Context<'_>) -> Vec<&'t Node> {
    let (filled, empty): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| !node.is_null());
    for node in empty {
        cx.report.add(Code::EmptyElement, node.span, format!("empty or null section in `{name}`"));
    }
    filled
}

/// A target group called `source`: addresses and the labels they share.
fn target_group(node: &Node, source: &str, checks_hosts: bool, cx: &mut Context<'_>) -> Option<TargetGroup> {
    let mut group = Section::of(node, "target group", &mut cx.report)?;
    let targets = group.texts("targets", &mut cx.report);
    for target in targets.iter().filter(|target| checks_hosts && target.value.contains('/')) {
        let message = format!("{:?} is not a valid address: it has a `/`", target.value);
        let help = "write HOST or HOST:PORT; scheme and path are the job's `scheme` and `metrics_path`";
        cx.report.add_help(Code::BadText, target.span, message, help);
    }
    let mut labels = Vec::new();
    for label in group.entries("labels", &mut cx.report) {
        if !names::is_valid_label_name(&label.name, ValidationScheme::Utf8) {
            cx.report.add(Code::BadText, label.span, format!("{:?} is not a valid label name", label.name));
        }
        labels.extend(text(&label.value, &label.name, &mut cx.report).map(|value| (&*label.name, value)));
    }
    group.finish(&mut cx.report);
    let targets = targets.iter().map(|target| [(ADDRESS, target.value)]);
    Some(TargetGroup::from_found(source, &labels, targets))
}

fn file(node: &Node, cx: &mut Context<'_>) -> Option<FileDiscovery> {
    let mut section = Section::of(node, "file_sd_configs", &mut cx.report)?;
    let files = section.texts("files", &mut cx.report);
    if files.is_empty() {
        cx.report.add(Code::Missing, section.span_of("files"), "`file_sd_configs` names no `files`");
    }
    for file in files.iter().filter(|file| !is_target_file(file.value)) {
        let message = format!("{:?} cannot be read for targets", file.value);
        let help = "a name ends in .json, .yml or .yaml and has a `*` in its last part only";
        cx.report.add_help(Code::BadText, file.span, message, help);
    }
    let refresh_interval = refresh(&mut section, FILE_REFRESH, cx);
    section.finish(&mut cx.report);
    let files = files.iter().map(|file| cx.path(file.value)).collect();
    Some(FileDiscovery { files, refresh_interval, position: cx.position(node.span) })
}

/// `^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$`, as in Prometheus.
fn is_target_file(name: &str) -> bool {
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    let known = matches!(extension, "json" | "yml" | "yaml" | "JSON" | "YML" | "YAML");
    let pattern = match stem.split_once('*') {
        Some((_, after)) => !after.contains('/'),
        None => true,
    };
    known && pattern
}

fn http(node: &Node, cx: &mut Context<'_>) -> Option<HttpDiscovery> {
    let mut section = Section::of(node, "http_sd_configs", &mut cx.report)?;
    let url_text = section.text("url", &mut cx.report).map_or("", |url| url.value).into();
    let url = url(&mut section, cx);
    let refresh_interval = refresh(&mut section, HTTP_REFRESH, cx);
    let http = http_client(&mut section, Client::Discovery, cx);
    section.finish(&mut cx.report);
    Some(HttpDiscovery { url: url?, url_text, refresh_interval, http, position: cx.position(node.span) })
}

/// The address: Prometheus's rules, and no credentials in it (they would stand in the label `__meta_url`).
fn url(section: &mut Section<'_>, cx: &mut Context<'_>) -> Option<Url> {
    let Some(written) = section.nonempty("url", &mut cx.report) else {
        cx.report.add(Code::Missing, section.span_of("url"), "`http_sd_configs` has no `url`");
        return None;
    };
    let wrong = |message: &str, cx: &mut Context<'_>| {
        cx.report.add_help(Code::BadText, written.span, message, "for instance http://HOST:PORT/targets");
    };
    let Some((scheme, rest)) = written.value.split_once("://") else {
        wrong("`url` needs the scheme http or https", cx);
        return None;
    };
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        wrong("`url` needs the scheme http or https", cx);
        return None;
    }
    if rest.is_empty() || rest.starts_with(['/', '?', '#']) {
        wrong("the host is missing in `url`", cx);
        return None;
    }
    let path = rest.split(['?', '#']).next().unwrap_or(rest);
    if path.split('%').skip(1).any(|after| !starts_with_hex(after)) {
        wrong("`url` has a `%` that is not followed by two hexadecimal digits", cx);
        return None;
    }
    let url = Url::parse(written.value).map_err(|error| wrong(&format!("`url`: {error}"), cx)).ok()?;
    if !url.username().is_empty() || url.password().is_some() {
        let message = "credentials in a `url` are not supported: they would be shown in the label __meta_url";
        cx.report.add_help(Code::NotSupportedYet, written.span, message, "use `basic_auth`");
        return None;
    }
    Some(url)
}

fn starts_with_hex(text: &str) -> bool {
    text.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
}

fn refresh(section: &mut Section<'_>, default: Duration, cx: &mut Context<'_>) -> Duration {
    let Some(written) = section.duration("refresh_interval", &mut cx.report) else { return default };
    if written.value.is_zero() {
        cx.report.add(Code::OutOfBounds, written.span, "`refresh_interval` must be longer than 0");
        return default;
    }
    written.value
}

#[cfg(test)]
mod tests {
    use super::is_target_file;

    #[test]
    fn target_files_have_stars_in_the_last_part_only_and_a_known_ending() {
        for name in ["a.yml", "a.YAML", "dir/*.json", "a*b*.yaml", "*.yml", "/x/y.json"] {
            assert!(is_target_file(name), "{name}");
        }
        for name in ["a", "a.Yml", "*/a.yml", "a.txt", "", "yml", "a.yml*"] {
            assert!(!is_target_file(name), "{name}");
        }
    }
}
