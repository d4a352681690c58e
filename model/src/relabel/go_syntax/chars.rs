//! Reading a pattern character by character.

use super::SyntaxError;

/// A place in a pattern.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// The start of `text`.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, rest: text }
    }

    /// How many bytes have been read.
    pub(super) fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    /// The next character.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// The character after the next.
    pub(super) fn peek_second(&self) -> Option<char> {
        self.rest.chars().nth(1)
    }

    /// Reads the next character.
    pub(super) fn bump(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    /// Reads `count` characters.
    pub(super) fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.bump();
        }
    }

    /// Reads `prefix` if it comes next.
    pub(super) fn eat(&mut self, prefix: &str) -> bool {
        let after = self.rest.strip_prefix(prefix);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// Reads up to and including `end` and gives what stood before it; reads nothing where there is no `end`.
    pub(super) fn until(&mut self, end: &str) -> Option<&'a str> {
        let (before, after) = self.rest.split_once(end)?;
        self.rest = after;
        Some(before)
    }

    /// Reads the longest run of ASCII digits.
    pub(super) fn digits(&mut self) -> &'a str {
        let rest = self.rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let (digits, _) = self.rest.split_at_checked(self.rest.len() - rest.len()).unwrap_or(("", ""));
        self.rest = rest;
        digits
    }

    /// An error about what lies between `start` and here.
    pub(super) fn error(&self, reason: &'static str, start: usize) -> SyntaxError {
        SyntaxError { reason, start, end: self.at() }
    }

    /// An error about everything from `start` on.
    pub(super) fn error_to_end(&self, reason: &'static str, start: usize) -> SyntaxError {
        SyntaxError { reason, start, end: self.text.len() }
    }
}
