//! Where the targets of a page do not agree about families: counted in full, listed within bounds.
//!
//! In: each disagreement as the plan meets it, by the source (shape) it comes from. Out: counts by kind, a list of
//! what was said and what the page says instead, and for every source which of them are its own. Nothing is decided
//! here.

use std::borrow::Cow;
use std::collections::HashMap;

use model::exposition::entry::MetricType;
use smallvec::SmallVec;

/// How many conflicts a page's list holds; further ones are only counted.
pub const CONFLICTS: usize = 1_000;
/// How many sources a conflict names, and so at least as many targets: enough to see who it is.
pub(super) const SOURCES: usize = 20;
/// How many conflicts a source names: each of its targets reports them to the coordinator.
pub(super) const OF_ONE: usize = 3;
/// Bytes of a name, HELP or UNIT that are told; two that differ only behind this are one conflict.
pub(super) const TOLD_BYTES: usize = 120;

/// Where two targets do not agree, or one with itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConflictKind {
    /// A family's name is another type's on this page: its samples stand elsewhere, or under that type.
    Type,
    /// A sample bears a histogram's name without being its own.
    Misfit,
    /// Another target described the family otherwise.
    Help,
    /// Another target gave the family another unit.
    Unit,
}

impl ConflictKind {
    /// Every kind, in the order of [`Conflicts::counts`].
    pub const ALL: [Self; 4] = [Self::Type, Self::Misfit, Self::Help, Self::Unit];

    /// The word for metrics and listings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Misfit => "misfit",
            Self::Help => "help",
            Self::Unit => "unit",
        }
    }
}

/// What makes two conflicts one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConflictKey {
    /// What kind.
    pub kind: ConflictKind,
    /// The name that is disputed: a family's, for a misfit a sample's.
    pub name: Box<str>,
    /// The type that the targets gave it.
    pub claimed: MetricType,
    /// The HELP or UNIT that the targets gave it, at most `TOLD_BYTES` of it; empty for the other kinds.
    pub said: Box<str>,
}

/// What the page says instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Types, HELP or UNIT as they stand on the page.
    pub page: Box<str>,
    /// Why; empty where the first to say something of a family is simply followed.
    pub why: Box<str>,
    /// The source that the page follows: 0 is the relay itself; none where no single one decided.
    pub follows: Option<u32>,
}

/// One conflict of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What is disputed, and what was said of it.
    pub key: ConflictKey,
    /// What the page says.
    pub verdict: Verdict,
    /// How many targets said it.
    pub targets: u32,
    /// The sources of the first of them, at most `SOURCES`.
    pub sources: SmallVec<[u32; 2]>,
    /// The source met last: one that has such a family twice disagrees once.
    last: u32,
}

/// A source of a page and how many targets it stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker {
    pub(super) source: u32,
    pub(super) targets: u32,
}

/// The conflicts that one source has a part in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnConflicts {
    /// Indices into [`Conflicts::list`], at most `OF_ONE`.
    pub listed: SmallVec<[u32; 2]>,
    /// How many more there are.
    pub more: u32,
}

/// The conflicts of a page; the lists are bounded, the counts are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflicts {
    list: Vec<Conflict>,
    known: HashMap<ConflictKey, u32>,
    of_source: HashMap<u32, OwnConflicts>,
    targets: [u64; ConflictKind::ALL.len()],
    unlisted: u64,
}

impl Conflicts {
    /// Counts a conflict of `by`, and lists it unless the list is full. `verdict` is asked for a new one only.
    pub(super) fn add(&mut self, key: ConflictKey, by: Speaker, verdict: impl FnOnce() -> Verdict) {
        self.targets[key.kind as usize] += u64::from(by.targets);
        let own = self.of_source.entry(by.source).or_default();
        let Some(at) = self.known.get(&key).copied().or_else(|| list(&mut self.list, &key, verdict)) else {
            self.unlisted += 1;
            own.more += 1;
            return;
        };
        self.known.entry(key).or_insert(at);
        let conflict = &mut self.list[at as usize];
        if conflict.targets > 0 && conflict.last == by.source {
            return;
        }
        conflict.last = by.source;
        conflict.targets += by.targets;
        if conflict.sources.len() < SOURCES {
            conflict.sources.push(by.source);
        }
        if own.listed.len() < OF_ONE {
            own.listed.push(at);
        } else {
            own.more += 1;
        }
    }

    /// The listed conflicts, in the order they were met.
    #[must_use]
    pub fn list(&self) -> &[Conflict] {
        &self.list
    }

    /// What the source numbered so has a part in.
    #[must_use]
    pub fn of_source(&self, source: u32) -> Option<&OwnConflicts> {
        self.of_source.get(&source)
    }

    /// How often each kind was met, a target's family counted once.
    pub fn counts(&self) -> impl Iterator<Item = (ConflictKind, u64)> {
        ConflictKind::ALL.into_iter().zip(self.targets)
    }

    /// How many were met when the list was full.
    #[must_use]
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }
}

/// Lists a conflict, and where; none where the list is full.
fn list(list: &mut Vec<Conflict>, key: &ConflictKey, verdict: impl FnOnce() -> Verdict) -> Option<u32> {
    let at = u32::try_from(list.len()).ok().filter(|_| list.len() < CONFLICTS)?;
    let (key, verdict) = (key.clone(), verdict());
    list.push(Conflict { key, verdict, targets: 0, sources: SmallVec::new(), last: 0 });
    Some(at)
}

/// The beginning of `text` that is told.
pub(super) fn told(text: &str) -> Box<str> {
    shortened(text, TOLD_BYTES).into()
}

/// At most `bytes` of `text`; three dots where that is not all.
pub(super) fn shortened(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    let kept = text.char_indices().take_while(|(at, char)| at + char.len_utf8() + 3 <= bytes);
    Cow::Owned(kept.map(|(_, char)| char).chain("...".chars()).collect())
}
