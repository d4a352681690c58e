//! Relabelling rules and scrape configurations as YAML, for the cases that are written so: read by the
//! configuration loader itself.

use std::path::Path;
use std::sync::Arc;

use coordinator::config;
use model::job::Job;
use model::names::ValidationScheme;
use model::relabel::Rule;

/// The rules that `yaml` lists.
pub(super) fn rules(yaml: &str, scheme: ValidationScheme) -> Result<Arc<[Rule]>, String> {
    config::relabel_rules_from_yaml(yaml, scheme).map(Arc::from).map_err(|error| error.to_string())
}

/// The job of one `scrape_configs` entry as Prometheus prints it.
pub(super) fn printed_job(yaml: &str) -> Result<Job, String> {
    let job = config::job_from_yaml(yaml).map_err(|error| error.to_string())?;
    Ok(Arc::unwrap_or_clone(job.job))
}

/// The first job of a whole configuration file.
pub(super) fn first_job(yaml: &str) -> Result<Job, String> {
    let loaded = config::parse("config.yml", yaml, Path::new("")).map_err(|error| error.to_string())?;
    let first = loaded.config.jobs.into_iter().next().ok_or("no scrape_configs")?;
    Ok(Arc::unwrap_or_clone(first.job))
}
