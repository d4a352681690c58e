//! Which families a page has, and where every sample stands.
//!
//! In: the candidates of the page's sources (the relay itself, then each distinct shape in the order of its first
//! target). Out: the page's families, a place for every class of samples, and the conflicts that were met.
//!
//! Histograms claim their names first, since their TYPE can decide what Prometheus stores
//! (`convert_classic_histograms_to_nhcb`); the TYPE of any other family is metadata, and gives way where a sample on
//! the page could not stand under it. A candidate without type claims nothing. Nothing is renamed and nothing is
//! lost: samples of a failed claim stand name by name, and what bears a histogram's name without being its own is a
//! *misfit*, written last on the page without metadata.

mod verdicts;

use std::borrow::Cow;
use std::collections::HashMap;
use std::iter;

use model::exposition::entry::{Format, MetricType};
use smallvec::SmallVec;

use super::PageForm;
use super::conflicts::{ConflictKey, ConflictKind, Conflicts, Speaker, told};
use super::page_family::{Candidate, CandidateSample, fits, suffixes};

/// One source of candidates.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) candidates: Vec<Candidate<'a>>,
    /// How many targets it stands for.
    pub(super) targets: u32,
}

/// A family of the page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PageFamily<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) kind: MetricType,
    pub(super) help: Option<&'a str>,
    pub(super) unit: Option<&'a str>,
}

/// Where a class of samples stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Place {
    /// Index into [`Decision::families`].
    Family(u32),
    /// At the end of the page.
    Misfit,
}

/// The place of one class of one own family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) family: u32,
    pub(super) class: u32,
    pub(super) place: Place,
}

/// What was decided.
#[derive(Debug)]
pub(super) struct Decision<'a> {
    pub(super) families: Vec<PageFamily<'a>>,
    /// For each source the place of every class, by own family and class.
    pub(super) placed: Vec<Vec<Placed>>,
    pub(super) conflicts: Conflicts,
}

/// Decides for all sources; their order is the order of precedence.
pub(super) fn decide<'a>(sources: &'a [Source<'a>], form: PageForm) -> Decision<'a> {
    let mut claims = Claims::new(form.format);
    let speakers = (0..).zip(sources).map(|(at, source)| Speaker { source: at, targets: source.targets });
    let asked: Vec<(Speaker, Vec<Asked<'a>>)> =
        speakers.zip(sources).map(|(by, source)| (by, claims.register(source, by.source))).collect();
    let each = || asked.iter().flat_map(|(by, asked)| asked.iter().map(|asked| (*by, asked)));
    // Where the relay keeps no name to itself, its own family is the page's last that no target may spoil.
    for (by, asked) in each().take_while(|(by, _)| by.source == 0 && form.style.prefix.is_none()) {
        claims.claim(asked, by.source);
    }
    for histograms in [true, false] {
        for (by, asked) in each() {
            let typed = asked.own.kind != MetricType::Unknown && !asked.own.samples.is_empty();
            if typed && (asked.own.kind == MetricType::Histogram) == histograms {
                claims.claim(asked, by.source);
            }
        }
    }
    let mut placed: Vec<Vec<Placed>> = asked
        .iter()
        .map(|(by, asked)| asked.iter().flat_map(|asked| claims.place(asked, *by)).collect())
        .collect();
    for (by, asked) in each().filter(|(_, asked)| asked.own.samples.is_empty()) {
        claims.claim(asked, by.source);
    }
    for ((by, asked), placed) in asked.iter().zip(&mut placed) {
        claims.describe(asked, placed, *by);
        placed.sort_unstable_by_key(|placed| (placed.family, placed.class));
    }
    Decision { families: claims.families, placed, conflicts: claims.conflicts }
}

/// A candidate and its numbers.
struct Asked<'a> {
    own: &'a Candidate<'a>,
    /// Index into [`Claims::keys`].
    key: u32,
    /// For each sample the index of its name.
    names: SmallVec<[u32; 4]>,
}

/// A sample and the key of the candidate it comes from.
struct Bearer<'a> {
    sample: &'a CandidateSample<'a>,
    home: u32,
    /// The first source that has it.
    source: u32,
}

/// What bears a name, and which family has taken it.
#[derive(Default)]
struct Name<'a> {
    owner: Option<u32>,
    bearers: Vec<Bearer<'a>>,
}

/// A name and type that candidates ask for.
struct Key {
    name: u32,
    /// What became of its claim: a repeated one has the same answer.
    outcome: Option<Option<u32>>,
    /// Why it failed, where it did.
    obstacle: Option<Obstacle>,
}

/// Why a name cannot be had.
#[derive(Clone, Copy)]
struct Obstacle {
    /// Which name: the family's with this behind it.
    suffix: &'static str,
    /// The family that has it; none where a sample on the page bears it and does not fit.
    family: Option<u32>,
    /// Whose family or sample that is.
    source: Option<u32>,
}

/// Which sources a family follows.
#[derive(Clone, Copy, Default)]
struct Makers {
    kind: Option<u32>,
    help: Option<u32>,
    unit: Option<u32>,
}

/// Names and keys are numbered once, so that the many sources of a page are compared by numbers.
struct Claims<'a> {
    page: Format,
    numbers: HashMap<Cow<'a, str>, u32>,
    names: Vec<Name<'a>>,
    key_numbers: HashMap<(u32, MetricType), u32>,
    keys: Vec<Key>,
    families: Vec<PageFamily<'a>>,
    /// For each family the number of its name.
    family_names: Vec<u32>,
    /// For each family whom it follows.
    makers: Vec<Makers>,
    conflicts: Conflicts,
}

impl<'a> Claims<'a> {
    fn new(page: Format) -> Self {
        Self {
            page,
            numbers: HashMap::new(),
            names: Vec::new(),
            key_numbers: HashMap::new(),
            keys: Vec::new(),
            families: Vec::new(),
            family_names: Vec::new(),
            makers: Vec::new(),
            conflicts: Conflicts::default(),
        }
    }

    fn number(&mut self, name: Cow<'a, str>) -> u32 {
        let names = &mut self.names;
        *self.numbers.entry(name).or_insert_with(|| {
            names.push(Name::default());
            count(names.len() - 1)
        })
    }

    fn key(&mut self, name: u32, kind: MetricType) -> u32 {
        let keys = &mut self.keys;
        *self.key_numbers.entry((name, kind)).or_insert_with(|| {
            keys.push(Key { name, outcome: None, obstacle: None });
            count(keys.len() - 1)
        })
    }

    /// Learns which samples a source puts on the page.
    fn register(&mut self, from: &'a Source<'a>, source: u32) -> Vec<Asked<'a>> {
        let mut all = Vec::with_capacity(from.candidates.len());
        for own in &from.candidates {
            let named = self.number(Cow::Borrowed(&own.name));
            let key = self.key(named, own.kind);
            let (mut names, mut before) = (SmallVec::new(), (&*own.name, named));
            for sample in &own.samples {
                if before.0 != sample.name {
                    before = (sample.name, self.number(Cow::Borrowed(sample.name)));
                }
                names.push(before.1);
                self.bear(before.1, Bearer { sample, home: key, source });
            }
            all.push(Asked { own, key, names });
        }
        all
    }

    fn bear(&mut self, name: u32, bearer: Bearer<'a>) {
        let bearers = &mut self.names[name as usize].bearers;
        let known = bearers.iter().any(|known| {
            let (a, b) = (known.sample, bearer.sample);
            (known.home, a.quantile, a.state) == (bearer.home, b.quantile, b.state)
        });
        if !known {
            bearers.push(bearer);
        }
    }

    /// Gives the candidate its family unless one of its names is taken or would bear a sample that does not fit.
    fn claim(&mut self, asked: &Asked<'a>, source: u32) {
        let (own, at) = (asked.own, asked.key as usize);
        let silent = own.samples.is_empty();
        if self.keys[at].outcome.is_some_and(|outcome| outcome.is_some() || !silent) {
            return;
        }
        let mut names: SmallVec<[u32; 5]> = SmallVec::new();
        names.push(self.keys[at].name);
        for suffix in suffixes(own.kind, self.page) {
            names.push(self.number(Cow::Owned([&*own.name, suffix].concat())));
        }
        let suffixes = iter::once("").chain(suffixes(own.kind, self.page).iter().copied());
        let mut obstacles =
            names.iter().zip(suffixes).map(|(name, suffix)| self.obstacle(*name, suffix, asked));
        if let Some(obstacle) = obstacles.find_map(|obstacle| obstacle) {
            self.keys[at].outcome.get_or_insert(None);
            self.keys[at].obstacle.get_or_insert(obstacle);
            return;
        }
        let family = self.family(Cow::Borrowed(&own.name), self.keys[at].name, own.kind);
        self.makers[family as usize].kind = Some(source);
        for name in names {
            self.names[name as usize].owner = Some(family);
        }
        self.keys[at].outcome = Some(Some(family));
    }

    /// What keeps the candidate from having a name: it is taken, or a sample that bears it would not fit the family.
    fn obstacle(&self, name: u32, suffix: &'static str, asked: &Asked<'a>) -> Option<Obstacle> {
        let (name, own) = (&self.names[name as usize], asked.own);
        if let Some(family) = name.owner {
            let source = self.makers[family as usize].kind;
            return Some(Obstacle { suffix, family: Some(family), source });
        }
        if own.kind == MetricType::Histogram {
            return None;
        }
        let misfit = |bearer: &&Bearer<'_>| {
            !fits(bearer.sample, (&own.name, own.kind), bearer.home == asked.key, self.page)
        };
        let bearer = name.bearers.iter().find(misfit)?;
        Some(Obstacle { suffix, family: None, source: Some(bearer.source) })
    }

    fn family(&mut self, name: Cow<'a, str>, number: u32, kind: MetricType) -> u32 {
        self.families.push(PageFamily { name, kind, help: None, unit: None });
        self.family_names.push(number);
        self.makers.push(Makers::default());
        count(self.families.len() - 1)
    }

    /// The places of a candidate's samples, in their order.
    fn place(&mut self, asked: &Asked<'a>, by: Speaker) -> SmallVec<[Placed; 4]> {
        let own = asked.own;
        let won = self.keys[asked.key as usize].outcome.flatten();
        let mut all = SmallVec::new();
        for (sample, name) in own.samples.iter().zip(&asked.names) {
            let place = won.map_or_else(|| self.by_name(sample, *name, own.kind, by), Place::Family);
            all.push(Placed { family: sample.family, class: sample.class, place });
        }
        if won.is_none() && own.kind != MetricType::Unknown && !own.samples.is_empty() {
            self.count_type(asked, &all, by);
        }
        all
    }

    /// The place of a sample whose candidate has no family: the family that has its name, else one of unknown type.
    fn by_name(
        &mut self,
        sample: &'a CandidateSample<'a>,
        name: u32,
        kind: MetricType,
        by: Speaker,
    ) -> Place {
        let Some(owner) = self.names[name as usize].owner else {
            let family = self.family(Cow::Borrowed(sample.name), name, MetricType::Unknown);
            self.names[name as usize].owner = Some(family);
            return Place::Family(family);
        };
        let family = &self.families[owner as usize];
        if fits(sample, (&family.name, family.kind), false, self.page) {
            return Place::Family(owner);
        }
        self.count_misfit(sample, owner, kind, by);
        Place::Misfit
    }

    /// Gives each family the first HELP and UNIT that a source has for it. `placed` is in the order of the samples.
    fn describe(&mut self, asked: &[Asked<'a>], placed: &[Placed], by: Speaker) {
        let mut places = placed.iter().map(|placed| placed.place);
        for asked in asked {
            let own = asked.own;
            let of_own = places.by_ref().take(own.samples.len());
            if own.help.is_none() && own.unit.is_none() {
                of_own.for_each(drop);
                continue;
            }
            let name = self.keys[asked.key as usize].name;
            let named = self.names[name as usize].owner.filter(|at| self.family_names[*at as usize] == name);
            if let Some(at) = named {
                self.describe_one(at, own, by);
            }
            for (place, sample) in of_own.zip(&own.samples) {
                if let Place::Family(at) = place
                    && named != Some(at)
                    && speaks_for(sample.name, &self.families[at as usize])
                {
                    self.describe_one(at, own, by);
                }
            }
        }
    }

    fn describe_one(&mut self, at: u32, own: &Candidate<'a>, by: Speaker) {
        let (family, makers) = (&mut self.families[at as usize], &mut self.makers[at as usize]);
        let unit = own.unit.filter(|unit| self.page == Format::OpenMetrics && is_unit_of(unit, family));
        let help = (ConflictKind::Help, own.help, &mut family.help, &mut makers.help);
        let unit = (ConflictKind::Unit, unit, &mut family.unit, &mut makers.unit);
        for (kind, said, held, maker) in [help, unit] {
            let Some(said) = said else { continue };
            let (page, follows) = (*held.get_or_insert(said), *maker.get_or_insert(by.source));
            if page != said {
                let (name, said) = (family.name.as_ref().into(), told(said));
                let key = ConflictKey { kind, name, claimed: own.kind, said };
                self.conflicts.add(key, by, || verdicts::followed(page, follows));
            }
        }
    }
}

fn count(at: usize) -> u32 {
    u32::try_from(at).expect("a page has fewer than 2^32 names")
}

/// Whether the HELP of samples called `sample` may describe a family that took them in: not that of a single
/// `x_sum` for a summary `x`.
fn speaks_for(sample: &str, family: &PageFamily<'_>) -> bool {
    let compound =
        matches!(family.kind, MetricType::Summary | MetricType::Histogram | MetricType::GaugeHistogram);
    sample == family.name || !compound && !sample.ends_with("_created")
}

/// Whether OpenMetrics allows `unit` on the family.
fn is_unit_of(unit: &str, family: &PageFamily<'_>) -> bool {
    let bare = matches!(family.kind, MetricType::Info | MetricType::StateSet);
    let rest = family.name.strip_suffix(unit).and_then(|rest| rest.strip_suffix('_'));
    !bare && !unit.is_empty() && rest.is_some_and(|rest| !rest.is_empty())
}
