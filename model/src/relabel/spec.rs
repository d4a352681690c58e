//! A rule as it is written.

/// The fields of one `relabel_configs` entry as they stand in the file. `None` is an absent field, which takes
/// its default; an explicit null of a text field is the empty text, of a list `None`, of a number zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RuleSpec {
    /// The labels whose values are joined; default none.
    pub source_labels: Option<Vec<Box<str>>>,
    /// What joins them; default `;`.
    pub separator: Option<Box<str>>,
    /// The pattern in Go's RE2 syntax, without anchors; default `(.*)`.
    pub regex: Option<Box<str>>,
    /// The modulus of `hashmod`; default 0.
    pub modulus: Option<u64>,
    /// The label that is written; for `replace` it may be a template.
    pub target_label: Option<Box<str>>,
    /// The template of the new value, or of the new name with `labelmap`; default `$1`.
    pub replacement: Option<Box<str>>,
    /// The action's name in any case; default `replace`.
    pub action: Option<Box<str>>,
}

impl RuleSpec {
    /// The default of [`RuleSpec::separator`].
    pub const SEPARATOR: &'static str = ";";
    /// The default of [`RuleSpec::regex`].
    pub const REGEX: &'static str = "(.*)";
    /// The default of [`RuleSpec::replacement`].
    pub const REPLACEMENT: &'static str = "$1";
    /// The default of [`RuleSpec::action`].
    pub const ACTION: &'static str = "replace";
}
