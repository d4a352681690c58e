//! Random groups of random bodies against a naive merger.
//!
//! The naive expectation: every body read by the strict parser, the target's labels added, the first of one series
//! without timestamp kept. The page, read by the same parser, must hold exactly these samples, whatever the targets
//! say of their types.

use std::collections::{BTreeMap, BTreeSet};

use model::exposition::entry::{Entry, Format, MetricType, SampleLine};
use model::exposition::parse;
use model::exposition::store::ShapeStore;
use model::job::ScrapeSettings;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::{collection, option, prop_oneof, sample};

use super::fixture::{OM, TEXT, labels, page, target_of};
use crate::merge::PageTarget;
use crate::merge::own_series::OwnSeries;
use crate::merge::page_family::suffixes;

#[derive(Clone, Debug)]
enum Line {
    Type(&'static str, &'static str),
    Help(&'static str, u8),
    Sample {
        name: String,
        labels: BTreeMap<&'static str, &'static str>,
        value: u8,
        time: Option<u16>,
        exemplar: bool,
    },
}

const BASES: [&str; 4] = ["foo", "bar", "foo_bucket", "up"];
const SUFFIXES: [&str; 9] = ["", "", "_total", "_created", "_bucket", "_sum", "_count", "_info", "_gsum"];
const TEXT_TYPES: [&str; 5] = ["counter", "gauge", "histogram", "summary", "untyped"];
const OM_TYPES: [&str; 8] =
    ["counter", "gauge", "histogram", "summary", "unknown", "gaugehistogram", "info", "stateset"];
const FAMILIES: [&str; 8] =
    ["foo", "bar", "foo_total", "bar_total", "foo_bucket", "foo_created", "bar_count", "up"];

fn line(types: &'static [&'static str]) -> impl Strategy<Value = Line> {
    let name = (sample::select(&BASES[..]), sample::select(&SUFFIXES[..]))
        .prop_map(|(base, suffix)| [base, suffix].concat());
    let label = prop_oneof![
        (Just("x"), sample::select(&["1", "2"][..])),
        (Just("le"), sample::select(&["1", "1.0", "+Inf"][..])),
        (Just("quantile"), sample::select(&["0.5", "0.50", "1"][..])),
        (Just("foo"), sample::select(&["on", "off"][..])),
        (Just("instance"), sample::select(&["mine", "1", "2"][..])),
    ];
    let labels = collection::vec(label, 0..3).prop_map(|pairs| pairs.into_iter().collect());
    let time = option::weighted(0.15, 1u16..5);
    prop_oneof![
        2 => (sample::select(&FAMILIES[..]), sample::select(types)).prop_map(|(name, kind)| Line::Type(name, kind)),
        1 => (sample::select(&FAMILIES[..]), any::<u8>()).prop_map(|(name, text)| Line::Help(name, text)),
        6 => (name, labels, any::<u8>(), time, any::<bool>())
            .prop_map(|(name, labels, value, time, exemplar)| Line::Sample { name, labels, value, time, exemplar }),
    ]
}

fn render(format: Format, lines: &[Line]) -> String {
    let mut body = String::new();
    for line in lines {
        match line {
            Line::Type(name, kind) => body += &format!("# TYPE {name} {kind}\n"),
            Line::Help(name, text) => body += &format!("# HELP {name} Text {text}.\n"),
            Line::Sample { name, labels, value, time, exemplar } => {
                let labels: Vec<_> =
                    labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
                body += &format!("{name}{{{}}} {value}", labels.join(","));
                if let Some(time) = time {
                    body += &format!(" {time}{}", if format == TEXT { "000" } else { "" });
                }
                if *exemplar && format == OM {
                    body += " # {t=\"1\"} 1";
                }
                body.push('\n');
            }
        }
    }
    body
}

fn exposer() -> impl Strategy<Value = Exposer> {
    let text = collection::vec(line(&TEXT_TYPES), 0..14).prop_map(|lines| (TEXT, render(TEXT, &lines)));
    let om = collection::vec(line(&OM_TYPES), 0..14).prop_map(|lines| (OM, render(OM, &lines)));
    (prop_oneof![text, om], any::<bool>()).prop_map(|((format, body), honor)| (format, body, honor))
}

/// A sample as Prometheus would append it: name, labels, value, time, exemplar's presence.
type Appended = (String, BTreeMap<String, String>, String, Option<i64>, bool);

fn appended(sample: &SampleLine<'_>) -> Appended {
    let labels = sample.labels.iter().filter(|(_, value)| !value.is_empty());
    (
        sample.name.to_string(),
        labels.map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        sample.tail.value.to_owned(),
        sample.tail.timestamp,
        sample.tail.exemplar.is_some(),
    )
}

/// A target of a random page: its format and body, and whether its job honours its labels.
type Exposer = (Format, String, bool);

/// What a direct scrape of target `at` would append.
fn direct(at: usize, (format, body, honor): &Exposer, page: Format) -> Vec<Appended> {
    let body = if *format == OM { format!("{body}# EOF\n") } else { body.clone() };
    let target: BTreeMap<String, String> =
        labels(at).iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for entry in parse(*format, body.as_bytes()) {
        let Entry::Sample(sample) = entry.expect("a body that is accepted") else { continue };
        let mut own = appended(&sample);
        let instance = own.1.remove("instance");
        own.1.extend(target.clone());
        if let Some(instance) = instance {
            let name = if *honor { "instance" } else { "exported_instance" };
            own.1.insert(name.to_owned(), instance);
        }
        let reserved = own.1 == target && is_own_name(&own.0);
        own.4 &= page == OM && (own.0.ends_with("_total") || own.0.ends_with("_bucket"));
        if !reserved && (seen.insert((own.0.clone(), own.1.clone())) || own.3.is_some()) {
            all.push(own);
        }
    }
    all
}

/// What direct scrapes of all targets would append, the first of one series without timestamp.
fn direct_all(exposers: &[Exposer], page: Format) -> Vec<Appended> {
    let mut seen = BTreeSet::new();
    let all = (1..).zip(exposers).flat_map(|(at, exposer)| direct(at, exposer, page));
    let first = all.filter(|own| {
        let of_target =
            |at| labels(at).iter().all(|(name, value)| own.1.get(name).is_some_and(|own| own == value));
        let relays = is_own_name(&own.0) && own.1.len() == 2 && (1..=exposers.len()).any(of_target);
        own.3.is_some() || !relays && seen.insert((own.0.clone(), own.1.clone()))
    });
    first.collect()
}

fn is_own_name(name: &str) -> bool {
    OwnSeries::ALL.iter().any(|own| own.name() == name)
}

/// Walks a page: the samples of targets, and what every page must keep to.
fn read(page: &str, format: Format, targets: usize) -> Vec<Appended> {
    let (mut samples, mut series) = (Vec::new(), BTreeSet::new());
    let (mut types, mut helps, mut names) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut family: Option<(String, MetricType)> = None;
    let mut of_section = BTreeSet::new();
    for entry in parse(format, page.as_bytes()) {
        match entry.unwrap_or_else(|error| panic!("{error} in\n{page}")) {
            Entry::Type { name, kind } => {
                assert!(types.insert(name.to_string()), "a second TYPE of {name} in\n{page}");
                names.append(&mut of_section);
                family = Some((name.to_string(), kind));
            }
            Entry::Help { name, .. } => {
                assert!(helps.insert(name.to_string()), "a second HELP of {name} in\n{page}");
            }
            Entry::Sample(sample) => {
                let (family, kind) = family.as_ref().expect("a TYPE line comes first");
                let belongs = sample
                    .name
                    .strip_prefix(family.as_str())
                    .is_some_and(|suffix| suffix.is_empty() || suffixes(*kind, format).contains(&suffix));
                let misfits = family == OwnSeries::CacheAge.name();
                assert!(belongs || misfits, "{} under {family} in\n{page}", sample.name);
                if !misfits {
                    assert!(!names.contains(&*sample.name), "{} is scattered in\n{page}", sample.name);
                    of_section.insert(sample.name.to_string());
                }
                let found = appended(&sample);
                let known = found.3.is_some() || series.insert((found.0.clone(), found.1.clone()));
                assert!(known, "{} twice in\n{page}", sample.name);
                if !is_own(&found, targets) {
                    samples.push(found);
                }
            }
            Entry::Unit { .. } | Entry::Comment(_) => {}
        }
    }
    samples
}

/// Whether it is a series that the relay writes for one of the targets.
fn is_own(found: &Appended, targets: usize) -> bool {
    let instance = found.1.get("instance").and_then(|instance| instance.parse().ok());
    let known = instance.is_some_and(|instance: usize| (1..=targets).contains(&instance));
    known && found.1.len() == 2 && found.3.is_none() && is_own_name(&found.0)
}

proptest! {
    #[test]
    fn a_page_holds_what_direct_scrapes_of_its_targets_would(exposers in collection::vec(exposer(), 2..7)) {
        let store = ShapeStore::new();
        let each = (1..).zip(&exposers);
        let targets: Vec<PageTarget> = each
            .map(|(at, (format, body, honor_labels))| {
                let settings = ScrapeSettings { honor_labels: *honor_labels, ..ScrapeSettings::new("j") };
                target_of(&store, &settings, &labels(at), *format, body)
            })
            .collect();
        for format in [TEXT, OM] {
            let (page, counts) = page(format, &targets);
            let mut expected = direct_all(&exposers, format);
            let mut found = read(&page, format, targets.len());
            prop_assert_eq!(counts.samples, found.len() as u64);
            expected.sort();
            found.sort();
            prop_assert_eq!(found, expected, "in\n{}", page);
            prop_assert!(format == TEXT || page.ends_with("\n# EOF\n"));
        }
    }
}
