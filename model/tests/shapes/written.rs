//! What is written of a body.

use model::exposition::entry::Format;
use model::exposition::expand::{Expansion, LineCounts, PageTail, Run};
use model::exposition::page_style::PageStyle;
use model::exposition::shape::{ClassSet, Quantile};
use model::exposition::spelling::Escaping;
use model::exposition::store::ShapeStore;
use model::exposition::transform::{SampleLimits, Transform};
use model::job::ScrapeSettings;
use model::labels::Labels;

use super::{golden, ingest, page, target};

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
