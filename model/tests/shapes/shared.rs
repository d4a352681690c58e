//! What targets share, and what is told apart.

use model::exposition::entry::Format;
use model::exposition::spelling::Escaping;
use model::exposition::store::{Ingested, Path, ShapeStore};
use model::exposition::transform::{SampleLimits, Transform};
use model::job::ScrapeSettings;
use model::labels::Labels;
use model::names::ValidationScheme;
use model::relabel::{Rule, RuleSpec};

use super::{ingest, labeldrop, page, target};

#[test]
fn targets_that_differ_in_untouched_labels_share_a_shape_and_each_gets_its_own() {
    let store = ShapeStore::new();
    let settings = ScrapeSettings { metric_relabel: [labeldrop("pod")].into(), ..ScrapeSettings::new("app") };
    let labels = |n: u8| {
        Labels::from_pairs([("job", "app"), ("instance", &*format!("i{n}")), ("pod", &format!("p{n}"))])
    };
    let targets = [1, 2].map(|n| {
        let transform = store.transform(Transform::new(&settings, &labels(n), &SampleLimits::default()));
        store.ingest(Format::Text, format!("a {n}\n").as_bytes(), &transform, None).expect("accepted")
    });
    assert!(std::sync::Arc::ptr_eq(&targets[0].shape, &targets[1].shape));
    assert_eq!([targets[0].path, targets[1].path], [Path::Cold, Path::Known]);
    let page = page::of(&targets[1], &labels(2), Escaping::Quoted, Format::Text);
    assert_eq!(page, "[a Unknown undeclared]\na{instance=\"i2\",job=\"app\"} 2\n");
    let counts = store.counts();
    assert_eq!((counts.cold, counts.known, counts.shapes), (1, 1, 1));
    drop(targets);
    assert_eq!(store.counts().shapes, 0, "the store keeps no shape alive");
}

#[test]
fn a_label_that_a_rule_reads_separates_shapes_by_its_value() {
    let store = ShapeStore::new();
    let spec = RuleSpec {
        source_labels: Some(vec!["pod".into()]),
        regex: Some("p1".into()),
        action: Some("drop".into()),
        ..RuleSpec::default()
    };
    let rule = Rule::new(&spec, ValidationScheme::Utf8).expect("a valid rule");
    let settings = ScrapeSettings { metric_relabel: [rule].into(), ..ScrapeSettings::new("app") };
    let lines = [("p1", "x"), ("p2", "x"), ("p2", "y")].map(|(pod, instance)| {
        let labels = Labels::from_pairs([("job", "app"), ("instance", instance), ("pod", pod)]);
        let transform = store.transform(Transform::new(&settings, &labels, &SampleLimits::default()));
        let ingested = store.ingest(Format::Text, b"a 1\n", &transform, None).expect("accepted");
        (transform.fingerprint(), page::of(&ingested, &labels, Escaping::Quoted, Format::Text))
    });
    assert_eq!(lines[0].1, "");
    assert_eq!(lines[1].1, "[a Unknown undeclared]\na{instance=\"x\",job=\"app\",pod=\"p2\"} 1\n");
    assert_eq!(lines[2].1, "[a Unknown undeclared]\na{instance=\"y\",job=\"app\",pod=\"p2\"} 1\n");
    assert!(lines[0].0 != lines[1].0 && lines[1].0 == lines[2].0);
}

#[test]
fn a_series_has_one_hash_whoever_exposes_it() {
    let plain = ingest(Format::Text, "a{x=\"1\"} 1\n", &ScrapeSettings::new("app"), &target());
    let labels = Labels::from_pairs([("job", "gateway"), ("instance", "gw")]);
    let honoured = ScrapeSettings { honor_labels: true, ..ScrapeSettings::new("gateway") };
    let body = "# TYPE a counter\na{pod=\"p-1\",job=\"app\",instance=\"10.0.0.1:80\",x=\"1\"} 1\n";
    let other = ingest(Format::Text, body, &honoured, &labels);
    let hash = |ingested: &Ingested, labels: &Labels| {
        let rendition = ingested.shape.rendition(Escaping::Quoted);
        let line = rendition.series(&rendition.families[0]).next().expect("one line");
        line.hash.wrapping_add(ingested.shape.inject(labels).hash(Escaping::Quoted, line.variant))
    };
    assert_eq!(hash(&plain, &target()), hash(&other, &labels));
    assert!(plain.shape.forced_identity() && !other.shape.forced_identity());
}

#[test]
fn series_added_counts_what_the_shape_before_had_not() {
    let store = ShapeStore::new();
    let transform =
        store.transform(Transform::new(&ScrapeSettings::new("app"), &target(), &SampleLimits::default()));
    let read = |body: &str, current| {
        store.ingest(Format::Text, body.as_bytes(), &transform, current).expect("accepted").shape
    };
    let first = read("a 1\nb 1\n", None);
    let second = read("# TYPE b gauge\nb 1\nc{x=\"1\"} 2\nd 3\n", Some(&first));
    assert_eq!(
        [first.series_added(None), second.series_added(Some(&first)), first.series_added(Some(&first))],
        [2, 2, 0]
    );
}

#[test]
fn of_two_lines_that_the_targets_labels_make_one_series_the_first_in_the_body_stays() {
    let labels = Labels::from_pairs([("job", "j"), ("instance", "i")]);
    let settings = ScrapeSettings { honor_labels: true, ..ScrapeSettings::new("app") };
    let body = "# TYPE b gauge\nx 0\n# TYPE a counter\na{job=\"j\"} 1\n# TYPE a gauge\na{q=\"1\"} 2\n# TYPE x counter\na 3\n";
    let ingested = ingest(Format::Text, body, &settings, &labels);
    let injected = ingested.shape.inject(&labels);
    assert_eq!(injected.left_out(Escaping::Quoted), 1);
    let rendition = ingested.shape.rendition(Escaping::Quoted);
    let left_out: Vec<(&str, u32)> = rendition
        .families
        .iter()
        .flat_map(|family| (0..family.len() as u32).map(move |line| (family, line)))
        .filter(|(family, line)| injected.leaves_out(Escaping::Quoted, family, *line))
        .map(|(family, line)| (&*family.name, line))
        .collect();
    assert_eq!(left_out, [("a", 1)]);
    let page = page::of(&ingested, &labels, Escaping::Quoted, Format::Text);
    assert!(page.contains("a{instance=\"i\",job=\"j\"} 1\n") && !page.contains(" 3\n"), "{page}");
}
