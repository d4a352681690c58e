//! What is written, what is left out, and the chunks of a page.

use std::sync::Arc;

use expect_test::{Expect, expect};
use model::exposition::entry::Format;
use model::exposition::page_style::PageStyle;
use model::exposition::spelling::Escaping;
use model::exposition::store::ShapeStore;
use model::job::ScrapeSettings;
use model::labels::Labels;

use super::fixture::{
    ANY_TIME, OM, TEXT, both, brief, down, labels, page, page_of, target, target_of, targets,
};
use crate::merge::{
    CHUNK_BYTES, ConflictKind, DropReason, PageCounts, PageForm, PageTarget, PageWriter, Plan, PlanCache,
    PlanKey, TimestampWindow, sort_targets,
};

const TEXT_PAGE: PageForm =
    PageForm { format: TEXT, escaping: Escaping::Underscores, style: PageStyle::PROMETHEUS };

fn dropped(counts: &PageCounts) -> Vec<(&'static str, u64)> {
    let met = counts.dropped().filter(|(_, count)| *count > 0);
    met.map(|(reason, count)| (reason.as_str(), count)).collect()
}

fn check(page: &str, expected: &Expect) {
    expected.assert_eq(page);
}

#[test]
fn every_target_has_its_own_series_and_a_cached_one_its_age() {
    let mut targets = targets(&[(TEXT, "a 1\n")]);
    targets.push(PageTarget { cache_age: Some(12.5), ..down(&Labels::from_pairs([("job", "j")])) });
    check(
        &page(TEXT, &targets).0,
        &expect![[r##"
        # TYPE a untyped
        a{instance="1",job="j"} 1
        # HELP scrape_duration_seconds How long the last scrape of the target took.
        # TYPE scrape_duration_seconds gauge
        scrape_duration_seconds{instance="1",job="j"} 0.25
        scrape_duration_seconds{job="j",instance=""} 0.25
        # HELP scrape_samples_post_metric_relabeling Samples that metric relabelling left of them.
        # TYPE scrape_samples_post_metric_relabeling gauge
        scrape_samples_post_metric_relabeling{instance="1",job="j"} 1
        scrape_samples_post_metric_relabeling{job="j",instance=""} 0
        # HELP scrape_samples_scraped Samples that the target exposed.
        # TYPE scrape_samples_scraped gauge
        scrape_samples_scraped{instance="1",job="j"} 1
        scrape_samples_scraped{job="j",instance=""} 0
        # HELP scrape_series_added Series that the scrape before did not have.
        # TYPE scrape_series_added gauge
        scrape_series_added{instance="1",job="j"} 1
        scrape_series_added{job="j",instance=""} 0
        # HELP scraperelay_target_cache_age_seconds Age of the target's samples where they are served from the cache.
        # TYPE scraperelay_target_cache_age_seconds gauge
        scraperelay_target_cache_age_seconds{job="j",instance=""} 12.5
        # HELP up 1 if the target answered the last scrape, 0 if it did not.
        # TYPE up gauge
        up{instance="1",job="j"} 1
        up{job="j",instance=""} 0
    "##]],
    );
    let (empty, counts) = page(OM, &[]);
    assert!(empty.ends_with("# EOF\n"), "{empty}");
    assert_eq!((counts.samples, counts.own_series), (0, 0));
    assert_eq!(page(TEXT, &targets).1.own_series, 11);
}

#[test]
fn a_target_may_have_a_family_called_like_the_relays_own() {
    let histogram = "# TYPE scrape_duration_seconds histogram\nscrape_duration_seconds_bucket{le=\"+Inf\"} 1\n\
                     scrape_duration_seconds_sum 1\nscrape_duration_seconds_count 1\n";
    let counter = "# TYPE up counter\nup{who=\"me\"} 1\nup 7\nscraperelay_x 1\n";
    let (page, counts) = page(TEXT, &targets(&[(TEXT, counter), (TEXT, histogram)]));
    check(
        &page,
        &expect![[r##"
        # HELP scrape_duration_seconds How long the last scrape of the target took.
        # TYPE scrape_duration_seconds histogram
        scrape_duration_seconds_bucket{instance="2",job="j",le="+Inf"} 1
        scrape_duration_seconds_sum{instance="2",job="j"} 1
        scrape_duration_seconds_count{instance="2",job="j"} 1
        # HELP scrape_samples_post_metric_relabeling Samples that metric relabelling left of them.
        # TYPE scrape_samples_post_metric_relabeling gauge
        scrape_samples_post_metric_relabeling{instance="1",job="j"} 3
        scrape_samples_post_metric_relabeling{instance="2",job="j"} 3
        # HELP scrape_samples_scraped Samples that the target exposed.
        # TYPE scrape_samples_scraped gauge
        scrape_samples_scraped{instance="1",job="j"} 3
        scrape_samples_scraped{instance="2",job="j"} 3
        # HELP scrape_series_added Series that the scrape before did not have.
        # TYPE scrape_series_added gauge
        scrape_series_added{instance="1",job="j"} 1
        scrape_series_added{instance="2",job="j"} 3
        # HELP up 1 if the target answered the last scrape, 0 if it did not.
        # TYPE up gauge
        up{instance="1",job="j"} 1
        up{instance="2",job="j"} 1
        up{instance="1",job="j",who="me"} 1
        # HELP scraperelay_target_cache_age_seconds Age of the target's samples where they are served from the cache.
        # TYPE scraperelay_target_cache_age_seconds gauge
        scrape_duration_seconds{instance="1",job="j"} 0.25
        scrape_duration_seconds{instance="2",job="j"} 0.25
    "##]],
    );
    assert_eq!(dropped(&counts), [("reserved_name", 2)]);
}

#[test]
fn a_series_of_two_targets_goes_out_once() {
    let store = ShapeStore::new();
    let honest = ScrapeSettings { honor_labels: true, ..ScrapeSettings::new("j") };
    let mut targets = vec![
        target(&store, &labels(1), TEXT, "# TYPE a gauge\na{x=\"1\"} 1\na{x=\"2\"} 1\n"),
        target_of(
            &store,
            &honest,
            &labels(2),
            TEXT,
            "a{x=\"1\",instance=\"1\"} 2\na{x=\"3\",instance=\"1\"} 2\na{x=\"1\"} 2\nup{instance=\"1\"} 9\n\
             a{x=\"2\",instance=\"1\"} 2 5\n",
        ),
        target(&store, &labels(3), TEXT, "a{x=\"1\"} 3\n"),
    ];
    sort_targets(&mut targets);
    let (page, counts) = page(TEXT, &targets);
    check(
        &brief(&page),
        &expect![[r##"
        # TYPE a gauge
        a{@1,x="1"} 1
        a{@1,x="2"} 1
        a{job="j",instance="1",x="3"} 2
        a{@2,x="1"} 2
        a{job="j",instance="1",x="2"} 2 5
        a{@3,x="1"} 3
        # TYPE OWN gauge
    "##]],
    );
    assert_eq!(dropped(&counts), [("duplicate", 2)]);
    assert_eq!(counts.samples, 6);
}

#[test]
fn of_two_copies_that_honoured_labels_make_one_goes_out_whichever_comes_first() {
    let store = ShapeStore::new();
    let honest = ScrapeSettings { honor_labels: true, ..ScrapeSettings::new("j") };
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1\",job=\"j\"} 2\n\
                h_bucket{le=\"2\",job=\"j\"} 3\nh_bucket{le=\"2\"} 4\n";
    let (page, _) = page(TEXT, &[target_of(&store, &honest, &labels(1), TEXT, body)]);
    for series in ["le=\"1.0\"", "le=\"2.0\""] {
        let lines = page.lines().filter(|line| line.starts_with("h_bucket{") && line.contains(series));
        assert_eq!(lines.count(), 1, "{series} in\n{page}");
    }
}

#[test]
fn of_two_targets_with_the_same_labels_the_first_speaks() {
    let store = ShapeStore::new();
    let body = "a 1\n";
    let targets =
        vec![target(&store, &labels(1), TEXT, body), target(&store, &labels(1), TEXT, "a 2\nb 2\n")];
    let (page, counts) = page(TEXT, &targets);
    assert_eq!(page.matches("\nup{").count(), 1);
    check(
        &brief(&page),
        &expect![[r#"
        # TYPE a untyped
        a{@1} 1
        # TYPE b untyped
        b{@1} 2
        # TYPE OWN gauge
    "#]],
    );
    assert_eq!(dropped(&counts), [("duplicate", 1)]);
}

#[test]
fn histograms_without_timestamps_come_first_and_a_comment_parts_the_others() {
    let with = |at: &str| {
        let lines = ["_bucket{le=\"+Inf\"}", "_sum", "_count"].map(|name| format!("h{name} 1 {at}\n"));
        format!("# TYPE h histogram\n{}", lines.concat())
    };
    let plain = "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n";
    check(
        &both(&[(TEXT, &with("1000")), (TEXT, plain), (OM, &with("2"))]),
        &expect![[r##"
            # TYPE h histogram
            h_bucket{@2,le="+Inf"} 1
            h_sum{@2} 1
            h_count{@2} 1
            #
            h_bucket{@1,le="+Inf"} 1 1000
            h_sum{@1} 1 1000
            h_count{@1} 1 1000
            #
            h_bucket{@3,le="+Inf"} 1 2000
            h_sum{@3} 1 2000
            h_count{@3} 1 2000
            ---
            # TYPE h histogram
            h_bucket{@2,le="+Inf"} 1
            h_sum{@2} 1
            h_count{@2} 1
            h_bucket{@1,le="+Inf"} 1 1.000
            h_sum{@1} 1 1.000
            h_count{@1} 1 1.000
            h_bucket{@3,le="+Inf"} 1 2.000
            h_sum{@3} 1 2.000
            h_count{@3} 1 2.000
            # EOF
        "##]],
    );
}

#[test]
fn samples_out_of_the_window_are_left_out_and_counted() {
    let targets = targets(&[(TEXT, "a 1 100\nb 1 200\nc 1 300\nd 1\n")]);
    let window = TimestampWindow { oldest_ms: 150, newest_ms: 250 };
    let (page, counts) = page_of(TEXT_PAGE, &targets, window);
    check(
        &brief(&page),
        &expect![[r#"
        # TYPE a untyped
        # TYPE b untyped
        b{@1} 1 200
        # TYPE c untyped
        # TYPE d untyped
        d{@1} 1
        # TYPE OWN gauge
    "#]],
    );
    assert_eq!(dropped(&counts), [("too_old", 1), ("too_new", 1)]);
    assert_eq!(counts.samples, 2);
}

#[test]
fn names_are_quoted_only_where_the_page_allows_it() {
    let store = ShapeStore::new();
    let labels = Labels::from_pairs([("instance", "1"), ("job", "j"), ("ü", "x\"y")]);
    let body = "# HELP \"a.b\" Dots.\n# TYPE \"a.b\" gauge\n{\"a.b\",\"l.m\"=\"1\"} 1\n{\"a.b\",\"l.m\"=\"1\",l_m=\"2\"} 2\na_b 3\n";
    let targets = [target(&store, &labels, TEXT, body)];
    for escaping in [Escaping::Quoted, Escaping::Underscores] {
        let (page, counts) = page_of(PageForm { escaping, ..TEXT_PAGE }, &targets, ANY_TIME);
        match escaping {
            Escaping::Quoted => check(
                &brief(&page),
                &expect![[r##"
                # HELP "a.b" Dots.
                # TYPE "a.b" gauge
                {"a.b",@1,"ü"="x\"y","l.m"="1"} 1
                {"a.b",@1,"ü"="x\"y","l.m"="1",l_m="2"} 2
                # TYPE a_b untyped
                a_b{@1,"ü"="x\"y"} 3
                # TYPE OWN gauge
            "##]],
            ),
            Escaping::Underscores => {
                check(
                    &brief(&page),
                    &expect![[r##"
                    # HELP a_b Dots.
                    # TYPE a_b gauge
                    a_b{@1,_="x\"y",l_m="1"} 1
                    a_b{@1,_="x\"y"} 3
                    # TYPE OWN gauge
                "##]],
                );
                assert_eq!(dropped(&counts), [("escaped_collision", 1)]);
            }
        }
    }
}

#[test]
fn exemplars_go_out_in_openmetrics_where_every_reader_takes_them() {
    let body = "# TYPE c counter\nc_total 1 # {t=\"1\"} 0.5 1\n# TYPE g gauge\ng 1 # {t=\"2\"} 0.5\n";
    check(
        &both(&[(OM, body)]),
        &expect![[r##"
        # TYPE c_total counter
        c_total{@1} 1
        # TYPE g gauge
        g{@1} 1
        ---
        # TYPE c counter
        c_total{@1} 1 # {t="1"} 0.5 1.000
        # TYPE g gauge
        g{@1} 1
        # EOF
    "##]],
    );
}

#[test]
fn conflicts_are_counted_by_kind_and_listed_by_name() {
    let targets = targets(&[
        (TEXT, "# TYPE a gauge\na 1\n# HELP b One.\nb 1\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\n"),
        (TEXT, "# TYPE a counter\na 1\n# HELP b Two.\nb 1\nh_bucket 1\n"),
        (TEXT, "# TYPE a counter\na 1\n# HELP b Two.\nb 1\nh_bucket 1\n"),
    ]);
    let plan = Plan::new(TEXT_PAGE, &targets);
    let counts: Vec<_> = plan.conflicts().counts().map(|(kind, count)| (kind.as_str(), count)).collect();
    assert_eq!(counts, [("type", 2), ("misfit", 2), ("help", 2), ("unit", 0)]);
    let listed: Vec<_> = plan
        .conflicts()
        .list()
        .iter()
        .map(|found| (found.key.kind, &*found.key.name, found.targets))
        .collect();
    assert_eq!(
        listed,
        [(ConflictKind::Type, "a", 2), (ConflictKind::Misfit, "h_bucket", 2), (ConflictKind::Help, "b", 2)]
    );
    assert_eq!((plan.shapes(), plan.conflicts().unlisted()), (2, 0));
}

#[test]
fn a_page_comes_in_bounded_chunks() {
    let body: String = (0..5_000).map(|at| format!("long_metric_name{{label=\"{at}\"}} {at}\n")).collect();
    let targets = targets(&[(TEXT, &body), (TEXT, &body), (TEXT, "a 1\n")]);
    let plan = Arc::new(Plan::new(TEXT_PAGE, &targets));
    let mut writer = PageWriter::new(plan, targets.as_slice().into(), ANY_TIME).expect("its own targets");
    let (mut lines, mut sizes, mut chunk) = (0, Vec::new(), Vec::new());
    loop {
        let more = writer.fill(&mut chunk);
        lines += chunk.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"long_")).count();
        sizes.push(chunk.len());
        chunk.clear();
        if !more {
            break;
        }
    }
    assert_eq!(lines, 10_000);
    assert_eq!(writer.counts().bytes, sizes.iter().sum::<usize>() as u64);
    let (_, full) = sizes.split_last().expect("at least one chunk");
    assert!(full.len() >= 2 && full.iter().all(|size| (CHUNK_BYTES..CHUNK_BYTES + 64 * 1024).contains(size)));
    assert!(!writer.fill(&mut chunk) && chunk.is_empty(), "nothing comes behind the end");
}

#[test]
fn values_of_another_layout_are_left_out_and_counted() {
    let mut targets = targets(&[(OM, "# TYPE a counter\na_total 1\na_created 2\n"), (TEXT, "c 1\n")]);
    let foreign = targets[1].exposition.clone().expect("it answered").values;
    targets[0].exposition.as_mut().expect("it answered").values = foreign;
    let (page, counts) = page(TEXT, &targets);
    assert!(page.contains("\nc{"), "the other target is whole");
    assert_eq!(dropped(&counts), [(DropReason::ForeignValues.as_str(), 2)]);
}

#[test]
fn a_plan_is_kept_until_a_shape_comes_or_goes() {
    let store = ShapeStore::new();
    let make =
        |body: &str| vec![target(&store, &labels(1), TEXT, body), target(&store, &labels(2), TEXT, "a 1\n")];
    let cache = PlanCache::new();
    let key = |form, selection: &str| PlanKey { form, selection: selection.into() };
    let all = key(TEXT_PAGE, "");
    let first_targets = make("a 1\n");
    let first = cache.plan(&all, &first_targets);
    assert!(Arc::ptr_eq(&first, &cache.plan(&all, &make("a 2\n"))), "another value is no other plan");
    assert!(!Arc::ptr_eq(&first, &cache.plan(&key(TEXT_PAGE, "j"), &first_targets)));
    let changed = make("b 1\n");
    assert!(!Arc::ptr_eq(&first, &cache.plan(&all, &changed)), "another shape is");
    let counts = cache.counts();
    assert_eq!((counts.hits, counts.misses, counts.evicted), (1, 3, 0));
    assert!(PageWriter::new(first, changed.into(), ANY_TIME).is_none(), "a plan fits its own targets only");
}

#[test]
fn the_plan_used_longest_ago_gives_way() {
    let cache = PlanCache::new();
    let key = |at: usize| PlanKey { form: TEXT_PAGE, selection: at.to_string().into() };
    for at in 0..=crate::merge::PLANS {
        let _plan = cache.plan(&key(at), &[]);
    }
    let _plan = cache.plan(&key(1), &[]);
    let _plan = cache.plan(&key(0), &[]);
    let counts = cache.counts();
    assert_eq!((counts.hits, counts.evicted), (1, 2));
}

#[test]
fn samples_of_one_metric_come_together() {
    let body = "# TYPE s summary\ns{a=\"1\",quantile=\"0.5\"} 1\ns{a=\"2\",quantile=\"0.5\"} 1\n\
                s_sum{a=\"1\"} 1\ns_sum{a=\"2\"} 1\ns_created{a=\"2\"} 5\ns_created{a=\"1\"} 5\n";
    check(
        &both(&[(TEXT, body)]),
        &expect![[r##"
        # TYPE s summary
        s{@1,a="1",quantile="0.5"} 1
        s_sum{@1,a="1"} 1
        s{@1,a="2",quantile="0.5"} 1
        s_sum{@1,a="2"} 1
        # TYPE s_created untyped
        s_created{@1,a="2"} 5
        s_created{@1,a="1"} 5
        ---
        # TYPE s summary
        s{@1,a="1",quantile="0.5"} 1
        s_sum{@1,a="1"} 1
        s_created{@1,a="1"} 5
        s{@1,a="2",quantile="0.5"} 1
        s_sum{@1,a="2"} 1
        s_created{@1,a="2"} 5
        # EOF
    "##]],
    );
}

/// Formats are named so that a failing test says which.
#[test]
fn an_unchanged_series_has_identical_bytes_in_every_page() {
    let targets =
        targets(&[(TEXT, "# TYPE a_total counter\na_total{b=\"1\"} 1\n"), (OM, "# TYPE g gauge\ng 1\n")]);
    for format in [Format::Text, Format::OpenMetrics] {
        assert_eq!(page(format, &targets), page(format, &targets), "{format:?}");
    }
}
