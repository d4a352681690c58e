//! Properties of shapes over random bodies: what comes out is what a plain reading of the rules says, and the warm
//! path never knows better than the parser.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use model::exposition::entry::{Entry, Format, SampleLine};
use model::exposition::expand::{Expansion, PageTail, Run};
use model::exposition::parse;
use model::exposition::shape::{ClassSet, Shape};
use model::exposition::spelling::Escaping;
use model::exposition::store::{Ingested, Path, ShapeStore};
use model::exposition::transform::{OWN_PREFIX, RESERVED_SERIES, SampleLimits, Transform};
use model::exposition::values::Values;
use model::job::ScrapeSettings;
use model::labels::{Labels, LabelsBuilder};
use model::names::{METRIC_NAME, ValidationScheme};
use model::relabel::{Rule, RuleSpec};
use model::sample_labels::{Labelling, final_labels};
use proptest::collection::vec;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::sample::{select, subsequence};

/// A body as parts, so that its values can change alone.
#[derive(Clone, Debug)]
struct Body {
    format: Format,
    lines: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Sample { series: String, timestamp: bool, exemplar: bool, seed: u64 },
}

impl Body {
    /// The text; `salt` decides the values.
    fn text(&self, salt: u64) -> Vec<u8> {
        let mut out = String::new();
        for part in &self.lines {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Sample { series, timestamp, exemplar, seed } => {
                    let seed = seed.wrapping_add(salt.wrapping_mul(0x9E37_79B9_7F4A_7C15));
                    out.push_str(series);
                    out.push_str(&value(seed));
                    if *timestamp {
                        let blanks = if self.format == Format::Text && seed % 5 == 0 { " \t " } else { " " };
                        out.push_str(blanks);
                        out.push_str(&match self.format {
                            Format::Text => format!("{}", seed % 2_000_000_000_000),
                            Format::OpenMetrics => format!("{}.{}", seed % 2_000_000_000, seed % 977),
                        });
                    }
                    if *exemplar && seed % 3 != 0 && self.format == Format::OpenMetrics {
                        out.push_str(
                            [" # {a=\"b\"} 1", " # {} 0.5 12.5", " # {\"t.x\"=\"\\\"\"} NaN"]
                                [seed as usize % 3],
                        );
                    }
                    if self.format == Format::Text && seed % 11 == 0 {
                        out.push_str(" \t");
                    }
                    out.push('\n');
                }
            }
        }
        if self.format == Format::OpenMetrics {
            out.push_str("# EOF\n");
        }
        out.into_bytes()
    }
}

fn value(seed: u64) -> String {
    match seed % 13 {
        0 => "NaN".into(),
        1 => "+Inf".into(),
        2 => "-inf".into(),
        3 => format!("{}e{}", seed % 100, seed % 300),
        4 => format!("-{}.{}", seed % 1000, seed % 77),
        5 => "0".repeat(1 + seed as usize % 300),
        6 => format!("{}.5e-{:03}", seed % 10, seed % 400),
        7 => ".5".into(),
        8 => "5.".into(),
        _ => (seed % 1_000_000).to_string(),
    }
}

const NAMES: [&str; 18] = [
    "a",
    "b",
    "h",
    "h_bucket",
    "h_sum",
    "h_count",
    "s",
    "s_sum",
    "c_total",
    "c_created",
    "up",
    "a.b",
    "a_b",
    "scrape_samples_scraped",
    "scraperelay_x",
    "ünï",
    "i_info",
    "st",
];
const LABELS: [&str; 12] = [
    "le",
    "quantile",
    "pod",
    "job",
    "instance",
    "exported_pod",
    "exported_exported_job",
    "x",
    "a.b",
    "a_b",
    "st",
    "__foo",
];
const VALUES: [&str; 10] = ["", "1", "1.0", "0.50", "p-1", "app", "i", "q\\\"u", "back\\\\", "line\\nfeed"];
const KINDS: [&str; 5] = ["counter", "gauge", "histogram", "summary", "untyped"];
const OM_KINDS: [&str; 8] =
    ["counter", "gauge", "histogram", "summary", "unknown", "info", "stateset", "gaugehistogram"];

fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The names of a list, or only those that need no quotes.
fn some(names: &[&'static str], plain: bool) -> Vec<&'static str> {
    names.iter().copied().filter(|name| !plain || is_plain(name)).collect()
}

fn series(format: Format, plain: bool) -> impl Strategy<Value = String> {
    let labels = subsequence(some(&LABELS, plain), 0..4).prop_shuffle();
    (select(some(&NAMES, plain)), labels, vec(select(VALUES.as_slice()), 4), 0..4_u8).prop_map(
        move |(name, labels, values, odd)| {
            let text = format == Format::Text;
            let blank = if text && odd == 1 { " \t" } else { "" };
            let mut pairs: Vec<String> = Vec::new();
            if !is_plain(name) {
                pairs.push(format!("\"{name}\""));
            }
            for (label, value) in labels.iter().zip(values) {
                let label = if is_plain(label) { (*label).to_owned() } else { format!("\"{label}\"") };
                let value = if text && odd == 2 { value.replace("\\n", "\n") } else { value.to_owned() };
                pairs.push(format!("{blank}{label}{blank}={blank}\"{value}\"{blank}"));
            }
            let name = if is_plain(name) { name } else { "" };
            let braces =
                if pairs.is_empty() && odd != 3 { String::new() } else { format!("{{{}}}", pairs.join(",")) };
            format!("{name}{blank}{braces} {blank}")
        },
    )
}

fn part(format: Format, plain: bool) -> impl Strategy<Value = Part> {
    let sample = (series(format, plain), any::<bool>(), any::<bool>(), any::<u64>(), 0..4_u8).prop_map(
        |(series, timestamp, exemplar, seed, stamped)| Part::Sample {
            series,
            timestamp: timestamp && stamped == 0,
            exemplar,
            seed,
        },
    );
    let name =
        move || select(some(&["a", "b", "h", "s", "c", "c_total", "a_b", "i", "st", "\"a.b\""], plain));
    let kinds: &'static [&'static str] = if format == Format::Text { &KINDS } else { &OM_KINDS };
    let metadata = prop_oneof![
        (name(), select(kinds)).prop_map(|(name, kind)| Part::Text(format!("# TYPE {name} {kind}\n"))),
        name().prop_map(|name| Part::Text(format!("# HELP {name} some \\\\ text\n"))),
    ];
    let filler = match format {
        Format::Text => vec!["\n", "# a comment\n", "  \t\n", "#\n", "# back\\\n"],
        Format::OpenMetrics => vec![""],
    };
    prop_oneof![
        6 => sample,
        2 => metadata,
        1 => select(filler).prop_map(|text| Part::Text(text.to_owned())),
    ]
}

fn body() -> impl Strategy<Value = Body> {
    (select([Format::Text, Format::OpenMetrics].as_slice()), any::<bool>()).prop_flat_map(
        |(format, plain)| vec(part(format, plain), 0..40).prop_map(move |lines| Body { format, lines }),
    )
}

/// A job and the labels of one target.
#[derive(Clone, Debug)]
struct Scene {
    settings: ScrapeSettings,
    labels: Labels,
}

impl Scene {
    fn transform(&self) -> Transform {
        let limits = SampleLimits { labels: 0, ..SampleLimits::default() };
        Transform::new(&self.settings, &self.labels, &limits)
    }
}

fn rule(action: &str, sources: &[&str], regex: &str, target: &str, replacement: &str) -> Rule {
    let some = |text: &str| (!text.is_empty()).then(|| text.into());
    let spec = RuleSpec {
        source_labels: (!sources.is_empty()).then(|| sources.iter().map(|name| (*name).into()).collect()),
        regex: some(regex),
        target_label: some(target),
        replacement: some(replacement),
        action: some(action),
        ..RuleSpec::default()
    };
    Rule::new(&spec, ValidationScheme::Utf8).expect("a valid rule")
}

fn rules() -> Vec<Rule> {
    vec![
        rule("drop", &["__name__"], "b|h_sum", "", ""),
        rule("keep", &["pod", "x"], "(p-1)?;1?", "", ""),
        rule("replace", &["x"], "(.+)", "pod", "$1"),
        rule("replace", &["pod"], "(.*)", "a.b", "r-$1"),
        rule("replace", &["__name__"], "a", "__name__", "h_bucket"),
        rule("replace", &["__name__"], "s(.*)", "__name__", "renamed$1"),
        rule("replace", &["x"], "1", "__name__", "$2"),
        rule("replace", &["le"], "(.+)", "quantile", "1"),
        rule("labeldrop", &[], "pod|le", "", ""),
        rule("labeldrop", &[], "exported_.*|instance", "", ""),
        rule("labelkeep", &[], "__name__|job|x|le", "", ""),
        rule("labelmap", &[], "(p)od", "", "mapped_$1"),
    ]
}

fn scene() -> impl Strategy<Value = Scene> {
    let label = vec(select(["p-1", "app", "i", "1", "x"].as_slice()), 6);
    let names = prop_oneof![
        subsequence(["job", "instance", "pod", "a.b", "x", "st"].as_slice(), 0..=6),
        subsequence(["job", "instance", "pod", "x", "st"].as_slice(), 0..=5),
    ];
    let rules = prop_oneof![2 => Just(Vec::new()), 3 => subsequence(rules(), 0..4)];
    (names, label, any::<bool>(), any::<bool>(), rules).prop_map(
        |(names, values, labels, timestamps, rules)| Scene {
            settings: ScrapeSettings {
                honor_labels: labels,
                honor_timestamps: timestamps,
                metric_relabel: Arc::from(rules),
                ..ScrapeSettings::new("app")
            },
            labels: Labels::from_pairs(names.into_iter().zip(values)),
        },
    )
}

/// Series to what was said of it, in order.
type Samples = BTreeMap<String, Vec<(String, Option<i64>)>>;

fn samples(format: Format, body: &[u8]) -> Vec<SampleLine<'_>> {
    let entries = parse(format, body).map(|entry| entry.expect("a valid body"));
    entries
        .filter_map(|entry| match entry {
            Entry::Sample(sample) => Some(sample),
            _ => None,
        })
        .collect()
}

fn exposed<'s>(sample: &'s SampleLine<'_>) -> Vec<(&'s str, &'s str)> {
    let labels = sample.labels.iter().map(|(name, value)| (&**name, &**value));
    std::iter::once((METRIC_NAME, &*sample.name)).chain(labels).collect()
}

/// The plain reading: label by label, sample by sample. `None` where the scrape fails.
fn reference(scene: &Scene, format: Format, body: &[u8], escaping: Escaping) -> Option<Samples> {
    let labelling = Labelling {
        target: &scene.labels,
        honor_labels: scene.settings.honor_labels,
        rules: &scene.settings.metric_relabel,
        scheme: ValidationScheme::Utf8,
    };
    let mut found = Samples::new();
    let mut seen = HashSet::new();
    let target = escaped(&scene.labels, escaping)?;
    for sample in samples(format, body) {
        let Some(labels) = final_labels(exposed(&sample), &labelling).ok()? else { continue };
        let Some(labels) = escaped(&labels, escaping) else { continue };
        let name = labels.get(METRIC_NAME);
        let mut others = labels.to_builder();
        others.remove(METRIC_NAME);
        let own = RESERVED_SERIES.contains(&name) && others.build() == target;
        if own || name.starts_with(OWN_PREFIX) {
            continue;
        }
        let timestamp = sample.tail.timestamp.filter(|_| scene.settings.honor_timestamps);
        if seen.insert(labels.clone()) || timestamp.is_some() {
            found.entry(format!("{labels:?}")).or_default().push((sample.tail.value.to_owned(), timestamp));
        }
    }
    Some(found)
}

/// The labels under an escaping; `None` if two become one.
fn escaped(labels: &Labels, escaping: Escaping) -> Option<Labels> {
    let mut out = LabelsBuilder::default();
    for (name, value) in labels.iter() {
        if name == METRIC_NAME {
            out.set(name, &escaping.metric_name(value));
            continue;
        }
        let name = escaping.label_name(name);
        if !out.get(&name).is_empty() || name == METRIC_NAME {
            return None;
        }
        out.set(&name, value);
    }
    Some(out.build())
}

/// What the shape says, read back from the page that it writes.
fn written(scene: &Scene, ingested: &Ingested, escaping: Escaping, format: Format) -> Samples {
    let page = page(scene, &ingested.shape, &ingested.values, escaping, format);
    let mut found = Samples::new();
    for sample in samples(format, &page) {
        for name in ["job", "instance"] {
            assert!(sample.labels.iter().any(|(label, _)| label == name), "{name} is on every line");
        }
        let labels = Labels::from_pairs(exposed(&sample));
        found
            .entry(format!("{labels:?}"))
            .or_default()
            .push((sample.tail.value.to_owned(), sample.tail.timestamp));
    }
    found
}

fn page(scene: &Scene, shape: &Arc<Shape>, values: &Values, escaping: Escaping, format: Format) -> Vec<u8> {
    let injected = shape.inject(&scene.labels);
    let expansion = Expansion::new(shape, escaping, &injected, values).expect("values of this layout");
    let tail = PageTail { format, oldest_ms: i64::MIN, newest_ms: i64::MAX };
    let mut out = Vec::new();
    for at in 0..shape.rendition(escaping).families.len() {
        let mut run = Run::new(at, ClassSet::ALL);
        while !expansion.write(&mut out, usize::MAX, &mut run, &tail) {}
    }
    if format == Format::OpenMetrics {
        assert!(
            !out.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"#")),
            "no comment may stand here"
        );
        out.extend_from_slice(b"# EOF\n");
    }
    out
}

fn ingest(scene: &Scene, format: Format, body: &[u8]) -> Option<Ingested> {
    let store = ShapeStore::new();
    let transform = store.transform(scene.transform());
    store.ingest(format, body, &transform, None).ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_what_the_plain_reading_says(scene in scene(), body in body()) {
        let text = body.text(1);
        for escaping in [Escaping::Quoted, Escaping::Underscores] {
            let expected = reference(&scene, body.format, &text, escaping);
            let Some(ingested) = ingest(&scene, body.format, &text) else {
                prop_assert!(reference(&scene, body.format, &text, Escaping::Quoted).is_none());
                return Ok(());
            };
            if let Some(expected) = expected {
                for format in [Format::Text, Format::OpenMetrics] {
                    prop_assert_eq!(&written(&scene, &ingested, escaping, format), &expected);
                }
            }
        }
    }

    #[test]
    fn a_warm_scrape_is_a_cold_one(scene in scene(), body in body(), salt in any::<u64>()) {
        let store = ShapeStore::new();
        let transform = store.transform(scene.transform());
        let Ok(first) = store.ingest(body.format, &body.text(1), &transform, None) else { return Ok(()) };
        let text = body.text(salt);
        let warm = store.ingest(body.format, &text, &transform, Some(&first.shape)).expect("the same series");
        prop_assert_eq!(warm.path, Path::Warm);
        prop_assert!(Arc::ptr_eq(&warm.shape, &first.shape));
        let cold = ingest(&scene, body.format, &text).expect("the same series");
        prop_assert_eq!(cold.path, Path::Cold);
        prop_assert_eq!(cold.shape.layout().hash(), warm.shape.layout().hash());
        prop_assert_eq!(&warm.values, &cold.values);
        for escaping in [Escaping::Quoted, Escaping::Underscores] {
            for format in [Format::Text, Format::OpenMetrics] {
                let page_of = |is: &Ingested| page(&scene, &is.shape, &is.values, escaping, format);
                prop_assert_eq!(page_of(&warm), page_of(&cold));
            }
        }
    }

    #[test]
    fn series_that_come_and_go_are_read_as_a_cold_scrape_reads_them(
        scene in scene(),
        body in body(),
        keeps in vec(vec(any::<bool>(), 40), 1..5),
        swap in any::<(usize, usize)>(),
    ) {
        let store = ShapeStore::new();
        let transform = store.transform(scene.transform());
        let mut current = None;
        for (round, keep) in keeps.iter().enumerate() {
            let mut lines: Vec<Part> = body.lines.iter().zip(keep).filter(|(_, keep)| **keep).map(|(line, _)| line.clone()).collect();
            if round == 2 && !lines.is_empty() {
                let count = lines.len();
                lines.swap(swap.0 % count, swap.1 % count);
            }
            let text = Body { lines, ..body }.text(round as u64);
            let Some(cold) = ingest(&scene, body.format, &text) else {
                prop_assert!(store.ingest(body.format, &text, &transform, current.as_ref()).is_err());
                continue;
            };
            let ours = store.ingest(body.format, &text, &transform, current.as_ref()).expect("accepted cold");
            prop_assert_eq!(ours.shape.layout(), cold.shape.layout());
            prop_assert_eq!(&ours.values, &cold.values);
            prop_assert_eq!(ours.shape.counts(), cold.shape.counts());
            prop_assert_eq!(ours.shape.series_added(Some(&cold.shape)), 0);
            for escaping in [Escaping::Quoted, Escaping::Underscores] {
                let page_of = |is: &Ingested| page(&scene, &is.shape, &is.values, escaping, Format::Text);
                prop_assert_eq!(page_of(&ours), page_of(&cold));
                prop_assert_eq!(&ours.shape.rendition(escaping).families, &cold.shape.rendition(escaping).families);
            }
            current = Some(ours.shape);
        }
    }

    #[test]
    fn stored_values_and_skeletons_come_back(body in body(), at in any::<usize>(), byte in any::<u8>()) {
        let scene = Scene { settings: ScrapeSettings::new("app"), labels: Labels::default() };
        let store = ShapeStore::new();
        let transform = store.transform(scene.transform());
        let first = store.ingest(body.format, &body.text(1), &transform, None).expect("a valid body");
        let layout = first.shape.layout();
        let mut bytes = first.values.to_bytes();
        prop_assert_eq!(Values::from_bytes(&bytes, layout).expect("just written"), first.values.clone());
        let other = ShapeStore::new();
        let restored = other.restore(body.format, &layout.skeleton(), &transform).expect("a valid body");
        prop_assert_eq!(restored.layout().hash(), layout.hash());
        prop_assert_eq!(restored.layout(), layout);
        let at = at % bytes.len();
        bytes[at] ^= byte;
        if let Ok(values) = Values::from_bytes(&bytes, layout) {
            let out = page(&scene, &first.shape, &values, Escaping::Quoted, Format::Text);
            prop_assert!(parse(Format::Text, &out).all(|entry| entry.is_ok()));
        }
        bytes.truncate(at);
        prop_assert!(Values::from_bytes(&bytes, layout).is_err());
    }

    #[test]
    fn garbage_is_no_stored_values(body in body(), garbage in vec(any::<u8>(), 0..200), counts in any::<bool>()) {
        let scene = Scene { settings: ScrapeSettings::new("app"), labels: Labels::default() };
        let first = ingest(&scene, body.format, &body.text(1)).expect("a valid body");
        let layout = first.shape.layout();
        let mut bytes = vec![1];
        if counts {
            for count in [layout.slots(), layout.stamps()] {
                bytes.extend_from_slice(&u32::try_from(count).expect("few").to_le_bytes());
            }
        }
        bytes.extend_from_slice(&garbage);
        if let Ok(values) = Values::from_bytes(&bytes, layout) {
            let out = page(&scene, &first.shape, &values, Escaping::Quoted, Format::Text);
            prop_assert!(parse(Format::Text, &out).all(|entry| entry.is_ok()));
        }
    }

    #[test]
    fn the_warm_path_accepts_nothing_that_the_parser_reads_otherwise(
        body in body(),
        edits in vec((any::<usize>(), select(b" \n\t\\\"{}#,=0123456789.eE+-NaIinf_abx\r\0\xff".as_slice()), 0..3_u8), 1..4),
    ) {
        let scene = Scene { settings: ScrapeSettings::new("app"), labels: Labels::default() };
        let store = ShapeStore::new();
        let transform = store.transform(scene.transform());
        let first = store.ingest(body.format, &body.text(1), &transform, None).expect("a valid body");
        let mut text = body.text(1);
        for (at, byte, edit) in edits {
            let at = at % (text.len() + 1);
            match edit {
                0 => text.insert(at, byte),
                1 if at < text.len() => text[at] = byte,
                _ if at < text.len() => drop(text.remove(at)),
                _ => {}
            }
        }
        let cold = ingest(&scene, body.format, &text);
        if let Some(values) = first.shape.layout().read(&text) {
            let cold = cold.expect("a body that the warm path accepts");
            prop_assert_eq!(cold.shape.layout().hash(), first.shape.layout().hash());
            prop_assert_eq!(cold.values, values);
        }
    }
}
