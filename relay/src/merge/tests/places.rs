//! Where samples stand, type by type, when targets agree.

use expect_test::{Expect, expect};

use super::fixture::{OM, TEXT, both};
use model::exposition::entry::Format;

pub(super) fn check(bodies: &[(Format, &str)], pages: &Expect) {
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
