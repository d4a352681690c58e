//! One line of a shape while the shape is built: the hashes by which its place is found.
//!
//! In: a labelled sample. Out: a [`DraftLine`]. Where its text lies is filled in by the collector of lines.

use std::borrow::Cow;

use super::bound::canonical_bound;
use super::identity::{label_hash, name_hash};
use super::labelling::Labelled;
use super::number::parse_value;
use super::shape::{Line, Quantile, TAKES_EXEMPLAR, UNSTAMPED};

/// Spreads variants over hashes.
pub(super) const VARIANT_FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// What became of the sample in a slot.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// A rule dropped it.
    Dropped,
    /// Two of its labels became one.
    MergedLabels,
    /// It would be one of the relay's own.
    Reserved,
    /// It is the draft at this index.
    Line(u32),
}

/// A line and what decides its place.
#[derive(Clone, Debug)]
pub(super) struct DraftLine {
    pub(super) line: Line,
    /// Index into the names collected with it.
    pub(super) name: u32,
    /// The TYPE line in force, by index; `None` also for a sample that a rule has renamed.
    pub(super) in_force: Option<u32>,
    /// The hash of all labels but the name.
    pub(super) labels: u64,
    /// The part of `labels` that is `le`, `quantile`, or a label called like the sample; 0 where there is none.
    pub(super) le: u64,
    pub(super) quantile_hash: u64,
    pub(super) state_hash: u64,
    pub(super) quantile: Quantile,
    /// Whether a rule gave the sample another name.
    pub(super) renamed: bool,
    /// Whether the series came before.
    pub(super) duplicate: bool,
}

impl DraftLine {
    /// A draft that has nothing yet but the hashes of its labels.
    pub(super) fn of(labelled: &Labelled<'_>) -> Self {
        let name = &*labelled.name;
        let (mut labels, mut le, mut quantile_hash, mut state_hash) = (0u64, 0, 0, 0);
        let mut quantile = Quantile::Absent;
        for (label, value) in &labelled.own {
            let hash = label_hash(label, value);
            labels = labels.wrapping_add(hash);
            if label == name {
                state_hash = hash;
            }
            match &**label {
                "le" => le = hash,
                "quantile" => {
                    quantile_hash = hash;
                    let canonical = canonical_bound(Cow::Borrowed(value)) == *value;
                    let number = canonical && parse_value(value.as_bytes()).is_some();
                    quantile = if number { Quantile::Canonical } else { Quantile::Other };
                }
                _ => {}
            }
        }
        let exemplar = name.ends_with("_total") || name.ends_with("_bucket");
        let flags = if exemplar { TAKES_EXEMPLAR } else { 0 };
        let hash = labels.wrapping_add(name_hash(name));
        let line =
            Line { text: 0, head: 0, rest: 0, slot: 0, stamp: UNSTAMPED, variant: 0, class: 0, flags, hash };
        let (renamed, duplicate) = (labelled.renamed, false);
        Self {
            line,
            name: 0,
            in_force: None,
            labels,
            le,
            quantile_hash,
            state_hash,
            quantile,
            renamed,
            duplicate,
        }
    }

    /// The line's text within that of its shape.
    pub(super) fn text<'a>(&self, all: &'a [u8]) -> &'a [u8] {
        let start = self.line.text as usize;
        &all[start..start + (self.line.head + self.line.rest) as usize]
    }
}
