//! Character classes: `[...]`, `\d` and its like, `[:alpha:]` and its like.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir};

use super::SyntaxError;
use super::chars::Cursor;
use super::flags::Flags;
use super::{escape, unicode};

/// Ranges of ASCII characters.
type Ranges = &'static [(u8, u8)];

const DIGIT: Ranges = &[(b'0', b'9')];
const SPACE: Ranges = &[(b'\t', b'\n'), (0x0c, b'\r'), (b' ', b' ')];
const WORD: Ranges = &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')];

/// The names that may stand between `[:` and `:]`.
const POSIX: [(&str, Ranges); 14] = [
    ("alnum", &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')]),
    ("alpha", &[(b'A', b'Z'), (b'a', b'z')]),
    ("ascii", &[(0, 0x7f)]),
    ("blank", &[(b'\t', b'\t'), (b' ', b' ')]),
    ("cntrl", &[(0, 0x1f), (0x7f, 0x7f)]),
    ("digit", DIGIT),
    ("graph", &[(b'!', b'~')]),
    ("lower", &[(b'a', b'z')]),
    ("print", &[(b' ', b'~')]),
    ("punct", &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')]),
    ("space", &[(b'\t', b'\r'), (b' ', b' ')]),
    ("upper", &[(b'A', b'Z')]),
    ("word", WORD),
    ("xdigit", &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')]),
];

const BAD_RANGE: &str = "invalid character class range";

/// One character, in both cases if the flags say so. A surrogate matches nothing.
pub(super) fn literal(code: u32, flags: Flags) -> Hir {
    let mut class = ClassUnicode::empty();
    add(&mut class, code, code, flags);
    Hir::class(Class::Unicode(class))
}

/// Adds a range of code points without the surrogates among them, folded if the flags say so.
fn add(class: &mut ClassUnicode, low: u32, high: u32, flags: Flags) {
    let mut range = ClassUnicode::empty();
    for (low, high) in [(low, high.min(0xd7ff)), (low.max(0xe000), high)] {
        if let (true, Some(low), Some(high)) = (low <= high, char::from_u32(low), char::from_u32(high)) {
            range.push(ClassUnicodeRange::new(low, high));
        }
    }
    if flags.fold_case {
        range.case_fold_simple();
    }
    class.union(&range);
}

/// An ASCII group, folded before it is negated.
fn group(ranges: Ranges, negated: bool, flags: Flags) -> ClassUnicode {
    let mut class = ClassUnicode::empty();
    for (low, high) in ranges {
        add(&mut class, u32::from(*low), u32::from(*high), flags);
    }
    if negated {
        class.negate();
    }
    class
}

/// Reads `\d`, `\s`, `\w` or a negation of them if one comes next.
pub(super) fn perl(input: &mut Cursor<'_>, flags: Flags) -> Option<ClassUnicode> {
    let letter = input.rest().strip_prefix('\\')?.chars().next()?;
    let ranges = match letter.to_ascii_lowercase() {
        'd' => DIGIT,
        's' => SPACE,
        'w' => WORD,
        _ => return None,
    };
    input.skip(2);
    Some(group(ranges, letter.is_ascii_uppercase(), flags))
}

/// Reads `[:name:]` or `[:^name:]` if it comes next; without `:]` it does not.
fn posix(input: &mut Cursor<'_>, flags: Flags) -> Result<Option<ClassUnicode>, SyntaxError> {
    let start = input.at();
    let mut ahead = input.clone();
    if !ahead.eat("[:") {
        return Ok(None);
    }
    let Some(name) = ahead.until(":]") else { return Ok(None) };
    *input = ahead;
    let (negated, name) = match name.strip_prefix('^') {
        Some(name) => (true, name),
        None => (false, name),
    };
    match POSIX.iter().find(|(known, _)| *known == name) {
        Some((_, ranges)) => Ok(Some(group(ranges, negated, flags))),
        None => Err(input.error(BAD_RANGE, start)),
    }
}

/// Reads a class from its `[` on.
pub(super) fn bracketed(input: &mut Cursor<'_>, flags: Flags) -> Result<Class, SyntaxError> {
    let start = input.at();
    input.bump();
    let negated = input.eat("^");
    let mut class = ClassUnicode::empty();
    let mut first = true;
    while first || input.peek() != Some(']') {
        first = false;
        if let Some(part) = named(input, flags)? {
            class.union(&part);
        } else {
            range(input, flags, start, &mut class)?;
        }
    }
    input.bump();
    if negated {
        class.negate();
    }
    Ok(Class::Unicode(class))
}

/// Reads a class within a class if one comes next.
fn named(input: &mut Cursor<'_>, flags: Flags) -> Result<Option<ClassUnicode>, SyntaxError> {
    if let Some(class) = posix(input, flags)? {
        return Ok(Some(class));
    }
    if let Some(class) = unicode::class(input, flags)? {
        return Ok(Some(class));
    }
    Ok(perl(input, flags))
}

/// Reads one character or a range.
fn range(
    input: &mut Cursor<'_>,
    flags: Flags,
    class_start: usize,
    class: &mut ClassUnicode,
) -> Result<(), SyntaxError> {
    let start = input.at();
    let low = character(input, class_start)?;
    let mut high = low;
    // A `-` right before the `]` is a literal.
    let is_range = input.peek() == Some('-') && input.peek_second().is_some_and(|c| c != ']');
    if is_range {
        input.bump();
        high = character(input, class_start)?;
        if high < low {
            return Err(input.error(BAD_RANGE, start));
        }
    }
    add(class, low, high, flags);
    Ok(())
}

fn character(input: &mut Cursor<'_>, class_start: usize) -> Result<u32, SyntaxError> {
    match input.peek() {
        None => Err(input.error_to_end("missing closing ]", class_start)),
        Some('\\') => escape::read(input, input.at()),
        Some(c) => {
            input.bump();
            Ok(u32::from(c))
        }
    }
}
