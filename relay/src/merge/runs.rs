//! Runs: which lines of an own family are written, and in which order where several families become one.
//!
//! In: parts of an exposition that stand in one family of the page. Out: runs. Almost always one whole family is one
//! run; lines are looked at only where a family of the page is put together from several of the target's own, since
//! OpenMetrics wants all lines of a metric together (`x_total{a="1"}`, `x_created{a="1"}`, `x_total{a="2"}` ...).

use std::collections::HashMap;
use std::ops::Range;

use model::exposition::shape::{ClassSet, Rendition};

use super::sections::Part;

/// Lines of one own family in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlannedRun {
    pub(super) family: u32,
    pub(super) classes: ClassSet,
    /// Counted from the family's first line.
    pub(super) lines: Range<u32>,
}

impl PlannedRun {
    /// How many lines it writes, at most.
    pub(super) fn len(&self, rendition: &Rendition) -> u64 {
        let classes = rendition.families[self.family as usize].classes.iter().enumerate();
        let chosen = classes.filter(|(class, _)| self.classes.has(*class)).map(|(_, class)| class.lines);
        u64::from(chosen.sum::<u32>().min(self.lines.end - self.lines.start))
    }
}

/// The runs that write `parts`, all lines of a metric together at the place of its first.
pub(super) fn interleaved(rendition: &Rendition, parts: &[Part]) -> Vec<PlannedRun> {
    if let [Part { family, classes, .. }] = *parts {
        let lines = 0..lines_of(rendition, family);
        return vec![PlannedRun { family, classes: all_if_whole(rendition, family, classes), lines }];
    }
    let mut metrics: HashMap<&[u8], usize> = HashMap::new();
    let mut count = 0;
    let mut lines: Vec<(usize, usize, u32)> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let own = &rendition.families[part.family as usize];
        let mut metric = 0;
        for (line, ((first, labels), series)) in (0..).zip(rendition.metrics(own).zip(rendition.series(own)))
        {
            if first {
                metric = *metrics.get(labels).unwrap_or(&count);
                count += usize::from(metric == count);
            }
            metrics.entry(labels).or_insert(metric);
            if part.classes.has(series.class) {
                lines.push((metric, at, line));
            }
        }
    }
    lines.sort_by_key(|(metric, ..)| *metric);
    let mut runs: Vec<PlannedRun> = Vec::new();
    for (_, at, line) in lines {
        let Part { family, classes, .. } = parts[at];
        match runs.last_mut() {
            Some(run) if run.family == family && run.lines.end == line => run.lines.end += 1,
            _ => runs.push(PlannedRun { family, classes, lines: line..line + 1 }),
        }
    }
    runs
}

/// [`ClassSet::ALL`] where `classes` are all the family has.
fn all_if_whole(rendition: &Rendition, family: u32, classes: ClassSet) -> ClassSet {
    let own = &rendition.families[family as usize];
    if (0..own.classes.len()).all(|class| classes.has(class)) { ClassSet::ALL } else { classes }
}

fn lines_of(rendition: &Rendition, family: u32) -> u32 {
    u32::try_from(rendition.families[family as usize].len()).expect("a body has fewer than 2^32 lines")
}

/// `run` without the lines `skipped`, which are sorted.
pub(super) fn without(run: PlannedRun, skipped: &[u32]) -> impl Iterator<Item = PlannedRun> {
    let Range { start, end } = run.lines;
    let inside = skipped.iter().copied().filter(move |line| (start..end).contains(line));
    let ends = inside.clone().chain([end]);
    let starts = std::iter::once(start).chain(inside.map(|line| line + 1));
    let ranges: Vec<Range<u32>> = starts.zip(ends).map(|(start, end)| start..end).collect();
    let (family, classes) = (run.family, run.classes);
    let kept = ranges.into_iter().filter(|lines| !lines.is_empty());
    kept.map(move |lines| PlannedRun { family, classes, lines })
}
