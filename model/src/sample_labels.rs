//! The labels of a sample: its own, its target's, and what metric relabelling makes of them.
//!
//! In: the labels of a sample as exposed, the target's labels and the job's metric rules. Out: the labels of the
//! stored series, or none where a rule drops the sample (Prometheus 3, `mutateSampleLabels`). Limits are checked
//! elsewhere.

use crate::labels::{Labels, LabelsBuilder};
use crate::names::{self, EXPORTED_PREFIX, METRIC_NAME, ValidationScheme};
use crate::relabel::{self, Outcome, Rule, Working};

/// Why a sample's labels fail its scrape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// Metric relabelling has removed the name.
    #[error("a sample has no metric name after metric relabelling: {0}")]
    NoName(Labels),
    /// The metric's name is not valid.
    #[error("invalid metric name {0:?} after metric relabelling")]
    MetricName(Box<str>),
    /// A label's name is not valid.
    #[error("invalid label name {0:?} after metric relabelling")]
    LabelName(Box<str>),
}

/// How a target's samples get their labels.
#[derive(Clone, Copy, Debug)]
pub struct Labelling<'a> {
    /// The target's public labels.
    pub target: &'a Labels,
    /// Whether the sample's own labels win.
    pub honor_labels: bool,
    /// `metric_relabel_configs`.
    pub rules: &'a [Rule],
    /// Which names are valid.
    pub scheme: ValidationScheme,
}

/// Adds the target's labels to a sample's.
///
/// Without `honor_labels` they win, and what they displace becomes `exported_...`, the shortest name first. With it
/// a target's label is added only where the sample does not have the name; an exposed label with an empty value,
/// listed in `exposed_empty`, counts as had and keeps the target's label off.
pub fn attach_target_labels(
    sample: &mut LabelsBuilder,
    exposed_empty: &[&str],
    target: &Labels,
    honor_labels: bool,
) {
    attach(&mut Working::new(sample), exposed_empty, target, honor_labels);
}

pub(crate) fn attach(sample: &mut Working<'_>, exposed_empty: &[&str], target: &Labels, honor_labels: bool) {
    if honor_labels {
        for (name, value) in target.iter() {
            if sample.get(name).is_empty() && !exposed_empty.contains(&name) {
                sample.set(name, value);
            }
        }
        return;
    }
    let mut displaced = Vec::new();
    for (name, value) in target.iter() {
        let exposed = sample.get(name);
        if !exposed.is_empty() {
            displaced.push((name, exposed.to_owned()));
        }
        sample.set(name, value);
    }
    // Stable: names of one length stay in the order of the target's labels.
    displaced.sort_by_key(|(name, _)| name.len());
    for (name, value) in displaced {
        let mut exported = format!("{EXPORTED_PREFIX}{name}");
        while !sample.get(&exported).is_empty() {
            exported.insert_str(0, EXPORTED_PREFIX);
        }
        sample.set(&exported, &value);
    }
}

/// The labels of the series that a sample belongs to; `None` where a rule drops it or leaves it without labels.
/// `exposed` are the sample's labels with `__name__` and the empty ones.
///
/// # Errors
/// Where the result has no valid metric name or an invalid label name. That fails the whole scrape.
pub fn final_labels<'s>(
    exposed: impl IntoIterator<Item = (&'s str, &'s str)>,
    labelling: &Labelling<'_>,
) -> Result<Option<Labels>, SampleError> {
    let mut labels = LabelsBuilder::default();
    let mut exposed_empty = Vec::new();
    for (name, value) in exposed {
        if value.is_empty() {
            exposed_empty.push(name);
        } else {
            labels.set(name, value);
        }
    }
    let mut working = Working::new(&mut labels);
    attach(&mut working, &exposed_empty, labelling.target, labelling.honor_labels);
    if let Outcome::Dropped { .. } = relabel::apply_to(labelling.rules, &mut working) {
        return Ok(None);
    }
    if labels.is_empty() {
        return Ok(None);
    }
    check_names(labels.build(), labelling.scheme).map(Some)
}

fn check_names(labels: Labels, scheme: ValidationScheme) -> Result<Labels, SampleError> {
    let name = labels.get(METRIC_NAME);
    if name.is_empty() {
        return Err(SampleError::NoName(labels));
    }
    if !names::is_valid_metric_name(name, scheme) {
        return Err(SampleError::MetricName(name.into()));
    }
    let invalid = labels.iter().find(|(name, _)| !names::is_valid_label_name(name, scheme));
    let invalid = invalid.map(|(name, _)| SampleError::LabelName(name.into()));
    invalid.map_or(Ok(labels), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relabel::RuleSpec;

    fn labels(exposed: &[(&str, &str)], target: &[(&str, &str)], honor_labels: bool) -> Labels {
        let target = Labels::from_pairs(target.iter().copied());
        let scheme = ValidationScheme::Utf8;
        let labelling = Labelling { target: &target, honor_labels, rules: &[], scheme };
        final_labels(exposed.iter().copied(), &labelling).expect("valid names").expect("kept")
    }

    #[test]
    fn an_exposed_empty_label_keeps_the_targets_off_only_where_labels_are_honoured() {
        let exposed = [("__name__", "a"), ("instance", "")];
        let target = [("instance", "h:1"), ("job", "j")];
        assert_eq!(labels(&exposed, &target, true), Labels::from_pairs([("__name__", "a"), ("job", "j")]));
        let forced = Labels::from_pairs([("__name__", "a"), ("instance", "h:1"), ("job", "j")]);
        assert_eq!(labels(&exposed, &target, false), forced);
    }

    #[test]
    fn a_displaced_label_is_prefixed_until_the_name_is_free() {
        let exposed = [("__name__", "c"), ("instance", "x"), ("exported_instance", "y")];
        let expected = [
            ("__name__", "c"),
            ("exported_exported_instance", "x"),
            ("exported_instance", "y"),
            ("instance", "t"),
        ];
        assert_eq!(labels(&exposed, &[("instance", "t")], false), Labels::from_pairs(expected));
    }

    #[test]
    fn a_result_without_a_name_fails_and_one_without_labels_is_dropped() {
        let spec = |regex: &str| RuleSpec {
            action: Some("labeldrop".into()),
            regex: Some(regex.into()),
            ..RuleSpec::default()
        };
        let run = |regex: &str| {
            let rules = [Rule::new(&spec(regex), ValidationScheme::Utf8).expect("valid")];
            let target = Labels::default();
            let labelling = Labelling {
                target: &target,
                honor_labels: false,
                rules: &rules,
                scheme: ValidationScheme::Legacy,
            };
            final_labels([("__name__", "a"), ("b", "1")], &labelling)
        };
        assert!(matches!(run("__name__"), Err(SampleError::NoName(_))));
        assert_eq!(run(".*"), Ok(None));
        assert_eq!(run("b"), Ok(Some(Labels::from_pairs([("__name__", "a")]))));
    }

    #[test]
    fn names_are_checked_by_the_jobs_scheme() {
        let target = Labels::default();
        let run = |name: &str, label: &str, scheme| {
            let labelling = Labelling { target: &target, honor_labels: true, rules: &[], scheme };
            final_labels([("__name__", name), (label, "1")], &labelling)
        };
        assert!(matches!(run("a.b", "c", ValidationScheme::Legacy), Err(SampleError::MetricName(_))));
        assert!(matches!(run("a", "c.d", ValidationScheme::Legacy), Err(SampleError::LabelName(_))));
        assert!(run("a.b", "c.d", ValidationScheme::Utf8).is_ok());
    }
}
