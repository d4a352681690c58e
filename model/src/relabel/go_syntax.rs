//! Go's regular expression syntax (package `regexp/syntax` with Perl flags, as of Go 1.26).
//!
//! In: a pattern. Out: the same expression for the engine, with its group names, or what is wrong and where. The
//! engine's own syntax differs from Go's in many places (`\d` is ASCII in Go, `{` may be a literal, `a**` is an
//! error, ...), so nothing here goes through the engine's parser but the tables of single Unicode classes.
//! Names of groups may repeat. Matching is not done here.

mod chars;
mod class;
mod escape;
mod flags;
mod repeat;
mod stack;
mod unicode;

use regex_syntax::hir::{Class, Dot, Hir, Look};

use chars::Cursor;
use flags::Flags;
use stack::{Node, Stack};
pub(super) use unicode::is_letter_or_digit;

/// What is wrong with a pattern; offsets are bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// Go's wording.
    pub(super) reason: &'static str,
    /// Where the offending part starts.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
}

/// A parsed pattern.
#[derive(Debug)]
pub(super) struct Parsed {
    /// The expression; its groups are numbered and have no names.
    pub(super) hir: Hir,
    /// The name of each group but the whole match's; group 1 is first.
    pub(super) names: Vec<Option<Box<str>>>,
}

/// Parses `pattern`.
pub(super) fn parse(pattern: &str) -> Result<Parsed, SyntaxError> {
    let mut parser = Parser {
        input: Cursor::new(pattern),
        flags: Flags::default(),
        stack: Stack::default(),
        names: Vec::new(),
        after_repeat: None,
    };
    while let Some(next) = parser.input.peek() {
        // Only a repetition right after a repetition is forbidden.
        let after_repeat = parser.after_repeat.take();
        parser.item(next, after_repeat)?;
    }
    let hir = parser.stack.finish(&parser.input)?;
    Ok(Parsed { hir, names: parser.names })
}

struct Parser<'a> {
    input: Cursor<'a>,
    flags: Flags,
    stack: Stack,
    names: Vec<Option<Box<str>>>,
    /// Where the repetition starts that has just been read.
    after_repeat: Option<usize>,
}

impl Parser<'_> {
    fn item(&mut self, next: char, after_repeat: Option<usize>) -> Result<(), SyntaxError> {
        match next {
            '(' => return self.group(),
            ')' => return self.close(),
            '[' => {
                let class = class::bracketed(&mut self.input, self.flags)?;
                self.push(Hir::class(class));
                return Ok(());
            }
            '*' | '+' | '?' | '{' => {
                if let Some(repeat) = repeat::read(&mut self.input)? {
                    return self.repeat(repeat, after_repeat);
                }
                self.input.bump();
                self.literal('{');
                return Ok(());
            }
            '\\' => return self.backslash(),
            _ => {}
        }
        self.input.bump();
        match next {
            '|' => self.stack.alternate(),
            '^' => self.push(Hir::look(if self.flags.multi_line { Look::StartLF } else { Look::Start })),
            '$' => self.push(Hir::look(if self.flags.multi_line { Look::EndLF } else { Look::End })),
            '.' if self.flags.dot_matches_newline => self.push(Hir::dot(Dot::AnyChar)),
            '.' => self.push(Hir::dot(Dot::AnyCharExceptLF)),
            c => self.literal(c),
        }
        Ok(())
    }

    fn push(&mut self, hir: Hir) {
        self.stack.push(Node::leaf(hir));
    }

    fn literal(&mut self, c: char) {
        self.push(class::literal(u32::from(c), self.flags));
    }

    /// Reads what a `(` opens: a group, or flags.
    fn group(&mut self) -> Result<(), SyntaxError> {
        let start = self.input.at();
        match flags::open(&mut self.input, self.flags)? {
            flags::Opened::Flags(flags) => self.flags = flags,
            flags::Opened::Plain(flags) => {
                self.stack.open(start, self.flags, None);
                self.flags = flags;
            }
            flags::Opened::Capture(name) => {
                self.names.push(name);
                let index = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
                self.stack.open(start, self.flags, Some(index));
            }
        }
        Ok(())
    }

    /// Reads a `)`; the flags are again those before the group.
    fn close(&mut self) -> Result<(), SyntaxError> {
        let start = self.input.at();
        self.input.bump();
        match self.stack.close() {
            Some(flags) => self.flags = flags,
            None => return Err(self.input.error("unexpected )", start)),
        }
        self.stack.check_depth(&self.input)
    }

    fn repeat(&mut self, repeat: repeat::Repeat, after_repeat: Option<usize>) -> Result<(), SyntaxError> {
        if let Some(start) = after_repeat {
            return Err(self.input.error("invalid nested repetition operator", start));
        }
        let start = repeat.start;
        let Some(sub) = self.stack.pop() else {
            return Err(self.input.error("missing argument to repetition operator", start));
        };
        match repeat::apply(&repeat, sub, self.flags) {
            Some(node) => self.stack.push(node),
            None => return Err(self.input.error("invalid repeat count", start)),
        }
        self.after_repeat = Some(start);
        self.stack.check_depth(&self.input)
    }

    fn backslash(&mut self) -> Result<(), SyntaxError> {
        let start = self.input.at();
        let look = match self.input.peek_second() {
            Some('A') => Look::Start,
            Some('z') => Look::End,
            Some('b') => Look::WordAscii,
            Some('B') => Look::WordAsciiNegate,
            Some('Q') => {
                self.quoted();
                return Ok(());
            }
            _ => return self.escape(start),
        };
        self.input.skip(2);
        self.push(Hir::look(look));
        Ok(())
    }

    /// Reads `\Q...\E`; without `\E` it reaches to the end.
    fn quoted(&mut self) {
        self.input.skip(2);
        while let Some(next) = self.input.peek() {
            if next == '\\' && self.input.peek_second() == Some('E') {
                self.input.skip(2);
                return;
            }
            self.input.bump();
            self.literal(next);
        }
    }

    fn escape(&mut self, start: usize) -> Result<(), SyntaxError> {
        if let Some(class) = unicode::class(&mut self.input, self.flags)? {
            self.push(Hir::class(Class::Unicode(class)));
        } else if let Some(class) = class::perl(&mut self.input, self.flags) {
            self.push(Hir::class(Class::Unicode(class)));
        } else {
            let code = escape::read(&mut self.input, start)?;
            self.push(class::literal(code, self.flags));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
