//! Where samples stand when targets declare different types for a name.

use expect_test::expect;

use super::fixture::{OM, TEXT};
use super::places::check;

#[test]
fn a_gauge_before_a_counter_of_openmetrics() {
    check(
        &[(TEXT, "# TYPE foo gauge\nfoo 1\n"), (OM, "# TYPE foo counter\nfoo_total 2\n")],
        &expect![[r#"
        # TYPE foo gauge
        foo{@1} 1
        # TYPE foo_total counter
        foo_total{@2} 2
        ---
        # TYPE foo gauge
        foo{@1} 1
        # TYPE foo_total unknown
        foo_total{@2} 2
        # EOF
    "#]],
    );
}

#[test]
fn a_gauge_behind_a_counter_of_openmetrics() {
    check(
        &[(OM, "# TYPE foo counter\nfoo_total 2\n"), (TEXT, "# TYPE foo gauge\nfoo 1\n")],
        &expect![[r#"
        # TYPE foo gauge
        foo{@2} 1
        # TYPE foo_total counter
        foo_total{@1} 2
        ---
        # TYPE foo gauge
        foo{@2} 1
        # TYPE foo_total unknown
        foo_total{@1} 2
        # EOF
    "#]],
    );
}

#[test]
fn the_first_of_gauge_and_counter_holds_the_others_samples() {
    let (gauge, counter) = ("# TYPE foo_total gauge\nfoo_total 1\n", "# TYPE foo counter\nfoo_total 2\n");
    check(
        &[(TEXT, gauge), (OM, counter)],
        &expect![[r#"
        # TYPE foo_total gauge
        foo_total{@1} 1
        foo_total{@2} 2
        ---
        # TYPE foo_total gauge
        foo_total{@1} 1
        foo_total{@2} 2
        # EOF
    "#]],
    );
    check(
        &[(OM, counter), (TEXT, gauge)],
        &expect![[r#"
        # TYPE foo_total counter
        foo_total{@1} 2
        foo_total{@2} 1
        ---
        # TYPE foo counter
        foo_total{@1} 2
        foo_total{@2} 1
        # EOF
    "#]],
    );
}

#[test]
fn a_gauge_before_a_summary_takes_the_quantiles() {
    check(
        &[
            (TEXT, "# TYPE foo gauge\nfoo 1\n"),
            (TEXT, "# TYPE foo summary\nfoo{quantile=\"0.5\"} 2\nfoo_sum 3\nfoo_count 4\n"),
        ],
        &expect![[r##"
            # TYPE foo gauge
            foo{@1} 1
            foo{@2,quantile="0.5"} 2
            # TYPE foo_count untyped
            foo_count{@2} 4
            # TYPE foo_sum untyped
            foo_sum{@2} 3
            ---
            # TYPE foo gauge
            foo{@1} 1
            foo{@2,quantile="0.5"} 2
            # TYPE foo_count unknown
            foo_count{@2} 4
            # TYPE foo_sum unknown
            foo_sum{@2} 3
            # EOF
        "##]],
    );
}

#[test]
fn a_summary_takes_in_what_fits_it() {
    check(
        &[
            (TEXT, "# TYPE foo summary\nfoo{quantile=\"0.5\"} 2\nfoo_sum 3\nfoo_count 4\n"),
            (
                TEXT,
                "foo{quantile=\"0.9\"} 1\n# TYPE foo_sum gauge\nfoo_sum 5\n# TYPE foo_count counter\nfoo_count 6\n",
            ),
        ],
        &expect![[r##"
            # TYPE foo summary
            foo{@1,quantile="0.5"} 2
            foo_sum{@1} 3
            foo_count{@1} 4
            foo{@2,quantile="0.9"} 1
            foo_sum{@2} 5
            foo_count{@2} 6
            ---
            # TYPE foo summary
            foo{@1,quantile="0.5"} 2
            foo_sum{@1} 3
            foo_count{@1} 4
            foo{@2,quantile="0.9"} 1
            foo_sum{@2} 5
            foo_count{@2} 6
            # EOF
        "##]],
    );
}

#[test]
fn a_summary_yields_to_a_quantile_that_is_not_canonical() {
    check(
        &[
            (TEXT, "# TYPE foo summary\nfoo{quantile=\"0.5\"} 2\nfoo_sum 3\nfoo_count 4\n"),
            (TEXT, "foo{quantile=\"0.50\"} 1\n"),
        ],
        &expect![[r##"
            # TYPE foo untyped
            foo{@1,quantile="0.5"} 2
            foo{@2,quantile="0.50"} 1
            # TYPE foo_count untyped
            foo_count{@1} 4
            # TYPE foo_sum untyped
            foo_sum{@1} 3
            ---
            # TYPE foo unknown
            foo{@1,quantile="0.5"} 2
            foo{@2,quantile="0.50"} 1
            # TYPE foo_count unknown
            foo_count{@1} 4
            # TYPE foo_sum unknown
            foo_sum{@1} 3
            # EOF
        "##]],
    );
}

#[test]
fn a_summary_yields_to_a_quantile_that_is_not_canonical_on_its_sum_too() {
    check(
        &[(TEXT, "bar_sum{quantile=\"0.50\"} 0\n# TYPE bar summary\n")],
        &expect![[r##"
        # TYPE bar_sum untyped
        bar_sum{@1,quantile="0.50"} 0
        ---
        # TYPE bar_sum unknown
        bar_sum{@1,quantile="0.50"} 0
        # EOF
    "##]],
    );
}

#[test]
fn in_openmetrics_a_summary_yields_to_a_sample_without_quantile() {
    check(
        &[(TEXT, "# TYPE foo summary\nfoo{quantile=\"0.5\"} 2\nfoo_sum 3\nfoo_count 4\n"), (TEXT, "foo 1\n")],
        &expect![[r##"
            # TYPE foo summary
            foo{@1,quantile="0.5"} 2
            foo_sum{@1} 3
            foo_count{@1} 4
            foo{@2} 1
            ---
            # TYPE foo unknown
            foo{@1,quantile="0.5"} 2
            foo{@2} 1
            # TYPE foo_count unknown
            foo_count{@1} 4
            # TYPE foo_sum unknown
            foo_sum{@1} 3
            # EOF
        "##]],
    );
}

#[test]
fn the_first_of_an_info_and_a_gauge_of_its_samples_name_holds_both() {
    let (gauge, info) = (
        "# TYPE target_info gauge\ntarget_info{a=\"1\"} 1\n",
        "# TYPE target info\ntarget_info{b=\"1\"} 1\n",
    );
    check(
        &[(TEXT, gauge), (OM, info)],
        &expect![[r##"
            # TYPE target_info gauge
            target_info{@1,a="1"} 1
            target_info{@2,b="1"} 1
            ---
            # TYPE target_info gauge
            target_info{@1,a="1"} 1
            target_info{@2,b="1"} 1
            # EOF
        "##]],
    );
    check(
        &[(OM, info), (TEXT, gauge)],
        &expect![[r##"
            # TYPE target_info gauge
            target_info{@1,b="1"} 1
            target_info{@2,a="1"} 1
            ---
            # TYPE target info
            target_info{@1,b="1"} 1
            target_info{@2,a="1"} 1
            # EOF
        "##]],
    );
}

#[test]
fn a_target_that_says_nothing_takes_no_type_away() {
    check(
        &[
            (TEXT, "foo_total 1\nbar 2\n"),
            (TEXT, "# TYPE foo_total counter\nfoo_total 3\n# TYPE bar gauge\nbar 4\n"),
        ],
        &expect![[r#"
            # TYPE bar gauge
            bar{@1} 2
            bar{@2} 4
            # TYPE foo_total counter
            foo_total{@1} 1
            foo_total{@2} 3
            ---
            # TYPE bar gauge
            bar{@1} 2
            bar{@2} 4
            # TYPE foo counter
            foo_total{@1} 1
            foo_total{@2} 3
            # EOF
        "#]],
    );
}
