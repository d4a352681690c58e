//! Relabelling: rules that rewrite, keep or drop a label set.
//!
//! In: rules as written ([`RuleSpec`]) and label sets. Out: changed label sets, or the rule that dropped them.
//! Behaves as Prometheus 3, with Go's RE2 syntax for patterns. Nothing here reads a file or YAML.

mod action;
mod check;
mod go_syntax;
mod letter_case;
mod pattern;
mod rule;
mod spec;
mod template;
mod working;

pub use action::Action;
pub use check::RuleError;
pub use pattern::PatternError;
pub use rule::{Rule, Writes};
pub use spec::RuleSpec;

use crate::labels::{Labels, LabelsBuilder};
pub(crate) use working::Working;

/// What became of a label set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has passed all rules.
    Kept,
    /// A rule dropped it.
    Dropped {
        /// The rule's index.
        rule: usize,
    },
}

/// One rule's work on a label set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The rule's index.
    pub rule: usize,
    /// The labels before the rule.
    pub before: Labels,
    /// The labels after it.
    pub after: Labels,
    /// Whether the rule kept the label set; the last step of a dropped one did not.
    pub kept: bool,
}

/// Applies `rules` in order until one drops the label set. After a drop the labels are those the rule saw.
pub fn apply(rules: &[Rule], labels: &mut LabelsBuilder) -> Outcome {
    apply_to(rules, &mut Working::new(labels))
}

/// [`apply`] to a label set in which labels may have been set before.
pub(crate) fn apply_to(rules: &[Rule], labels: &mut Working<'_>) -> Outcome {
    match rules.iter().position(|rule| !rule.apply(labels)) {
        Some(rule) => Outcome::Dropped { rule },
        None => Outcome::Kept,
    }
}

/// Applies `rules` as [`apply`] does and says what each of them did.
#[must_use]
pub fn trace(rules: &[Rule], labels: &Labels) -> Vec<Step> {
    let mut steps = Vec::with_capacity(rules.len());
    let mut builder = labels.to_builder();
    let mut labels = Working::new(&mut builder);
    for (index, rule) in rules.iter().enumerate() {
        let before = labels.labels().clone().build();
        let kept = rule.apply(&mut labels);
        steps.push(Step { rule: index, before, after: labels.labels().clone().build(), kept });
        if !kept {
            break;
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::ValidationScheme;

    #[test]
    fn a_trace_ends_with_the_rule_that_drops() {
        let spec = |action: &str, target: Option<&str>| RuleSpec {
            source_labels: Some(vec!["a".into()]),
            action: Some(action.into()),
            target_label: target.map(Into::into),
            ..RuleSpec::default()
        };
        let specs = [spec("uppercase", Some("b")), spec("drop", None), spec("uppercase", Some("c"))];
        let rules = specs.map(|spec| Rule::new(&spec, ValidationScheme::Utf8).expect("a valid rule"));
        let labels = Labels::from_pairs([("a", "x")]);
        let steps = trace(&rules, &labels);
        assert_eq!(
            steps.iter().map(|step| (step.rule, step.kept)).collect::<Vec<_>>(),
            [(0, true), (1, false)]
        );
        assert_eq!(steps[0].before, labels);
        assert_eq!(steps[0].after, Labels::from_pairs([("a", "x"), ("b", "X")]));
        assert_eq!(apply(&rules, &mut labels.to_builder()), Outcome::Dropped { rule: 1 });
    }
}
