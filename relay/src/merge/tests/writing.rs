//! What is written, and what is left out.

use expect_test::{Expect, expect};
use model::exposition::page_style::PageStyle;
use model::exposition::spelling::Escaping;
use model::exposition::store::ShapeStore;
use model::job::ScrapeSettings;
use model::labels::Labels;

use super::fixture::{
    ANY_TIME, OM, TEXT, both, brief, down, labels, page, page_of, target, target_of, targets,
};
use crate::merge::{PageCounts, PageForm, PageTarget, TimestampWindow, sort_targets};

pub(super) const TEXT_PAGE: PageForm =
    PageForm { format: TEXT, escaping: Escaping::Underscores, style: PageStyle::PROMETHEUS };

pub(super) fn dropped(counts: &PageCounts) -> Vec<(&'static str, u64)> {
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
