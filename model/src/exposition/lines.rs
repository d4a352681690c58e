//! The samples of a body as lines to write, before they are sorted into families.
//!
//! In: the entries of a body, labelled. Out: [`Collected`]: text, hashes and what the families need to know of each
//! line. Names are escaped here, before anything is compared, so that what becomes equal is handled as equal.

use std::borrow::Cow;

use super::draft::{DraftLine, Outcome, VARIANT_FACTOR};
use super::entry::{MetricType, SampleLine};
use super::identity::{HashedMap, Keyed, KeyedMap};
use super::labelling::{LabelError, Labelled, label};
use super::memo::Memo;
use super::metadata::Metadata;
use super::shape::{Line, UNSTAMPED};
use super::spelling::{Escaping, is_plain_label, is_plain_metric, push_label, push_quoted};
use super::transform::Transform;
use crate::names::METRIC_NAME;

/// How many samples went where.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    pub(super) post_relabel: u64,
    pub(super) reserved: u64,
    pub(super) duplicates: u64,
    /// Samples with two labels that became one.
    pub(super) merged_labels: u64,
}

/// All lines of a body in one escaping.
pub(super) struct Collected {
    pub(super) escaping: Escaping,
    /// The lines in the order of the body, duplicates among them.
    pub(super) lines: Vec<DraftLine>,
    /// What became of each slot.
    pub(super) outcomes: Vec<Outcome>,
    pub(super) text: Vec<u8>,
    pub(super) names: Vec<Box<str>>,
    pub(super) metadata: Metadata,
    /// The masks of injected labels that occur.
    pub(super) variants: Vec<u64>,
    pub(super) counted: Counted,
    /// Whether any name needs escaping.
    pub(super) special: bool,
}

/// Collects the lines of one body.
pub(super) struct Collector<'t> {
    transform: &'t Transform,
    /// The placeholders as the page spells them.
    placeholders: Vec<Cow<'t, str>>,
    collected: Collected,
    name_ids: KeyedMap<Box<str>, u32>,
    /// The first line of each series.
    seen: HashedMap<u32>,
    /// Names of the shape before, by their index there.
    carried: HashedMap<u32>,
    stamps: u32,
}

impl<'t> Collector<'t> {
    pub(super) fn new(transform: &'t Transform, escaping: Escaping, variants: Vec<u64>) -> Self {
        let names = transform.placeholders();
        let collected = Collected {
            escaping,
            lines: Vec::new(),
            outcomes: Vec::new(),
            text: Vec::new(),
            names: Vec::new(),
            metadata: Metadata::default(),
            variants,
            counted: Counted::default(),
            special: names.iter().any(|name| !is_plain_label(name)),
        };
        let placeholders = names.iter().map(|name| escaping.label_name(name)).collect();
        let (name_ids, seen, carried) = (KeyedMap::default(), HashedMap::default(), HashedMap::default());
        Self { transform, placeholders, collected, name_ids, seen, carried, stamps: 0 }
    }

    /// Makes room for about `slots` samples with `bytes` of text.
    pub(super) fn expect(&mut self, slots: usize, bytes: usize) {
        self.collected.lines.reserve(slots);
        self.collected.outcomes.reserve(slots);
        self.collected.text.reserve(bytes);
        self.seen = HashedMap::with_capacity_and_hasher(slots, Keyed::default());
    }

    /// Samples taken so far, and those of them that metric relabelling left.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.collected.outcomes.len() as u64, self.collected.counted.post_relabel)
    }

    pub(super) fn finish(self) -> Collected {
        self.collected
    }

    pub(super) fn declare(&mut self, name: &str, kind: MetricType) {
        let name = self.family_name(name);
        self.collected.metadata.declare(&name, kind);
    }

    pub(super) fn help(&mut self, name: &str, text: &str) {
        let name = self.family_name(name);
        self.collected.metadata.help(&name, text);
    }

    pub(super) fn unit(&mut self, name: &str, unit: &str) {
        let name = self.family_name(name);
        self.collected.metadata.unit(&name, unit);
    }

    fn family_name<'a>(&mut self, name: &'a str) -> Cow<'a, str> {
        self.collected.special |= !is_plain_metric(name);
        self.collected.escaping.metric_name(name)
    }

    /// Takes the next sample of the body.
    pub(super) fn sample(&mut self, sample: &SampleLine<'_>) -> Result<(), LabelError> {
        let stamp = self.stamp(sample.tail.timestamp.is_some());
        let outcome = match label(self.transform, sample)? {
            None => Outcome::Dropped,
            Some(labelled) => self.labelled(labelled, stamp)?,
        };
        self.record(outcome);
        Ok(())
    }

    /// Takes a sample that the shape before has, too.
    pub(super) fn known(
        &mut self,
        before: &Before<'_>,
        slot: usize,
        stamped: bool,
    ) -> Result<(), LabelError> {
        let stamp = self.stamp(stamped);
        let mut outcome = before.memo.outcomes[slot];
        if let Outcome::Line(at) = outcome {
            let draft = &before.memo.drafts[at as usize];
            let variant = self.variant(before.variants[usize::from(draft.line.variant)])?;
            let name = self.carried_name(before, draft.name);
            let start = self.collected.text.len();
            self.collected.text.extend_from_slice(draft.text(before.text));
            let line = Line { text: position(start), stamp, variant, ..draft.line.clone() };
            outcome = self.add(DraftLine { line, name, ..draft.clone() });
        }
        self.record(outcome);
        Ok(())
    }

    /// The place of the next timestamp, or none.
    fn stamp(&mut self, stamped: bool) -> u32 {
        if !stamped {
            return UNSTAMPED;
        }
        self.stamps += 1;
        if self.transform.honor_timestamps { self.stamps - 1 } else { UNSTAMPED }
    }

    fn record(&mut self, outcome: Outcome) {
        let counted = &mut self.collected.counted;
        counted.post_relabel += u64::from(!matches!(outcome, Outcome::Dropped));
        counted.merged_labels += u64::from(matches!(outcome, Outcome::MergedLabels));
        counted.reserved += u64::from(matches!(outcome, Outcome::Reserved));
        self.collected.outcomes.push(outcome);
    }

    fn labelled(&mut self, mut labelled: Labelled<'_>, stamp: u32) -> Result<Outcome, LabelError> {
        if !self.escape(&mut labelled) {
            return Ok(Outcome::MergedLabels);
        }
        if self.is_reserved(&labelled) {
            return Ok(Outcome::Reserved);
        }
        let variant = self.variant(labelled.injected)?;
        let mut draft = DraftLine::of(&labelled);
        let text = position(self.collected.text.len());
        let (head, rest) = self.write(&labelled);
        draft.line = Line { text, head, rest, stamp, variant, ..draft.line };
        draft.name = self.name_id(&labelled.name);
        Ok(self.add(draft))
    }

    /// Adds the line of the next slot, whose text is the last thing in the collected text.
    fn add(&mut self, mut draft: DraftLine) -> Outcome {
        draft.line.slot = position(self.collected.outcomes.len());
        draft.in_force = self.collected.metadata.in_force().filter(|_| !draft.renamed);
        draft.duplicate = self.is_duplicate(&draft);
        self.collected.counted.duplicates += u64::from(draft.duplicate);
        self.collected.lines.push(draft);
        Outcome::Line(position(self.collected.lines.len() - 1))
    }

    /// Gives the sample the names of this page; `false` if two of its labels become one.
    fn escape(&mut self, labelled: &mut Labelled<'_>) -> bool {
        let plain =
            is_plain_metric(&labelled.name) && labelled.own.iter().all(|(name, _)| is_plain_label(name));
        self.collected.special |= !plain;
        let escaping = self.collected.escaping;
        if escaping == Escaping::Quoted || !self.collected.special {
            return true;
        }
        labelled.name = escaping.metric_name(&labelled.name).into_owned().into();
        for (name, _) in &mut labelled.own {
            *name = escaping.label_name(name).into_owned().into();
        }
        labelled.own.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let injected = bits(labelled.injected).map(|at| &*self.placeholders[at]);
        let mut names: Vec<&str> = labelled.own.iter().map(|(name, _)| &**name).chain(injected).collect();
        names.push(METRIC_NAME);
        names.sort_unstable();
        names.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// Whether the sample is one of the series that the relay writes for the target, or has a name that it keeps.
    fn is_reserved(&self, labelled: &Labelled<'_>) -> bool {
        if self.transform.style.keeps(&labelled.name) {
            return true;
        }
        let escaping = self.collected.escaping;
        let touched =
            || self.transform.touched.iter().map(|(name, value)| (escaping.label_name(name), value));
        self.transform.style.series.contains(&&*labelled.name)
            && labelled.injected == self.transform.all()
            && labelled.own.len() == self.transform.touched.len()
            && touched()
                .all(|(name, value)| labelled.own.iter().any(|(own, is)| *own == name && *is == value))
    }

    /// Whether a sample of this series came before. One with a timestamp of its own is another point in time
    /// (Prometheus 3 appends it).
    fn is_duplicate(&mut self, draft: &DraftLine) -> bool {
        let line = &draft.line;
        let key = line.hash.wrapping_add(u64::from(line.variant).wrapping_mul(VARIANT_FACTOR));
        let first = *self.seen.entry(key).or_insert(position(self.collected.lines.len()));
        let Some(before) = self.collected.lines.get(first as usize) else { return false };
        let text = &self.collected.text;
        let same = before.line.variant == line.variant && before.text(text) == draft.text(text);
        same && line.stamp == UNSTAMPED
    }

    /// Appends the line's text; the lengths of what comes before and behind the injected labels.
    fn write(&mut self, labelled: &Labelled<'_>) -> (u32, u32) {
        let text = &mut self.collected.text;
        let start = text.len();
        if is_plain_metric(&labelled.name) {
            text.extend_from_slice(labelled.name.as_bytes());
            text.push(b'{');
        } else {
            text.push(b'{');
            push_quoted(text, &labelled.name);
            text.push(b',');
        }
        let head = text.len() - start;
        let mut labels = Vec::with_capacity(64);
        for (name, value) in &labelled.own {
            push_label(&mut labels, name, value);
        }
        for name in self.transform.style.identity {
            let injected = bits(labelled.injected).any(|at| self.placeholders[at] == *name);
            if !injected && labelled.own.iter().all(|(own, _)| own != name) {
                push_label(&mut labels, name, "");
            }
        }
        if labelled.injected != 0 && !labels.is_empty() {
            text.push(b',');
        }
        text.extend_from_slice(&labels);
        text.extend_from_slice(b"} ");
        (position(head), position(text.len() - start - head))
    }

    fn variant(&mut self, mask: u64) -> Result<u16, LabelError> {
        let variants = &mut self.collected.variants;
        let at = variants.iter().position(|known| *known == mask).unwrap_or(variants.len());
        if at == MAX_VARIANTS {
            return Err(LabelError::Variants { limit: MAX_VARIANTS });
        }
        if at == variants.len() {
            variants.push(mask);
        }
        Ok(u16::try_from(at).expect("below the limit"))
    }

    fn carried_name(&mut self, before: &Before<'_>, name: u32) -> u32 {
        if let Some(id) = self.carried.get(&u64::from(name)) {
            return *id;
        }
        let id = self.name_id(&before.memo.names[name as usize]);
        self.carried.insert(u64::from(name), id);
        id
    }

    fn name_id(&mut self, name: &str) -> u32 {
        let names = &mut self.collected.names;
        if let Some(last) = self.collected.lines.last()
            && *names[last.name as usize] == *name
        {
            return last.name;
        }
        if let Some(id) = self.name_ids.get(name) {
            return *id;
        }
        let id = position(names.len());
        names.push(name.into());
        self.name_ids.insert(name.into(), id);
        id
    }
}

/// The shape before, where lines are carried over.
pub(super) struct Before<'a> {
    pub(super) memo: &'a Memo,
    pub(super) text: &'a [u8],
    pub(super) variants: &'a [u64],
}

/// A place in a body or in the text of a shape.
fn position(at: usize) -> u32 {
    u32::try_from(at).expect("bodies and the text of shapes are below 4 GiB")
}

/// How many different sets of target labels the samples of one body may lack; only a hostile body comes near.
const MAX_VARIANTS: usize = 1024;

/// The positions of the bits of `mask`.
fn bits(mask: u64) -> impl Iterator<Item = usize> {
    (0..64).filter(move |at| mask >> at & 1 == 1)
}
