//! What a `(` opens: a group, numbered or named or neither, or a change of flags.

use super::SyntaxError;
use super::chars::Cursor;

/// The flags in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    /// `i`: case does not matter.
    pub(super) fold_case: bool,
    /// `m`: `^` and `$` match at line ends, too.
    pub(super) multi_line: bool,
    /// `s`: `.` matches a newline.
    pub(super) dot_matches_newline: bool,
    /// `U`: repetitions are lazy, and greedy with `?`.
    pub(super) swap_greed: bool,
}

/// What has been opened.
#[derive(Debug)]
pub(super) enum Opened {
    /// A numbered group, perhaps with a name.
    Capture(Option<Box<str>>),
    /// A group without a number, with these flags inside.
    Plain(Flags),
    /// No group: these flags hold from here on.
    Flags(Flags),
}

/// Reads from `(` to the start of the group's content, or past `(?flags)`.
pub(super) fn open(input: &mut Cursor<'_>, flags: Flags) -> Result<Opened, SyntaxError> {
    let start = input.at();
    input.bump();
    if !input.eat("?") {
        return Ok(Opened::Capture(None));
    }
    if input.eat("P<") || input.eat("<") {
        return name(input, start);
    }
    change(input, flags, start)
}

fn name(input: &mut Cursor<'_>, start: usize) -> Result<Opened, SyntaxError> {
    const REASON: &str = "invalid named capture";
    let name = input.until(">").ok_or_else(|| input.error_to_end(REASON, start))?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(input.error(REASON, start));
    }
    Ok(Opened::Capture(Some(name.into())))
}

/// Reads `flags-flags:` or `flags-flags)`.
fn change(input: &mut Cursor<'_>, before: Flags, start: usize) -> Result<Opened, SyntaxError> {
    let mut flags = before;
    let mut value = true;
    let mut seen_after_minus = false;
    while let Some(next) = input.bump() {
        match next {
            'i' => flags.fold_case = value,
            'm' => flags.multi_line = value,
            's' => flags.dot_matches_newline = value,
            'U' => flags.swap_greed = value,
            '-' if value => {
                value = false;
                continue;
            }
            ':' | ')' if value || seen_after_minus => {
                return Ok(if next == ':' { Opened::Plain(flags) } else { Opened::Flags(flags) });
            }
            _ => break,
        }
        seen_after_minus = !value;
    }
    Err(input.error("invalid or unsupported Perl syntax", start))
}
