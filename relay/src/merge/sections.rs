//! The sections of a page, and which target has a share in which.
//!
//! In: what was decided, the distinct shapes, the shape of every target. Out: sections in page order, each with its
//! members in target order: a counting sort over (target, family) pairs. The lines themselves are not looked at,
//! save those of a family that a target puts together from several of its own.

use std::ops::Range;
use std::sync::Arc;

use model::exposition::entry::MetricType;
use model::exposition::shape::{ClassSet, Rendition, Shape};
use smallvec::SmallVec;

use super::PageForm;
use super::claims::{Decision, Place, Placed};
use super::duplicates::Duplicates;
use super::metadata::header;
use super::own_series::OwnSeries;
use super::runs::{PlannedRun, interleaved, without};

/// A family of the page, or the misfits at its end.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// Metadata lines; none for the misfits.
    pub(super) header: Box<[u8]>,
    /// The relay's own series in it.
    pub(super) own: SmallVec<[OwnSeries; 1]>,
    pub(super) members: Range<u32>,
}

/// One target's share of a section.
#[derive(Clone, Debug, Default)]
pub(super) struct Member {
    pub(super) target: u32,
    /// Indices into the plan's runs.
    pub(super) runs: Range<u32>,
}

/// What every target of a shape puts into one section.
struct Entry {
    section: u32,
    /// Whether it comes behind the targets without timestamps.
    late: bool,
    runs: Range<u32>,
}

/// A page under construction.
pub(super) struct PageLayout {
    form: PageForm,
    /// The family of each section, and at the end the misfits.
    order: Vec<Place>,
    /// For each family its section.
    ranks: Vec<u32>,
    /// For each shape its shares.
    entries: Vec<Vec<Entry>>,
    /// For each section where its early and its late members begin, and the end of the last.
    starts: Vec<u32>,
    /// Where the relay's own series stand, by [`OwnSeries::of`].
    own: Vec<Place>,
    pub(super) runs: Vec<PlannedRun>,
    pub(super) members: Vec<Member>,
}

impl PageLayout {
    /// Sections by name. Where there are misfits, the one family whose name no target may use comes last, and the
    /// misfits follow it.
    pub(super) fn new(form: PageForm, decision: &Decision<'_>) -> Self {
        let misfits = decision.placed.iter().flatten().any(|placed| placed.place == Place::Misfit);
        let mut order: Vec<u32> = (0..index(decision.families.len())).collect();
        let last = OwnSeries::of(form.style).next_back().map(OwnSeries::name);
        let key = |at: &u32| {
            let name = &*decision.families[*at as usize].name;
            (misfits && Some(name) == last, name)
        };
        order.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
        let mut ranks = vec![0; order.len()];
        for (rank, at) in (0..).zip(&order) {
            ranks[*at as usize] = rank;
        }
        let mut order: Vec<Place> = order.into_iter().map(Place::Family).collect();
        order.push(Place::Misfit);
        let own = decision.placed.first().into_iter().flatten().map(|placed| placed.place).collect();
        let starts = vec![0; 2 * order.len() + 1];
        Self { form, order, ranks, entries: Vec::new(), starts, own, runs: Vec::new(), members: Vec::new() }
    }

    /// Learns what each shape puts where.
    pub(super) fn learn(&mut self, shapes: &[Arc<Shape>], decision: &Decision<'_>) {
        for (shape, placed) in shapes.iter().zip(decision.placed.iter().skip(1)) {
            let entries = self.entries_of(shape.rendition(self.form.escaping), placed, decision);
            self.entries.push(entries);
        }
    }

    fn entries_of(
        &mut self,
        rendition: &Rendition,
        placed: &[Placed],
        decision: &Decision<'_>,
    ) -> Vec<Entry> {
        let parts = parts(placed);
        let mut entries = Vec::with_capacity(parts.len());
        for parts in parts.chunk_by(|a, b| a.place == b.place) {
            let place = parts[0].place;
            let stamped = parts.iter().any(|part| rendition.families[part.family as usize].has_timestamps());
            let start = index(self.runs.len());
            self.runs.extend(interleaved(rendition, parts));
            entries.push(Entry {
                section: self.section_of(place),
                late: stamped && is_histogram(place, decision),
                runs: start..index(self.runs.len()),
            });
        }
        entries
    }

    fn section_of(&self, place: Place) -> u32 {
        match place {
            Place::Family(family) => self.ranks[family as usize],
            Place::Misfit => index(self.ranks.len()),
        }
    }

    /// Gives every target its shares; `of_target` is the shape of each.
    pub(super) fn fill(&mut self, of_target: &[Option<u32>], duplicates: &Duplicates) {
        let bucket = |entry: &Entry| 2 * entry.section as usize + usize::from(entry.late);
        let entries = std::mem::take(&mut self.entries);
        let shares = |shape: &Option<u32>| shape.map_or(&[][..], |shape| &entries[shape as usize]);
        for entry in of_target.iter().flat_map(shares) {
            self.starts[bucket(entry) + 1] += 1;
        }
        for at in 1..self.starts.len() {
            self.starts[at] += self.starts[at - 1];
        }
        let mut next = self.starts.clone();
        let total = self.starts.last().copied().unwrap_or_default();
        self.members = vec![Member::default(); total as usize];
        for (target, shape) in (0..).zip(of_target) {
            for entry in shares(shape) {
                let runs = self.runs_for(target, entry.runs.clone(), duplicates);
                let slot = &mut next[bucket(entry)];
                self.members[*slot as usize] = Member { target, runs };
                *slot += 1;
            }
        }
    }

    /// The runs of a target: those of its shape, or its own where lines are left out.
    fn runs_for(&mut self, target: u32, runs: Range<u32>, duplicates: &Duplicates) -> Range<u32> {
        if !duplicates.any_of(target) {
            return runs;
        }
        let shared = self.runs[runs.start as usize..runs.end as usize].to_vec();
        if shared.iter().all(|run| duplicates.of(target, run.family).is_empty()) {
            return runs;
        }
        let start = index(self.runs.len());
        for run in shared {
            let skipped = duplicates.of(target, run.family);
            self.runs.extend(without(run, skipped));
        }
        start..index(self.runs.len())
    }

    /// The finished sections.
    pub(super) fn sections(&self, decision: &Decision<'_>) -> Box<[Section]> {
        let sections = self.order.iter().enumerate().map(|(at, place)| {
            let own = OwnSeries::of(self.form.style).zip(&self.own).filter(|(_, own)| *own == place);
            let members = self.starts[2 * at]..self.starts[2 * at + 2];
            let header = match place {
                Place::Family(family) => header(&decision.families[*family as usize], self.form.format),
                Place::Misfit => Vec::new(),
            };
            Section { header: header.into(), own: own.map(|(own, _)| own).collect(), members }
        });
        sections.collect()
    }
}

/// Classes of one own family that stand in one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    place: Place,
    pub(super) family: u32,
    pub(super) classes: ClassSet,
}

/// The parts of an exposition by place, then own family.
fn parts(placed: &[Placed]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::with_capacity(placed.len());
    for Placed { family, class, place } in placed {
        let mut of_family = parts.iter_mut().rev().take_while(|part| part.family == *family);
        match of_family.find(|part| part.place == *place) {
            Some(part) => part.classes = part.classes.with(*class as usize),
            None => {
                let classes = ClassSet::NONE.with(*class as usize);
                parts.push(Part { place: *place, family: *family, classes });
            }
        }
    }
    parts.sort_by_key(|part| part.place);
    parts
}

fn is_histogram(place: Place, decision: &Decision<'_>) -> bool {
    matches!(place, Place::Family(at) if decision.families[at as usize].kind == MetricType::Histogram)
}

fn index(at: usize) -> u32 {
    u32::try_from(at).expect("a page has fewer than 2^32 lines, families and targets")
}
