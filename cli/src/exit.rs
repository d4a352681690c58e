//! How a command ends: its exit code, and the one line on standard error that says why.

use std::fmt::{self, Write as _};
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

    /// 3: nothing failed, but there are findings.
    pub fn findings(message: impl Into<String>) -> Self {
        Self { code: 3, message: message.into() }
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

    /// 130: whoever asked does not wait any more.
    #[must_use]
    pub fn interrupted() -> Self {
        Self { code: 130, message: String::new() }
    }

    /// The code that the process ends with.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }

    /// The same as a number.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.code
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
        if !matches!(c, '\n' | '\t') && steers(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// The same on one line.
#[must_use]
pub fn one_line(text: &str) -> String {
    printable(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// The same for JSON, where such characters stand in strings only.
#[must_use]
pub fn printable_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && steers(c) {
            write!(out, "\\u{:04x}", u32::from(c)).expect("a String takes any text");
        } else {
            out.push(c);
        }
    }
    out
}

/// Control characters, and those that change the direction of what follows.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_printed() {
        let hostile = "a\u{1b}[31m\u{9b}2J\r\u{7f}\u{202e}b\nc";
        assert_eq!(printable(hostile), "a\\u{1b}[31m\\u{9b}2J\\r\\u{7f}\\u{202e}b\nc");
        assert!(!one_line(hostile).contains('\n'));
        let json = serde_json::to_string(&[hostile]).unwrap();
        let printed = printable_json(&json);
        assert!(!printed.chars().any(steers), "{printed}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&printed).unwrap(), [hostile]);
    }
}
