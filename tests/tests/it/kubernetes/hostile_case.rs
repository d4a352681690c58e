//! A pod that asks for something, and what must come of it: the cases of `hostile.yml`.
//!
//! In: the file. Out: pods, the ports to watch, and what is expected of each.

use std::collections::BTreeMap;
use std::net::IpAddr;

use integration::kubernetes::pod::Pod;
use serde::Deserialize;
use serde_json::{Value, json};

/// The namespace of all cases.
pub(crate) const NAMESPACE: &str = "hostile";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    #[serde(default)]
    number: usize,
    port: Option<String>,
    path: Option<String>,
    scheme: Option<String>,
    scrape: Option<String>,
    #[serde(default)]
    params: BTreeMap<String, String>,
    to: Option<String>,
    ip: Option<String>,
    #[serde(default)]
    host_network: bool,
    #[serde(default)]
    declares: Vec<u16>,
    phase: Option<Phase>,
    redirects: Option<String>,
    then: String,
    drop_in: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum Phase {
    Pending,
    Succeeded,
    Failed,
}

/// What must come of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// This URL is scraped.
    Scraped(String),
    /// It is refused for this.
    Refused(String),
    /// It does not ask.
    Nothing,
}

/// All cases.
pub(crate) fn all() -> Vec<Case> {
    let mut cases: Vec<Case> = serde_saphyr::from_str(include_str!("hostile.yml")).expect("good cases");
    for (number, case) in cases.iter_mut().enumerate() {
        case.number = number;
    }
    cases
}

impl Case {
    /// The pod's name.
    pub(crate) fn name(&self) -> String {
        format!("case-{:03}", self.number)
    }

    /// The pod's address as its status has it.
    pub(crate) fn address(&self) -> String {
        let own = || format!("10.66.{}.{}", self.number / 250, self.number % 250 + 1);
        self.ip.clone().unwrap_or_else(own)
    }

    /// Where it sends those who ask it.
    pub(crate) fn redirect(&self) -> Option<(IpAddr, String)> {
        let to = self.redirects.as_ref()?.replace("POD", &self.address());
        Some((self.address().parse().expect("only pods with addresses redirect"), to))
    }

    /// The object and its status.
    pub(crate) fn object(&self) -> (Value, Value) {
        let mut annotations =
            BTreeMap::from([("scrape".to_owned(), self.scrape.as_deref().unwrap_or("true"))]);
        for (name, value) in [("port", &self.port), ("path", &self.path), ("scheme", &self.scheme)] {
            annotations.extend(value.iter().map(|value| (name.to_owned(), value.as_str())));
        }
        annotations.extend(self.params.iter().map(|(name, value)| (format!("param_{name}"), value.as_str())));
        let mut pod = Pod::new(NAMESPACE, &self.name()).label("app", "hostile").address(self.address());
        for (name, value) in annotations {
            pod = pod.annotation(&format!("prometheus.io/{name}"), &self.filled(value));
        }
        if let Some(to) = &self.to {
            pod = pod.annotation("to", &self.filled(to));
        }
        for port in &self.declares {
            pod = pod.port("", *port);
        }
        let mut object = pod.object();
        if self.host_network {
            object["spec"]["hostNetwork"] = json!(true);
        }
        let mut status = pod.status();
        if let Some(phase) = self.phase {
            status["phase"] = json!(format!("{phase:?}"));
        }
        (object, status)
    }

    /// What must come of it; `drop_in`: in the place of metrics-k8s-proxy.
    pub(crate) fn outcome(&self, drop_in: bool) -> Outcome {
        let then = self.drop_in.as_ref().filter(|_| drop_in).unwrap_or(&self.then);
        match then.as_str() {
            "nothing" => Outcome::Nothing,
            url if url.contains("://") => Outcome::Scraped(self.filled(url)),
            word => Outcome::Refused(word.to_owned()),
        }
    }

    fn filled(&self, text: &str) -> String {
        text.replace("POD", &self.address()).replace("LONG", &"x".repeat(8192))
    }

    /// Every number in it that could be a port.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let texts = [&self.port, &self.path, &self.to, &self.ip, &self.redirects, &self.drop_in];
        let texts = texts.into_iter().flatten().chain(self.params.values()).chain([&self.then]);
        let numbers = texts.flat_map(|text| text.split(|c: char| !c.is_ascii_digit()));
        let ports = numbers.filter_map(|number| number.parse::<u16>().ok()).filter(|port| *port > 0);
        ports.chain(self.declares.iter().copied()).collect()
    }
}
