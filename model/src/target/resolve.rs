//! From a job and a target group to targets (Prometheus 3, `scrape.PopulateLabels`).

use std::sync::Arc;
use std::time::Duration;

use super::{
    ADDRESS, ALWAYS_SCRAPE_CLASSIC_HISTOGRAMS, CONVERT_CLASSIC_HISTOGRAMS, INSTANCE, JOB, METRICS_PATH,
    Resolved, SCHEME, SCRAPE_INTERVAL, SCRAPE_NATIVE_HISTOGRAMS, SCRAPE_TIMEOUT, Target, TargetError, id,
    url,
};
use crate::duration;
use crate::job::Job;
use crate::labels::{Labels, LabelsBuilder};
use crate::names::{META_PREFIX, PARAM_PREFIX, RESERVED_PREFIX};
use crate::relabel::{self, Outcome};
use crate::target_group::TargetGroup;

/// The label that discovery puts a pod's UID into.
const POD_UID: &str = "__meta_kubernetes_pod_uid";

/// The labels that belong to histograms and summaries.
const SAMPLE_LABELS: [&str; 2] = ["le", "quantile"];

/// Makes the group's targets, in the group's order. Two that come out equal have the same id: the caller keeps one.
#[must_use]
pub fn resolve(job: &Job, group: &TargetGroup) -> Vec<Resolved> {
    let name: Arc<str> = Arc::from(&*job.job_name);
    group.targets.iter().map(|own| one(job, &name, own, &group.labels)).collect()
}

/// The labels before relabelling of the group's target number `at`, if there is one: what [`resolve`] calls discovered.
#[must_use]
pub fn discovered_labels(job: &Job, group: &TargetGroup, at: usize) -> Option<Labels> {
    group.targets.get(at).map(|own| discovered(job, own, &group.labels).0)
}

fn one(job: &Job, job_name: &Arc<str>, own: &Labels, shared: &Labels) -> Resolved {
    let (discovered, interval_found) = discovered(job, own, shared);
    let mut labels = discovered.to_builder();
    if let Outcome::Dropped { rule } = relabel::apply(&job.relabel, &mut labels) {
        return Resolved::Dropped { discovered, rule };
    }
    let times = match check(&labels) {
        Ok(times) => times,
        Err(error) => return Resolved::Failed { discovered, error },
    };
    let pod = labels.get(POD_UID).to_owned();
    let all_labels = finished(labels);
    let url = url::build(&all_labels, &job.params);
    let (id, key) = id::hash(job_name, &url, &pod, &all_labels);
    let interval_is_set = job.interval_is_set
        || interval_found
        || all_labels.get(SCRAPE_INTERVAL) != discovered.get(SCRAPE_INTERVAL);
    let target = Target {
        id,
        key,
        job: Arc::clone(job_name),
        labels: Labels::from_pairs(all_labels.iter().filter(|(name, _)| !name.starts_with(RESERVED_PREFIX))),
        url,
        scrape_interval: times.interval,
        scrape_timeout: times.timeout,
        min_interval: interval_is_set.then_some(times.interval),
    };
    Resolved::Target { target, discovered, all_labels }
}

/// The labels before relabelling, and whether discovery set the interval: the target's own labels, the group's where
/// the target has none, then what the job adds.
fn discovered(job: &Job, own: &Labels, shared: &Labels) -> (Labels, bool) {
    let mut labels = own.to_builder();
    let mut add = |name: &str, value: &str| {
        if labels.get(name).is_empty() {
            labels.set(name, value);
        }
    };
    for (name, value) in shared.iter() {
        add(name, value);
    }
    let boolean = |value: bool| if value { "true" } else { "false" };
    add(JOB, &job.job_name);
    add(SCRAPE_INTERVAL, &duration::format(job.scrape_interval));
    add(SCRAPE_TIMEOUT, &duration::format(job.scrape_timeout));
    add(METRICS_PATH, &job.metrics_path);
    add(SCHEME, &job.scheme);
    add(CONVERT_CLASSIC_HISTOGRAMS, boolean(job.convert_classic_histograms_to_nhcb));
    add(ALWAYS_SCRAPE_CLASSIC_HISTOGRAMS, boolean(job.always_scrape_classic_histograms));
    add(SCRAPE_NATIVE_HISTOGRAMS, boolean(job.scrape_native_histograms));
    for (name, values) in &job.params {
        if let Some(first) = values.first() {
            add(&format!("{PARAM_PREFIX}{name}"), first);
        }
    }
    let interval_found = own.has(SCRAPE_INTERVAL) || shared.has(SCRAPE_INTERVAL);
    (labels.build(), interval_found)
}

struct Times {
    interval: Duration,
    timeout: Duration,
}

/// The checks after relabelling, in Prometheus' order.
fn check(labels: &LabelsBuilder) -> Result<Times, TargetError> {
    let address = labels.get(ADDRESS);
    if address.is_empty() {
        return Err(TargetError::NoAddress);
    }
    if address.contains('/') {
        return Err(TargetError::Address(address.into()));
    }
    let times = times(labels.get(SCRAPE_INTERVAL), labels.get(SCRAPE_TIMEOUT))?;
    for label in [CONVERT_CLASSIC_HISTOGRAMS, ALWAYS_SCRAPE_CLASSIC_HISTOGRAMS, SCRAPE_NATIVE_HISTOGRAMS] {
        let value = labels.get(label);
        if !value.is_empty() && !is_boolean(value) {
            return Err(TargetError::Boolean { label, value: value.into() });
        }
    }
    match SAMPLE_LABELS.into_iter().find(|name| !labels.get(name).is_empty()) {
        Some(name) => Err(TargetError::SampleLabel(name)),
        None => Ok(times),
    }
}

fn times(interval_text: &str, timeout_text: &str) -> Result<Times, TargetError> {
    let interval = duration::parse(interval_text).map_err(TargetError::Interval)?;
    if interval.is_zero() {
        return Err(TargetError::ZeroInterval);
    }
    let timeout = duration::parse(timeout_text).map_err(TargetError::Timeout)?;
    if timeout.is_zero() {
        return Err(TargetError::ZeroTimeout);
    }
    if timeout > interval {
        return Err(TargetError::TimeoutTooLong {
            timeout: timeout_text.into(),
            interval: interval_text.into(),
        });
    }
    Ok(Times { interval, timeout })
}

/// What Go's `strconv.ParseBool` reads.
fn is_boolean(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True" | "0" | "f" | "F" | "false" | "FALSE" | "False")
}

/// Without discovery's labels, and with an instance.
fn finished(mut labels: LabelsBuilder) -> Labels {
    labels.retain(|name, _| !name.starts_with(META_PREFIX));
    if labels.get(INSTANCE).is_empty() {
        let address = labels.get(ADDRESS).to_owned();
        labels.set(INSTANCE, &address);
    }
    labels.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve_one(job: &Job, labels: &[(&str, &str)]) -> Resolved {
        let group = TargetGroup {
            targets: vec![Labels::from_pairs(labels.iter().copied())],
            ..TargetGroup::default()
        };
        resolve(job, &group).pop().expect("one target")
    }

    fn target(job: &Job, labels: &[(&str, &str)]) -> Target {
        match resolve_one(job, labels) {
            Resolved::Target { target, .. } => target,
            other => panic!("no target: {other:?}"),
        }
    }

    #[test]
    fn the_least_distance_is_the_interval_where_it_is_set() {
        let minute = Duration::from_secs(60);
        let mut job = Job::new("j");
        assert_eq!(target(&job, &[(ADDRESS, "h")]).min_interval, None);
        let found = target(&job, &[(ADDRESS, "h"), (SCRAPE_INTERVAL, "1m")]);
        assert_eq!(found.min_interval, Some(minute));
        job.interval_is_set = true;
        assert_eq!(target(&job, &[(ADDRESS, "h")]).min_interval, Some(minute));
    }

    #[test]
    fn a_label_that_would_overwrite_buckets_is_refused() {
        for name in SAMPLE_LABELS {
            let Resolved::Failed { error, .. } = resolve_one(&Job::new("j"), &[(ADDRESS, "h"), (name, "1")])
            else {
                panic!("{name} was accepted");
            };
            assert_eq!(error, TargetError::SampleLabel(name));
        }
    }

    #[test]
    fn the_booleans_are_those_of_go_and_may_be_absent() {
        let refused = resolve_one(&Job::new("j"), &[(ADDRESS, "h"), (SCRAPE_NATIVE_HISTOGRAMS, "yes")]);
        assert!(matches!(refused, Resolved::Failed { error: TargetError::Boolean { .. }, .. }));
        target(&Job::new("j"), &[(ADDRESS, "h"), (SCRAPE_NATIVE_HISTOGRAMS, "T")]);
    }

    #[test]
    fn a_pods_uid_is_part_of_the_identity_but_not_of_the_labels() {
        let job = Job::new("j");
        let first = target(&job, &[(ADDRESS, "h"), (POD_UID, "1")]);
        let second = target(&job, &[(ADDRESS, "h"), (POD_UID, "2")]);
        assert_eq!(first.labels, second.labels);
        assert!(first.id != second.id && first.key != second.key);
    }
}
