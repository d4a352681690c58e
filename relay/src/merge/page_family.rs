//! From a target's own families to the families it asks for on a page.
//!
//! In: the facts of one exposition's families, in the order of their lines, and the page's format. Out: one
//! [`Candidate`] per family that the page would have if this target were alone on it. Text and OpenMetrics name the
//! same samples differently (`TYPE x_total counter` is `TYPE x counter`); no sample is renamed, only the metadata
//! above it. Other targets are not looked at here, and no value is.

use std::borrow::Cow;
use std::collections::HashMap;

use model::exposition::entry::{Format, MetricType};
use model::exposition::shape::{OwnFamily, Quantile, Rendition, Role, SampleClass};
use smallvec::{SmallVec, smallvec};

/// What a plan needs to know of one of a target's own families.
#[derive(Clone, Copy, Debug)]
pub(super) struct FamilyFacts<'a> {
    pub(super) name: &'a str,
    pub(super) kind: MetricType,
    /// The format the target spoke.
    pub(super) format: Format,
    pub(super) help: Option<&'a str>,
    pub(super) unit: Option<&'a str>,
    /// Empty where there is metadata only.
    pub(super) classes: &'a [SampleClass],
    /// Whether any `x_created` that is no family's own bears a label that a histogram's TYPE would rewrite.
    pub(super) bounded: bool,
}

/// The facts of an exposition's families.
pub(super) fn facts(rendition: &Rendition) -> Vec<FamilyFacts<'_>> {
    let facts = rendition.families.iter().map(|family: &OwnFamily| FamilyFacts {
        name: &family.name,
        kind: family.kind,
        format: family.format,
        help: family.help.as_deref(),
        unit: family.unit.as_deref(),
        classes: &family.classes,
        bounded: family.name.ends_with("_created")
            && rendition.metrics(family).any(|(_, labels)| bears_le(labels)),
    });
    facts.collect()
}

/// Whether a label called `le` is among `labels`. A value that looks like one counts as well.
fn bears_le(labels: &[u8]) -> bool {
    memchr::memmem::find_iter(labels, b"le=\"").any(|at| at == 0 || labels[at - 1] == b',')
}

/// A family that a target asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) kind: MetricType,
    pub(super) help: Option<&'a str>,
    pub(super) unit: Option<&'a str>,
    /// Empty where there is metadata only.
    pub(super) samples: Vec<CandidateSample<'a>>,
}

impl Candidate<'_> {
    /// A gauge of the relay's own.
    pub(super) fn own_gauge(name: &'static str, help: &'static str, family: u32) -> Self {
        let sample = CandidateSample { family, class: 0, name, quantile: Quantile::Absent, state: false };
        let (name, help) = (Cow::Borrowed(name), Some(help));
        Self { name, kind: MetricType::Gauge, help, unit: None, samples: vec![sample] }
    }
}

/// Samples of one class of one own family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CandidateSample<'a> {
    /// Index of the own family.
    pub(super) family: u32,
    /// Index of its class.
    pub(super) class: u32,
    pub(super) name: &'a str,
    pub(super) quantile: Quantile,
    /// Whether the samples have a label called like themselves.
    pub(super) state: bool,
}

/// The candidates of one exposition, in the order of its families.
pub(super) fn candidates<'a>(families: &[FamilyFacts<'a>], page: Format) -> Vec<Candidate<'a>> {
    let mut all = Vec::with_capacity(families.len());
    for (at, facts) in (0..).zip(families) {
        if facts.classes.is_empty() {
            let homes = metadata_homes(facts, page);
            all.extend(homes.into_iter().map(|(name, kind)| candidate(facts, name, kind)));
            continue;
        }
        let first = all.len();
        for (class, sample) in (0..).zip(facts.classes) {
            let (name, kind) = home(facts, sample, page);
            let known = all[first..].iter().position(|own| own.name == name && own.kind == kind);
            let known = known.map_or(all.len(), |own| first + own);
            if known == all.len() {
                all.push(candidate(facts, name, kind));
            }
            all[known].samples.push(CandidateSample {
                family: at,
                class,
                name: &sample.name,
                quantile: sample.quantile,
                state: sample.state,
            });
        }
    }
    if page == Format::OpenMetrics {
        fold_created(families, &mut all);
    }
    all
}

fn candidate<'a>(facts: &FamilyFacts<'a>, name: Cow<'a, str>, kind: MetricType) -> Candidate<'a> {
    Candidate { name, kind, help: facts.help, unit: facts.unit, samples: Vec::new() }
}

/// The family that samples of one class ask for.
fn home<'a>(facts: &FamilyFacts<'a>, sample: &'a SampleClass, page: Format) -> (Cow<'a, str>, MetricType) {
    use MetricType::{Counter, Gauge, GaugeHistogram, Histogram, Info, StateSet, Summary, Unknown};
    let family = Cow::Borrowed(facts.name);
    let alone = Cow::Borrowed(&*sample.name);
    match (page, facts.kind, sample.role) {
        (_, Gauge | Unknown, _) => (alone, facts.kind),
        (Format::Text, Counter | Summary | Histogram, Role::Created) => (alone, Gauge),
        (Format::Text, Counter, _) => (alone, Counter),
        (Format::Text, GaugeHistogram | Info | StateSet, _) => (alone, Gauge),
        (Format::OpenMetrics, Counter, Role::Plain) => match counter_base(&sample.name) {
            Some(base) => (Cow::Borrowed(base), Counter),
            None => (alone, Unknown),
        },
        (Format::OpenMetrics, Info, Role::Plain) => (alone, Gauge),
        _ => (family, facts.kind),
    }
}

/// The OpenMetrics family of a counter's sample; none for a name that is nothing but `_total`.
fn counter_base(sample: &str) -> Option<&str> {
    sample.strip_suffix("_total").filter(|base| !base.is_empty())
}

/// The families that metadata without samples asks for.
fn metadata_homes<'a>(facts: &FamilyFacts<'a>, page: Format) -> SmallVec<[(Cow<'a, str>, MetricType); 1]> {
    use MetricType::{Counter, Gauge, GaugeHistogram, Info, StateSet, Unknown};
    let name = Cow::Borrowed(facts.name);
    let with = |suffix: &str| Cow::Owned([facts.name, suffix].concat());
    match (page, facts.kind, facts.format) {
        (Format::Text, Counter, Format::OpenMetrics) if !facts.name.ends_with("_total") => {
            smallvec![(with("_total"), Counter)]
        }
        (Format::OpenMetrics, Counter, source) => smallvec![match (counter_base(facts.name), source) {
            (Some(base), _) => (Cow::Borrowed(base), Counter),
            (None, Format::OpenMetrics) => (name, Counter),
            (None, Format::Text) => (name, Unknown),
        }],
        (Format::Text, GaugeHistogram, _) => {
            ["_bucket", "_gcount", "_gsum"].iter().map(|suffix| (with(suffix), Gauge)).collect()
        }
        (Format::Text, Info, _) => smallvec![(with("_info"), Gauge)],
        (Format::Text, StateSet, _) => smallvec![(name, Gauge)],
        _ => smallvec![(name, facts.kind)],
    }
}

/// Puts a text target's gauge or untyped `x_created`, as the Python client writes it beside `x`, into its `x`. Alone
/// it would clash with `x` in OpenMetrics. It stays apart where the TYPE of `x` would rewrite one of its labels.
fn fold_created<'a>(families: &[FamilyFacts<'a>], all: &mut Vec<Candidate<'a>>) {
    if !all.iter().any(is_created) {
        return;
    }
    let mut owners: HashMap<Cow<'a, str>, Vec<usize>> = HashMap::new();
    for (at, own) in all.iter().enumerate().filter(|(_, own)| bears_created(own)) {
        owners.entry(own.name.clone()).or_default().push(at);
    }
    for at in 0..all.len() {
        let own = &all[at];
        let base = own.name.strip_suffix("_created").filter(|_| is_created(own));
        let owners = base.and_then(|base| owners.get(base)).into_iter().flatten();
        if let Some(owner) = owners.copied().find(|owner| takes_in(&all[*owner], own, families)) {
            let created = std::mem::take(&mut all[at].samples);
            all[owner].samples.extend(created);
            all[at].name = Cow::Borrowed("");
        }
    }
    all.retain(|own| !own.name.is_empty());
}

/// Whether it may be what a text client writes for another family.
fn is_created(own: &Candidate<'_>) -> bool {
    let plain = matches!(own.kind, MetricType::Gauge | MetricType::Unknown);
    plain && !own.samples.is_empty() && own.name.ends_with("_created")
}

fn bears_created(own: &Candidate<'_>) -> bool {
    let suffixed = matches!(own.kind, MetricType::Counter | MetricType::Summary | MetricType::Histogram);
    suffixed && !own.samples.is_empty()
}

/// Whether `owner` can take in `created`.
fn takes_in(owner: &Candidate<'_>, created: &Candidate<'_>, families: &[FamilyFacts<'_>]) -> bool {
    created.samples.iter().all(|sample| {
        let facts = &families[sample.family as usize];
        let kept = match owner.kind {
            MetricType::Histogram => !facts.bounded,
            MetricType::Summary => sample.quantile != Quantile::Other,
            _ => true,
        };
        facts.format == Format::Text && kept
    })
}

/// The suffixes that belong to a type beside the family's name itself.
pub(super) fn suffixes(kind: MetricType, page: Format) -> &'static [&'static str] {
    match (page, kind) {
        (Format::Text, MetricType::Summary) => &["_sum", "_count"],
        (Format::Text, MetricType::Histogram) => &["_bucket", "_sum", "_count"],
        (Format::Text, _) => &[],
        (_, MetricType::Counter) => &["_total", "_created"],
        (_, MetricType::Summary) => &["_sum", "_count", "_created"],
        (_, MetricType::Histogram) => &["_bucket", "_sum", "_count", "_created"],
        (_, MetricType::GaugeHistogram) => &["_bucket", "_gsum", "_gcount"],
        (_, MetricType::Info) => &["_info"],
        (_, MetricType::Gauge | MetricType::StateSet | MetricType::Unknown) => &[],
    }
}

/// Whether a sample can stand in the family `name` of type `kind`, one of whose names it bears. `own` says whether
/// it comes from a candidate of that very name and type.
pub(super) fn fits(
    sample: &CandidateSample<'_>,
    (name, kind): (&str, MetricType),
    own: bool,
    page: Format,
) -> bool {
    let suffix = sample.name.strip_prefix(name).unwrap_or_default();
    match (kind, suffix) {
        (MetricType::Histogram | MetricType::GaugeHistogram, _) => own,
        // Prometheus 3 rewrites it under a summary's TYPE, whatever the sample is called.
        (MetricType::Summary, _) if sample.quantile == Quantile::Other => false,
        (MetricType::Summary, "") => sample.quantile == Quantile::Canonical || page == Format::Text,
        (MetricType::Summary, "_created") => own,
        (MetricType::Summary, _) => true,
        (MetricType::Counter, "") => page == Format::Text,
        (MetricType::Counter, "_created") => own,
        (MetricType::Counter, _) => true,
        (MetricType::Info, suffix) => suffix == "_info",
        (MetricType::StateSet, _) => sample.state,
        (MetricType::Gauge | MetricType::Unknown, _) => true,
    }
}
