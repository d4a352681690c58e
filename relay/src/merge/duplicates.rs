//! Series that two targets of a page would both expose.
//!
//! In: the page's targets in order. Out: the lines to leave out: of one series without timestamp the first in order
//! stays, as in Prometheus. A line that takes the labels that tell targets apart (`job` and `instance`) from its target
//! cannot be a line of a target that differs in them, so only lines without (`honor_labels`, rules that drop or
//! rewrite them) and targets that agree in them are compared. Duplicates within one target were removed when its shape was built.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::exposition::shape::Shape;
use model::exposition::spelling::Escaping;

use smallvec::SmallVec;

use super::own_series;
use super::{Exposed, PageForm, PageTarget};

/// The lines to leave out, by target and own family; sorted.
#[derive(Debug, Default)]
pub(super) struct Duplicates {
    lines: HashMap<(u32, u32), Vec<u32>>,
    targets: HashSet<u32>,
    /// Targets whose labels are those of an earlier one, so that even their own series are the same.
    twins: HashSet<u32>,
    count: u64,
}

impl Duplicates {
    /// Lines of the family to leave out.
    pub(super) fn of(&self, target: u32, family: u32) -> &[u32] {
        self.lines.get(&(target, family)).map_or(&[], |lines| lines)
    }

    /// Whether any line of the target is left out.
    pub(super) fn any_of(&self, target: u32) -> bool {
        self.targets.contains(&target)
    }

    /// Whether the target's own series are those of an earlier one.
    pub(super) fn is_twin(&self, target: u32) -> bool {
        self.twins.contains(&target)
    }

    /// How many lines are left out.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Compares the lines that can be equal.
    pub(super) fn find(targets: &[PageTarget], form: PageForm) -> Self {
        let (mut found, escaping) = (Self::default(), form.escaping);
        let shared = shared_identities(targets, form.style.identity);
        if shared.iter().any(|shared| *shared) {
            found.find_twins(targets);
        }
        let mut suspects = HashSet::new();
        let mut open = HashMap::new();
        for (target, shared) in targets.iter().zip(&shared) {
            let Some(Exposed { shape, .. }) = &target.exposition else { continue };
            let is_open = open.entry(Arc::as_ptr(shape)).or_insert_with(|| is_open(shape, escaping));
            if !*shared && !*is_open {
                continue;
            }
            each_line(target, escaping, |line| {
                if *shared || !line.identity {
                    suspects.insert(line.hash);
                }
            });
        }
        if !suspects.is_empty() {
            found.keep_first(targets, form, &suspects);
        }
        found
    }

    fn find_twins(&mut self, targets: &[PageTarget]) {
        let mut seen = HashSet::with_capacity(targets.len());
        self.twins =
            (0..).zip(targets).filter(|(_, target)| !seen.insert(&target.labels)).map(|(at, _)| at).collect();
    }

    fn keep_first(&mut self, targets: &[PageTarget], form: PageForm, suspects: &HashSet<u64>) {
        let own = targets.iter().flat_map(|target| own_series::hashes(&target.labels, form));
        let mut seen: HashSet<u64> = own.filter(|hash| suspects.contains(hash)).collect();
        for (at, target) in (0..).zip(targets) {
            each_line(target, form.escaping, |line| {
                if suspects.contains(&line.hash) && !seen.insert(line.hash) {
                    self.lines.entry((at, line.family)).or_default().push(line.line);
                    self.targets.insert(at);
                    self.count += 1;
                }
            });
        }
    }
}

/// For each target whether another has the same values of the labels in `identity`.
fn shared_identities(targets: &[PageTarget], identity: &[&str]) -> Vec<bool> {
    let identities: Vec<SmallVec<[&str; 2]>> =
        targets.iter().map(|target| identity.iter().map(|name| target.labels.get(name)).collect()).collect();
    let mut counts: HashMap<_, u32> = HashMap::with_capacity(targets.len());
    for identity in &identities {
        *counts.entry(identity).or_default() += 1;
    }
    identities.iter().map(|identity| counts.get(identity).is_some_and(|count| *count > 1)).collect()
}

/// Whether the shape has lines that do not take the labels that tell it apart from their target.
fn is_open(shape: &Shape, escaping: Escaping) -> bool {
    let rendition = shape.rendition(escaping);
    let mut lines = rendition.families.iter().flat_map(|own| rendition.series(own));
    !shape.forced_identity() && lines.any(|line| !shape.carries_identity(line.variant))
}

struct HashedLine {
    family: u32,
    line: u32,
    hash: u64,
    identity: bool,
}

/// Calls `each` for every line without timestamp.
fn each_line(target: &PageTarget, escaping: Escaping, mut each: impl FnMut(HashedLine)) {
    let Some(Exposed { shape, injected, .. }) = &target.exposition else { return };
    let rendition = shape.rendition(escaping);
    for (family, own) in (0..).zip(&rendition.families) {
        for (line, series) in (0..).zip(rendition.series(own)) {
            // A copy that the target itself leaves out is not there to be the first.
            if !series.timestamped && !injected.leaves_out(escaping, own, line) {
                let hash = series.hash.wrapping_add(injected.hash(escaping, series.variant));
                let identity = identity(shape, series.variant);
                each(HashedLine { family, line, hash, identity });
            }
        }
    }
}

fn identity(shape: &Shape, variant: usize) -> bool {
    shape.forced_identity() || shape.carries_identity(variant)
}
