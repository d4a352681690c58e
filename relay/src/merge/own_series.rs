//! The series that the relay writes for every target itself.
//!
//! In: a target's labels and what its last scrape was like. Out: lines of `up`, the four series that Prometheus
//! writes beside it for a target that it scrapes (Prometheus 3, `report` in the scrape loop), and the age of what is
//! served from the cache; or as many of them as the page's style has. They bear the target's labels; one that tells
//! targets apart and is absent is written as an empty label, else Prometheus would attach the relay's own.

use std::io::Write;

use model::exposition::identity::series_hash;
use model::exposition::page_style::PageStyle;
use model::exposition::spelling::{Escaping, push_label};
use model::labels::Labels;
use model::names::RESERVED_PREFIX;

use super::{PageForm, PageTarget};

/// One of the relay's own families; each is a gauge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnSeries {
    Up,
    ScrapeDuration,
    SamplesScraped,
    SamplesPostRelabel,
    SeriesAdded,
    CacheAge,
}

impl OwnSeries {
    /// All of them; [`OwnSeries::CacheAge`], whose name no target may use, is the last.
    pub(super) const ALL: [Self; 6] = [
        Self::Up,
        Self::ScrapeDuration,
        Self::SamplesScraped,
        Self::SamplesPostRelabel,
        Self::SeriesAdded,
        Self::CacheAge,
    ];

    /// Those that pages of this style have. No target may use the name of the last.
    pub(super) fn of(style: PageStyle) -> impl DoubleEndedIterator<Item = Self> {
        Self::ALL.into_iter().filter(move |own| style.writes(own.name()))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::ScrapeDuration => "scrape_duration_seconds",
            Self::SamplesScraped => "scrape_samples_scraped",
            Self::SamplesPostRelabel => "scrape_samples_post_metric_relabeling",
            Self::SeriesAdded => "scrape_series_added",
            Self::CacheAge => "scraperelay_target_cache_age_seconds",
        }
    }

    pub(super) fn help(self) -> &'static str {
        match self {
            Self::Up => "1 if the target answered the last scrape, 0 if it did not.",
            Self::ScrapeDuration => "How long the last scrape of the target took.",
            Self::SamplesScraped => "Samples that the target exposed.",
            Self::SamplesPostRelabel => "Samples that metric relabelling left of them.",
            Self::SeriesAdded => "Series that the scrape before did not have.",
            Self::CacheAge => "Age of the target's samples where they are served from the cache.",
        }
    }

    /// Appends the target's line, unless it has none in this family.
    pub(super) fn write(self, out: &mut Vec<u8>, labels: &[u8], target: &PageTarget) -> bool {
        if self == Self::CacheAge && target.cache_age.is_none() {
            return false;
        }
        out.extend_from_slice(self.name().as_bytes());
        out.push(b'{');
        out.extend_from_slice(labels);
        out.extend_from_slice(b"} ");
        let written = match self {
            Self::Up => write!(out, "{}", u8::from(target.up)),
            Self::ScrapeDuration => write!(out, "{}", target.scrape_duration),
            Self::SamplesScraped => write!(out, "{}", target.samples_scraped),
            Self::SamplesPostRelabel => write!(out, "{}", target.samples_post_metric_relabeling),
            Self::SeriesAdded => write!(out, "{}", target.series_added),
            Self::CacheAge => write!(out, "{}", target.cache_age.unwrap_or_default()),
        };
        written.expect("writing to memory does not fail");
        out.push(b'\n');
        true
    }
}

/// A target's labels as they stand between the braces of its own series.
pub(super) fn label_text(labels: &Labels, form: PageForm) -> Vec<u8> {
    let mut text = Vec::new();
    let mut written: Vec<_> = public(labels, form.escaping).collect();
    written.sort_by_key(|(name, _)| form.style.rank(name));
    for (name, value) in written {
        push_label(&mut text, &name, value);
    }
    for name in form.style.identity {
        if !labels.has(name) {
            push_label(&mut text, name, "");
        }
    }
    text
}

/// The series hashes of all own series of a target.
pub(super) fn hashes(labels: &Labels, form: PageForm) -> impl Iterator<Item = u64> {
    OwnSeries::of(form.style).map(move |own| series_hash(own.name(), public(labels, form.escaping)))
}

/// The labels that go out, with the names of this escaping; of two that become one the first is left.
fn public(labels: &Labels, escaping: Escaping) -> impl Iterator<Item = (std::borrow::Cow<'_, str>, &str)> {
    let mut seen = Vec::with_capacity(labels.len());
    labels.iter().filter(|(name, _)| !name.starts_with(RESERVED_PREFIX)).filter_map(move |(name, value)| {
        let name = escaping.label_name(name);
        let first = !seen.contains(&name);
        first.then(|| {
            seen.push(name.clone());
            (name, value)
        })
    })
}
