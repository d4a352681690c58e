//! The plan of a page: which lines of which target stand where.
//!
//! In: the ordered targets' labels and shapes, and the page's form. Out: a [`Plan`]. The cost is that of the distinct
//! shapes' families plus one step per (target, family) pair, a counting sort; lines are looked at only where two
//! targets could expose the same series.

use std::collections::HashMap;
use std::sync::Arc;

use model::exposition::shape::Shape;
use model::exposition::spelling::Escaping;
use model::labels::Labels;

use super::claims::{Source, decide};
use super::conflicts::Conflicts;
use super::duplicates::Duplicates;
use super::own_series::{OwnSeries, label_text};
use super::page_family::{Candidate, candidates, facts};
use super::runs::PlannedRun;
use super::sections::{Member, PageLayout, Section};
use super::write::{DropReason, Drops};
use super::{PageForm, PageTarget};

/// Where every line of a page stands; immutable, and good for every scrape until a target or a shape changes.
#[derive(Debug)]
pub struct Plan {
    pub(super) form: PageForm,
    pub(super) targets: Box<[PlannedTarget]>,
    pub(super) sections: Box<[Section]>,
    pub(super) members: Box<[Member]>,
    pub(super) runs: Box<[PlannedRun]>,
    pub(super) drops: Drops,
    conflicts: Conflicts,
    shapes: usize,
}

/// A target as the plan knows it.
#[derive(Debug)]
pub(super) struct PlannedTarget {
    labels: Labels,
    shape: Option<Arc<Shape>>,
    /// The labels of its own series, as text; none for a target with the labels of an earlier one.
    pub(super) own: Option<Box<[u8]>>,
}

impl Plan {
    /// Makes the plan of a page of these targets, in this order.
    #[must_use]
    pub fn new(form: PageForm, targets: &[PageTarget]) -> Self {
        let shapes = DistinctShapes::of(targets);
        let sources = shapes.sources(form);
        let decision = decide(&sources, form);
        let duplicates = Duplicates::find(targets, form);
        let mut layout = PageLayout::new(form, &decision);
        layout.learn(&shapes.list, &decision);
        layout.fill(&shapes.of_target, &duplicates);
        let sections = layout.sections(&decision);
        let planned = (0..).zip(targets).map(|(at, target)| PlannedTarget {
            labels: target.labels.clone(),
            shape: target.exposition.as_ref().map(|exposed| exposed.shape.clone()),
            own: (!duplicates.is_twin(at)).then(|| label_text(&target.labels, form).into()),
        });
        let drops = drops(form.escaping, targets, &duplicates);
        Self {
            form,
            targets: planned.collect(),
            sections,
            members: layout.members.into(),
            runs: layout.runs.into(),
            drops,
            conflicts: decision.conflicts,
            shapes: shapes.list.len(),
        }
    }

    /// Whether this is the plan for a page of these targets, in this order, as far as labels and shapes go.
    #[must_use]
    pub fn is_for(&self, form: PageForm, targets: &[PageTarget]) -> bool {
        let same = |(planned, target): (&PlannedTarget, &PageTarget)| {
            let shape = target.exposition.as_ref().map(|exposed| &exposed.shape);
            planned.shape.as_ref().map(Arc::as_ptr) == shape.map(Arc::as_ptr)
                && planned.labels == target.labels
        };
        self.form == form && self.targets.len() == targets.len() && self.targets.iter().zip(targets).all(same)
    }

    /// What the page is written in.
    #[must_use]
    pub fn form(&self) -> PageForm {
        self.form
    }

    /// Where targets disagree.
    #[must_use]
    pub fn conflicts(&self) -> &Conflicts {
        &self.conflicts
    }

    /// For each target the number of its source, as [`Conflicts`] has it: the relay itself is 0, then the shapes in the
    /// order of their first targets. None for a target that exposes nothing.
    pub(super) fn sources(&self) -> impl Iterator<Item = Option<u32>> {
        let mut known: HashMap<*const Shape, u32> = HashMap::new();
        self.targets.iter().map(move |target| {
            let next = u32::try_from(known.len() + 1).expect("fewer shapes than targets");
            target.shape.as_ref().map(|shape| *known.entry(Arc::as_ptr(shape)).or_insert(next))
        })
    }

    /// How many different shapes the targets have.
    #[must_use]
    pub fn shapes(&self) -> usize {
        self.shapes
    }
}

impl PlannedTarget {
    pub(super) fn labels(&self) -> &Labels {
        &self.labels
    }
}

/// Samples that no page of this plan holds.
fn drops(escaping: Escaping, targets: &[PageTarget], duplicates: &Duplicates) -> Drops {
    let mut drops = Drops::default();
    drops.add(DropReason::Duplicate, duplicates.count());
    for exposed in targets.iter().filter_map(|target| target.exposition.as_ref()) {
        let counts = exposed.shape.counts();
        let left_out = exposed.injected.left_out(escaping) as u64;
        drops.add(DropReason::Duplicate, counts.duplicates + left_out);
        drops.add(DropReason::ReservedName, counts.reserved);
        if escaping == Escaping::Underscores {
            drops.add(DropReason::EscapedCollision, counts.escaped_labels + counts.escaped_duplicates);
        }
    }
    drops
}

/// The shapes of a page, each once, in the order of their first targets.
struct DistinctShapes {
    list: Vec<Arc<Shape>>,
    targets: Vec<u32>,
    /// For each target the index of its shape.
    of_target: Vec<Option<u32>>,
}

impl DistinctShapes {
    fn of(targets: &[PageTarget]) -> Self {
        let mut all =
            Self { list: Vec::new(), targets: Vec::new(), of_target: Vec::with_capacity(targets.len()) };
        let mut known: HashMap<*const Shape, u32> = HashMap::new();
        for target in targets {
            let at = target.exposition.as_ref().map(|exposed| {
                *known.entry(Arc::as_ptr(&exposed.shape)).or_insert_with(|| {
                    all.list.push(exposed.shape.clone());
                    all.targets.push(0);
                    u32::try_from(all.list.len() - 1).expect("fewer shapes than targets")
                })
            });
            if let Some(at) = at {
                all.targets[at as usize] += 1;
            }
            all.of_target.push(at);
        }
        all
    }

    /// The relay itself, where it has anything to write, then each shape.
    fn sources(&self, form: PageForm) -> Vec<Source<'_>> {
        let own = OwnSeries::of(form.style)
            .filter(|_| !self.of_target.is_empty())
            .zip(0..)
            .map(|(own, at)| Candidate::own_gauge(own.name(), own.help(), at))
            .collect();
        let mut sources = vec![Source { candidates: own, targets: 1 }];
        sources.extend(self.list.iter().zip(&self.targets).map(|(shape, targets)| {
            let facts = facts(shape.rendition(form.escaping));
            Source { candidates: candidates(&facts, form.format), targets: *targets }
        }));
        sources
    }
}
