//! One checked, compiled rule, and what it does to a label set.

use std::borrow::Cow;

use md5::{Digest, Md5};

use super::action::Action;
use super::check::{self, RuleError};
use super::letter_case;
use super::pattern::Pattern;
use super::spec::RuleSpec;
use super::template::Template;
use super::working::Working;
use crate::names::{self, ValidationScheme};

/// A rule that has passed every check. Two rules are equal where their specs and schemes are.
#[derive(Clone, Debug)]
pub struct Rule {
    spec: RuleSpec,
    scheme: ValidationScheme,
    action: Action,
    pattern: Pattern,
    target: Template,
    replacement: Template,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.spec == other.spec
    }
}

/// Which labels a rule may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes<'a> {
    /// None: it keeps or drops.
    Nothing,
    /// The one of this name.
    Label(&'a str),
    /// Any: the name is expanded from a match, or it acts on names.
    Any,
}

impl Rule {
    /// Checks and compiles a rule as Prometheus 3 does.
    ///
    /// # Errors
    /// Where a field is missing, superfluous for the action, no valid name, or the pattern does not compile.
    pub fn new(spec: &RuleSpec, scheme: ValidationScheme) -> Result<Self, RuleError> {
        let action = check::action(spec)?;
        // The pattern comes first: Prometheus compiles it while it reads the file.
        let pattern = Pattern::new(spec.regex.as_deref().unwrap_or(RuleSpec::REGEX))?;
        check::fields(spec, action, scheme)?;
        let target = Template::parse(spec.target_label.as_deref().unwrap_or(""), pattern.names());
        let replacement = spec.replacement.as_deref().unwrap_or(RuleSpec::REPLACEMENT);
        let replacement = Template::parse(replacement, pattern.names());
        Ok(Self { spec: spec.clone(), scheme, action, pattern, target, replacement })
    }

    /// The rule as it was written.
    #[must_use]
    pub fn spec(&self) -> &RuleSpec {
        &self.spec
    }

    /// The scheme its names were checked with.
    #[must_use]
    pub fn validation_scheme(&self) -> ValidationScheme {
        self.scheme
    }

    /// What it does.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// The labels whose values it reads by name. A rule that [acts on names](Self::acts_on_names) reads none by
    /// name; `labelmap` copies the values of all labels whose names match.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        let sources = if self.acts_on_names() { None } else { self.spec.source_labels.as_deref() };
        let compared =
            matches!(self.action, Action::KeepEqual | Action::DropEqual).then(|| self.target_label());
        sources.unwrap_or_default().iter().map(|name| &**name).chain(compared)
    }

    /// Which labels it may change.
    #[must_use]
    pub fn writes(&self) -> Writes<'_> {
        match self.action {
            Action::Keep | Action::Drop | Action::KeepEqual | Action::DropEqual => Writes::Nothing,
            Action::HashMod | Action::Lowercase | Action::Uppercase => Writes::Label(self.target_label()),
            Action::Replace => self.target.fixed().map_or(Writes::Any, Writes::Label),
            Action::LabelMap | Action::LabelDrop | Action::LabelKeep => Writes::Any,
        }
    }

    /// Whether it looks at label names rather than values.
    #[must_use]
    pub fn acts_on_names(&self) -> bool {
        matches!(self.action, Action::LabelMap | Action::LabelDrop | Action::LabelKeep)
    }

    /// Whether the pattern matches `name`: of a rule that acts on names, whether it acts on this one
    /// (`labelkeep` acts on the others).
    #[must_use]
    pub fn matches_name(&self, name: &str) -> bool {
        self.pattern.is_match(name)
    }

    fn target_label(&self) -> &str {
        self.spec.target_label.as_deref().unwrap_or("")
    }

    /// The values of the source labels, joined.
    fn source_value<'l>(&self, labels: &'l Working<'_>) -> Cow<'l, str> {
        match self.spec.source_labels.as_deref().unwrap_or_default() {
            [] => Cow::Borrowed(""),
            [only] => Cow::Borrowed(labels.get(only)),
            [first, others @ ..] => {
                let mut value = labels.get(first).to_owned();
                for name in others {
                    value.push_str(self.spec.separator.as_deref().unwrap_or(RuleSpec::SEPARATOR));
                    value.push_str(labels.get(name));
                }
                Cow::Owned(value)
            }
        }
    }

    /// Applies the rule; `false` is a drop.
    pub(super) fn apply(&self, labels: &mut Working<'_>) -> bool {
        match self.action {
            Action::Keep => self.pattern.is_match(&self.source_value(labels)),
            Action::Drop => !self.pattern.is_match(&self.source_value(labels)),
            Action::KeepEqual => self.source_value(labels) == labels.get(self.target_label()),
            Action::DropEqual => self.source_value(labels) != labels.get(self.target_label()),
            Action::Replace => {
                self.replace(labels);
                true
            }
            Action::HashMod | Action::Lowercase | Action::Uppercase => {
                let value = self.mapped(&self.source_value(labels));
                labels.set(self.target_label(), &value);
                true
            }
            Action::LabelMap => {
                self.map_names(labels);
                true
            }
            Action::LabelDrop | Action::LabelKeep => {
                let keep = self.action == Action::LabelKeep;
                labels.retain(|name| self.pattern.is_match(name) == keep);
                true
            }
        }
    }

    fn replace(&self, labels: &mut Working<'_>) {
        let source = self.source_value(labels);
        let Some(groups) = self.pattern.groups(&source) else { return };
        let expanded = |template: &Template| {
            let mut out = String::new();
            template.expand(&mut out, |index| groups.get(index));
            out
        };
        let target = match self.target.fixed() {
            Some(target) => Cow::Borrowed(target),
            None => Cow::Owned(expanded(&self.target)),
        };
        if names::is_valid_label_name(&target, self.scheme) {
            let value = expanded(&self.replacement);
            labels.set(&target, &value);
        }
    }

    fn mapped(&self, source: &str) -> String {
        match self.action {
            Action::Lowercase => letter_case::lower(source),
            Action::Uppercase => letter_case::upper(source),
            _ => hash_modulo(source, self.spec.modulus.unwrap_or(0)).to_string(),
        }
    }

    fn map_names(&self, labels: &mut Working<'_>) {
        let matching: Vec<(String, String)> = labels
            .visit()
            .filter(|(name, _)| self.pattern.is_match(name))
            .map(|(name, value)| (self.pattern.replace_all(name, &self.replacement), value.to_owned()))
            .collect();
        for (name, value) in matching {
            labels.set(&name, &value);
        }
    }
}

/// The last eight bytes of the text's MD5, as a big-endian number, modulo `modulus`.
fn hash_modulo(text: &str, modulus: u64) -> u64 {
    let digest: [u8; 16] = Md5::digest(text.as_bytes()).into();
    let low = u128::from_be_bytes(digest) & u128::from(u64::MAX);
    let low = u64::try_from(low).expect("64 bits are left");
    low.checked_rem(modulus).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_prometheus() {
        for (text, modulus, expected) in
            [("", 10, 8), ("foo", 1000, 696), ("1.2.3.4:80", 4, 2), ("a;b", 16, 10)]
        {
            assert_eq!(hash_modulo(text, modulus), expected, "{text}");
        }
    }

    fn rule(fields: [(&str, &str); 3], sources: &[&str]) -> Rule {
        let mut spec = RuleSpec {
            source_labels: Some(sources.iter().map(|name| (*name).into()).collect()),
            ..RuleSpec::default()
        };
        for (field, text) in fields {
            match field {
                "action" => spec.action = Some(text.into()),
                "target_label" => spec.target_label = Some(text.into()),
                "regex" => spec.regex = Some(text.into()),
                _ => {}
            }
        }
        if sources.is_empty() {
            spec.source_labels = None;
        }
        Rule::new(&spec, ValidationScheme::Utf8).expect("a valid rule")
    }

    #[test]
    fn a_rule_says_what_it_reads_and_writes() {
        let replace = rule([("target_label", "t"), ("regex", "x"), ("", "")], &["a", "b"]);
        assert_eq!(replace.reads().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(replace.writes(), Writes::Label("t"));
        let template = rule([("target_label", "$1"), ("regex", "(x)"), ("", "")], &["a"]);
        assert_eq!(template.writes(), Writes::Any);
        let equal = rule([("target_label", "t"), ("action", "KeepEqual"), ("", "")], &["a"]);
        assert_eq!(equal.reads().collect::<Vec<_>>(), ["a", "t"]);
        assert_eq!(equal.writes(), Writes::Nothing);
        let drop = rule([("action", "labeldrop"), ("regex", "pod_.*"), ("", "")], &[]);
        assert!(drop.acts_on_names() && drop.matches_name("pod_ip") && !drop.matches_name("pod"));
        assert_eq!(drop.reads().count(), 0);
    }
}
