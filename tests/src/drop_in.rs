//! The product in the place of metrics-k8s-proxy, as a process, and what that program would have made of a body.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::fleet::Program;
use crate::http_client::{self, Answer};
use crate::process::{Process, free_address};
use crate::wait;

/// A running one.
#[derive(Debug)]
pub struct DropIn {
    process: Process,
    address: SocketAddr,
}

impl DropIn {
    /// Starts one over the targets of `job`, the lines of a job that say where its targets come from, with more
    /// variables in its environment.
    ///
    /// # Panics
    /// Where it does not answer within 20 s.
    pub async fn start(program: &Program, job: &str, directory: &Path, more: &[(&str, &str)]) -> Self {
        let file = directory.join("targets.yml");
        std::fs::write(&file, format!("scrape_configs:\n- job_name: found\n{job}")).expect("it is written");
        let address = free_address();
        let mut command = program.command();
        command
            .arg("standalone")
            .env("UNDER_TEST_TARGETS", &file)
            .env("POD_LABEL_SELECTOR", "app=a,env")
            .env("PORT", address.port().to_string())
            .envs(more.iter().copied());
        Self::run(command, address, directory).await
    }

    /// Starts one over the pods of a cluster, with nothing but that program's four variables in its environment.
    ///
    /// # Panics
    /// Where it does not answer within 20 s.
    pub async fn start_in_cluster(
        program: &Program,
        kubeconfig: &Path,
        (selector, timeout): (&str, &str),
        directory: &Path,
    ) -> Self {
        let address = free_address();
        let mut command = program.command();
        command
            .arg("standalone")
            .env_clear()
            .env("POD_LABEL_SELECTOR", selector)
            .env("SCRAPE_TIMEOUT", timeout)
            .env("PORT", address.port().to_string())
            .env("KUBECONFIG", kubeconfig);
        Self::run(command, address, directory).await
    }

    async fn run(command: Command, address: SocketAddr, directory: &Path) -> Self {
        let process = Process::start(command, &directory.join("drop_in.log")).expect("it starts");
        let started = Self { process, address };
        started.alive().await;
        started
    }

    /// Starts it again as it was started, after its process has ended or by killing it.
    ///
    /// # Panics
    /// Where it does not answer within 20 s.
    pub async fn start_again(&mut self) {
        self.process.start_again().expect("it starts");
        self.alive().await;
    }

    async fn alive(&self) {
        wait::until("it to be alive", Duration::from_secs(20), || async {
            self.get("/healthz", &[]).await.map(drop)
        })
        .await;
    }

    /// Where its page is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Asks for a path.
    ///
    /// # Errors
    /// Where nobody answers.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, String> {
        http_client::get(&format!("http://{}{path}", self.address), headers).await
    }

    /// The page, once there is one.
    ///
    /// # Panics
    /// Where there is none within 20 s.
    pub async fn page(&self) -> String {
        wait::until("a page", Duration::from_secs(20), || async {
            let answer = self.get("/metrics", &[]).await?;
            if answer.status == 200 { Ok(answer.text()) } else { Err(answer.text()) }
        })
        .await
    }
}

/// What a page says of its pods: `NAMESPACE/NAME`, and 1 or 0, in order.
#[must_use]
pub fn ups(page: &str) -> Vec<(String, String)> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("up{k8s_pod_name=\""));
    let mut ups: Vec<(String, String)> = lines
        .map(|line| {
            let parsed = line.split_once("\",k8s_namespace=\"").and_then(|(name, rest)| {
                let (namespace, value) = rest.split_once("\"} ")?;
                Some((format!("{namespace}/{name}"), value.to_owned()))
            });
            parsed.unwrap_or_else(|| (line.to_owned(), "not as promised".to_owned()))
        })
        .collect();
    ups.sort_unstable();
    ups
}

/// The lines of a job whose targets are these, called `pod-0`, `pod-1`, ... of namespace `n`.
#[must_use]
pub fn static_pods(addresses: &[SocketAddr]) -> String {
    let mut lines = String::from("  static_configs:\n");
    for (number, address) in addresses.iter().enumerate() {
        let labels = format!(
            "__meta_kubernetes_pod_name: pod-{number}, __meta_kubernetes_namespace: n, __meta_kubernetes_pod_uid: u{number}"
        );
        writeln!(lines, "  - {{targets: ['{address}'], labels: {{{labels}}}}}")
            .expect("a string takes any text");
    }
    lines
}

/// How often each series with its value stands on a page; a series is its name and its labels in order.
pub type Lines = BTreeMap<String, usize>;

/// What metrics-k8s-proxy wrote for a body of the pod `number`: its two labels put into each line.
#[must_use]
pub fn as_before(body: &str, number: usize) -> String {
    let labels = format!("k8s_pod_name=\"pod-{number}\",k8s_namespace=\"n\"");
    let mut page = String::new();
    for line in body.lines() {
        let fields = line.split_whitespace().count();
        if line.starts_with('#') || line.is_empty() {
            page.push_str(line);
        } else if let Some((name, rest)) = line.split_once('{') {
            write!(page, "{name}{{{labels},{rest}").expect("a string takes any text");
        } else if let (2, Some((name, value))) = (fields, line.split_once(char::is_whitespace)) {
            write!(page, "{name}{{{labels}}} {}", value.trim()).expect("a string takes any text");
        } else {
            page.push_str(line);
        }
        page.push('\n');
    }
    writeln!(page, "up{{{labels}}} 1").expect("a string takes any text");
    page
}

/// The samples of a page. Label values here hold no commas and no braces.
#[must_use]
pub fn lines(page: &str) -> Lines {
    let mut found = Lines::new();
    for line in page.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let series = match line.split_once('{').and_then(|(name, rest)| Some((name, rest.split_once('}')?))) {
            Some((name, (labels, value))) => {
                let mut labels: Vec<&str> = labels.split(',').filter(|label| !label.is_empty()).collect();
                labels.sort_unstable();
                format!("{name}{{{}}} {}", labels.join(","), value.trim())
            }
            None => line.to_owned(),
        };
        *found.entry(series).or_default() += 1;
    }
    found
}
