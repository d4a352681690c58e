//! A coordinator without relays, and what operators are told of its pods and its watch.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use integration::fleet::Coordinator;
use integration::wait;
use serde_json::Value;

/// A coordinator that watches; dropping it ends it.
pub(crate) struct Product {
    coordinator: Coordinator,
    _directory: tempfile::TempDir,
}

impl Product {
    pub(crate) async fn start(kubeconfig: &Path, namespace: &str, labels: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let config = format!(
            r"scrape_configs:
- job_name: pods
  kubernetes_sd_configs:
  - role: pod
    kubeconfig_file: {}
    namespaces: {{names: [{namespace}]}}
    selectors: [{{role: pod, label: '{labels}'}}]
  relabel_configs:
  - {{source_labels: [__meta_kubernetes_pod_name], target_label: pod}}
  - {{source_labels: [__meta_kubernetes_pod_phase], target_label: phase}}
  - {{source_labels: [__meta_kubernetes_pod_ready], target_label: ready}}
",
            kubeconfig.display()
        );
        let coordinator = Coordinator::start(&crate::program(), &config, directory.path()).await;
        Self { coordinator, _directory: directory }
    }

    /// What it takes to exist: name to phase and readiness.
    pub(crate) fn pods(&self) -> Result<BTreeMap<String, String>, String> {
        let answer = self.ask(&["targets", "list", "--page-size=1000"])?;
        let targets = answer["targets"].as_array().into_iter().flatten();
        let state = |labels: &Value| {
            let ready = if labels["ready"] == "true" { "ready" } else { "unready" };
            (text(&labels["pod"]), format!("{} {ready}", text(&labels["phase"])))
        };
        Ok(targets.map(|target| state(&target["labels"])).collect())
    }

    /// How many complete lists it has had.
    pub(crate) fn lists(&self) -> u64 {
        self.number("lists")
    }

    /// How many objects it could not read.
    pub(crate) fn unreadable(&self) -> u64 {
        self.number("unreadable")
    }

    /// Waits until operators are told that the watch fails for this reason.
    pub(crate) async fn fails(&self, reason: &str) {
        wait::until("the watch to fail", Duration::from_secs(120), || async {
            let watch = self.watch()?;
            let failing = watch["state"] == "failing" && watch["error"]["code"] == reason;
            if failing { Ok(()) } else { Err(format!("{watch} has not the reason {reason}")) }
        })
        .await;
    }

    /// A count of its watch; proto3 JSON has large numbers as text, and leaves out what is 0.
    fn number(&self, name: &str) -> u64 {
        let watch = self.watch().expect("a watch");
        watch[name].as_str().map_or(0, |text| text.parse().expect("a number"))
    }

    fn watch(&self) -> Result<Value, String> {
        let answer = self.ask(&["discoveries", "list"])?;
        answer["watches"].get(0).cloned().ok_or_else(|| format!("no watch: {answer}"))
    }

    fn ask(&self, arguments: &[&str]) -> Result<Value, String> {
        let mut command = crate::program().command();
        command.args(arguments).args(["--output=json", &format!("--server={}", self.coordinator.grpc)]);
        let output = command.output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
