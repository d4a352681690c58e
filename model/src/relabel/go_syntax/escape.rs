//! Escapes that stand for one character.

use super::SyntaxError;
use super::chars::Cursor;

/// Reads an escape from its backslash on and gives the code point, which may be a surrogate. `start` is the byte
/// at which an error begins.
pub(super) fn read(input: &mut Cursor<'_>, start: usize) -> Result<u32, SyntaxError> {
    input.bump();
    let Some(next) = input.bump() else {
        return Err(input.error("trailing backslash at end of expression", start));
    };
    let code = match next {
        '1'..='7' if !input.peek().is_some_and(|c| c.is_digit(8)) => None,
        '0'..='7' => Some(octal(input, next)),
        'x' => hexadecimal(input),
        'a' => Some(0x07),
        'f' => Some(0x0c),
        'n' => Some(0x0a),
        'r' => Some(0x0d),
        't' => Some(0x09),
        'v' => Some(0x0b),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
        _ => None,
    };
    code.ok_or_else(|| input.error("invalid escape sequence", start))
}

/// Up to two more octal digits.
fn octal(input: &mut Cursor<'_>, first: char) -> u32 {
    let mut code = first.to_digit(8).unwrap_or(0);
    for _ in 0..2 {
        let Some(digit) = input.peek().and_then(|c| c.to_digit(8)) else { break };
        code = code * 8 + digit;
        input.bump();
    }
    code
}

/// Two hexadecimal digits, or any number of them in braces.
fn hexadecimal(input: &mut Cursor<'_>) -> Option<u32> {
    if !input.eat("{") {
        let high = input.bump()?.to_digit(16)?;
        let low = input.bump()?.to_digit(16)?;
        return Some(high * 16 + low);
    }
    let mut code = None;
    loop {
        let next = input.bump()?;
        if next == '}' {
            return code;
        }
        let larger = code.unwrap_or(0) * 16 + next.to_digit(16)?;
        if larger > u32::from(char::MAX) {
            return None;
        }
        code = Some(larger);
    }
}
