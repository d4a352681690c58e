//! A body read plainly, and the page of its shape read back.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use model::exposition::entry::{Entry, Format, SampleLine};
use model::exposition::expand::{Expansion, PageTail, Run};
use model::exposition::parse;
use model::exposition::shape::{ClassSet, Shape};
use model::exposition::spelling::Escaping;
use model::exposition::store::{Ingested, ShapeStore};
use model::exposition::transform::{OWN_PREFIX, RESERVED_SERIES};
use model::exposition::values::Values;
use model::labels::{Labels, LabelsBuilder};
use model::names::{METRIC_NAME, ValidationScheme};
use model::sample_labels::{Labelling, final_labels};

use super::scenes::Scene;

/// Series to what was said of it, in order.
pub(super) type Samples = BTreeMap<String, Vec<(String, Option<i64>)>>;

pub(super) fn samples(format: Format, body: &[u8]) -> Vec<SampleLine<'_>> {
    let entries = parse(format, body).map(|entry| entry.expect("a valid body"));
    entries
        .filter_map(|entry| match entry {
            Entry::Sample(sample) => Some(sample),
            _ => None,
        })
        .collect()
}

pub(super) fn exposed<'s>(sample: &'s SampleLine<'_>) -> Vec<(&'s str, &'s str)> {
    let labels = sample.labels.iter().map(|(name, value)| (&**name, &**value));
    std::iter::once((METRIC_NAME, &*sample.name)).chain(labels).collect()
}

/// The plain reading: label by label, sample by sample. `None` where the scrape fails.
pub(super) fn reference(scene: &Scene, format: Format, body: &[u8], escaping: Escaping) -> Option<Samples> {
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
pub(super) fn escaped(labels: &Labels, escaping: Escaping) -> Option<Labels> {
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
pub(super) fn written(scene: &Scene, ingested: &Ingested, escaping: Escaping, format: Format) -> Samples {
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

pub(super) fn page(
    scene: &Scene,
    shape: &Arc<Shape>,
    values: &Values,
    escaping: Escaping,
    format: Format,
) -> Vec<u8> {
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

pub(super) fn ingest(scene: &Scene, format: Format, body: &[u8]) -> Option<Ingested> {
    let store = ShapeStore::new();
    let transform = store.transform(scene.transform());
    store.ingest(format, body, &transform, None).ok()
}
