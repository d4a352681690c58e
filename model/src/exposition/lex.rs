//! The pieces that lines are made of: names, quoted strings, blanks, escapes.
//!
//! A [`Cursor`] walks over the bytes of a body and hands out slices of it. Which piece may stand where is decided
//! by the readers of the two formats. NUL bytes follow the lexers of Prometheus 3.15: they are data inside label
//! values and HELP texts, and are skipped where those lexers skip them.

use std::borrow::Cow;
use std::ops::Range;
use std::str;

use super::entry::ErrorKind;

/// Something wrong at an offset of the body.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) kind: ErrorKind,
    pub(super) message: Cow<'static, str>,
}

impl Fault {
    pub(super) fn syntax(at: usize, message: impl Into<Cow<'static, str>>) -> Self {
        Self { at, kind: ErrorKind::Syntax, message: message.into() }
    }
}

const METRIC_START: u8 = 1;
const METRIC: u8 = 2;
const LABEL_START: u8 = 4;
const LABEL: u8 = 8;
/// Bytes that a scan inside quotes must look at: the quote, the backslash, the line feed, NUL.
const QUOTED_STOP: u8 = 16;

const CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => METRIC_START | METRIC | LABEL_START | LABEL,
            b':' => METRIC_START | METRIC,
            b'0'..=b'9' => METRIC | LABEL,
            b'"' | b'\\' | b'\n' | 0 => QUOTED_STOP,
            _ => 0,
        };
        byte += 1;
    }
    table
}

fn is(byte: u8, class: u8) -> bool {
    CLASS[usize::from(byte)] & class != 0
}

/// Whether a metric name may start with `byte`: `[a-zA-Z_:]`.
pub(super) fn starts_metric_name(byte: u8) -> bool {
    is(byte, METRIC_START)
}

/// Whether a label name may start with `byte`: `[a-zA-Z_]`.
pub(super) fn starts_label_name(byte: u8) -> bool {
    is(byte, LABEL_START)
}

/// What may stand between quotes beside ordinary bytes and escapes.
#[derive(Clone, Copy)]
pub(super) struct Inside {
    /// A raw line feed is data.
    pub(super) newline: bool,
    /// NUL is data; NULs behind the closing quote are skipped, all but the last becoming part of the string.
    pub(super) nul: bool,
}

/// A quoted string: the place of its content, and whether a backslash is in it.
pub(super) struct Quoted {
    pub(super) content: Range<usize>,
    pub(super) escaped: bool,
}

/// A place in a body.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    /// The whole body, where all of it is UTF-8: then no slice needs to be checked again.
    text: Option<&'a str>,
    /// The offset of the next byte.
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, text: str::from_utf8(bytes).ok(), at: 0 }
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The bytes from here on.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The offset of the next line feed, or of the body's end.
    pub(super) fn line_end(&self) -> usize {
        memchr::memchr(b'\n', self.rest()).map_or(self.bytes.len(), |distance| self.at + distance)
    }

    pub(super) fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    pub(super) fn skip_nuls(&mut self) {
        while self.peek() == Some(0) {
            self.at += 1;
        }
    }

    /// Steps over `word`, ignoring NULs behind each of its bytes; on a difference stops at the differing byte.
    pub(super) fn keyword(&mut self, word: &[u8]) -> bool {
        for &expected in word {
            if self.peek() != Some(expected) {
                return false;
            }
            self.at += 1;
            self.skip_nuls();
        }
        true
    }

    /// Steps over `[a-zA-Z0-9_:]*`; the caller has looked at the first byte.
    pub(super) fn metric_name(&mut self) -> Range<usize> {
        self.run(METRIC)
    }

    /// Steps over `[a-zA-Z0-9_]*`; the caller has looked at the first byte.
    pub(super) fn label_name(&mut self) -> Range<usize> {
        self.run(LABEL)
    }

    fn run(&mut self, class: u8) -> Range<usize> {
        let start = self.at;
        let rest = self.rest();
        self.at += rest.iter().position(|byte| !is(*byte, class)).unwrap_or(rest.len());
        start..self.at
    }

    /// The label that starts here and the offset of its closing quote, if it is spelled `name="value"` without a
    /// backslash, line feed or NUL, followed by `,` or `}`, in a body that is UTF-8.
    pub(super) fn plain_label(&self) -> Option<(&'a str, &'a str, usize)> {
        let text = self.text?;
        let rest = self.rest();
        if !is(*rest.first()?, LABEL_START) {
            return None;
        }
        let name = rest.iter().position(|byte| !is(*byte, LABEL))?;
        let value = rest.get(name..)?.strip_prefix(b"=\"")?;
        let length = value.iter().position(|byte| is(*byte, QUOTED_STOP))?;
        if !matches!(value.get(length..length + 2)?, b"\"," | b"\"}") {
            return None;
        }
        let start = self.at + name + 2;
        let end = start + length;
        Some((text.get(self.at..self.at + name)?, text.get(start..end)?, end))
    }

    /// Steps over the quoted string that starts here.
    pub(super) fn quoted(&mut self, inside: Inside) -> Result<Quoted, Fault> {
        let opening = self.at;
        let mut escaped = false;
        self.at += 1;
        loop {
            let rest = self.rest();
            let Some(distance) = rest.iter().position(|byte| is(*byte, QUOTED_STOP)) else {
                return Err(Fault::syntax(opening, "this quote is never closed"));
            };
            self.at += distance;
            match rest[distance] {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.escape(inside)?;
                }
                b'\n' if !inside.newline => {
                    return Err(Fault::syntax(opening, "this quote is not closed on its line"));
                }
                0 if !inside.nul => return Err(Fault::syntax(self.at, "NUL is not allowed here")),
                _ => self.at += 1,
            }
        }
        self.at += 1;
        if inside.nul {
            self.skip_nuls();
        }
        Ok(Quoted { content: opening + 1..self.at - 1, escaped })
    }

    fn escape(&mut self, inside: Inside) -> Result<(), Fault> {
        self.at += 1;
        if inside.nul {
            self.skip_nuls();
        }
        match self.peek() {
            None | Some(b'\n' | 0) => {
                Err(Fault::syntax(self.at, "a backslash must be followed by a character of the same line"))
            }
            Some(_) => {
                self.at += 1;
                Ok(())
            }
        }
    }

    /// The text of `range`, if it is UTF-8.
    pub(super) fn text(&self, range: Range<usize>) -> Option<&'a str> {
        match self.text {
            Some(text) => text.get(range),
            None => str::from_utf8(self.bytes.get(range)?).ok(),
        }
    }

    /// The text of `range`, with U+FFFD for what is no UTF-8.
    pub(super) fn lossy(&self, range: Range<usize>) -> Cow<'a, str> {
        self.text(range.clone())
            .map_or_else(|| String::from_utf8_lossy(self.bytes.get(range).unwrap_or_default()), Cow::Borrowed)
    }

    /// What stands here, for an error message.
    pub(super) fn found(&self) -> String {
        describe(self.peek())
    }
}

/// A byte in words.
pub(super) fn describe(byte: Option<u8>) -> String {
    match byte {
        None => "the end of the body".to_owned(),
        Some(b'\n') => "the end of the line".to_owned(),
        Some(b'\r') => "a carriage return".to_owned(),
        Some(b'\t') => "a tab".to_owned(),
        Some(b' ') => "a space".to_owned(),
        Some(byte @ 0x21..=0x7e) => format!("`{}`", char::from(byte)),
        Some(byte) => format!("byte 0x{byte:02x}"),
    }
}

/// Resolves `\\`, `\n` and, where `quotes`, `\"`; any other backslash stays as it is (Prometheus 3).
pub(super) fn unescape(text: &str, quotes: bool) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', text.as_bytes()) else {
        return Cow::Borrowed(text);
    };
    let (plain, rest) = text.split_at_checked(first).unwrap_or((text, ""));
    let mut out = String::with_capacity(text.len());
    out.push_str(plain);
    let mut chars = rest.chars().peekable();
    while let Some(char) = chars.next() {
        let resolved = match (char, chars.peek()) {
            ('\\', Some('\\')) => '\\',
            ('\\', Some('n')) => '\n',
            ('\\', Some('"')) if quotes => '"',
            _ => {
                out.push(char);
                continue;
            }
        };
        chars.next();
        out.push(resolved);
    }
    Cow::Owned(out)
}
