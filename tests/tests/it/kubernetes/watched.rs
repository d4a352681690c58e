//! Relays over the pods of an API server, and what their pages say of each pod.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::future::try_join_all;
use integration::fleet::{Coordinator, Relay};
use integration::{http_client, wait};

/// Where the pods of these tests answer.
pub(crate) const PORT: u16 = 8080;

/// The longest that anything but an outage may take on a busy machine.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// Whether tests may take many minutes.
pub(crate) fn long() -> bool {
    std::env::var("SCRAPE_RELAY_LONG_TESTS").is_ok_and(|value| value == "1")
}

/// A coordinator and its relays; dropping it ends them.
pub(crate) struct Watched {
    pub(crate) coordinator: Coordinator,
    pub(crate) relays: Vec<Relay>,
    directory: tempfile::TempDir,
}

/// The lines of `up` on all pages together, by `JOB/POD`. A pod that moves is on two of them.
#[derive(Debug, Default)]
pub(crate) struct Ups(BTreeMap<String, Vec<String>>);

/// A job over the ready pods labelled `app: web` of a namespace, for the product and for Prometheus.
pub(crate) fn job(name: &str, kubeconfig: &Path, namespace: &str) -> String {
    format!(
        r"- job_name: {name}
  kubernetes_sd_configs:
  - role: pod
    kubeconfig_file: {}
    namespaces: {{names: [{namespace}]}}
    selectors: [{{role: pod, label: 'app=web'}}]
  relabel_configs:
  - {{source_labels: [__meta_kubernetes_pod_ready], regex: 'true', action: keep}}
  - {{source_labels: [__meta_kubernetes_pod_name], target_label: pod}}
  - {{source_labels: [__meta_kubernetes_pod_annotation_team], target_label: team}}
  - {{source_labels: [__meta_kubernetes_pod_controller_name], target_label: workload}}
  - {{action: labelmap, regex: '__meta_kubernetes_pod_label_(version|tier)'}}
",
        kubeconfig.display()
    )
}

impl Watched {
    /// Starts them with these jobs.
    pub(crate) async fn start(jobs: &str, relays: usize) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let program = crate::program();
        let config = format!("coordinator: {{expected_relays: {relays}}}\nscrape_configs:\n{jobs}");
        let coordinator = Coordinator::start(&program, &config, &directory.path().join("coordinator")).await;
        let mut started = Vec::new();
        for number in 0..relays {
            let name = format!("relay-{number}");
            started.push(Relay::start(&program, &name, coordinator.grpc, directory.path()).await);
        }
        Self { coordinator, relays: started, directory }
    }

    /// A directory that lasts as long as this.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Scrapes all pages at once.
    pub(crate) async fn scrape(&self) -> Result<Ups, String> {
        let pages = self.relays.iter().map(async |relay| {
            let page = http_client::get(&relay.url(), &[]).await?;
            let named = |text: String| format!("{}: {}: {text}", relay.name, page.status);
            if page.status == 200 { Ok(page.text()) } else { Err(named(page.text())) }
        });
        let mut ups = Ups::default();
        for page in try_join_all(pages).await? {
            page.lines().filter(|line| line.starts_with("up{")).for_each(|line| ups.add(line));
        }
        Ok(ups)
    }

    /// Waits until exactly these pods are on the pages, and up.
    pub(crate) async fn has(&self, wanted: &[String]) {
        let mut wanted = wanted.to_vec();
        wanted.sort();
        wait::until("the pods to be on the pages", MINUTE, || async {
            match self.scrape().await?.up() {
                up if up == wanted => Ok(()),
                up => Err(format!(
                    "{} of {}: {:?}",
                    up.len(),
                    wanted.len(),
                    up.iter().take(9).collect::<Vec<_>>()
                )),
            }
        })
        .await;
    }

    /// What `scrape-relay discoveries list` prints.
    pub(crate) fn discoveries(&self) -> String {
        let mut command = crate::program().command();
        command.args(["discoveries", "list"]).arg(format!("--server={}", self.coordinator.grpc));
        let output = command.output().expect("the program runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Waits until the list of discoveries has a line with all of `parts`.
    pub(crate) async fn tells(&self, parts: &[&str]) {
        wait::until("the discoveries to tell", MINUTE, || async {
            let told = self.discoveries();
            let found = told.lines().any(|line| parts.iter().all(|part| line.contains(part)));
            if found { Ok(()) } else { Err(format!("no line with {parts:?}: {told}")) }
        })
        .await;
    }

    /// Whether every process is the one that was started.
    pub(crate) fn runs(&mut self) -> bool {
        self.coordinator.process().is_running()
            && self.relays.iter_mut().all(|relay| relay.process().is_running())
    }
}

impl Ups {
    fn add(&mut self, line: &str) {
        let key = format!("{}/{}", label(line, "job"), label(line, "pod"));
        self.0.entry(key).or_default().push(line.to_owned());
    }

    /// Every pod that answers, and no other: one that does not is told with `!`.
    pub(crate) fn up(&self) -> Vec<String> {
        let told = |key: &String| if self.is_up(key) { key.clone() } else { format!("!{key}") };
        self.0.keys().map(told).collect()
    }

    pub(crate) fn is_up(&self, pod: &str) -> bool {
        self.0.get(pod).is_some_and(|lines| lines.iter().any(|line| line.ends_with(" 1")))
    }

    pub(crate) fn has(&self, pod: &str) -> bool {
        self.0.contains_key(pod)
    }

    /// Whether the pod is there, once, with this label.
    pub(crate) fn labelled(&self, pod: &str, name: &str, value: &str) -> bool {
        self.0.get(pod).is_some_and(|lines| lines.iter().all(|line| label(line, name) == value))
    }
}

/// The value of a label in a line of a page; these have nothing that is escaped.
fn label<'a>(line: &'a str, name: &str) -> &'a str {
    let rest = [format!("{{{name}=\""), format!(",{name}=\"")].iter().find_map(|start| {
        let (_, rest) = line.split_once(start)?;
        rest.split_once('"')
    });
    rest.map_or("", |(value, _)| value)
}
