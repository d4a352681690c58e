//! Repetitions: `*`, `+`, `?` and counts, each with an optional `?`.

use regex_syntax::hir::{Hir, Repetition};

use super::SyntaxError;
use super::chars::Cursor;
use super::flags::Flags;
use super::stack::Node;

/// The largest count, also of counts nested in counts (Go's limit).
const MAX_COUNT: u32 = 1000;

/// A repetition as written.
#[derive(Debug)]
pub(super) struct Repeat {
    /// The byte where it starts.
    pub(super) start: usize,
    min: u32,
    max: Option<u32>,
    /// Whether it was written with braces.
    counted: bool,
    /// Whether a `?` follows.
    marked: bool,
}

/// Reads a repetition. `None`, with nothing read, where a `{` begins no valid count: it is a literal then.
pub(super) fn read(input: &mut Cursor<'_>) -> Result<Option<Repeat>, SyntaxError> {
    let start = input.at();
    let (min, max, counted) = match input.peek() {
        Some('*') => (0, None, false),
        Some('+') => (1, None, false),
        Some('?') => (0, Some(1), false),
        _ => match count(input)? {
            Some((min, max)) => (min, max, true),
            None => return Ok(None),
        },
    };
    if !counted {
        input.bump();
    }
    let marked = input.eat("?");
    Ok(Some(Repeat { start, min, max, counted, marked }))
}

/// Reads `{min}`, `{min,}` or `{min,max}`.
fn count(input: &mut Cursor<'_>) -> Result<Option<(u32, Option<u32>)>, SyntaxError> {
    let mut ahead = input.clone();
    ahead.bump();
    let Some(min) = number(ahead.digits()) else { return Ok(None) };
    let max = if ahead.eat(",") {
        match ahead.digits() {
            "" => None,
            digits => match number(digits) {
                Some(max) => Some(max),
                None => return Ok(None),
            },
        }
    } else {
        Some(min)
    };
    if !ahead.eat("}") {
        return Ok(None);
    }
    let start = input.at();
    *input = ahead;
    if min > MAX_COUNT || max.is_some_and(|max| max > MAX_COUNT || min > max) {
        return Err(input.error("invalid repeat count", start));
    }
    Ok(Some((min, max)))
}

/// The number that `digits` write without leading zeros; what is too large is just large.
fn number(digits: &str) -> Option<u32> {
    match digits.as_bytes() {
        [] | [b'0', _, ..] => None,
        _ => Some(digits.parse().unwrap_or(u32::MAX)),
    }
}

/// `sub` repeated; `None` where nested counts multiply to too much.
pub(super) fn apply(repeat: &Repeat, sub: Node, flags: Flags) -> Option<Node> {
    let factor = match repeat {
        Repeat { counted: true, max: Some(0), .. } => return Some(repeated(repeat, sub, 1, flags)),
        Repeat { counted: true, min, max, .. } => max.unwrap_or(*min).max(1),
        _ => 1,
    };
    let count = sub.count.saturating_mul(factor);
    let is_checked = repeat.counted && (repeat.min >= 2 || repeat.max.is_some_and(|max| max >= 2));
    if is_checked && count > MAX_COUNT {
        return None;
    }
    Some(repeated(repeat, sub, count, flags))
}

fn repeated(repeat: &Repeat, sub: Node, count: u32, flags: Flags) -> Node {
    let greedy = repeat.marked == flags.swap_greed;
    let hir =
        Hir::repetition(Repetition { min: repeat.min, max: repeat.max, greedy, sub: Box::new(sub.hir) });
    Node { hir, height: sub.height + 1, count }
}
