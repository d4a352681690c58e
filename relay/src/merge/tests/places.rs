//! Where samples stand when targets agree, and when they do not.

use expect_test::{Expect, expect};

use super::fixture::{OM, TEXT, both};
use model::exposition::entry::Format;

fn check(bodies: &[(Format, &str)], pages: &Expect) {
    pages.assert_eq(&both(bodies));
}

#[test]
fn targets_that_agree_share_their_families() {
    let body = "# HELP a_total All.\n# TYPE a_total counter\na_total{x=\"1\"} 1\na_total{x=\"2\"} 2\n# TYPE g gauge\ng 3\nu 4\n";
    check(
        &[(TEXT, body), (TEXT, body)],
        &expect![[r##"
            # HELP a_total All.
            # TYPE a_total counter
            a_total{@1,x="1"} 1
            a_total{@1,x="2"} 2
            a_total{@2,x="1"} 1
            a_total{@2,x="2"} 2
            # TYPE g gauge
            g{@1} 3
            g{@2} 3
            # TYPE u untyped
            u{@1} 4
            u{@2} 4
            ---
            # TYPE a counter
            # HELP a All.
            a_total{@1,x="1"} 1
            a_total{@1,x="2"} 2
            a_total{@2,x="1"} 1
            a_total{@2,x="2"} 2
            # TYPE g gauge
            g{@1} 3
            g{@2} 3
            # TYPE u unknown
            u{@1} 4
            u{@2} 4
            # EOF
        "##]],
    );
}

#[test]
fn a_counter_is_named_as_each_format_wants_it() {
    check(
        &[
            (TEXT, "# HELP t_total In text.\n# TYPE t_total counter\nt_total 1\n"),
            (OM, "# TYPE o counter\n# HELP o In OpenMetrics.\no_total 2\no_created 3\n"),
            (OM, "# TYPE tolerated_total counter\ntolerated_total 4\n"),
        ],
        &expect![[r#"
            # HELP o_created In OpenMetrics.
            # TYPE o_created gauge
            o_created{@2} 3
            # HELP o_total In OpenMetrics.
            # TYPE o_total counter
            o_total{@2} 2
            # HELP t_total In text.
            # TYPE t_total counter
            t_total{@1} 1
            # TYPE tolerated_total counter
            tolerated_total{@3} 4
            ---
            # TYPE o counter
            # HELP o In OpenMetrics.
            o_total{@2} 2
            o_created{@2} 3
            # TYPE t counter
            # HELP t In text.
            t_total{@1} 1
            # TYPE tolerated counter
            tolerated_total{@3} 4
            # EOF
        "#]],
    );
}

#[test]
fn a_counter_without_total_is_of_unknown_type_in_openmetrics() {
    check(
        &[
            (TEXT, "# TYPE plain counter\nplain 1\n# TYPE _total counter\n_total 2\n"),
            (OM, "# TYPE tolerated counter\ntolerated 3\n"),
        ],
        &expect![[r#"
            # TYPE _total counter
            _total{@1} 2
            # TYPE plain counter
            plain{@1} 1
            # TYPE tolerated counter
            tolerated{@2} 3
            ---
            # TYPE _total unknown
            _total{@1} 2
            # TYPE plain unknown
            plain{@1} 1
            # TYPE tolerated unknown
            tolerated{@2} 3
            # EOF
        "#]],
    );
}

#[test]
fn what_has_no_type_is_untyped() {
    check(
        &[(TEXT, "# TYPE u untyped\nu 1\nv 2\n"), (OM, "# TYPE w unknown\nw 3\n")],
        &expect![[r#"
            # TYPE u untyped
            u{@1} 1
            # TYPE v untyped
            v{@1} 2
            # TYPE w untyped
            w{@2} 3
            ---
            # TYPE u unknown
            u{@1} 1
            # TYPE v unknown
            v{@1} 2
            # TYPE w unknown
            w{@2} 3
            # EOF
        "#]],
    );
}

#[test]
fn summaries_and_histograms_stay_and_their_created_is_a_gauge_in_text() {
    check(
        &[
            (OM, "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\ns_created 4\n"),
            (
                OM,
                "# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 2\nh_count 2\nh_created 4\n",
            ),
        ],
        &expect![[r##"
            # TYPE h histogram
            h_bucket{@2,le="1.0"} 1
            h_bucket{@2,le="+Inf"} 2
            h_sum{@2} 2
            h_count{@2} 2
            # TYPE h_created gauge
            h_created{@2} 4
            # TYPE s summary
            s{@1,quantile="0.5"} 1
            s_sum{@1} 2
            s_count{@1} 3
            # TYPE s_created gauge
            s_created{@1} 4
            ---
            # TYPE h histogram
            h_bucket{@2,le="1.0"} 1
            h_bucket{@2,le="+Inf"} 2
            h_sum{@2} 2
            h_count{@2} 2
            h_created{@2} 4
            # TYPE s summary
            s{@1,quantile="0.5"} 1
            s_sum{@1} 2
            s_count{@1} 3
            s_created{@1} 4
            # EOF
        "##]],
    );
}

#[test]
fn the_types_that_only_openmetrics_has_are_gauges_in_text() {
    check(
        &[(
            OM,
            "# TYPE gh gaugehistogram\ngh_bucket{le=\"1\"} 1\ngh_bucket{le=\"+Inf\"} 2\ngh_gcount 2\ngh_gsum 3\n\
             # TYPE i info\ni_info{v=\"1\"} 1\n# TYPE s stateset\ns{s=\"on\"} 1\ns{s=\"off\"} 0\n",
        )],
        &expect![[r##"
            # TYPE gh_bucket gauge
            gh_bucket{@1,le="1"} 1
            gh_bucket{@1,le="+Inf"} 2
            # TYPE gh_gcount gauge
            gh_gcount{@1} 2
            # TYPE gh_gsum gauge
            gh_gsum{@1} 3
            # TYPE i_info gauge
            i_info{@1,v="1"} 1
            # TYPE s gauge
            s{@1,s="on"} 1
            s{@1,s="off"} 0
            ---
            # TYPE gh gaugehistogram
            gh_bucket{@1,le="1"} 1
            gh_bucket{@1,le="+Inf"} 2
            gh_gcount{@1} 2
            gh_gsum{@1} 3
            # TYPE i info
            i_info{@1,v="1"} 1
            # TYPE s stateset
            s{@1,s="on"} 1
            s{@1,s="off"} 0
            # EOF
        "##]],
    );
}

#[test]
fn an_info_whose_sample_lacks_the_suffix_is_a_gauge() {
    check(
        &[(OM, "# TYPE kube_pod_info info\nkube_pod_info{pod=\"a\"} 1\n")],
        &expect![[r##"
        # TYPE kube_pod_info gauge
        kube_pod_info{@1,pod="a"} 1
        ---
        # TYPE kube_pod_info gauge
        kube_pod_info{@1,pod="a"} 1
        # EOF
    "##]],
    );
}

#[test]
fn the_created_gauges_of_text_clients_belong_to_their_families_in_openmetrics() {
    check(
        &[(
            TEXT,
            "# TYPE c_total counter\nc_total{a=\"1\"} 1\nc_total{a=\"2\"} 2\n\
             # TYPE c_created gauge\nc_created{a=\"1\"} 10\nc_created{a=\"2\"} 20\n\
             # TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\n# TYPE h_created gauge\nh_created 30\n\
             # TYPE s summary\ns_count 1\ns_sum 1\ns_created 40\n\
             # TYPE alone_created gauge\nalone_created 50\n",
        )],
        &expect![[r##"
            # TYPE alone_created gauge
            alone_created{@1} 50
            # TYPE c_created gauge
            c_created{@1,a="1"} 10
            c_created{@1,a="2"} 20
            # TYPE c_total counter
            c_total{@1,a="1"} 1
            c_total{@1,a="2"} 2
            # TYPE h histogram
            h_bucket{@1,le="+Inf"} 1
            h_count{@1} 1
            h_sum{@1} 1
            # TYPE h_created gauge
            h_created{@1} 30
            # TYPE s summary
            s_count{@1} 1
            s_sum{@1} 1
            # TYPE s_created untyped
            s_created{@1} 40
            ---
            # TYPE alone_created gauge
            alone_created{@1} 50
            # TYPE c counter
            c_total{@1,a="1"} 1
            c_created{@1,a="1"} 10
            c_total{@1,a="2"} 2
            c_created{@1,a="2"} 20
            # TYPE h histogram
            h_bucket{@1,le="+Inf"} 1
            h_count{@1} 1
            h_sum{@1} 1
            h_created{@1} 30
            # TYPE s summary
            s_count{@1} 1
            s_sum{@1} 1
            s_created{@1} 40
            # EOF
        "##]],
    );
}

#[test]
fn a_created_gauge_stays_apart_where_its_labels_would_be_rewritten() {
    check(
        &[(
            TEXT,
            "h_created{le=\"1\"} 0\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 0\n# TYPE s summary\ns_sum 1\n\
             # TYPE s_created gauge\ns_created{quantile=\"1\"} 1\n# TYPE c_total counter\nc_total 1\n\
             # TYPE c_created gauge\nc_created{le=\"1\"} 1\n",
        )],
        &expect![[r##"
            # TYPE c_created gauge
            c_created{@1,le="1"} 1
            # TYPE c_total counter
            c_total{@1} 1
            # TYPE h histogram
            h_bucket{@1,le="+Inf"} 0
            # TYPE h_created untyped
            h_created{@1,le="1"} 0
            # TYPE s summary
            s_sum{@1} 1
            # TYPE s_created gauge
            s_created{@1,quantile="1"} 1
            ---
            # TYPE c counter
            c_total{@1} 1
            c_created{@1,le="1"} 1
            # TYPE h histogram
            h_bucket{@1,le="+Inf"} 0
            # TYPE s_created gauge
            s_created{@1,quantile="1"} 1
            # TYPE s_sum unknown
            s_sum{@1} 1
            # TYPE OWN gauge
            h_created{@1,le="1"} 0
            # EOF
        "##]],
    );
}

#[test]
fn a_unit_goes_out_where_openmetrics_allows_it() {
    check(
        &[
            (OM, "# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n"),
            (OM, "# TYPE b_seconds counter\n# UNIT b_seconds seconds\nb_seconds_total 1\n"),
            (OM, "# TYPE a_seconds gauge\n# UNIT a_seconds \na_seconds 1\n"),
        ],
        &expect![[r#"
            # TYPE a_seconds gauge
            a_seconds{@1} 1
            a_seconds{@3} 1
            # TYPE b_seconds_total counter
            b_seconds_total{@2} 1
            ---
            # TYPE a_seconds gauge
            # UNIT a_seconds seconds
            a_seconds{@1} 1
            a_seconds{@3} 1
            # TYPE b_seconds counter
            # UNIT b_seconds seconds
            b_seconds_total{@2} 1
            # EOF
        "#]],
    );
}

#[test]
fn metadata_without_samples_stands_unless_its_name_is_taken() {
    check(
        &[
            (TEXT, "# HELP only Help only.\n# TYPE e_total counter\n# HELP g Described.\n# TYPE g counter\n"),
            (OM, "# TYPE c counter\n# TYPE i info\n# TYPE gh gaugehistogram\n# TYPE s stateset\n"),
            (TEXT, "g 1\n"),
            (TEXT, "# TYPE c gauge\nc 1\n# TYPE h_count gauge\nh_count 1\n# TYPE h histogram\n"),
        ],
        &expect![[r#"
            # TYPE c gauge
            c{@4} 1
            # TYPE c_total counter
            # TYPE e_total counter
            # HELP g Described.
            # TYPE g untyped
            g{@3} 1
            # TYPE gh_bucket gauge
            # TYPE gh_gcount gauge
            # TYPE gh_gsum gauge
            # TYPE h_count gauge
            h_count{@4} 1
            # TYPE i_info gauge
            # HELP only Help only.
            # TYPE only untyped
            # TYPE s gauge
            ---
            # TYPE c gauge
            c{@4} 1
            # TYPE e counter
            # TYPE g unknown
            # HELP g Described.
            g{@3} 1
            # TYPE gh gaugehistogram
            # TYPE h_count gauge
            h_count{@4} 1
            # TYPE i info
            # TYPE only unknown
            # HELP only Help only.
            # TYPE s stateset
            # EOF
        "#]],
    );
}

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
