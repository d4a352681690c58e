//! A real Prometheus as a process, and what it has stored.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Process, free_address};
use crate::{http_client, wait};

/// The versions that the promises name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The oldest that is promised to work.
    V2_42,
    /// The newest that was tested.
    V3_15,
}

impl Version {
    fn program(self) -> &'static str {
        match self {
            Self::V2_42 => "prometheus-2.42",
            Self::V3_15 => "prometheus-3.15",
        }
    }
}

/// The directory with the programs that tests run against, if this machine has one: `$SCRAPE_RELAY_TOOLS`,
/// else the folder in the user's cache that `.ci/tools` fills.
#[must_use]
pub fn tools() -> Option<PathBuf> {
    let named = std::env::var_os("SCRAPE_RELAY_TOOLS").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let directory = named.or_else(|| Some(cache.or(home)?.join("scrape-relay/tools")))?;
    directory.is_dir().then_some(directory)
}

/// The program called `name`, or nothing and a plain sentence about what is left out.
#[must_use]
pub fn tool(name: &str) -> Option<PathBuf> {
    let found = tools().map(|tools| tools.join(name)).filter(|path| path.exists());
    if found.is_none() {
        println!("LEFT OUT: this machine has no {name}; `.ci/tools` builds it, then this test runs");
    }
    found
}

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    address: SocketAddr,
}

/// One stored series: its labels and its samples (seconds, value as spelled by the API).
pub type Stored = BTreeMap<BTreeMap<String, String>, Vec<(f64, String)>>;

impl Prometheus {
    /// Starts a Prometheus of that version with this configuration in `directory`; nothing where the machine
    /// does not have it.
    ///
    /// # Panics
    /// Where it does not become ready within 30 s.
    pub async fn start(version: Version, config: &str, directory: &Path) -> Option<Self> {
        let program = tool(version.program())?;
        std::fs::create_dir_all(directory).expect("the test's directory");
        let file = directory.join("prometheus.yml");
        std::fs::write(&file, config).expect("the configuration is written");
        let address = free_address();
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--web.listen-address={address}"))
            .arg(format!("--storage.tsdb.path={}", directory.join("data").display()))
            .arg("--log.level=warn");
        let process = Process::start(command, &directory.join("log")).expect("prometheus starts");
        let ready = format!("http://{address}/-/ready");
        wait::until("prometheus to be ready", Duration::from_secs(30), || async {
            match http_client::get(&ready, &[]).await {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(format!("status {}", answer.status)),
                Err(error) => Err(error),
            }
        })
        .await;
        Some(Self { process, address })
    }

    /// Where its page and its API are.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Asks the query API, and gives `data.result`.
    ///
    /// # Errors
    /// What the API answered instead.
    pub async fn query(&self, query: &str) -> Result<Vec<Value>, String> {
        let answer = self.api(&format!("query?query={}", percent(query))).await?;
        match &answer["data"]["result"] {
            Value::Array(rows) => Ok(rows.clone()),
            _ => Err(answer.to_string()),
        }
    }

    /// The single number of a scalar-like query; an empty result is an error.
    ///
    /// # Errors
    /// What the API answered instead.
    pub async fn number(&self, query: &str) -> Result<f64, String> {
        let rows = self.query(query).await?;
        let value = rows.first().and_then(|row| row["value"][1].as_str()).ok_or(format!("{query}: empty"))?;
        value.parse().map_err(|_| format!("{query}: {value}"))
    }

    /// The raw samples that `selector` has over the last `range`, such as `10m`.
    ///
    /// # Errors
    /// What the API answered instead.
    pub async fn stored(&self, selector: &str, range: &str) -> Result<Stored, String> {
        let rows = self.query(&format!("{selector}[{range}]")).await?;
        Ok(rows.iter().map(|row| (labels(&row["metric"]), samples(&row["values"]))).collect())
    }

    /// Any path below `/api/v1/`.
    ///
    /// # Errors
    /// What went wrong, or what was not JSON.
    pub async fn api(&self, path: &str) -> Result<Value, String> {
        let answer = http_client::get(&format!("http://{}/api/v1/{path}", self.address), &[]).await?;
        serde_json::from_slice(&answer.body).map_err(|error| format!("{error}: {}", answer.text()))
    }
}

fn labels(metric: &Value) -> BTreeMap<String, String> {
    let pairs = metric.as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

fn samples(values: &Value) -> Vec<(f64, String)> {
    let pairs = values.as_array().into_iter().flatten();
    pairs
        .map(|pair| (pair[0].as_f64().unwrap_or_default(), pair[1].as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn percent(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
