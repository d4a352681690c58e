//! Wire messages into model values and back.
//!
//! In: messages as a peer sent them. Out: values that cannot be wrong, or the name of the field that is. This is
//! the only place that interprets wire messages. Nothing here knows who sends what when.

mod http_client;
mod job;
mod join;
mod relay_config;
mod slice;
mod status;
mod target;
mod time;

use model::relabel::RuleError;
use model::target::TargetId;

pub use target::target_size;

/// Why a message is no value.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// A field that every sender must fill in.
    #[error("{field} is missing")]
    Missing {
        /// Its path, "target.url".
        field: &'static str,
    },
    /// A field with a value that it cannot have.
    #[error("{field} cannot be {value:?}")]
    Invalid {
        /// Its path, "target.id".
        field: &'static str,
        /// What it was.
        value: String,
    },
    /// A relabelling rule that does not pass the checks of its sender's build.
    #[error("metric_relabel_rules[{index}] of job {job:?}: {source}")]
    Rule {
        /// The job.
        job: String,
        /// The rule's place, from 0.
        index: usize,
        /// What is wrong with it.
        source: RuleError,
    },
}

impl ConvertError {
    /// A fixed word for metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Invalid { .. } => "invalid",
            Self::Rule { .. } => "rule",
        }
    }
}

fn required<T>(value: Option<T>, field: &'static str) -> Result<T, ConvertError> {
    value.ok_or(ConvertError::Missing { field })
}

fn filled(text: String, field: &'static str) -> Result<Box<str>, ConvertError> {
    if text.is_empty() { Err(ConvertError::Missing { field }) } else { Ok(text.into()) }
}

fn invalid(field: &'static str, value: impl Into<String>) -> ConvertError {
    ConvertError::Invalid { field, value: value.into() }
}

/// The value of an enumeration's wire word; an empty word is `None`.
fn word<T>(
    text: &str,
    parse: impl Fn(&str) -> Option<T>,
    field: &'static str,
) -> Result<Option<T>, ConvertError> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some).ok_or_else(|| invalid(field, text)) }
}

/// The id in its 16 bytes, most significant first.
///
/// # Errors
/// Where there are not 16.
pub fn target_id(bytes: &[u8], field: &'static str) -> Result<TargetId, ConvertError> {
    let bytes: [u8; 16] = bytes.try_into().map_err(|_| invalid(field, format!("{} bytes", bytes.len())))?;
    Ok(TargetId(u128::from_be_bytes(bytes)))
}

/// The 16 bytes of `id`, most significant first.
#[must_use]
pub fn target_id_bytes(id: TargetId) -> Vec<u8> {
    id.0.to_be_bytes().to_vec()
}

#[cfg(test)]
mod round_trip;
