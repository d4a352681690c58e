//! Bodies that fail the scrape.

use model::exposition::build::IngestError;
use model::exposition::entry::Format;
use model::exposition::store::ShapeStore;
use model::exposition::transform::{SampleLimits, Transform};
use model::job::ScrapeSettings;
use model::names::ValidationScheme;
use model::relabel::{Rule, RuleSpec};

use super::{labeldrop, target};

/// The error of a body under some settings and limits.
fn refusal(body: &str, settings: &ScrapeSettings, limits: SampleLimits) -> Option<IngestError> {
    let store = ShapeStore::new();
    let transform = store.transform(Transform::new(settings, &target(), &limits));
    store.ingest(Format::Text, body.as_bytes(), &transform, None).err()
}

#[test]
fn limits_and_rules_that_leave_no_name_fail_the_scrape_with_its_counts() {
    let settings = ScrapeSettings::new("app");
    let none = SampleLimits { samples: 0, labels: 0, name_bytes: 0, value_bytes: 0 };
    let body = "a 1\nb{x=\"yy\"} 2\nb{x=\"yy\"} 3\n";
    let cases = [
        (SampleLimits { samples: 2, ..none }, None),
        (SampleLimits { samples: 1, ..none }, Some(("sample_limit", 3))),
        (SampleLimits { labels: 5, ..none }, None),
        (SampleLimits { labels: 4, ..none }, Some(("label_limit", 3))),
        (SampleLimits { name_bytes: 8, ..none }, None),
        (SampleLimits { name_bytes: 7, ..none }, Some(("label_name_length_limit", 0))),
        (SampleLimits { value_bytes: 11, ..none }, None),
        (SampleLimits { value_bytes: 10, ..none }, Some(("label_value_length_limit", 3))),
    ];
    for (limits, expected) in cases {
        let error = refusal(body, &settings, limits);
        let found = error.as_ref().map(IngestError::kind);
        assert_eq!(found, expected.map(|(kind, _)| kind), "{limits:?}: {error:?}");
    }
    let error = refusal(body, &settings, SampleLimits { samples: 1, ..none }).expect("over the limit");
    assert_eq!((error.scraped(), error.post_relabel()), (3, 3));
    let error = refusal("a 1\nb 2\nc x\n", &settings, none).expect("no number");
    assert_eq!((error.kind(), error.scraped()), ("parse", 2));
    let jobs = ScrapeSettings { label_limit: 4, ..ScrapeSettings::new("app") };
    assert_eq!(refusal(body, &jobs, SampleLimits::default()).map(|error| error.kind()), Some("label_limit"));
    let nameless = ScrapeSettings { metric_relabel: [labeldrop("__name__")].into(), ..settings };
    assert_eq!(refusal(body, &nameless, none).map(|error| error.kind()), Some("metric_name"));
}

/// Prometheus 3.15 scraping the bodies itself: it appends line by line, so that what came before the wrong line is
/// counted, and a sample whose labels are wrong was read.
#[test]
fn a_failed_scrape_is_counted_up_to_the_line_where_prometheus_gives_up() {
    let none = SampleLimits { samples: 0, labels: 0, name_bytes: 0, value_bytes: 0 };
    let plain = ScrapeSettings::new("app");
    let spec = RuleSpec {
        action: Some("drop".into()),
        source_labels: Some(vec!["__name__".into()]),
        regex: Some("b".into()),
        ..RuleSpec::default()
    };
    let drop = Rule::new(&spec, ValidationScheme::Utf8).expect("a valid rule");
    let dropping = ScrapeSettings { metric_relabel: [drop].into(), ..plain.clone() };
    let labels = SampleLimits { labels: 5, ..none };
    let cases = [
        ("a 1\nb 2\nc x\nd 1\n", &plain, none, (2, 2)),
        ("a 1\nb 2\nc x\nd 1\n", &dropping, none, (2, 1)),
        ("a 1\nb 2\nc{x=\"1\",x=\"2\"} 1\n", &plain, none, (3, 2)),
        ("a 1\n{\"\"} 1\n", &plain, none, (2, 1)),
        ("a 1\nb 2\nc{x=\"1\",y=\"2\"} 1\nd 1\n", &dropping, labels, (3, 1)),
        ("<html>\n", &plain, none, (0, 0)),
    ];
    for (body, settings, limits, expected) in cases {
        let error = refusal(body, settings, limits).expect("a refused body");
        assert_eq!((error.scraped(), error.post_relabel()), expected, "{body:?}: {error}");
    }
}

#[test]
fn a_refused_layout_is_refused_again_and_a_smaller_body_is_accepted() {
    let store = ShapeStore::new();
    let limits = SampleLimits { samples: 2, ..SampleLimits::default() };
    let transform = store.transform(Transform::new(&ScrapeSettings::new("app"), &target(), &limits));
    let read = |body: &str| store.ingest(Format::Text, body.as_bytes(), &transform, None);
    let first = read("a 1\nb 2\nc 3\n").expect_err("three samples");
    assert_eq!(read("a 4\nb 5\nc 6\n").expect_err("three samples"), first);
    assert_eq!(first.post_relabel(), 3);
    assert!(read("a 4\nb 5\n").is_ok());
    assert_eq!(read("a 4\nb 5\nc x\n").expect_err("no number").kind(), "parse");
    assert_eq!(store.counts().refused, 3);
}
