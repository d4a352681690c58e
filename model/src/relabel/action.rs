//! The actions of a relabelling rule.

/// What a rule does (Prometheus 3, `relabel_config.action`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Set a label to an expanded template.
    Replace,
    /// Drop unless the source value matches.
    Keep,
    /// Drop if the source value matches.
    Drop,
    /// Drop unless the source value equals the target label's.
    KeepEqual,
    /// Drop if the source value equals the target label's.
    DropEqual,
    /// Set a label to the source value's hash modulo a number.
    HashMod,
    /// Copy the labels whose name matches to new names.
    LabelMap,
    /// Remove the labels whose name matches.
    LabelDrop,
    /// Remove the labels whose name does not match.
    LabelKeep,
    /// Set a label to the source value in lower case.
    Lowercase,
    /// Set a label to the source value in upper case.
    Uppercase,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 11] = [
        Self::Replace,
        Self::Keep,
        Self::Drop,
        Self::KeepEqual,
        Self::DropEqual,
        Self::HashMod,
        Self::LabelMap,
        Self::LabelDrop,
        Self::LabelKeep,
        Self::Lowercase,
        Self::Uppercase,
    ];

    /// Reads an action's name in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let lower = super::letter_case::lower(text);
        Self::ALL.into_iter().find(|action| action.as_str() == lower)
    }

    /// The action's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::KeepEqual => "keepequal",
            Self::DropEqual => "dropequal",
            Self::HashMod => "hashmod",
            Self::LabelMap => "labelmap",
            Self::LabelDrop => "labeldrop",
            Self::LabelKeep => "labelkeep",
            Self::Lowercase => "lowercase",
            Self::Uppercase => "uppercase",
        }
    }
}
