//! A coordinator and relays as processes of their own, on free ports, in a directory of the test.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{Process, free_address};
use crate::{http_client, wait};

/// What the tests' own environment does not decide: variables of the product, and of the cluster that tests may run in.
const OTHERS: [&str; 3] = ["SCRAPE_RELAY_", "OTEL_", "KUBE"];

/// The product's program, as this package builds it.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    variables: Vec<(String, OsString)>,
}

impl Program {
    /// The program at `path`, from `env!("CARGO_BIN_EXE_...")`.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self { path: PathBuf::from(path), variables: Vec::new() }
    }

    /// The same with a variable in its environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// A command line that starts with this program.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        for (name, _) in std::env::vars_os() {
            if OTHERS.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A running coordinator.
#[derive(Debug)]
pub struct Coordinator {
    process: Process,
    program: Program,
    directory: PathBuf,
    /// Where relays and operators connect.
    pub grpc: SocketAddr,
    /// Where its own pages are.
    pub http: SocketAddr,
}

impl Coordinator {
    /// Starts one with this configuration, kept as `config.yml` in `directory`.
    ///
    /// # Panics
    /// Where it does not become alive within 20 s.
    pub async fn start(program: &Program, config: &str, directory: &Path) -> Self {
        std::fs::create_dir_all(directory).expect("the test's directory");
        std::fs::write(directory.join("config.yml"), config).expect("the configuration is written");
        let (grpc, http) = (free_address(), free_address());
        let process = start_coordinator(program, directory, grpc, http);
        let coordinator =
            Self { process, program: program.clone(), directory: directory.to_path_buf(), grpc, http };
        coordinator.alive().await;
        coordinator
    }

    /// Kills it with SIGKILL and starts it again on the same ports.
    pub async fn restart(&mut self) {
        self.kill();
        self.process = start_coordinator(&self.program, &self.directory, self.grpc, self.http);
        self.alive().await;
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Where it has its files.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    async fn alive(&self) {
        answers(&format!("http://{}/livez", self.http), "the coordinator to be alive").await;
    }
}

fn start_coordinator(program: &Program, directory: &Path, grpc: SocketAddr, http: SocketAddr) -> Process {
    let mut command = program.command();
    command
        .arg("coordinator")
        .arg(format!("--config={}", directory.join("config.yml").display()))
        .arg(format!("--grpc-listen={grpc}"))
        .arg(format!("--http-listen={http}"));
    Process::start(command, &directory.join("coordinator.log")).expect("the coordinator starts")
}

/// A running relay.
#[derive(Debug)]
pub struct Relay {
    process: Process,
    program: Program,
    directory: PathBuf,
    coordinator: SocketAddr,
    /// Its name.
    pub name: String,
    /// Where its merged page is.
    pub metrics: SocketAddr,
    /// Where its own pages are.
    pub http: SocketAddr,
}

impl Relay {
    /// Starts one with its cache in `directory/NAME`.
    ///
    /// # Panics
    /// Where it does not become alive within 20 s.
    pub async fn start(program: &Program, name: &str, coordinator: SocketAddr, directory: &Path) -> Self {
        let directory = directory.join(name);
        std::fs::create_dir_all(&directory).expect("the test's directory");
        let (metrics, http) = (free_address(), free_address());
        let mut relay = Self {
            process: spawn_relay(program, name, coordinator, &directory, (metrics, http)),
            program: program.clone(),
            directory,
            coordinator,
            name: name.to_owned(),
            metrics,
            http,
        };
        relay.alive().await;
        relay
    }

    /// Kills it with SIGKILL and starts it again with the same name, ports and cache.
    pub async fn restart(&mut self) {
        self.kill();
        self.start_again().await;
    }

    /// SIGTERM, and waits for its end; gives the exit code.
    ///
    /// # Errors
    /// Where it still runs after `limit`, or was ended by a signal.
    pub async fn terminate(&mut self, limit: Duration) -> Result<i32, String> {
        self.process.signal(rustix::process::Signal::TERM)?;
        self.process.exit_code(limit).await
    }

    /// Starts it again after its end, with the same name, ports and cache.
    ///
    /// # Panics
    /// Where it does not become alive within 20 s.
    pub async fn start_again(&mut self) {
        let addresses = (self.metrics, self.http);
        self.process = spawn_relay(&self.program, &self.name, self.coordinator, &self.directory, addresses);
        self.alive().await;
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The merged page's URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/metrics", self.metrics)
    }

    /// Where it has its cache.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.directory.join("cache")
    }

    /// Waits until it is ready.
    ///
    /// # Panics
    /// Where it is not within 20 s.
    pub async fn ready(&self) {
        answers(&format!("http://{}/readyz", self.http), "the relay to be ready").await;
    }

    /// The value of one of its own metrics, summed over labels; 0 where there is none.
    ///
    /// # Errors
    /// Where its second port does not answer.
    pub async fn own_metric(&self, name: &str) -> Result<f64, String> {
        let page = http_client::get(&format!("http://{}/metrics", self.http), &[]).await?.text();
        let lines = page.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ') || rest.starts_with('{'))
        });
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }

    async fn alive(&mut self) {
        answers(&format!("http://{}/livez", self.http), "the relay to be alive").await;
    }
}

fn spawn_relay(
    program: &Program,
    name: &str,
    coordinator: SocketAddr,
    directory: &Path,
    (metrics, http): (SocketAddr, SocketAddr),
) -> Process {
    let mut command = program.command();
    command
        .arg("relay")
        .arg(format!("--coordinator=http://{coordinator}"))
        .arg(format!("--name={name}"))
        .arg(format!("--listen={metrics}"))
        .arg(format!("--http-listen={http}"))
        .arg(format!("--cache-dir={}", directory.join("cache").display()));
    Process::start(command, &directory.join("relay.log")).expect("the relay starts")
}

async fn answers(url: &str, what: &str) {
    wait::until(what, Duration::from_secs(20), || async {
        match http_client::get(url, &[]).await {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(format!("{}: {}", answer.status, answer.text())),
            Err(error) => Err(error),
        }
    })
    .await;
}
