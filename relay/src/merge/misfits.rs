//! What did not fit: conflicts between targets' metadata, and which family of the page misfits follow.
//!
//! Misfits are samples that bear a histogram's name without being its own. They stand at the very end of the page
//! behind the TYPE line of a gauge of the relay's own and without metadata: that ends the TYPE in force, so that no
//! reader rewrites their `le`, and no second TYPE line for the histogram's names makes a strict reader refuse the
//! page (Prometheus 2.42 and 3.x, expfmt).

use std::collections::HashMap;

use model::exposition::entry::MetricType;

/// How many names a page's list of conflicts holds; further ones are only counted.
pub const CONFLICTS: usize = 1_000;

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

/// One conflict of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What kind.
    pub kind: ConflictKind,
    /// The name that is disputed: a family's, for a misfit a sample's.
    pub name: Box<str>,
    /// The type that the targets gave it.
    pub claimed: MetricType,
    /// How many targets.
    pub targets: u32,
}

/// The conflicts of a page, by kind, name and type; the list is bounded by [`CONFLICTS`], the counts are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflicts {
    list: Vec<Conflict>,
    known: HashMap<(ConflictKind, Box<str>, MetricType), usize>,
    targets: [u64; ConflictKind::ALL.len()],
    unlisted: u64,
}

impl Conflicts {
    /// Counts a conflict and lists it unless the list is full.
    pub(super) fn add(&mut self, conflict: Conflict) {
        self.targets[conflict.kind as usize] += u64::from(conflict.targets);
        let key = (conflict.kind, conflict.name.clone(), conflict.claimed);
        if let Some(&at) = self.known.get(&key) {
            self.list[at].targets += conflict.targets;
        } else if self.list.len() < CONFLICTS {
            self.known.insert(key, self.list.len());
            self.list.push(conflict);
        } else {
            self.unlisted += 1;
        }
    }

    /// The listed conflicts, in the order they were met.
    #[must_use]
    pub fn list(&self) -> &[Conflict] {
        &self.list
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
