//! From the labels of a sample line to those of the stored series: target labels, rules, checks.
//!
//! In: a parsed sample. Out: its final name and own labels, and which target labels will be injected; or nothing,
//! where a rule drops it; or the reason why the whole scrape fails, as it would in Prometheus 3.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::entry::SampleLine;

use super::transform::{Transform, exceeds};
use crate::labels::LabelsBuilder;
use crate::names::{METRIC_NAME, is_valid_label_name, is_valid_metric_name};
use crate::relabel::{Outcome, Working, apply_to};
use crate::sample_labels::attach;

/// Labels sorted by name, none empty.
pub(super) type OwnLabels<'a> = SmallVec<[(Cow<'a, str>, Cow<'a, str>); 8]>;

/// A sample after honor_labels, metric relabelling and checks.
pub(super) struct Labelled<'a> {
    pub(super) name: Cow<'a, str>,
    /// Without the name and without injected labels.
    pub(super) own: OwnLabels<'a>,
    /// Which untouched target labels are injected.
    pub(super) injected: u64,
    /// Whether a rule gave it another name.
    pub(super) renamed: bool,
}

/// Why one sample makes the scrape fail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Metric relabelling left no name, or one that is not valid.
    #[error(
        "metric relabelling leaves {name:?} as the metric name of a sample of {metric:?}; correct the rules"
    )]
    MetricName {
        /// The metric as the target sent it.
        metric: String,
        /// What became of its name; empty for none.
        name: String,
    },
    /// Metric relabelling left a label whose name is not valid.
    #[error("a sample of {metric:?} has the label name {name:?}, which is not valid; correct the rules")]
    LabelName {
        /// The metric.
        metric: String,
        /// The label's name.
        name: String,
    },
    /// More labels than allowed.
    #[error("a sample of {metric:?} has {count} labels, more than the limit of {limit}")]
    Labels {
        /// The metric.
        metric: String,
        /// How many labels it has, name and target labels included.
        count: usize,
        /// The limit.
        limit: u64,
    },
    /// A label name longer than allowed.
    #[error("a sample of {metric:?} has a label name of {length} bytes, more than the limit of {limit}")]
    NameLength {
        /// The metric.
        metric: String,
        /// Bytes of the name.
        length: usize,
        /// The limit.
        limit: u64,
    },
    /// A label value longer than allowed.
    #[error("the label {name:?} of a sample of {metric:?} is longer than the limit of {limit} bytes")]
    ValueLength {
        /// The metric.
        metric: String,
        /// The label's name.
        name: String,
        /// The limit.
        limit: u64,
    },
    /// With `honor_labels`: too many different sets of target labels that samples bring themselves.
    #[error("the samples bring more than {limit} different sets of the target's labels themselves")]
    Variants {
        /// The limit.
        limit: usize,
    },
}

impl LabelError {
    /// A fixed word for metric labels and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::MetricName { .. } => "metric_name",
            Self::LabelName { .. } => "label_name",
            Self::Labels { .. } => "label_limit",
            Self::NameLength { .. } => "label_name_length_limit",
            Self::ValueLength { .. } => "label_value_length_limit",
            Self::Variants { .. } => "label_variants",
        }
    }
}

/// Labels `sample` as a scrape of its target would. `None` if a rule drops it.
pub(super) fn label<'a>(
    transform: &Transform,
    sample: &SampleLine<'a>,
) -> Result<Option<Labelled<'a>>, LabelError> {
    let clash = sample.labels.iter().any(|(name, _)| transform.has(name));
    let labelled = if clash || !transform.rules.is_empty() {
        relabelled(transform, sample)
    } else {
        Some(attached(transform, sample))
    };
    let Some(labelled) = labelled else { return Ok(None) };
    check(transform, sample, &labelled)?;
    Ok(Some(labelled))
}

/// The common case: no rules, and no label that the target has, too.
fn attached<'a>(transform: &Transform, sample: &SampleLine<'a>) -> Labelled<'a> {
    let mut own: OwnLabels<'a> =
        sample.labels.iter().filter(|(_, value)| !value.is_empty()).cloned().collect();
    let touched = transform.touched.iter();
    own.extend(touched.map(|(name, value)| (Cow::Owned(name.into()), Cow::Owned(value.into()))));
    own.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Labelled { name: sample.name.clone(), own, injected: transform.all(), renamed: false }
}

/// Attaches the target's labels and applies the rules, without the labels that no rule looks at. `None` if a rule
/// drops the sample or leaves no label at all.
fn relabelled<'a>(transform: &Transform, sample: &SampleLine<'_>) -> Option<Labelled<'a>> {
    let mut labels = LabelsBuilder::default();
    labels.set(METRIC_NAME, &sample.name);
    let mut empty: SmallVec<[&str; 4]> = SmallVec::new();
    for (name, value) in &sample.labels {
        labels.set(name, value);
        if value.is_empty() {
            empty.push(name);
        }
    }
    let mut working = Working::new(&mut labels);
    attach(&mut working, &empty, &transform.attached, transform.honor_labels);
    let mut injected = 0;
    for (at, name) in transform.placeholders().iter().enumerate() {
        let sent = || sample.labels.iter().any(|(sent, _)| **sent == **name);
        if !transform.honor_labels || !sent() {
            working.set(name, "");
            injected |= 1 << at;
        }
    }
    if apply_to(&transform.rules, &mut working) != Outcome::Kept {
        return None;
    }
    let injected = injected & transform.kept;
    if labels.is_empty() && injected == 0 {
        return None;
    }
    let name = labels.get(METRIC_NAME).to_owned();
    let own = labels.iter().filter(|(name, _)| *name != METRIC_NAME);
    let own = own.map(|(name, value)| (Cow::Owned(name.to_owned()), Cow::Owned(value.to_owned())));
    let renamed = name != *sample.name;
    Some(Labelled { own: own.collect(), name: Cow::Owned(name), injected, renamed })
}

/// Refuses what Prometheus' scrape loop refuses, in its order.
fn check(transform: &Transform, sample: &SampleLine<'_>, labelled: &Labelled<'_>) -> Result<(), LabelError> {
    let metric = || sample.name.to_string();
    if !is_valid_metric_name(&labelled.name, transform.scheme) {
        return Err(LabelError::MetricName { metric: metric(), name: labelled.name.to_string() });
    }
    let limits = &transform.limits;
    let count = 1 + labelled.own.len() + labelled.injected.count_ones() as usize;
    if exceeds(count, limits.labels) {
        return Err(LabelError::Labels { metric: metric(), count, limit: limits.labels });
    }
    let injected = transform.placeholders().iter().enumerate();
    let injected = injected.filter(|(at, _)| labelled.injected >> at & 1 == 1);
    let injected = injected.map(|(at, name)| (&**name, transform.long_values >> at & 1 == 1));
    let long = |value: &str| exceeds(value.len(), limits.value_bytes);
    let own = labelled.own.iter().map(|(name, value)| (&**name, long(value)));
    let name = std::iter::once((METRIC_NAME, long(&labelled.name)));
    for (name, is_long) in name.chain(own).chain(injected) {
        if !is_valid_label_name(name, transform.scheme) {
            return Err(LabelError::LabelName { metric: metric(), name: name.to_owned() });
        }
        if exceeds(name.len(), limits.name_bytes) {
            let length = name.len();
            return Err(LabelError::NameLength { metric: metric(), length, limit: limits.name_bytes });
        }
        if is_long {
            let name = name.to_owned();
            return Err(LabelError::ValueLength { metric: metric(), name, limit: limits.value_bytes });
        }
    }
    Ok(())
}
