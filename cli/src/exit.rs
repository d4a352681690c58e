//! How a command ends: its exit code, and the one line on standard error that says why.

use std::fmt;
use std::process::ExitCode;

/// A command that did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// 1: the operation or the check failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// 2: bad input.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// 4: nobody answers, or not in time.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self { code: 4, message: message.into() }
    }

    /// 5: not allowed.
    pub fn denied(message: impl Into<String>) -> Self {
        Self { code: 5, message: message.into() }
    }

    /// 6: no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { code: 6, message: message.into() }
    }

    /// The code that the process ends with.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.message))
    }
}

impl std::error::Error for Failure {}

/// The text with control characters escaped, so that nothing a target said can steer a terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}
