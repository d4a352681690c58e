//! The Prometheus side: what a PodMonitor and the plain scrape jobs leave of the relay's labels.

use std::path::Path;
use std::process::Command;

use coordinator::config::{self, relabel_rules_from_yaml};
use model::labels::Labels;
use model::names::ValidationScheme;
use model::relabel::{self, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::files;
use crate::manifests::{self, OPTIONAL, one};

/// A PodMonitor with the fields that are used here, and no others.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PodMonitor {
    api_version: String,
    kind: String,
    metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    spec: PodMonitorSpec,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PodMonitorSpec {
    selector: k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector,
    pod_metrics_endpoints: Vec<Endpoint>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Endpoint {
    port: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    honor_labels: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    honor_timestamps: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scrape_timeout: Option<String>,
    relabelings: Vec<Relabeling>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Relabeling {
    #[serde(skip_serializing_if = "Option::is_none")]
    source_labels: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    regex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
}

/// A relay's pod as the Operator's own rules leave it, with what a scrape class or `podTargetLabels` may add.
const ATTACHED: [(&str, &str); 15] = [
    ("__address__", "10.0.0.7:15090"),
    ("__metrics_path__", "/metrics"),
    ("__scheme__", "http"),
    ("__scrape_interval__", "15s"),
    ("__scrape_timeout__", "10s"),
    ("__tmp_hash", "2"),
    ("__meta_kubernetes_pod_name", "scrape-relay-relay-0"),
    ("namespace", "scrape-relay"),
    ("container", "relay"),
    ("pod", "scrape-relay-relay-0"),
    ("job", "scrape-relay/scrape-relay-pages"),
    ("endpoint", "metrics"),
    ("app_kubernetes_io_name", "scrape-relay"),
    ("cluster", "north"),
    ("instance", "set-by-a-scrape-class"),
];

#[test]
fn nothing_of_the_relay_but_job_and_instance_is_left_on_the_pages_target() {
    let manifests = manifests::of(OPTIONAL);
    let monitor = one(&manifests, "PodMonitor", "scrape-relay-pages");
    let [endpoint] = monitor.list("/spec/podMetricsEndpoints") else { panic!("not one endpoint") };
    assert_eq!(endpoint["honorLabels"], true);
    let rules =
        relabel_rules_from_yaml(&rules_of(endpoint), ValidationScheme::Utf8).expect("rules that are right");
    let mut labels = Labels::from_pairs(ATTACHED).to_builder();
    assert!(matches!(relabel::apply(&rules, &mut labels), Outcome::Kept));
    let (needed, public): (Vec<_>, Vec<_>) = labels.iter().partition(|(name, _)| name.starts_with("__"));
    assert_eq!(public, [("instance", "scrape-relay-relay-0"), ("job", "scrape-relay")]);
    assert_eq!(needed.len(), 7, "{needed:?}");
}

/// The Operator's spelling of the rules as Prometheus'.
fn rules_of(endpoint: &Value) -> String {
    let spelt = [("sourceLabels", "source_labels"), ("targetLabel", "target_label")];
    let text = endpoint["relabelings"].to_string();
    spelt.iter().fold(text, |text, (from, to)| text.replace(from, to))
}

#[test]
fn what_the_processes_say_of_themselves_is_scraped_as_usual() {
    let manifests = manifests::of(OPTIONAL);
    let monitor = one(&manifests, "PodMonitor", "scrape-relay-itself");
    for endpoint in monitor.list("/spec/podMetricsEndpoints") {
        assert_eq!(endpoint["honorLabels"], Value::Null, "only pages of targets have labels to honor");
    }
}

#[test]
fn the_plain_jobs_attach_no_label_to_the_pages() {
    let text = files::read("deploy/prometheus/prometheus.yml");
    let loaded =
        config::parse("prometheus.yml", &text, Path::new("")).expect("what Prometheus takes is taken here");
    let [pages, itself] = loaded.config.jobs.as_slice() else { panic!("not two jobs") };
    let manifests = manifests::of(manifests::KUBERNETES);
    let service = one(&manifests, "Service", "scrape-relay-coordinator");
    let list = format!("http://{}.scrape-relay.svc:15091/sd/prometheus", service.name());
    assert_eq!(text.matches(&format!("url: {list}\n")).count(), 2, "{list}");
    assert!(pages.job.settings.honor_labels && !itself.job.settings.honor_labels);
    assert!(pages.job.relabel.is_empty(), "a rule on the pages can leak labels");
    let second =
        relabel(&itself.job.relabel, "scrape-relay-relay-0.scrape-relay-relays.scrape-relay.svc:15090");
    assert_eq!(second, "scrape-relay-relay-0.scrape-relay-relays.scrape-relay.svc:15091");
}

fn relabel(rules: &[relabel::Rule], address: &str) -> String {
    let mut labels = Labels::from_pairs([("__address__", address)]).to_builder();
    assert!(matches!(relabel::apply(rules, &mut labels), Outcome::Kept));
    labels.get("__address__").to_owned()
}

#[test]
fn prometheus_takes_the_plain_jobs() {
    for version in ["promtool-2.42", "promtool-3.15"] {
        let Some(promtool) = integration::prometheus::tool(version) else { continue };
        let file = files::root().join("deploy/prometheus/prometheus.yml");
        let checked = Command::new(promtool).args(["check", "config"]).arg(file).output().expect("it starts");
        assert!(checked.status.success(), "{version}: {}", String::from_utf8_lossy(&checked.stderr));
    }
}
