//! The annotations `prometheus.io/...` of a pod, and what they may not do.
//!
//! In: a pod and the rules. Out: the one target that it asks for, or why it is none. Whoever may annotate a pod chooses
//! these texts, so they are parts of a URL and nothing else: the address is the pod's own, and a pod in its host's
//! network does not reach the host's own ports.

use std::net::IpAddr;

use model::labels::{Labels, LabelsBuilder};
use model::local_address::is_local;
use model::names::PARAM_PREFIX;
use model::target::{ADDRESS, METRICS_PATH, SCHEME};
use url::form_urlencoded;

use super::group::join;
use super::pod::Pod;
use crate::config::AnnotationRules;

const SCRAPE: &str = "prometheus.io/scrape";
const PORT: &str = "prometheus.io/port";
const PATH: &str = "prometheus.io/path";
const SCHEME_NAME: &str = "prometheus.io/scheme";
const PARAM: &str = "prometheus.io/param_";

/// The discovered label with the word and the reason why a pod that is shown as down is not asked.
const REFUSED: &str = "__meta_scraperelay_refused";

/// The port where none is named.
const DEFAULT_PORT: u32 = 80;
/// Ports of etcd, the API server and the kubelet and its companions, which listen on their host.
const HOST_PORTS: [u32; 9] = [2379, 2380, 6443, 10250, 10255, 10256, 10257, 10258, 10259];
/// The most that path and parameters may have together.
const LONGEST: usize = 8 << 10;

/// What a pod's annotations ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// This target.
    Target(Labels),
    /// No target; a sentence why.
    Nothing(&'static str),
    /// A target that is refused.
    Refused(Refusal),
}

/// Why an annotated pod is no target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A fixed word for the kind of reason.
    pub word: &'static str,
    /// The reason, for people.
    pub sentence: String,
}

impl Refusal {
    fn new(word: &'static str, sentence: impl Into<String>) -> Self {
        Self { word, sentence: sentence.into() }
    }
}

/// What the annotations of `pod` ask for. `past_grace`: it should have been gone by now.
#[must_use]
pub fn wish(pod: &Pod, rules: AnnotationRules, past_grace: bool) -> Wish {
    if pod.meta.annotation(SCRAPE) != Some("true") {
        return Wish::Nothing("its annotation prometheus.io/scrape is not \"true\"");
    }
    if matches!(&*pod.phase, "Succeeded" | "Failed") {
        return Wish::Nothing("it has finished: its phase is Succeeded or Failed");
    }
    if past_grace {
        return Wish::Nothing("it was to be deleted, and its grace period is over");
    }
    if pod.ip.is_empty() {
        return Wish::Nothing("it has no address yet");
    }
    match target(pod, rules) {
        Ok(target) => Wish::Target(target),
        Err(refusal) => {
            let down = if rules.refused_are_down { down(pod, &refusal) } else { None };
            down.map_or(Wish::Refused(refusal), Wish::Target)
        }
    }
}

/// A target that no relay asks: port 0 is none. Its discovered labels say why. None for a pod whose address is none.
fn down(pod: &Pod, refusal: &Refusal) -> Option<Labels> {
    let ip: IpAddr = pod.ip.parse().ok()?;
    let mut labels = LabelsBuilder::default();
    labels.set(ADDRESS, &join(&ip.to_string(), 0));
    labels.set(REFUSED, &format!("{}: {}", refusal.word, refusal.sentence));
    Some(labels.build())
}

fn target(pod: &Pod, rules: AnnotationRules) -> Result<Labels, Refusal> {
    let ip = address(pod)?;
    let port = port(pod)?;
    if pod.host_network {
        check_host_port(pod, port, rules)?;
    }
    let mut labels = LabelsBuilder::default();
    labels.set(ADDRESS, &join(&ip.to_string(), port));
    if let Some(scheme) = pod.meta.annotation(SCHEME_NAME).filter(|_| rules.scheme) {
        if !matches!(scheme, "http" | "https") {
            let sentence = format!("{SCHEME_NAME} is {scheme:?}, and only http and https can be scraped");
            return Err(Refusal::new("scheme", sentence));
        }
        labels.set(SCHEME, scheme);
    }
    path(pod, &mut labels)?;
    for (name, value) in &pod.meta.annotations {
        if let Some(parameter) = name.strip_prefix(PARAM).filter(|parameter| !parameter.is_empty()) {
            labels.set(&format!("{PARAM_PREFIX}{parameter}"), value);
        }
    }
    let length: usize = labels.iter().map(|(name, value)| name.len() + value.len()).sum();
    if length > LONGEST {
        let sentence = format!("its path and parameters have more than {LONGEST} bytes");
        return Err(Refusal::new("path", sentence));
    }
    Ok(labels.build())
}

/// The address of `pod`, which is no local one.
pub(super) fn address(pod: &Pod) -> Result<IpAddr, Refusal> {
    let Ok(ip) = pod.ip.parse::<IpAddr>() else {
        return Err(Refusal::new("address", format!("its address {:?} is no IP address", pod.ip)));
    };
    if is_local(ip) {
        let sentence =
            format!("its address {ip} is loopback, link-local, multicast or a cloud's metadata service");
        return Err(Refusal::new("address", sentence));
    }
    Ok(ip)
}

fn port(pod: &Pod) -> Result<u32, Refusal> {
    let Some(text) = pod.meta.annotation(PORT) else { return Ok(DEFAULT_PORT) };
    let digits = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = if digits { text.parse().ok() } else { None };
    let port = port.filter(|port| (1..=65535).contains(port));
    port.ok_or_else(|| {
        Refusal::new("port", format!("{PORT} is {text:?}, and a port is a number from 1 to 65535"))
    })
}

fn check_host_port(pod: &Pod, port: u32, rules: AnnotationRules) -> Result<(), Refusal> {
    if HOST_PORTS.contains(&port) {
        let sentence =
            format!("port {port} of its host belongs to Kubernetes, and the pod is in its host's network");
        return Err(Refusal::new("denied_port", sentence));
    }
    let declared = || pod.containers.iter().flat_map(|container| &container.ports);
    if rules.declared_ports && !declared().any(|declared| declared.number == port) {
        let sentence = format!("no container declares port {port}, and the pod is in its host's network");
        return Err(Refusal::new("host_port", sentence));
    }
    Ok(())
}

/// The path, and what follows its `?` as parameters.
fn path(pod: &Pod, labels: &mut LabelsBuilder) -> Result<(), Refusal> {
    let Some(text) = pod.meta.annotation(PATH).filter(|text| !text.is_empty()) else { return Ok(()) };
    if text.chars().any(|c| c.is_control() || matches!(c, '\\' | '#')) {
        let sentence = format!("{PATH} is {text:?}: control characters, backslashes and `#` are not allowed");
        return Err(Refusal::new("path", sentence));
    }
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let slash = if path.starts_with('/') { "" } else { "/" };
    labels.set(METRICS_PATH, &format!("{slash}{path}"));
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let name = format!("{PARAM_PREFIX}{name}");
        if name == PARAM_PREFIX || !labels.get(&name).is_empty() {
            let sentence = format!("{PATH} is {text:?}: a parameter has no name, or stands there twice");
            return Err(Refusal::new("path", sentence));
        }
        labels.set(&name, &value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::target::{Resolved, Target};
    use model::target_group::TargetGroup;

    use super::super::pod::{Container, Meta, Port};
    use super::*;

    fn pod(annotations: &[(&str, &str)]) -> Pod {
        let mut annotations: Vec<_> =
            annotations.iter().map(|(name, value)| (Arc::from(*name), Arc::from(*value))).collect();
        annotations.push((SCRAPE.into(), "true".into()));
        annotations.sort();
        let meta = Meta { name: "p".into(), annotations: annotations.into(), ..Meta::default() };
        Pod { meta, ip: "10.0.0.1".into(), ..Pod::default() }
    }

    fn url(pod: &Pod) -> Result<String, &'static str> {
        match wish(pod, AnnotationRules::default(), false) {
            Wish::Target(labels) => {
                let group = TargetGroup { targets: vec![labels], ..TargetGroup::default() };
                match model::target::resolve(&model::job::Job::new("j"), &group).pop() {
                    Some(Resolved::Target { target: Target { url, .. }, .. }) => Ok(url.into()),
                    other => panic!("{other:?}"),
                }
            }
            Wish::Nothing(_) => Err("nothing"),
            Wish::Refused(refusal) => Err(refusal.word),
        }
    }

    #[test]
    fn annotations_become_the_parts_of_a_url() {
        for (annotations, expected) in [
            (&[][..], "http://10.0.0.1:80/metrics"),
            (&[(PORT, "9090")], "http://10.0.0.1:9090/metrics"),
            (&[(PATH, "stats"), (SCHEME_NAME, "https")], "https://10.0.0.1:80/stats"),
            (
                &[(PATH, "/a?x=1&y=%2F"), ("prometheus.io/param_z", "&")],
                "http://10.0.0.1:80/a?x=1&y=%2F&z=%26",
            ),
            (&[(PATH, "?x=1")], "http://10.0.0.1:80/?x=1"),
            (&[(PATH, "@evil:1/x")], "http://10.0.0.1:80/@evil:1/x"),
            (&[(PATH, "//evil/x")], "http://10.0.0.1:80//evil/x"),
            (&[("prometheus.io/param_", "x")], "http://10.0.0.1:80/metrics"),
        ] {
            assert_eq!(url(&pod(annotations)).as_deref(), Ok(expected), "{annotations:?}");
        }
        let six = Pod { ip: "fd00::1".into(), ..pod(&[(PORT, "1")]) };
        assert_eq!(url(&six).as_deref(), Ok("http://[fd00::1]:1/metrics"));
    }

    #[test]
    fn what_is_no_port_is_refused() {
        for text in [
            "", "0", "65536", "99999", "100000", "+80", "-1", "0x50", " 80", "80 ", "8 0", "80/x", "80@h",
            "8e1", "\u{0663}", "http",
        ] {
            assert_eq!(url(&pod(&[(PORT, text)])), Err("port"), "{text:?}");
        }
        assert_eq!(url(&pod(&[(PORT, "00080")])).as_deref(), Ok("http://10.0.0.1:80/metrics"));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["/a\r\nHost: x", "/a\n", "\\\\evil", "/a#b", "/\0", "/a?x=1&x=2", "/a?=1", "/\u{85}"] {
            assert_eq!(url(&pod(&[(PATH, text)])), Err("path"), "{text:?}");
        }
        let long = format!("/{}", "x".repeat(LONGEST));
        assert_eq!(url(&pod(&[(PATH, &long)])), Err("path"));
    }

    #[test]
    fn the_scheme_may_be_switched_off() {
        let odd = pod(&[(SCHEME_NAME, "ftp")]);
        assert_eq!(url(&odd), Err("scheme"));
        let off = AnnotationRules { scheme: false, ..AnnotationRules::default() };
        assert!(matches!(wish(&odd, off, false), Wish::Target(labels) if !labels.has(SCHEME)));
    }

    #[test]
    fn local_and_odd_addresses_are_refused() {
        for ip in [
            "127.0.0.1",
            "169.254.169.254",
            "::1",
            "fe80::1",
            "fe80::1%eth0",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "0x7f.1",
            "127.1",
            "010.0.0.1",
            "h",
            "10.0.0.1:80",
            "100.100.100.200",
            "u@10.0.0.1",
        ] {
            assert_eq!(url(&Pod { ip: ip.into(), ..pod(&[]) }), Err("address"), "{ip}");
        }
    }

    #[test]
    fn a_pod_in_its_hosts_network_is_scraped_on_declared_ports_and_never_on_kubernetes_own() {
        let port = |number| Port { number, ..Port::default() };
        let ports = [9100, 10250].map(port);
        let containers = Box::from([Container { ports: ports.into(), ..Container::default() }]);
        let host = |text: &str| Pod {
            host_network: true,
            containers: Clone::clone(&containers),
            ..pod(&[(PORT, text)])
        };
        assert_eq!(url(&host("9100")).as_deref(), Ok("http://10.0.0.1:9100/metrics"));
        assert_eq!(url(&host("9101")), Err("host_port"));
        for port in HOST_PORTS {
            assert_eq!(url(&host(&port.to_string())), Err("denied_port"), "{port}");
        }
        let off = AnnotationRules { declared_ports: false, ..AnnotationRules::default() };
        assert!(matches!(wish(&host("9101"), off, false), Wish::Target(_)));
        assert!(matches!(
            wish(&host("02379"), off, false),
            Wish::Refused(Refusal { word: "denied_port", .. })
        ));
    }

    #[test]
    fn what_is_refused_may_be_a_target_that_nobody_asks() {
        let rules = AnnotationRules { refused_are_down: true, ..AnnotationRules::default() };
        let down = |pod: &Pod| match wish(pod, rules, false) {
            Wish::Target(labels) => (labels.get(ADDRESS).to_owned(), labels.has(REFUSED)),
            other => panic!("{other:?}"),
        };
        assert_eq!(down(&pod(&[(PORT, "80@h")])), ("10.0.0.1:0".to_owned(), true));
        assert_eq!(down(&pod(&[(PATH, "/a#b")])), ("10.0.0.1:0".to_owned(), true));
        assert_eq!(down(&Pod { ip: "::1".into(), ..pod(&[]) }), ("[::1]:0".to_owned(), true));
        assert_eq!(down(&pod(&[])), ("10.0.0.1:80".to_owned(), false));
        assert!(matches!(wish(&Pod { ip: "h".into(), ..pod(&[]) }, rules, false), Wish::Refused(_)));
    }

    #[test]
    fn a_pod_that_is_done_or_not_asked_for_is_no_target() {
        for phase in ["Succeeded", "Failed"] {
            assert_eq!(url(&Pod { phase: phase.into(), ..pod(&[]) }), Err("nothing"));
        }
        assert_eq!(url(&Pod { ip: "".into(), ..pod(&[]) }), Err("nothing"));
        assert!(matches!(wish(&pod(&[]), AnnotationRules::default(), true), Wish::Nothing(_)));
        let mut other = pod(&[]);
        for text in ["True", "1", "yes", "", "true "] {
            other.meta.annotations = Box::from([(SCRAPE.into(), text.into())]);
            assert_eq!(url(&other), Err("nothing"), "{text:?}");
        }
    }
}
