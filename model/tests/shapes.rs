//! Shapes end to end: bodies in, lines out, against plain reference implementations.

use model::exposition::build::IngestError;
use model::exposition::entry::Format;
use model::exposition::expand::{Expansion, LineCounts, PageTail, Run};
use model::exposition::page_style::PageStyle;
use model::exposition::shape::{ClassSet, Quantile};
use model::exposition::spelling::Escaping;
use model::exposition::store::{Ingested, Path, ShapeStore};
use model::exposition::transform::{SampleLimits, Transform};
use model::job::ScrapeSettings;
use model::labels::Labels;
use model::names::ValidationScheme;
use model::relabel::{Rule, RuleSpec};

mod page {
    use super::*;

    /// Everything a target's shape writes, each family behind a line `[name kind]`.
    pub(super) fn of(ingested: &Ingested, labels: &Labels, escaping: Escaping, format: Format) -> String {
        let mut out = Vec::new();
        let injected = ingested.shape.inject(labels);
        let expansion = Expansion::new(&ingested.shape, escaping, &injected, &ingested.values)
            .expect("values of this layout");
        let tail = PageTail { format, oldest_ms: i64::MIN, newest_ms: i64::MAX };
        for (at, family) in ingested.shape.rendition(escaping).families.iter().enumerate() {
            let declared = if family.declared { "" } else { " undeclared" };
            let help = family.help.as_deref().map_or(String::new(), |help| format!(" help {help:?}"));
            let unit = family.unit.as_deref().map_or(String::new(), |unit| format!(" unit {unit:?}"));
            out.extend(format!("[{} {:?}{declared}{help}{unit}]\n", family.name, family.kind).bytes());
            let mut run = Run::new(at, ClassSet::ALL);
            while !expansion.write(&mut out, 1 << 20, &mut run, &tail) {}
        }
        String::from_utf8(out).expect("lines are UTF-8")
    }
}

fn target() -> Labels {
    Labels::from_pairs([("job", "app"), ("instance", "10.0.0.1:80"), ("pod", "p-1")])
}

fn ingest(format: Format, body: &str, settings: &ScrapeSettings, labels: &Labels) -> Ingested {
    let store = ShapeStore::new();
    let transform = store.transform(Transform::new(settings, labels, &SampleLimits::default()));
    store.ingest(format, body.as_bytes(), &transform, None).expect("an accepted body")
}

fn golden(format: Format, body: &str, expected: expect_test::Expect) {
    let ingested = ingest(format, body, &ScrapeSettings::new("app"), &target());
    expected.assert_eq(&page::of(&ingested, &target(), Escaping::Quoted, format));
}

#[test]
fn target_labels_are_forced_and_clashes_are_exported() {
    golden(
        Format::Text,
        "# HELP a An \"a\".\n# TYPE a counter\na 1\na{pod=\"x\",b=\"y\"}  2.50\na{instance=\"x\",exported_instance=\"y\"} NaN\n\n# c\na{pod=\"\",z=\"\\\\\\\"\\n\"} +Inf 12\nb 3",
        expect_test::expect![[r#"
            [a Counter help "An \"a\"."]
            a{instance="10.0.0.1:80",job="app",pod="p-1"} 1
            a{instance="10.0.0.1:80",job="app",pod="p-1",b="y",exported_pod="x"} 2.50
            a{instance="10.0.0.1:80",job="app",pod="p-1",exported_exported_instance="x",exported_instance="y"} NaN
            a{instance="10.0.0.1:80",job="app",pod="p-1",z="\\\"\n"} +Inf 12
            [b Unknown undeclared]
            b{instance="10.0.0.1:80",job="app",pod="p-1"} 3
        "#]],
    );
}

#[test]
fn families_follow_the_type_in_force_then_the_last_type_line() {
    golden(
        Format::Text,
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nother 2\nh_count 1\nh 7\n# TYPE s summary\ns{quantile=\"0.50\"} 1\nh_bucket{le=\"1\"} 4\ns_sum 1\ns_count 2\ns_created 3\ng 5\n# TYPE g gauge\n# HELP late x\n# TYPE none counter\n",
        expect_test::expect![[r#"
            [h Histogram]
            h_bucket{instance="10.0.0.1:80",job="app",pod="p-1",le="1.0"} 1
            h_bucket{instance="10.0.0.1:80",job="app",pod="p-1",le="+Inf"} 1
            h_sum{instance="10.0.0.1:80",job="app",pod="p-1"} 1
            h_count{instance="10.0.0.1:80",job="app",pod="p-1"} 1
            [other Unknown undeclared]
            other{instance="10.0.0.1:80",job="app",pod="p-1"} 2
            [h Unknown undeclared]
            h{instance="10.0.0.1:80",job="app",pod="p-1"} 7
            [s Summary]
            s{instance="10.0.0.1:80",job="app",pod="p-1",quantile="0.5"} 1
            s_sum{instance="10.0.0.1:80",job="app",pod="p-1"} 1
            s_count{instance="10.0.0.1:80",job="app",pod="p-1"} 2
            [h_bucket Unknown undeclared]
            h_bucket{instance="10.0.0.1:80",job="app",pod="p-1",le="1"} 4
            [s_created Unknown undeclared]
            s_created{instance="10.0.0.1:80",job="app",pod="p-1"} 3
            [g Gauge]
            g{instance="10.0.0.1:80",job="app",pod="p-1"} 5
            [none Counter]
            [late Unknown undeclared help "x"]
        "#]],
    );
}

#[test]
fn openmetrics_keeps_exemplars_and_units_and_brings_metrics_together() {
    golden(
        Format::OpenMetrics,
        "# TYPE x_seconds histogram\n# UNIT x_seconds seconds\nx_seconds_bucket{a=\"1\",le=\"1.0\"} 1 # {trace=\"t\"} 0.5 1.25\nx_seconds_bucket{a=\"2\",le=\"1.0\"} 2\nx_seconds_count{a=\"1\"} 3 # {trace=\"u\"} 1\nx_seconds_sum{a=\"2\"} 4\n# TYPE c counter\nc_total 5 1700000000.5 # {} 1 2.5\nc_created 6\n# TYPE i info\ni_info{v=\"1\"} 1\n# TYPE st stateset\nst{st=\"a\"} 1\nst{st=\"b\"} 0\n# EOF\n",
        expect_test::expect![[r#"
            [x_seconds Histogram unit "seconds"]
            x_seconds_bucket{instance="10.0.0.1:80",job="app",pod="p-1",a="1",le="1.0"} 1 # {trace="t"} 0.5 1.250
            x_seconds_count{instance="10.0.0.1:80",job="app",pod="p-1",a="1"} 3
            x_seconds_bucket{instance="10.0.0.1:80",job="app",pod="p-1",a="2",le="1.0"} 2
            x_seconds_sum{instance="10.0.0.1:80",job="app",pod="p-1",a="2"} 4
            [c Counter]
            c_total{instance="10.0.0.1:80",job="app",pod="p-1"} 5 1700000000.500 # {} 1 2.500
            c_created{instance="10.0.0.1:80",job="app",pod="p-1"} 6
            [i Info]
            i_info{instance="10.0.0.1:80",job="app",pod="p-1",v="1"} 1
            [st StateSet]
            st{instance="10.0.0.1:80",job="app",pod="p-1",st="a"} 1
            st{instance="10.0.0.1:80",job="app",pod="p-1",st="b"} 0
        "#]],
    );
}

#[test]
fn absent_job_and_instance_are_written_empty_and_honoured_labels_stay() {
    let labels = Labels::from_pairs([("pod", "p-1")]);
    let settings = ScrapeSettings { honor_labels: true, ..ScrapeSettings::new("app") };
    let body = "a 1\na{pod=\"own\"} 2\na{pod=\"p-1\"} 3\na{job=\"x\",pod=\"\"} 4\nup 5\nup{pod=\"p-1\"} 6\nup{pod=\"o\"} 7\n";
    let ingested = ingest(Format::Text, body, &settings, &labels);
    assert!(!ingested.shape.forced_identity());
    expect_test::expect![[r#"
        [a Unknown undeclared]
        a{pod="p-1",job="",instance=""} 1
        a{pod="own",job="",instance=""} 2
        a{job="x",instance=""} 4
        [up Unknown undeclared]
        up{pod="o",job="",instance=""} 7
    "#]]
    .assert_eq(&page::of(&ingested, &labels, Escaping::Quoted, Format::Text));
}

#[test]
fn names_that_are_no_identifiers_are_quoted_or_escaped_before_anything_is_compared() {
    let labels = Labels::from_pairs([("job", "app"), ("instance", "i"), ("a.b", "t")]);
    let body = "# TYPE \"my.sum\" summary\n{\"my.sum\",quantile=\"1\"} 1\nmy_sum 2\n{\"my.sum_sum\",\"x.y\"=\"1\",x_y=\"2\"} 3\n{\"m.x\"} 4\nm_x 5\na{a_b=\"c\"} 6\n";
    let ingested = ingest(Format::Text, body, &ScrapeSettings::new("app"), &labels);
    let pages = [Escaping::Quoted, Escaping::Underscores]
        .map(|escaping| page::of(&ingested, &labels, escaping, Format::Text));
    expect_test::expect![[r#"
        [my.sum Summary]
        {"my.sum","a.b"="t",instance="i",job="app",quantile="1.0"} 1
        {"my.sum_sum","a.b"="t",instance="i",job="app","x.y"="1",x_y="2"} 3
        [my_sum Unknown undeclared]
        my_sum{"a.b"="t",instance="i",job="app"} 2
        [m.x Unknown undeclared]
        {"m.x","a.b"="t",instance="i",job="app"} 4
        [m_x Unknown undeclared]
        m_x{"a.b"="t",instance="i",job="app"} 5
        [a Unknown undeclared]
        a{"a.b"="t",instance="i",job="app",a_b="c"} 6
        [my_sum Summary]
        my_sum{a_b="t",instance="i",job="app",quantile="1.0"} 1
        my_sum{a_b="t",instance="i",job="app"} 2
        [m_x Unknown undeclared]
        m_x{a_b="t",instance="i",job="app"} 4
    "#]]
    .assert_eq(&pages.concat());
    expect_test::expect![[r#"
        ShapeCounts {
            scraped: 6,
            post_relabel: 6,
            reserved: 0,
            duplicates: 0,
            escaped_labels: 2,
            escaped_duplicates: 1,
        }
    "#]]
    .assert_debug_eq(&ingested.shape.counts());
}

#[test]
fn histograms_with_changing_timestamps_are_parted_by_comments_in_text() {
    let body = "# TYPE h histogram\nh_bucket{a=\"1\",le=\"+Inf\"} 1 1000\nh_count{a=\"1\"} 1 1000\nh_bucket{a=\"2\",le=\"+Inf\"} 1 1000\nh_bucket{a=\"3\",le=\"+Inf\"} 1 2000\nh_bucket{a=\"4\",le=\"+Inf\"} 1\n";
    golden(
        Format::Text,
        body,
        expect_test::expect![[r#"
        [h Histogram]
        #
        h_bucket{instance="10.0.0.1:80",job="app",pod="p-1",a="1",le="+Inf"} 1 1000
        h_count{instance="10.0.0.1:80",job="app",pod="p-1",a="1"} 1 1000
        h_bucket{instance="10.0.0.1:80",job="app",pod="p-1",a="2",le="+Inf"} 1 1000
        #
        h_bucket{instance="10.0.0.1:80",job="app",pod="p-1",a="3",le="+Inf"} 1 2000
        #
        h_bucket{instance="10.0.0.1:80",job="app",pod="p-1",a="4",le="+Inf"} 1
    "#]],
    );
}

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

fn labeldrop(pattern: &str) -> Rule {
    let spec =
        RuleSpec { action: Some("labeldrop".into()), regex: Some(pattern.into()), ..RuleSpec::default() };
    Rule::new(&spec, ValidationScheme::Utf8).expect("a valid rule")
}

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
fn timestamps_outside_the_window_are_left_out_and_counted() {
    let ingested =
        ingest(Format::Text, "a 1 1000\nb 2 2000\nc 3 3000\nd 4\n", &ScrapeSettings::new("app"), &target());
    let injected = ingested.shape.inject(&target());
    let expansion =
        Expansion::new(&ingested.shape, Escaping::Quoted, &injected, &ingested.values).expect("fits");
    let tail = PageTail { format: Format::OpenMetrics, oldest_ms: 1500, newest_ms: 2500 };
    let (mut out, mut counts) = (Vec::new(), LineCounts::default());
    for at in 0..4 {
        let mut run = Run::new(at, ClassSet::ALL);
        assert!(expansion.write(&mut out, usize::MAX, &mut run, &tail));
        counts.add(run.counts);
    }
    assert_eq!(counts, LineCounts { written: 2, too_old: 1, too_new: 1 });
    let text = String::from_utf8(out).expect("text");
    assert!(text.starts_with("b{") && text.contains("} 2 2.000\nd{"), "{text}");
}

#[test]
fn a_family_larger_than_a_chunk_is_written_in_pieces_and_classes_choose_lines() {
    let body: String =
        (0..1000).map(|n| format!("a{{n=\"{n}\",quantile=\"{}\"}} {n}\n", ["0.5", "0.50"][n % 2])).collect();
    let ingested = ingest(Format::Text, &body, &ScrapeSettings::new("app"), &target());
    let family = &ingested.shape.rendition(Escaping::Quoted).families[0];
    let quantiles: Vec<_> = family.classes.iter().map(|class| (class.quantile, class.lines)).collect();
    assert_eq!(quantiles, [(Quantile::Canonical, 500), (Quantile::Other, 500)]);
    let injected = ingested.shape.inject(&target());
    let expansion =
        Expansion::new(&ingested.shape, Escaping::Quoted, &injected, &ingested.values).expect("fits");
    let tail = PageTail { format: Format::Text, oldest_ms: 0, newest_ms: 0 };
    let write = |classes: ClassSet, full: usize| {
        let (mut whole, mut chunks, mut run) = (Vec::new(), 0, Run::new(0, classes));
        loop {
            let mut chunk = Vec::new();
            let done = expansion.write(&mut chunk, full, &mut run, &tail);
            whole.append(&mut chunk);
            chunks += 1;
            if done {
                return (String::from_utf8(whole).expect("text"), chunks, run.counts.written);
            }
        }
    };
    let (whole, one, written) = write(ClassSet::ALL, usize::MAX);
    assert_eq!((one, written, whole.lines().count()), (1, 1000, 1000));
    let (pieces, many, _) = write(ClassSet::ALL, 4096);
    assert!(many > 10);
    assert_eq!(pieces, whole);
    let (odd, _, written) = write(ClassSet::NONE.with(1), 4096);
    assert_eq!(written, 500);
    assert!(odd.lines().all(|line| line.contains("0.50")));
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

#[test]
fn a_shape_for_pages_of_pods_puts_their_two_labels_first_and_refuses_no_name_but_up() {
    let found =
        Labels::from_pairs([("instance", "i"), ("job", "j"), ("k8s_namespace", "n"), ("k8s_pod_name", "p")]);
    let labels = PageStyle::PODS.labels(&found);
    let settings = ScrapeSettings::new("app");
    let store = ShapeStore::new();
    let transform = Transform::styled(&settings, &labels, &SampleLimits::default(), PageStyle::PODS);
    let transform = store.transform(transform);
    let body = "a{job=\"own\",b=\"1\"} 1\na{k8s_namespace=\"x\"}\t2\t5\nup 1\nscrape_series_added 3\nscraperelay_x 4\n";
    let ingested = store.ingest(Format::Text, body.as_bytes(), &transform, None).unwrap();
    assert!(ingested.shape.forced_identity());
    expect_test::expect![[r#"
        [a Unknown undeclared]
        a{k8s_pod_name="p",k8s_namespace="n",b="1",job="own"} 1
        a{k8s_pod_name="p",k8s_namespace="n",exported_k8s_namespace="x"} 2 5
        [scrape_series_added Unknown undeclared]
        scrape_series_added{k8s_pod_name="p",k8s_namespace="n"} 3
        [scraperelay_x Unknown undeclared]
        scraperelay_x{k8s_pod_name="p",k8s_namespace="n"} 4
    "#]]
    .assert_eq(&page::of(&ingested, &labels, Escaping::Quoted, Format::Text));
}
