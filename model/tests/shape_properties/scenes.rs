//! Random jobs, and the labels of their targets.

use std::sync::Arc;

use model::exposition::transform::{SampleLimits, Transform};
use model::job::ScrapeSettings;
use model::labels::Labels;
use model::names::ValidationScheme;
use model::relabel::{Rule, RuleSpec};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};

/// A job and the labels of one target.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) settings: ScrapeSettings,
    pub(super) labels: Labels,
}

impl Scene {
    pub(super) fn transform(&self) -> Transform {
        let limits = SampleLimits { labels: 0, ..SampleLimits::default() };
        Transform::new(&self.settings, &self.labels, &limits)
    }
}

pub(super) fn rule(action: &str, sources: &[&str], regex: &str, target: &str, replacement: &str) -> Rule {
    let some = |text: &str| (!text.is_empty()).then(|| text.into());
    let spec = RuleSpec {
        source_labels: (!sources.is_empty()).then(|| sources.iter().map(|name| (*name).into()).collect()),
        regex: some(regex),
        target_label: some(target),
        replacement: some(replacement),
        action: some(action),
        ..RuleSpec::default()
    };
    Rule::new(&spec, ValidationScheme::Utf8).expect("a valid rule")
}

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("drop", &["__name__"], "b|h_sum", "", ""),
        rule("keep", &["pod", "x"], "(p-1)?;1?", "", ""),
        rule("replace", &["x"], "(.+)", "pod", "$1"),
        rule("replace", &["pod"], "(.*)", "a.b", "r-$1"),
        rule("replace", &["__name__"], "a", "__name__", "h_bucket"),
        rule("replace", &["__name__"], "s(.*)", "__name__", "renamed$1"),
        rule("replace", &["x"], "1", "__name__", "$2"),
        rule("replace", &["le"], "(.+)", "quantile", "1"),
        rule("labeldrop", &[], "pod|le", "", ""),
        rule("labeldrop", &[], "exported_.*|instance", "", ""),
        rule("labelkeep", &[], "__name__|job|x|le", "", ""),
        rule("labelmap", &[], "(p)od", "", "mapped_$1"),
    ]
}

pub(super) fn scene() -> impl Strategy<Value = Scene> {
    let label = vec(select(["p-1", "app", "i", "1", "x"].as_slice()), 6);
    let names = prop_oneof![
        subsequence(["job", "instance", "pod", "a.b", "x", "st"].as_slice(), 0..=6),
        subsequence(["job", "instance", "pod", "x", "st"].as_slice(), 0..=5),
    ];
    let rules = prop_oneof![2 => Just(Vec::new()), 3 => subsequence(rules(), 0..4)];
    (names, label, any::<bool>(), any::<bool>(), rules).prop_map(
        |(names, values, labels, timestamps, rules)| Scene {
            settings: ScrapeSettings {
                honor_labels: labels,
                honor_timestamps: timestamps,
                metric_relabel: Arc::from(rules),
                ..ScrapeSettings::new("app")
            },
            labels: Labels::from_pairs(names.into_iter().zip(values)),
        },
    )
}
