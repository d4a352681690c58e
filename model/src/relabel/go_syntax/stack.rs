//! The expression under construction: open groups, each with its finished alternatives and its current one.

use regex_syntax::hir::{Capture, Hir, HirKind};

use super::SyntaxError;
use super::chars::Cursor;
use super::flags::Flags;

/// How deep an expression may nest (Go's limit). Bounds the recursion of everything that walks it.
const MAX_HEIGHT: u32 = 1000;

/// A finished part of the expression.
#[derive(Debug)]
pub(super) struct Node {
    /// The part.
    pub(super) hir: Hir,
    /// How deep it nests.
    pub(super) height: u32,
    /// The largest product of counts on any way down.
    pub(super) count: u32,
}

impl Node {
    /// A part without parts.
    pub(super) fn leaf(hir: Hir) -> Self {
        Self { hir, height: 1, count: 1 }
    }

    /// A part made of `parts` by `join`. As in Go, a sequence in a sequence or a choice in a choice is no deeper.
    fn join(mut parts: Vec<Self>, join: Join) -> Self {
        if parts.len() == 1 {
            return parts.pop().expect("there is one");
        }
        let depth_of = |part: &Self| match (join, part.hir.kind()) {
            (Join::Concat, HirKind::Concat(_)) | (Join::Alternation, HirKind::Alternation(_)) => {
                part.height - 1
            }
            _ => part.height,
        };
        let height = parts.iter().map(depth_of).max().unwrap_or(0) + 1;
        let count = parts.iter().map(|part| part.count).max().unwrap_or(1);
        let parts = parts.into_iter().map(|part| part.hir).collect();
        let hir = match join {
            Join::Concat => Hir::concat(parts),
            Join::Alternation => Hir::alternation(parts),
        };
        let height = if matches!(hir.kind(), HirKind::Literal(_) | HirKind::Class(_)) { 1 } else { height };
        Self { hir, height, count }
    }
}

/// How parts become one.
#[derive(Clone, Copy, Debug)]
enum Join {
    Concat,
    Alternation,
}

#[derive(Debug, Default)]
struct Level {
    alternatives: Vec<Node>,
    items: Vec<Node>,
}

impl Level {
    fn end_alternative(&mut self) {
        let items = std::mem::take(&mut self.items);
        self.alternatives.push(Node::join(items, Join::Concat));
    }

    fn finish(mut self) -> Node {
        self.end_alternative();
        Node::join(self.alternatives, Join::Alternation)
    }
}

#[derive(Debug)]
struct Group {
    start: usize,
    /// The flags to return to.
    flags: Flags,
    capture: Option<u32>,
    outer: Level,
}

/// The open groups and the innermost level.
#[derive(Debug, Default)]
pub(super) struct Stack {
    groups: Vec<Group>,
    level: Level,
}

impl Stack {
    /// Adds a part to the current alternative.
    pub(super) fn push(&mut self, node: Node) {
        self.level.items.push(node);
    }

    /// Takes back the last part of the current alternative.
    pub(super) fn pop(&mut self) -> Option<Node> {
        self.level.items.pop()
    }

    /// Begins the next alternative.
    pub(super) fn alternate(&mut self) {
        self.level.end_alternative();
    }

    /// Opens a group that starts at `start`, numbered if `capture` says so.
    pub(super) fn open(&mut self, start: usize, flags: Flags, capture: Option<u32>) {
        let outer = std::mem::take(&mut self.level);
        self.groups.push(Group { start, flags, capture, outer });
    }

    /// Closes the innermost group and gives the flags before it; `None` where no group is open.
    pub(super) fn close(&mut self) -> Option<Flags> {
        let group = self.groups.pop()?;
        let inner = std::mem::replace(&mut self.level, group.outer).finish();
        let node = match group.capture {
            None => inner,
            Some(index) => Node {
                hir: Hir::capture(Capture { index, name: None, sub: Box::new(inner.hir) }),
                height: inner.height + 1,
                count: inner.count,
            },
        };
        self.push(node);
        Some(group.flags)
    }

    /// Refuses an expression whose last part nests too deeply.
    pub(super) fn check_depth(&self, input: &Cursor<'_>) -> Result<(), SyntaxError> {
        self.level.items.last().map_or(Ok(()), |node| check_height(node, input))
    }

    /// The whole expression.
    pub(super) fn finish(self, input: &Cursor<'_>) -> Result<Hir, SyntaxError> {
        if let Some(open) = self.groups.last() {
            return Err(input.error_to_end("missing closing )", open.start));
        }
        let whole = self.level.finish();
        check_height(&whole, input)?;
        Ok(whole.hir)
    }
}

fn check_height(node: &Node, input: &Cursor<'_>) -> Result<(), SyntaxError> {
    if node.height > MAX_HEIGHT { Err(input.error("expression nests too deeply", 0)) } else { Ok(()) }
}
