//! The text that a target adds to every line of its shape.
//!
//! In: a target's labels and its shape. Out: one text per variant, rendered once per (target, shape) and copied into
//! every line. Which names it may add was decided when the shape was built.

use std::collections::HashSet;

use super::identity::{label_hash, series_hash};
use super::shape::{OwnFamily, Rendition, Shape, UNSTAMPED};
use super::spelling::{Escaping, push_label};
use crate::labels::Labels;

/// A target's labels as text, for each variant of a shape.
#[derive(Clone, Debug)]
pub struct Injected {
    quoted: Variants,
    /// Set where the shape's renditions differ.
    underscores: Option<Variants>,
}

#[derive(Clone, Debug)]
struct Variants {
    texts: Box<[Box<[u8]>]>,
    hashes: Box<[u64]>,
    /// Lines that must not go out for this target, by index into the rendition's lines; sorted.
    suppressed: Box<[u32]>,
}

impl Shape {
    /// Renders the labels of one target. `labels` are the target's public labels; they must have the names that
    /// the shape's transform was made from.
    #[must_use]
    pub fn inject(&self, labels: &Labels) -> Injected {
        let same = std::sync::Arc::ptr_eq(&self.quoted, &self.underscores);
        Injected {
            quoted: self.variants(&self.quoted, labels),
            underscores: (!same).then(|| self.variants(&self.underscores, labels)),
        }
    }

    fn variants(&self, rendition: &Rendition, labels: &Labels) -> Variants {
        let (names, order) = (self.transform.placeholders(), self.transform.written());
        let mut texts = Vec::with_capacity(self.variants.len());
        let mut hashes = Vec::with_capacity(self.variants.len());
        for mask in &self.variants {
            let mut text = Vec::new();
            let mut hash = 0u64;
            for &at in order.iter().filter(|at| mask >> **at & 1 == 1) {
                let value = labels.get(&names[at]);
                let name = rendition.escaping.label_name(&names[at]);
                push_label(&mut text, &name, value);
                hash = hash.wrapping_add(label_hash(&name, value));
            }
            texts.push(text.into());
            hashes.push(hash);
        }
        let mut variants =
            Variants { texts: texts.into(), hashes: hashes.into(), suppressed: Box::default() };
        if self.variants.iter().any(|mask| *mask != self.transform.all()) {
            let own = self.transform.style.series.iter().map(|name| {
                let labels = labels.iter().map(|(name, value)| (rendition.escaping.label_name(name), value));
                series_hash(name, labels)
            });
            variants.suppressed = suppressed(rendition, &variants.hashes, &own.collect::<Vec<_>>());
        }
        variants
    }
}

/// Lines that are one series only now that the target's label values are known (a sample that kept its own label
/// under `honor_labels` and one that took the target's, with the same value), and those that are the relay's own,
/// `reserved`. Of two lines the first in the body stays.
fn suppressed(rendition: &Rendition, hashes: &[u64], reserved: &[u64]) -> Box<[u32]> {
    let mut seen = HashSet::with_capacity(rendition.lines.len());
    let mut order: Vec<u32> = (0..).zip(&rendition.lines).map(|(at, _)| at).collect();
    order.sort_by_key(|&at| rendition.lines[at as usize].slot);
    order.retain(|&at| {
        let line = &rendition.lines[at as usize];
        let hash = line.hash.wrapping_add(hashes[usize::from(line.variant)]);
        reserved.contains(&hash) || (!seen.insert(hash) && line.stamp == UNSTAMPED)
    });
    order.sort_unstable();
    order.into()
}

impl Injected {
    /// The hash of the labels injected into the lines of `variant`, to be added (wrapping) to a line's own.
    #[must_use]
    pub fn hash(&self, escaping: Escaping, variant: usize) -> u64 {
        self.variants(escaping).hashes.get(variant).copied().unwrap_or_default()
    }

    /// How many lines are left out for this target alone, because its label values make them the series of another
    /// line or one of the relay's own.
    #[must_use]
    pub fn left_out(&self, escaping: Escaping) -> usize {
        self.variants(escaping).suppressed.len()
    }

    /// Whether the line at `line` of `family` (counted as [`Rendition::series`] yields them) is one of those left
    /// out. Whoever looks for duplicates must pass over it.
    #[must_use]
    pub fn leaves_out(&self, escaping: Escaping, family: &OwnFamily, line: u32) -> bool {
        let left_out = self.suppressed(escaping);
        !left_out.is_empty() && left_out.binary_search(&(family.lines.start + line)).is_ok()
    }

    pub(super) fn text(&self, escaping: Escaping, variant: usize) -> &[u8] {
        self.variants(escaping).texts.get(variant).map_or(&[], |text| text)
    }

    pub(super) fn texts(&self, escaping: Escaping) -> &[Box<[u8]>] {
        &self.variants(escaping).texts
    }

    pub(super) fn suppressed(&self, escaping: Escaping) -> &[u32] {
        &self.variants(escaping).suppressed
    }

    fn variants(&self, escaping: Escaping) -> &Variants {
        match (escaping, &self.underscores) {
            (Escaping::Underscores, Some(variants)) => variants,
            _ => &self.quoted,
        }
    }
}
