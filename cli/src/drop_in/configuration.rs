//! The configuration that metrics-k8s-proxy's environment stands for.
//!
//! In: its settings, and where targets come from. Out: a [`Config`] as a file could hold it, but for a page's time, which
//! may be shorter or longer than files may say, and for a start that waits for the pods.

use std::path::Path;
use std::sync::Arc;

use coordinator::config::{self, Config, Discovery};

use super::settings::Settings;

/// The one job. Its name is on no page.
pub const JOB: &str = "pods";

/// Pods that are scraped at the same time: all of them, so that those that hang keep none from being asked.
const CONCURRENCY: usize = 100_000;

/// The job in the words of a file. Pods are asked for the text format first, as they answered metrics-k8s-proxy, which
/// asked for none: in OpenMetrics some have more series or other names. Two labels are all that a page shows of a pod.
/// Its own `up` would be taken for the one that says whether it answers.
const TEXT: &str = r#"
scrape_configs:
  - job_name: pods
    follow_redirects: true
    fallback_scrape_protocol: PrometheusText0.0.4
    scrape_protocols: [PrometheusText0.0.4, PrometheusText1.0.0, OpenMetricsText1.0.0, OpenMetricsText0.0.1]
    relabel_configs:
      - {source_labels: [__meta_kubernetes_pod_name], target_label: k8s_pod_name}
      - {source_labels: [__meta_kubernetes_namespace], target_label: k8s_namespace}
    metric_relabel_configs:
      - {source_labels: [__name__], regex: up, target_label: __name__, replacement: exported_up}
"#;

/// The configuration. `caches` says whether the last good scrape of a pod that is down may be shown.
#[must_use]
pub fn build(settings: &Settings, discoveries: Vec<Discovery>, caches: bool) -> Config {
    let loaded = config::parse("metrics-k8s-proxy", TEXT, Path::new(""));
    let mut config = loaded.expect("the text is constant, and a test reads it").config;
    for job in &mut config.jobs {
        job.discoveries.clone_from(&discoveries);
        let job = Arc::make_mut(&mut job.job);
        job.scrape_timeout = settings.scrape_timeout;
        // No timeout is longer than its interval. Nothing else comes of it: pods are scraped whenever a page is asked for.
        job.scrape_interval = job.scrape_interval.max(settings.scrape_timeout);
    }
    config.relay.page_timeout = settings.scrape_timeout;
    config.relay.concurrency = CONCURRENCY;
    config.cache.enabled = caches;
    config.coordinator.complete_start = true;
    config
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::drop_in::settings::Environment;

    fn built(timeout: &str, caches: bool) -> Config {
        let environment = Environment {
            pod_label_selector: Some("app=a".to_owned()),
            scrape_timeout: Some(timeout.to_owned()),
            ..Environment::default()
        };
        build(&Settings::read(&environment).expect("they are right"), Vec::new(), caches)
    }

    #[test]
    fn a_pod_and_a_page_have_the_scrape_timeout_and_no_pod_waits_for_another() {
        for (timeout, milliseconds) in [("9s", 9_000), ("1ns", 1), ("2m", 120_000), ("1h", 3_600_000)] {
            let config = built(timeout, false);
            let expected = Duration::from_millis(milliseconds);
            let job = &config.jobs[0].job;
            assert_eq!((&*job.job_name, job.interval_is_set), (JOB, false));
            assert_eq!((job.scrape_timeout, config.relay.page_timeout), (expected, expected), "{timeout}");
            assert!(job.scrape_interval >= job.scrape_timeout, "{timeout}");
            assert!(job.settings.http.follow_redirects && !job.settings.honor_labels);
            assert!(!config.cache.enabled && built(timeout, true).cache.enabled);
        }
    }
}
