//! Which family a sample belongs to in its own target's eyes, and the order of lines within a family.
//!
//! In: the lines of a body. Out: a [`Rendition`]. The rule is the one told at [`OwnFamily`]; how families of
//! different targets get along is not decided here.

use std::collections::HashSet;

use super::draft::{DraftLine, VARIANT_FACTOR};
use super::entry::{Format, MetricType};
use super::identity::{HashedMap, Keyed, KeyedMap};
use super::lines::Collected;
use super::metadata::Metadata;
use super::shape::{ClassSet, FIRST_OF_METRIC, Line, OwnFamily, Rendition, Role, SampleClass, UNSTAMPED};

/// What `name` is to a family of this kind called `family`, in the format of the target; `None` if it does not
/// belong to it.
#[must_use]
pub fn role(format: Format, kind: MetricType, family: &str, name: &str) -> Option<Role> {
    let suffix = name.strip_prefix(family)?;
    roles(format, kind).iter().copied().find(|role| role.suffix() == suffix)
}

/// The roles that samples of a type may have (OpenMetrics 1.0; text 0.0.4 knows suffixes of histograms and summaries
/// only). Plain samples of a counter or an info are tolerated, as Prometheus does.
fn roles(format: Format, kind: MetricType) -> &'static [Role] {
    match (kind, format) {
        (MetricType::Histogram, Format::Text) => &[Role::Bucket, Role::Sum, Role::Count],
        (MetricType::Histogram, _) => &[Role::Bucket, Role::Sum, Role::Count, Role::Created],
        (MetricType::GaugeHistogram, _) => &[Role::Bucket, Role::GSum, Role::GCount],
        (MetricType::Summary, Format::Text) => &[Role::Plain, Role::Sum, Role::Count],
        (MetricType::Summary, _) => &[Role::Plain, Role::Sum, Role::Count, Role::Created],
        (MetricType::Counter, Format::OpenMetrics) => &[Role::Total, Role::Created, Role::Plain],
        (MetricType::Info, _) => &[Role::Info, Role::Plain],
        _ => &[Role::Plain],
    }
}

/// Suffixes by which a sample may find a TYPE line that is not in force.
const SUFFIXES: [Role; 8] =
    [Role::Total, Role::Created, Role::Bucket, Role::Sum, Role::Count, Role::GSum, Role::GCount, Role::Info];

/// Sorts the lines of a body into families.
pub(super) fn arrange(collected: &mut Collected, format: Format) -> Rendition {
    let mut draft = Draft { format, ..Draft::default() };
    for line in collected.lines.iter().filter(|line| !line.duplicate) {
        draft.take(collected, line);
    }
    draft.add_silent(&collected.metadata);
    let mut lines = Vec::with_capacity(collected.lines.len());
    let families = draft.families.into_iter().map(|family| family.finish(collected, format, &mut lines));
    Rendition {
        families: families.collect(),
        lines: lines.into(),
        text: std::mem::take(&mut collected.text).into(),
        escaping: collected.escaping,
    }
}

/// A sample's name and the TYPE line in force, by index.
type NameUnderType = (u32, Option<u32>);

/// A family, by index, and what the sample is to it.
type Place = (usize, Role);

struct Draft {
    format: Format,
    families: Vec<FamilyDraft>,
    /// Families by name, type and whether that type was declared.
    known: KeyedMap<(Box<str>, MetricType, bool), usize>,
    /// The place asked for last.
    last: Option<(NameUnderType, Place)>,
    /// Where samples of a name go under a TYPE line: family and role.
    places: KeyedMap<NameUnderType, Place>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            format: Format::Text,
            families: Vec::new(),
            known: KeyedMap::default(),
            places: KeyedMap::default(),
            last: None,
        }
    }
}

struct FamilyDraft {
    name: Box<str>,
    kind: MetricType,
    declared: bool,
    classes: Vec<(u32, SampleClass)>,
    lines: Vec<Line>,
    metrics: Vec<u64>,
}

impl Draft {
    fn take(&mut self, collected: &Collected, draft: &DraftLine) {
        let key = (draft.name, draft.in_force);
        let name = &collected.names[draft.name as usize];
        let last = self.last.filter(|(last, _)| *last == key).map(|(_, place)| place);
        let (family, role) = last.or_else(|| self.places.get(&key).copied()).unwrap_or_else(|| {
            let (family, kind, declared, role) = self.place(&collected.metadata, name, draft.in_force);
            let place = (self.family(family, kind, declared), role);
            self.places.insert(key, place);
            place
        });
        self.last = Some((key, (family, role)));
        self.families[family].push(draft, role, name);
    }

    /// Family, type, whether it is declared, and role of a sample called `name`.
    fn place<'a>(
        &self,
        metadata: &'a Metadata,
        name: &'a str,
        in_force: Option<u32>,
    ) -> (&'a str, MetricType, bool, Role) {
        if let Some((family, kind)) = in_force.map(|at| &metadata.types[at as usize])
            && let Some(role) = role(self.format, *kind, family, name)
        {
            return (family, *kind, true, role);
        }
        let bases = SUFFIXES.iter().filter_map(|role| name.strip_suffix(role.suffix()));
        for family in std::iter::once(name).chain(bases) {
            let kind = metadata.declared(family).filter(|kind| *kind != MetricType::Histogram);
            if let Some(kind) = kind
                && let Some(role) = role(self.format, kind, family, name)
            {
                return (family, kind, true, role);
            }
        }
        (name, MetricType::Unknown, false, Role::Plain)
    }

    fn family(&mut self, name: &str, kind: MetricType, declared: bool) -> usize {
        let families = &mut self.families;
        *self.known.entry((name.into(), kind, declared)).or_insert_with(|| {
            let (classes, lines, metrics) = (Vec::new(), Vec::new(), Vec::new());
            families.push(FamilyDraft { name: name.into(), kind, declared, classes, lines, metrics });
            families.len() - 1
        })
    }

    /// Adds the families that have metadata but no samples.
    fn add_silent(&mut self, metadata: &Metadata) {
        let mut silent: Vec<&str> = metadata.types.iter().map(|(name, _)| &**name).collect();
        let mut told: Vec<&str> =
            metadata.help.keys().chain(metadata.unit.keys()).map(|name| &**name).collect();
        told.sort_unstable();
        silent.extend(told);
        let present: HashSet<Box<str>, Keyed> =
            self.families.iter().map(|family| family.name.clone()).collect();
        for name in silent.into_iter().filter(|name| !present.contains(*name)) {
            let kind = metadata.declared(name);
            self.family(name, kind.unwrap_or(MetricType::Unknown), kind.is_some());
        }
    }
}

impl FamilyDraft {
    fn push(&mut self, draft: &DraftLine, role: Role, name: &str) {
        let state = draft.state_hash != 0;
        let known = self.classes.iter().position(|(id, class)| {
            *id == draft.name
                && class.role == role
                && class.quantile == draft.quantile
                && class.state == state
        });
        let class = known.unwrap_or_else(|| {
            let class = SampleClass { name: name.into(), role, quantile: draft.quantile, state, lines: 0 };
            self.classes.push((draft.name, class));
            self.classes.len() - 1
        });
        self.classes[class].1.lines += 1;
        let class = u8::try_from(class).expect("nine roles of one name each, times six");
        self.metrics.push(metric(self.kind, &self.name, name, draft));
        self.lines.push(Line { class, ..draft.line.clone() });
    }

    fn finish(mut self, collected: &Collected, format: Format, all: &mut Vec<Line>) -> OwnFamily {
        let start = all.len();
        let stamped = self.lines.iter().any(|line| line.stamp != UNSTAMPED);
        self.gather();
        all.append(&mut self.lines);
        let position = |at: usize| u32::try_from(at).expect("fewer lines than slots");
        let metadata = &collected.metadata;
        debug_assert!(self.classes.len() <= ClassSet::MAX);
        OwnFamily {
            help: metadata.help.get(&self.name).cloned(),
            unit: metadata.unit.get(&self.name).cloned(),
            name: self.name,
            kind: self.kind,
            declared: self.declared,
            format,
            classes: self.classes.into_iter().map(|(_, class)| class).collect(),
            lines: position(start)..position(all.len()),
            stamped,
        }
    }

    /// Brings the lines of each metric together at the place of its first, else as sent, and marks the first ones.
    fn gather(&mut self) {
        if let [line] = &mut *self.lines {
            line.flags |= FIRST_OF_METRIC;
            return;
        }
        let mut ordinals = HashedMap::default();
        let mut order: Vec<(u32, usize)> = Vec::with_capacity(self.metrics.len());
        let mut last = None;
        for (at, metric) in self.metrics.iter().enumerate() {
            let next = u32::try_from(ordinals.len()).expect("fewer metrics than lines");
            let ordinal = match last {
                Some((before, ordinal)) if before == metric => ordinal,
                _ => *ordinals.entry(*metric).or_insert(next),
            };
            last = Some((metric, ordinal));
            order.push((ordinal, at));
        }
        if !order.is_sorted() {
            order.sort_unstable();
            self.lines = order.iter().map(|(_, at)| self.lines[*at].clone()).collect();
        }
        let mut before = None;
        for ((ordinal, _), line) in order.iter().zip(&mut self.lines) {
            if before != Some(*ordinal) {
                line.flags |= FIRST_OF_METRIC;
            }
            before = Some(*ordinal);
        }
    }
}

/// The identity of the metric that a line belongs to: its labels without the one that tells the metric's lines apart.
fn metric(kind: MetricType, family: &str, name: &str, draft: &DraftLine) -> u64 {
    let own = match kind {
        MetricType::Histogram | MetricType::GaugeHistogram => draft.le,
        MetricType::Summary => draft.quantile_hash,
        MetricType::StateSet if family == name => draft.state_hash,
        _ => 0,
    };
    let variant = u64::from(draft.line.variant).wrapping_mul(VARIANT_FACTOR);
    draft.labels.wrapping_sub(own).wrapping_add(variant)
}
