//! The checks of a rule's fields (Prometheus 3, `relabel.Config.Validate`).
//!
//! In: a spec and the naming scheme. Out: the first thing that is wrong with it. The pattern is checked where it
//! is compiled.

use super::action::Action;
use super::pattern::PatternError;
use super::spec::RuleSpec;
use crate::names::{self, ValidationScheme};

/// Why a rule is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The action is the empty text or null.
    #[error("relabel action cannot be empty: leave it out for replace")]
    EmptyAction,
    /// There is no such action.
    #[error("unknown relabel action {0:?}")]
    UnknownAction(Box<str>),
    /// A source label's name is invalid.
    #[error("{0:?} is not a valid label name in 'source_labels'")]
    SourceLabel(Box<str>),
    /// `hashmod` lacks its modulus.
    #[error("relabel configuration for hashmod requires non-zero 'modulus'")]
    NoModulus,
    /// The action needs a target label.
    #[error("relabel configuration for {} action requires 'target_label' value", .0.as_str())]
    NoTargetLabel(Action),
    /// The target label is no valid name or template.
    #[error("{label:?} is invalid 'target_label' for {} action", .action.as_str())]
    TargetLabel {
        /// The label.
        label: Box<str>,
        /// The rule's action.
        action: Action,
    },
    /// The action takes no replacement.
    #[error("'replacement' can not be set for {} action", .0.as_str())]
    SuperfluousReplacement(Action),
    /// The replacement of `labelmap` is no valid name or template.
    #[error("{0:?} is invalid 'replacement' for labelmap action")]
    Replacement(Box<str>),
    /// A field is set that the action does not read.
    #[error("{} action requires only {}, and no other fields", .0.as_str(), fields_of(*.0))]
    SuperfluousField(Action),
    /// The pattern does not compile.
    #[error("'regex': {0}")]
    Regex(#[from] PatternError),
}

impl RuleError {
    /// The field of the rule that the error is about.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::EmptyAction | Self::UnknownAction(_) | Self::SuperfluousField(_) => "action",
            Self::SourceLabel(_) => "source_labels",
            Self::NoModulus => "modulus",
            Self::NoTargetLabel(_) | Self::TargetLabel { .. } => "target_label",
            Self::SuperfluousReplacement(_) | Self::Replacement(_) => "replacement",
            Self::Regex(_) => "regex",
        }
    }
}

fn fields_of(action: Action) -> &'static str {
    match action {
        Action::KeepEqual | Action::DropEqual => "'source_labels' and 'target_label'",
        _ => "'regex'",
    }
}

/// The action a spec names.
pub(super) fn action(spec: &RuleSpec) -> Result<Action, RuleError> {
    let name = spec.action.as_deref().unwrap_or(RuleSpec::ACTION);
    if name.is_empty() {
        return Err(RuleError::EmptyAction);
    }
    Action::parse(name).ok_or_else(|| RuleError::UnknownAction(name.into()))
}

/// Every check but that of the pattern.
pub(super) fn fields(spec: &RuleSpec, action: Action, scheme: ValidationScheme) -> Result<(), RuleError> {
    source_labels(spec)?;
    if action == Action::HashMod && spec.modulus.unwrap_or(0) == 0 {
        return Err(RuleError::NoModulus);
    }
    target_label(spec, action, scheme)?;
    replacement(spec, action, scheme)?;
    let superfluous = match action {
        Action::KeepEqual | Action::DropEqual => {
            spec.regex.is_some() || sets_modulus(spec) || sets_separator(spec) || sets_replacement(spec)
        }
        Action::LabelDrop | Action::LabelKeep => {
            spec.source_labels.is_some()
                || spec.target_label.as_deref().is_some_and(|label| !label.is_empty())
                || sets_modulus(spec)
                || sets_separator(spec)
                || sets_replacement(spec)
        }
        _ => false,
    };
    if superfluous { Err(RuleError::SuperfluousField(action)) } else { Ok(()) }
}

/// Source labels may have any UTF-8 name, under the legacy scheme too.
fn source_labels(spec: &RuleSpec) -> Result<(), RuleError> {
    let mut names = spec.source_labels.iter().flatten();
    match names.find(|name| !names::is_valid_label_name(name, ValidationScheme::Utf8)) {
        Some(name) => Err(RuleError::SourceLabel(name.clone())),
        None => Ok(()),
    }
}

fn target_label(spec: &RuleSpec, action: Action, scheme: ValidationScheme) -> Result<(), RuleError> {
    let label = spec.target_label.as_deref().unwrap_or("");
    let valid = match action {
        Action::Replace if label.contains('$') => is_valid_template(label, scheme),
        Action::Replace
        | Action::HashMod
        | Action::Lowercase
        | Action::Uppercase
        | Action::KeepEqual
        | Action::DropEqual => names::is_valid_label_name(label, scheme),
        Action::Keep | Action::Drop | Action::LabelMap | Action::LabelDrop | Action::LabelKeep => {
            return Ok(());
        }
    };
    match (label, valid) {
        ("", _) => Err(RuleError::NoTargetLabel(action)),
        (_, false) => Err(RuleError::TargetLabel { label: label.into(), action }),
        (_, true) => Ok(()),
    }
}

fn replacement(spec: &RuleSpec, action: Action, scheme: ValidationScheme) -> Result<(), RuleError> {
    let template = spec.replacement.as_deref().unwrap_or(RuleSpec::REPLACEMENT);
    match action {
        Action::Lowercase | Action::Uppercase | Action::KeepEqual | Action::DropEqual
            if sets_replacement(spec) =>
        {
            Err(RuleError::SuperfluousReplacement(action))
        }
        Action::LabelMap if !is_valid_template(template, scheme) => {
            Err(RuleError::Replacement(template.into()))
        }
        _ => Ok(()),
    }
}

fn sets_modulus(spec: &RuleSpec) -> bool {
    spec.modulus.is_some_and(|modulus| modulus != 0)
}

fn sets_separator(spec: &RuleSpec) -> bool {
    spec.separator.as_deref().is_some_and(|separator| separator != RuleSpec::SEPARATOR)
}

fn sets_replacement(spec: &RuleSpec) -> bool {
    spec.replacement.as_deref().is_some_and(|replacement| replacement != RuleSpec::REPLACEMENT)
}

/// Whether `template` can expand to a name. Under the legacy scheme it consists of letters, digits, underscores
/// and variables (`$name`, `${name}`) and does not start with a digit.
fn is_valid_template(template: &str, scheme: ValidationScheme) -> bool {
    match scheme {
        ValidationScheme::Utf8 => names::is_valid_label_name(template, scheme),
        ValidationScheme::Legacy => is_legacy_template(template.as_bytes()),
    }
}

fn is_legacy_template(template: &[u8]) -> bool {
    let mut rest = template;
    while let Some((first, after)) = rest.split_first() {
        let is_first = rest.len() == template.len();
        rest = match first {
            b'$' => match variable(after) {
                Some(after) => after,
                None => return false,
            },
            b'0'..=b'9' if is_first => return false,
            byte if is_word(*byte) => after,
            _ => return false,
        };
    }
    !template.is_empty()
}

/// What follows the variable whose `$` has just been read.
fn variable(text: &[u8]) -> Option<&[u8]> {
    let (braced, text) = match text.split_first() {
        Some((b'{', after)) => (true, after),
        _ => (false, text),
    };
    let name = text.iter().take_while(|byte| is_word(**byte)).count();
    let (name, after) = text.split_at(name);
    match (name.is_empty(), braced) {
        (true, _) => None,
        (false, false) => Some(after),
        (false, true) => after.strip_prefix(b"}"),
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legacy_template_is_made_of_words_and_variables() {
        for template in ["a", "_", "$1", "${1}_x", "a1", "a$b", "$1a", "${1}1", "$a$b", "a${x}9${y}"] {
            assert!(is_valid_template(template, ValidationScheme::Legacy), "{template}");
        }
        for template in ["", "1a", "$", "a$", "$$", "a-${1}", "${}", "${1", "${a-b}", "é", "$é", "a b", "{a}"]
        {
            assert!(!is_valid_template(template, ValidationScheme::Legacy), "{template}");
        }
    }
}
