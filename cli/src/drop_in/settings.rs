//! metrics-k8s-proxy's environment, read and checked.
//!
//! In: the variables as texts. Out: [`Settings`], or a sentence that names the variable and its value. A variable that is
//! empty is one that is not set, as it was for that program.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::go_duration;
use super::selector::PodSelector;

/// What `SCRAPE_TIMEOUT` is where it is not set.
pub const SCRAPE_TIMEOUT: Duration = Duration::from_secs(9);
/// What `PORT` is where it is not set.
pub const PORT: u16 = 15090;

/// The variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `POD_LABEL_SELECTOR`
    pub pod_label_selector: Option<String>,
    /// `SCRAPE_TIMEOUT`
    pub scrape_timeout: Option<String>,
    /// `PORT`
    pub port: Option<String>,
    /// `KUBECONFIG`
    pub kubeconfig: Option<OsString>,
}

/// What they come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which pods.
    pub selector: PodSelector,
    /// How long one pod, and a page that does not say how long it may take, have.
    pub scrape_timeout: Duration,
    /// Where `/metrics` is.
    pub port: u16,
    /// The kubeconfigs, the first that says something wins; none for the cluster that the process runs in.
    pub kubeconfigs: Vec<PathBuf>,
}

/// A variable that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// There is no selector.
    #[error(
        "POD_LABEL_SELECTOR {0}: say which pods to scrape, for instance app=my-app, or give a configuration with --config"
    )]
    NoSelector(String),
    /// The selector is none.
    #[error("POD_LABEL_SELECTOR {value:?} is no label selector of Kubernetes: {why}")]
    Selector {
        /// What was given.
        value: String,
        /// What is wrong.
        why: String,
    },
    /// The timeout is no duration, or none that a scrape could end in.
    #[error("SCRAPE_TIMEOUT {value:?} cannot be used: {why}")]
    ScrapeTimeout {
        /// What was given.
        value: String,
        /// What is wrong.
        why: String,
    },
    /// The port is none.
    #[error("PORT {0:?} is no port: write a number from 1 to 65535")]
    Port(String),
}

impl Settings {
    /// Reads the variables.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub fn read(environment: &Environment) -> Result<Self, SettingsError> {
        Ok(Self {
            selector: selector(filled(environment.pod_label_selector.as_deref()))?,
            scrape_timeout: filled(environment.scrape_timeout.as_deref())
                .map_or(Ok(SCRAPE_TIMEOUT), scrape_timeout)?,
            port: filled(environment.port.as_deref()).map_or(Ok(PORT), port)?,
            kubeconfigs: kubeconfigs(environment.kubeconfig.as_ref()),
        })
    }
}

fn filled(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}

fn selector(value: Option<&str>) -> Result<PodSelector, SettingsError> {
    let value = value.ok_or_else(|| SettingsError::NoSelector("is not set".to_owned()))?;
    let selector = PodSelector::read(value);
    if selector.text.is_empty() {
        // It would select every pod of the cluster.
        return Err(SettingsError::NoSelector(format!("{value:?} selects nothing")));
    }
    match coordinator::config::check_label_selector(&selector.text) {
        Ok(()) => Ok(selector),
        Err(why) => Err(SettingsError::Selector { value: value.to_owned(), why }),
    }
}

/// At least a millisecond, the least that a target's timeout can be.
fn scrape_timeout(value: &str) -> Result<Duration, SettingsError> {
    let refused = |why: String| SettingsError::ScrapeTimeout { value: value.to_owned(), why };
    let nanoseconds = go_duration::parse(value).map_err(|error| refused(error.to_string()))?;
    match u64::try_from(nanoseconds) {
        Ok(nanoseconds) if nanoseconds > 0 => Ok(Duration::from_millis(nanoseconds.div_ceil(1_000_000))),
        _ => Err(refused("no pod answers in no time; write for instance 9s".to_owned())),
    }
}

fn port(value: &str) -> Result<u16, SettingsError> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let port = value.parse::<u16>().ok().filter(|port| digits && *port > 0);
    port.ok_or_else(|| SettingsError::Port(value.to_owned()))
}

fn kubeconfigs(value: Option<&OsString>) -> Vec<PathBuf> {
    let paths = value.into_iter().flat_map(std::env::split_paths);
    paths.filter(|path| !path.as_os_str().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `-` for a variable that is not set.
    fn variable(cell: &str) -> Option<String> {
        (cell != "-").then(|| cell.to_owned())
    }

    fn told(settings: Result<Settings, SettingsError>) -> String {
        match settings {
            Ok(it) => format!("{:?} {:?} {}", it.selector.text, it.scrape_timeout, it.port),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_row_of_the_table_is_read_as_it_says() {
        let table = include_str!("../../tests/environment.tsv");
        let rows = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let mut count = 0;
        for row in rows {
            let cells: Vec<&str> = row.split('\t').collect();
            let [selector, timeout, port, expected] = cells.as_slice() else { panic!("four cells: {row:?}") };
            let environment = Environment {
                pod_label_selector: variable(selector),
                scrape_timeout: variable(timeout),
                port: variable(port),
                kubeconfig: None,
            };
            let told = told(Settings::read(&environment));
            let fits =
                expected.strip_suffix("...").map_or(told == *expected, |start| told.starts_with(start));
            assert!(fits, "{row:?} gives {told}");
            count += 1;
        }
        assert!(count > 40, "{count} rows only");
    }

    #[test]
    fn kubeconfigs_may_be_several_and_empty_parts_are_none() {
        let read = |value: &str| kubeconfigs(Some(&OsString::from(value)));
        assert_eq!(read("/a/config"), [PathBuf::from("/a/config")]);
        assert_eq!(read("/a::b"), [PathBuf::from("/a"), PathBuf::from("b")]);
        assert!(read("").is_empty() && kubeconfigs(None).is_empty());
    }
}
