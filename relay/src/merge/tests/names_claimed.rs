//! Where samples stand when a family of several samples claims a name that others use, and whose HELP holds.

use expect_test::expect;

use super::fixture::{OM, TEXT};
use super::places::check;

#[test]
fn histograms_take_their_names_first_and_misfits_go_last() {
    check(
        &[
            (TEXT, "foo_bucket{le=\"1\"} 1\n# TYPE foo_count gauge\nfoo_count 2\n# TYPE zoo gauge\nzoo 1\n"),
            (TEXT, "# TYPE foo gauge\nfoo 3\n"),
            (
                TEXT,
                "# HELP foo H.\n# TYPE foo histogram\nfoo_bucket{le=\"1\"} 1\nfoo_bucket{le=\"+Inf\"} 2\nfoo_sum 3\nfoo_count 2\n",
            ),
        ],
        &expect![[r##"
            # HELP foo H.
            # TYPE foo histogram
            foo_bucket{@3,le="1.0"} 1
            foo_bucket{@3,le="+Inf"} 2
            foo_sum{@3} 3
            foo_count{@3} 2
            # TYPE zoo gauge
            zoo{@1} 1
            # TYPE OWN gauge
            foo_bucket{@1,le="1"} 1
            foo_count{@1} 2
            foo{@2} 3
            ---
            # TYPE foo histogram
            # HELP foo H.
            foo_bucket{@3,le="1.0"} 1
            foo_bucket{@3,le="+Inf"} 2
            foo_sum{@3} 3
            foo_count{@3} 2
            # TYPE zoo gauge
            zoo{@1} 1
            # TYPE OWN gauge
            foo_bucket{@1,le="1"} 1
            foo_count{@1} 2
            foo{@2} 3
            # EOF
        "##]],
    );
}

#[test]
fn buckets_read_while_another_type_was_in_force_are_misfits_of_their_own_target() {
    check(
        &[(
            TEXT,
            "# TYPE foo histogram\nfoo_bucket{le=\"1\"} 1\nfoo_bucket{le=\"+Inf\"} 1\nfoo_sum 3\nfoo_count 1\n\
             # TYPE bar gauge\nbar 1\nfoo_bucket{le=\"1\"} 7\n",
        )],
        &expect![[r##"
            # TYPE bar gauge
            bar{@1} 1
            # TYPE foo histogram
            foo_bucket{@1,le="1.0"} 1
            foo_bucket{@1,le="+Inf"} 1
            foo_sum{@1} 3
            foo_count{@1} 1
            # TYPE OWN gauge
            foo_bucket{@1,le="1"} 7
            ---
            # TYPE bar gauge
            bar{@1} 1
            # TYPE foo histogram
            foo_bucket{@1,le="1.0"} 1
            foo_bucket{@1,le="+Inf"} 1
            foo_sum{@1} 3
            foo_count{@1} 1
            # TYPE OWN gauge
            foo_bucket{@1,le="1"} 7
            # EOF
        "##]],
    );
}

#[test]
fn of_two_histograms_that_share_a_name_the_first_has_it() {
    check(
        &[
            (TEXT, "# TYPE foo histogram\nfoo_bucket{le=\"+Inf\"} 1\nfoo_sum 3\nfoo_count 1\n"),
            (
                TEXT,
                "# TYPE foo_bucket histogram\nfoo_bucket_bucket{le=\"+Inf\"} 1\nfoo_bucket_sum 3\nfoo_bucket_count 1\n",
            ),
        ],
        &expect![[r##"
            # TYPE foo histogram
            foo_bucket{@1,le="+Inf"} 1
            foo_sum{@1} 3
            foo_count{@1} 1
            # TYPE foo_bucket_bucket untyped
            foo_bucket_bucket{@2,le="+Inf"} 1
            # TYPE foo_bucket_count untyped
            foo_bucket_count{@2} 1
            # TYPE foo_bucket_sum untyped
            foo_bucket_sum{@2} 3
            ---
            # TYPE foo histogram
            foo_bucket{@1,le="+Inf"} 1
            foo_sum{@1} 3
            foo_count{@1} 1
            # TYPE foo_bucket_bucket unknown
            foo_bucket_bucket{@2,le="+Inf"} 1
            # TYPE foo_bucket_count unknown
            foo_bucket_count{@2} 1
            # TYPE foo_bucket_sum unknown
            foo_bucket_sum{@2} 3
            # EOF
        "##]],
    );
}

#[test]
fn in_openmetrics_a_gaugehistogram_and_a_stateset_yield_to_samples_that_are_not_theirs() {
    check(
        &[
            (OM, "# TYPE gh gaugehistogram\ngh_bucket{le=\"+Inf\"} 2\ngh_gcount 2\ngh_gsum 3\n"),
            (TEXT, "gh_gsum 4\n"),
            (OM, "# TYPE s stateset\ns{s=\"on\"} 1\n"),
            (TEXT, "s 5\n"),
            (TEXT, "ok{ok=\"on\"} 5\n"),
            (OM, "# TYPE ok stateset\nok{ok=\"on\"} 1\n"),
        ],
        &expect![[r##"
            # TYPE gh_bucket gauge
            gh_bucket{@1,le="+Inf"} 2
            # TYPE gh_gcount gauge
            gh_gcount{@1} 2
            # TYPE gh_gsum gauge
            gh_gsum{@1} 3
            gh_gsum{@2} 4
            # TYPE ok gauge
            ok{@5,ok="on"} 5
            ok{@6,ok="on"} 1
            # TYPE s gauge
            s{@3,s="on"} 1
            s{@4} 5
            ---
            # TYPE gh_bucket unknown
            gh_bucket{@1,le="+Inf"} 2
            # TYPE gh_gcount unknown
            gh_gcount{@1} 2
            # TYPE gh_gsum unknown
            gh_gsum{@1} 3
            gh_gsum{@2} 4
            # TYPE ok stateset
            ok{@5,ok="on"} 5
            ok{@6,ok="on"} 1
            # TYPE s unknown
            s{@3,s="on"} 1
            s{@4} 5
            # EOF
        "##]],
    );
}

#[test]
fn a_created_that_is_not_the_counters_own_ends_its_claim_in_openmetrics() {
    check(
        &[
            (OM, "# TYPE c counter\nc_total 1\nc_created 2\n"),
            (TEXT, "# TYPE c_created gauge\nc_created 3\n"),
        ],
        &expect![[r#"
            # TYPE c_created gauge
            c_created{@1} 2
            c_created{@2} 3
            # TYPE c_total counter
            c_total{@1} 1
            ---
            # TYPE c_created gauge
            c_created{@1} 2
            c_created{@2} 3
            # TYPE c_total unknown
            c_total{@1} 1
            # EOF
        "#]],
    );
}

#[test]
fn help_is_that_of_the_first_target_that_has_one() {
    check(
        &[
            (TEXT, "# TYPE g gauge\ng 1\n"),
            (TEXT, "# HELP g Back\\\\slash \"quoted\"\\nsecond.\ng 2\n"),
            (TEXT, "# HELP g Another.\n# TYPE g gauge\ng 3\n"),
        ],
        &expect![[r##"
            # HELP g Back\\slash "quoted"\nsecond.
            # TYPE g gauge
            g{@1} 1
            g{@2} 2
            g{@3} 3
            ---
            # TYPE g gauge
            # HELP g Back\\slash \"quoted\"\nsecond.
            g{@1} 1
            g{@2} 2
            g{@3} 3
            # EOF
        "##]],
    );
}
