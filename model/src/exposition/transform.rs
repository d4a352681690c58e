//! What turns a layout into lines: everything about a job and a target's labels that decides more than values.
//!
//! In: a job's settings and the labels of one of its targets. Out: a [`Transform`], the same for all targets whose
//! labels have the same names, as long as no rule looks at their values. It runs no rule; that is the labelling's
//! work.

use smallvec::SmallVec;
use xxhash_rust::xxh3::Xxh3;

use super::page_style::PageStyle;
use crate::job::ScrapeSettings;
use crate::labels::{Labels, LabelsBuilder};
use crate::names::{RESERVED_PREFIX, ValidationScheme};
use crate::relabel::{Action, Rule, Writes};

/// Names of the series that a scraper writes for every target itself (Prometheus 3: `report` in the scrape loop). A
/// sample with such a name and exactly the target's labels would be that very series.
pub const RESERVED_SERIES: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// Names that only the relay may use.
pub const OWN_PREFIX: &str = "scraperelay_";

/// The relay's own bounds on the samples of one target, beside those of the job; the smaller one holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampleLimits {
    /// Samples after metric relabelling; 0 for no limit.
    pub samples: u64,
    /// Labels of a sample, its name included; 0 for no limit.
    pub labels: u64,
    /// Bytes of a label name; 0 for no limit.
    pub name_bytes: u64,
    /// Bytes of a label value; 0 for no limit.
    pub value_bytes: u64,
}

impl Default for SampleLimits {
    fn default() -> Self {
        Self { samples: 500_000, labels: 64, name_bytes: 0, value_bytes: 8 << 10 }
    }
}

impl SampleLimits {
    /// The smaller of these limits and the job's.
    #[must_use]
    pub fn within(self, settings: &ScrapeSettings) -> Self {
        let least = |own: u64, jobs: u64| match (own, jobs) {
            (0, limit) | (limit, 0) => limit,
            (own, jobs) => own.min(jobs),
        };
        Self {
            samples: least(self.samples, settings.sample_limit),
            labels: least(self.labels, settings.label_limit),
            name_bytes: least(self.name_bytes, settings.label_name_length_limit),
            value_bytes: least(self.value_bytes, settings.label_value_length_limit),
        }
    }
}

/// How the samples of a target become lines, but for the values of labels that no rule looks at.
///
/// A target label is *untouched* if no metric relabelling rule reads or writes it. Untouched labels stay out of the
/// label set while rules run and are injected into the finished lines, so that they need not be known here.
#[derive(Clone, Debug)]
pub struct Transform {
    pub(super) honor_labels: bool,
    pub(super) honor_timestamps: bool,
    pub(super) scheme: ValidationScheme,
    pub(super) rules: std::sync::Arc<[Rule]>,
    pub(super) limits: SampleLimits,
    /// The labels that a rule looks at, with their values.
    pub(super) touched: Labels,
    /// All labels of the target, the untouched ones with a placeholder for a value.
    pub(super) attached: Labels,
    untouched: Box<[Box<str>]>,
    /// The page that the lines are for.
    pub(super) style: PageStyle,
    /// Those of `untouched` that tell the target apart, by bit; none where not all of them are there.
    identity: Option<u64>,
    /// Which of `untouched` no labeldrop or labelkeep rule removes, by bit.
    pub(super) kept: u64,
    /// Which of `untouched` have a value over the limit, by bit.
    pub(super) long_values: u64,
    fingerprint: u128,
}

/// Stands for the value of an untouched label while labels are attached.
const PLACEHOLDER: &str = "x";

/// Labels that can be told apart in a mask of 64 bits; further ones are handled like those that a rule reads.
const MAX_UNTOUCHED: usize = 64;

impl Transform {
    /// The transform of a target with these `labels` (its labels after relabelling; those that start with `__` do
    /// not count) in a job with these `settings`.
    #[must_use]
    pub fn new(settings: &ScrapeSettings, labels: &Labels, limits: &SampleLimits) -> Self {
        Self::styled(settings, labels, limits, PageStyle::PROMETHEUS)
    }

    /// The same for a page of another style; `labels` are those that [`PageStyle::labels`] leaves.
    #[must_use]
    pub fn styled(
        settings: &ScrapeSettings,
        labels: &Labels,
        limits: &SampleLimits,
        style: PageStyle,
    ) -> Self {
        let rules = settings.metric_relabel.clone();
        let limits = limits.within(settings);
        let (mut untouched, mut touched) = (Vec::<Box<str>>::new(), LabelsBuilder::default());
        let mut attached = LabelsBuilder::default();
        let (mut kept, mut long_values) = (0, 0);
        for (name, value) in labels.iter().filter(|(name, _)| !name.starts_with(RESERVED_PREFIX)) {
            if untouched.len() == MAX_UNTOUCHED || touches(&rules, name) {
                touched.set(name, value);
                attached.set(name, value);
                continue;
            }
            attached.set(name, PLACEHOLDER);
            kept |= u64::from(survives(&rules, name)) << untouched.len();
            long_values |= u64::from(exceeds(value.len(), limits.value_bytes)) << untouched.len();
            untouched.push(name.into());
        }
        let mut transform = Self {
            honor_labels: settings.honor_labels,
            honor_timestamps: settings.honor_timestamps,
            scheme: settings.validation_scheme,
            rules,
            limits,
            touched: touched.build(),
            attached: attached.build(),
            identity: bits_of(style.identity, &untouched),
            untouched: untouched.into(),
            style,
            kept,
            long_values,
            fingerprint: 0,
        };
        transform.fingerprint = transform.hash();
        transform
    }

    /// Names the transform within this build: two transforms with the same fingerprint do the same.
    #[must_use]
    pub fn fingerprint(&self) -> u128 {
        self.fingerprint
    }

    /// The names of the untouched labels, sorted: placeholders in the lines.
    #[must_use]
    pub fn placeholders(&self) -> &[Box<str>] {
        &self.untouched
    }

    /// The mask of a line that takes every target label from the injected text.
    pub(super) fn all(&self) -> u64 {
        u64::MAX.checked_shr(64 - u32::try_from(self.untouched.len()).expect("at most 64")).unwrap_or(0)
    }

    /// Whether a target label of that name exists.
    pub(super) fn has(&self, name: &str) -> bool {
        self.attached.has(name)
    }

    /// Whether every line has the labels that tell its target apart, whatever the target exposes.
    pub(super) fn forces_identity(&self) -> bool {
        !self.honor_labels && self.injects_identity(self.kept)
    }

    /// Whether the labels that tell the target apart are among the injected ones of `mask`.
    pub(super) fn injects_identity(&self, mask: u64) -> bool {
        self.identity.is_some_and(|identity| mask & identity == identity)
    }

    /// The placeholders in the order in which they are written, by index.
    pub(super) fn written(&self) -> SmallVec<[usize; 8]> {
        let mut order: SmallVec<[usize; 8]> = (0..self.untouched.len()).collect();
        order.sort_by_key(|&at| self.style.rank(&self.untouched[at]));
        order
    }

    fn hash(&self) -> u128 {
        let mut hasher = Xxh3::new();
        let flags = (self.honor_labels, self.honor_timestamps, self.scheme, self.limits);
        let masks = (self.kept, self.long_values, self.style);
        hasher.update(format!("{flags:?}{masks:?}{:?}{:?}", self.untouched, self.touched).as_bytes());
        for rule in self.rules.iter() {
            hasher.update(format!("{:?}{:?}", rule.spec(), rule.validation_scheme()).as_bytes());
        }
        hasher.digest128()
    }
}

/// The places of `wanted` among `names`, which are sorted, by bit; none where one is missing.
fn bits_of(wanted: &[&str], names: &[Box<str>]) -> Option<u64> {
    wanted.iter().try_fold(0, |bits, name| {
        let at = names.binary_search_by(|own| (**own).cmp(name)).ok()?;
        Some(bits | 1 << at)
    })
}

/// Whether `length` is over `limit`.
pub(super) fn exceeds(length: usize, limit: u64) -> bool {
    limit > 0 && length as u64 > limit
}

/// Whether any rule reads or may write the label, other than by removing it for its name.
fn touches(rules: &[Rule], name: &str) -> bool {
    rules.iter().any(|rule| match rule.action() {
        Action::LabelDrop | Action::LabelKeep => false,
        Action::LabelMap => true,
        _ => rule.reads().any(|read| read == name) || may_write(rule, name),
    })
}

fn may_write(rule: &Rule, name: &str) -> bool {
    match rule.writes() {
        Writes::Nothing => false,
        Writes::Label(written) => written == name,
        Writes::Any => true,
    }
}

/// Whether every labeldrop and labelkeep rule leaves a label of that name.
fn survives(rules: &[Rule], name: &str) -> bool {
    rules.iter().all(|rule| match rule.action() {
        Action::LabelDrop => !rule.matches_name(name),
        Action::LabelKeep => rule.matches_name(name),
        _ => true,
    })
}
