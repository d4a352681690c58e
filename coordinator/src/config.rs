//! The configuration file: Prometheus's `scrape_configs` and our own sections, read, checked and complete.
//!
//! In: the text of a file. Out: a [`Config`] with every default filled in, or everything that is wrong with the file
//! at once, each with its place. Fields and defaults are Prometheus 3's but where this differs on purpose: redirects
//! are not followed unless asked for, dropped targets are kept up to a limit, and what is not built is refused by
//! name. No discovery runs here, and only [`load`] opens a file.

mod check;
mod code;
mod compose;
mod context;
mod diagnostic;
mod discovery;
mod fields;
mod frame;
mod global;
mod http_client;
mod job;
mod kubernetes;
mod left_out;
mod lint;
mod load;
mod mask;
mod own_sections;
mod position;
mod protocols;
mod report;
mod rules;
mod scalar;
mod schemes;
mod times;
mod tree;

use model::settings::{CacheSettings, Limits, RelaySettings};

pub use check::check;
pub use code::{Code, Severity};
pub use compose::{MAX_DEPTH, MAX_FILE_BYTES, MAX_NODES};
pub use diagnostic::{Diagnostic, Diagnostics, FrameLine, MAX_DIAGNOSTICS};
pub use discovery::{Discovery, FILE_REFRESH, FileDiscovery, HTTP_REFRESH, HttpDiscovery};
pub use global::{DEFAULT_SCRAPE_INTERVAL, DEFAULT_SCRAPE_TIMEOUT};
pub use job::JobConfig;
pub use kubernetes::{
    AnnotationRules, AttachMetadata, KubernetesDiscovery, Namespaces, Role, Selector, check_label_selector,
};
pub use load::{MissingFiles, job_from_yaml, load, parse, relabel_rules_from_yaml, target_groups_from_yaml};
pub use own_sections::CoordinatorSettings;
pub use position::Position;

/// A whole configuration. The default is that of an empty file: no job, every setting at its default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The jobs in the order of the file; names are unique.
    pub jobs: Vec<JobConfig>,
    /// `coordinator:`.
    pub coordinator: CoordinatorSettings,
    /// `relay:`, for the relays.
    pub relay: RelaySettings,
    /// `cache:`, for the relays.
    pub cache: CacheSettings,
    /// `limits:`, for the relays; `dropped_targets` is the coordinator's.
    pub limits: Limits,
}

/// A configuration that may be used, and what is to be said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings only.
    pub warnings: Diagnostics,
}

/// The secrets that stand in the file itself and travel to relays: job, field, place. They may go over a loopback or
/// TLS connection only; the `*_file` fields are the way out.
pub fn inline_secrets(config: &Config) -> impl Iterator<Item = (&str, &str, &Position)> {
    config.jobs.iter().flat_map(|job| {
        job.inline_secrets.iter().map(|secret| (&*job.job.job_name, secret.field.as_str(), &secret.position))
    })
}
