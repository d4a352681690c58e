//! The stable codes of configuration errors and warnings.
//!
//! A code never changes its meaning; scripts may match on it. `E00..` is about the file as YAML, `E01..` about its
//! form, `E02..` about values, `E03..` about relabelling, `E04..` about what is left out on purpose, `E05..` about
//! files and secrets; `W..` are warnings.

use serde::Serialize;

/// How much a [`Diagnostic`](super::diagnostic::Diagnostic) weighs: an error refuses the file, a warning does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is taken, but something in it will surprise.
    Warning,
}

impl Severity {
    /// The word that stands before the code: `error` or `warning`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// What kind of mistake a diagnostic reports.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = $doc])* $name,)*
        }

        impl Code {
            /// Every code, in the order of its number within its group.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code as it is printed, for example `E0107`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What the code means, in one sentence, for tables of codes.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

codes! {
    /// The file cannot be read.
    Unreadable = "E0001",
    /// The file is not YAML.
    Syntax = "E0002",
    /// The file is larger, deeper or has more nodes (aliases expanded) than a configuration may have.
    TooLarge = "E0003",
    /// A section has the wrong form: a list where fields are expected, or the like.
    WrongForm = "E0101",
    /// A list element is empty or null.
    EmptyElement = "E0102",
    /// A field is set twice in one section, or a name that must be unique is used twice.
    Duplicate = "E0103",
    /// A field that must be set is missing or empty.
    Missing = "E0104",
    /// Fields that exclude or demand each other.
    Conflict = "E0105",
    /// There is no such field.
    UnknownField = "E0107",
    /// Not a duration.
    BadDuration = "E0201",
    /// Not a size.
    BadSize = "E0202",
    /// Not a number of the kind the field takes.
    BadNumber = "E0203",
    /// Not a yes or no.
    BadBool = "E0204",
    /// The value lies outside the bounds of the field.
    OutOfBounds = "E0205",
    /// Not one of the words the field takes.
    UnknownValue = "E0206",
    /// Text that does not have the form the field demands: an address, a URL, a label name, a file name.
    BadText = "E0207",
    /// A scrape timeout longer than its scrape interval.
    TimeoutOverInterval = "E0213",
    /// A relabelling rule that Prometheus refuses too.
    BadRule = "E0301",
    /// A part of Prometheus's configuration that is not built yet.
    NotSupportedYet = "E0401",
    /// A part of Prometheus's configuration that belongs to a server which stores or queries.
    NotAPrometheusServer = "E0402",
    /// A file that the configuration names does not exist.
    MissingFile = "E0501",
    /// A field that is taken but has no effect here.
    Ignored = "W0101",
    /// Only the first YAML document of the file is read.
    MoreDocuments = "W0102",
    /// A field that Prometheus calls deprecated.
    Deprecated = "W0103",
    /// A scrape timeout that is longer than the time a Prometheus usually waits for the page.
    LongTimeout = "W0213",
    /// A rule that names the integer spelling of `le` or `quantile`.
    IntegerBound = "W0301",
    /// A file that the configuration names does not exist here; it may exist on the relays.
    MissingFileHere = "W0501",
}

impl Code {
    /// Whether the code is an error's or a warning's.
    #[must_use]
    pub fn severity(self) -> Severity {
        if self.as_str().starts_with('E') { Severity::Error } else { Severity::Warning }
    }

    /// Whether the code says that the file is right for Prometheus but asks for a part that does not exist here.
    #[must_use]
    pub fn is_left_out(self) -> bool {
        matches!(self, Self::NotSupportedYet | Self::NotAPrometheusServer)
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Code;

    #[test]
    fn no_two_codes_are_printed_alike() {
        let texts: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
    }

    #[test]
    fn every_code_says_what_it_means() {
        assert_eq!(Code::Syntax.meaning(), "The file is not YAML.");
        assert!(Code::ALL.iter().all(|code| code.meaning().ends_with('.')));
    }
}
