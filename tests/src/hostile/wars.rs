//! Bodies that fight over families, series and identities that are not theirs.

use super::Case;
use super::Verdict::{Down, Up};

/// The table.
pub(super) fn cases() -> Vec<Case> {
    [impersonation(), types(), types_in_openmetrics(), misfits()].concat()
}

fn impersonation() -> Vec<Case> {
    vec![
        Case::text("up of another target", Up, b"up{job=\"other\",instance=\"victim\"} 0\n"),
        Case::text("its own up", Up, b"up 0\n"),
        Case::text("its own up as a counter", Up, b"# HELP up Mine.\n# TYPE up counter\nup 0\nup{a=\"b\"} 0\n"),
        Case::text("up as a histogram", Up, b"# TYPE up histogram\nup_bucket{le=\"1\"} 1\nup_bucket{le=\"+Inf\"} 1\nup_sum 1\nup_count 1\nup 5\n"),
        Case::text("the scrape series", Up, b"scrape_samples_scraped 7\nscrape_duration_seconds 1e9\nscrape_series_added -1\nscrape_samples_post_metric_relabeling 7\n"),
        Case::text("a scrape series as a histogram", Up, b"# TYPE scrape_samples histogram\nscrape_samples_scraped 7\n# TYPE scrape_duration_seconds histogram\nscrape_duration_seconds_bucket{le=\"1\"} 1\nscrape_duration_seconds_count 1\n"),
        Case::text("a scrape series with labels", Up, b"scrape_samples_scraped{x=\"y\"} 7\n"),
        Case::text("the relay's prefix", Up, b"scraperelay_x 1\n# TYPE scraperelay_target_cache_age_seconds counter\nscraperelay_target_cache_age_seconds 1\n"),
        Case::openmetrics("OM with the relay's prefix", Up, b"# TYPE scraperelay_target_cache_age_seconds histogram\nscraperelay_target_cache_age_seconds_bucket{le=\"1.0\"} 1\n# EOF\n"),
        Case::text("only the relay's prefix", Up, b"scraperelay_ 1\n"),
        Case::text("a series of a good target", Up, b"http_requests_total{code=\"200\",instance=\"127.0.0.1:1\",job=\"good\"} 5\n"),
        Case::text("empty job and instance", Up, b"a{job=\"\",instance=\"\"} 1\nup{job=\"\",instance=\"\"} 0\n"),
        Case::openmetrics("OM with its own up", Up, b"# TYPE up counter\nup_total 1\nup_created 1\n# TYPE up_x stateset\nup_x{up_x=\"a\"} 1\n# EOF\n"),
        Case::text("alerts and recordings", Up, b"ALERTS{alertname=\"x\",alertstate=\"firing\"} 1\njob:x:rate5m 1\n"),
    ]
}

fn types() -> Vec<Case> {
    vec![
        Case::text("a counter as a gauge", Up, b"# HELP http_requests_total Other words.\n# TYPE http_requests_total gauge\nhttp_requests_total 1\n"),
        Case::text("a counter as a histogram", Up, b"# TYPE http_requests_total histogram\nhttp_requests_total_bucket{le=\"1\"} 1\nhttp_requests_total_bucket{le=\"+Inf\"} 1\nhttp_requests_total_sum 1\nhttp_requests_total_count 1\n"),
        Case::text("the stem of a counter as a histogram", Up, b"# TYPE http_requests histogram\nhttp_requests_bucket{le=\"+Inf\"} 1\nhttp_requests_sum 1\nhttp_requests_count 1\nhttp_requests_total 1\n"),
        Case::text("a histogram as a gauge", Up, b"# TYPE request_seconds gauge\nrequest_seconds 1\n"),
        Case::text("a histogram as a summary", Up, b"# TYPE request_seconds summary\nrequest_seconds{quantile=\"0.5\"} 1\nrequest_seconds_sum 1\nrequest_seconds_count 1\n"),
        Case::text("a histogram as a counter", Up, b"# TYPE request_seconds counter\nrequest_seconds 1\nrequest_seconds_total 1\n"),
        Case::text("a summary as a histogram", Up, b"# TYPE rpc_seconds histogram\nrpc_seconds_bucket{le=\"0.1\"} 1\nrpc_seconds_bucket{le=\"+Inf\"} 2\nrpc_seconds_sum 1\nrpc_seconds_count 2\n"),
        Case::text("a summary as a gauge", Up, b"# TYPE rpc_seconds gauge\nrpc_seconds 1\nrpc_seconds{quantile=\"0.5\"} 1\n"),
        Case::text("a gauge as a summary", Up, b"# TYPE temperature summary\ntemperature{quantile=\"0.5\"} 1\ntemperature_sum 1\ntemperature_count 1\n"),
        Case::text("a gauge as a histogram", Up, b"# TYPE temperature histogram\ntemperature_bucket{le=\"1\"} 1\ntemperature 3\ntemperature_count 1\n"),
        Case::text("a stateset's name as a counter", Up, b"# TYPE mode counter\nmode 1\nmode_total 1\n"),
        Case::text("an info's name as a summary", Up, b"# TYPE build_info summary\nbuild_info{quantile=\"0.9\"} 1\nbuild_info_sum 1\nbuild_info_count 1\n"),
        Case::text("a HELP war with escapes", Up, b"# HELP temperature \\\\ \\n \"quotes\" # EOF\n# TYPE temperature gauge\ntemperature 1\n"),
        Case::text("metadata of good families without samples", Up, b"# TYPE http_requests_total summary\n# HELP http_requests_total x\n# TYPE request_seconds counter\n# TYPE level histogram\n# TYPE jobs histogram\n"),
        Case::text("one family under four types", Up, b"# TYPE a gauge\na 1\n# TYPE a counter\na{x=\"1\"} 1\n# TYPE a summary\na{quantile=\"1\"} 1\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na{x=\"2\"} 1\n"),
        Case::text("names that are prefixes of each other", Up, b"# TYPE a counter\na 1\n# TYPE a_total counter\na_total 1\n# TYPE a_total_total counter\na_total_total 1\n# TYPE a_count histogram\na_count_count 1\na_count 1\n"),
    ]
}

fn types_in_openmetrics() -> Vec<Case> {
    vec![
        Case::openmetrics("OM gauge of a counter's name", Up, b"# TYPE jobs gauge\njobs 1\n# EOF\n"),
        Case::openmetrics("OM gauge of a counter's sample", Up, b"# TYPE jobs_total gauge\njobs_total 1\n# TYPE jobs_created gauge\njobs_created 1\n# EOF\n"),
        Case::openmetrics("OM gauge of a histogram's creation", Up, b"# TYPE work_seconds_created gauge\nwork_seconds_created 1\n# EOF\n"),
        Case::openmetrics("OM stateset as info", Up, b"# TYPE mode info\nmode_info{a=\"b\"} 1\n# TYPE build stateset\nbuild{build=\"a\"} 1\n# EOF\n"),
        Case::openmetrics("OM summary of a gauge's name", Up, b"# TYPE level summary\nlevel{quantile=\"0.5\"} 1\nlevel_sum 1\nlevel_count 1\n# EOF\n"),
        Case::openmetrics("OM gaugehistogram of a histogram's name", Up, b"# TYPE work_seconds gaugehistogram\nwork_seconds_bucket{le=\"+Inf\"} 1\nwork_seconds_gcount 1\nwork_seconds_gsum 1\n# EOF\n"),
        Case::openmetrics("OM unknown of a histogram's name", Up, b"# TYPE work_seconds unknown\nwork_seconds 1\n# EOF\n"),
        Case::openmetrics("OM counter of a text counter's name", Up, b"# TYPE http_requests_total counter\nhttp_requests_total_total 1\n# EOF\n"),
        Case::openmetrics("OM counter beside a gauge of its name", Up, b"# TYPE temperature counter\ntemperature_total 1 # {a=\"b\"} 1\n# EOF\n"),
        Case::openmetrics("OM histogram of nothing but its count", Up, b"# TYPE work_seconds histogram\nwork_seconds_count 1\n# EOF\n"),
        Case::openmetrics("OM unit of a good family", Up, b"# TYPE request_seconds histogram\n# UNIT request_seconds seconds\n# HELP request_seconds \\\"quoted\\\"\nrequest_seconds_bucket{le=\"1.0\"} 1\nrequest_seconds_bucket{le=\"+Inf\"} 1\nrequest_seconds_sum 1\nrequest_seconds_count 1\n# EOF\n"),
    ]
}

fn misfits() -> Vec<Case> {
    vec![
        Case::text("an untyped bucket", Up, b"request_seconds_bucket{le=\"1\"} 1\nrequest_seconds_bucket{le=\"100000000\"} 1\n"),
        Case::text("a bucket without le", Up, b"request_seconds_bucket 1\n"),
        Case::text("a gauge of a histogram's count", Up, b"# TYPE request_seconds_count gauge\nrequest_seconds_count 4\n# TYPE request_seconds_sum counter\nrequest_seconds_sum 1\n"),
        Case::text("an untyped sample of a histogram's name", Up, b"request_seconds 1\nrequest_seconds{le=\"1\"} 1\nrequest_seconds{quantile=\"1\"} 1\n"),
        Case::text("a bucket under a counter's type", Up, b"# TYPE other counter\nother 1\nrequest_seconds_bucket{le=\"1\"} 1\nwork_seconds_bucket{le=\"1\"} 1\n"),
        Case::text("a histogram and its misfits in one body", Up, b"# TYPE request_seconds histogram\nrequest_seconds_bucket{le=\"1\"} 1\nrequest_seconds_bucket{le=\"+Inf\"} 1\nrequest_seconds_count 1\nrequest_seconds_sum 1\n# TYPE z gauge\nrequest_seconds_bucket{le=\"1\"} 5\nrequest_seconds{x=\"y\"} 1\n"),
        Case::text("a misfit with an old timestamp", Up, b"request_seconds_bucket{le=\"1\"} 1 1000\n"),
        Case::text("a histogram declared within a histogram", Up, b"# TYPE request_seconds_bucket histogram\nrequest_seconds_bucket_bucket{le=\"1\"} 1\nrequest_seconds_bucket_count 1\nrequest_seconds_bucket_sum 1\nrequest_seconds_bucket{le=\"1\"} 1\n"),
        Case::text("le 1 and 1.0 of one histogram", Up, b"# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1.0\"} 2\nh_bucket{le=\"1.00\"} 3\nh_bucket{le=\"+Inf\"} 3\nh_sum 1\nh_count 3\n"),
        Case::text("le spelled in many ways", Up, b"# TYPE h histogram\nh_bucket{le=\".5\"} 1\nh_bucket{le=\"1e8\"} 1\nh_bucket{le=\"100000000\"} 1\nh_bucket{le=\"inf\"} 1\nh_sum 1\nh_count 1\n"),
        Case::text("le that is no number in a histogram", Up, b"# TYPE h histogram\nh_bucket{le=\"soon\"} 1\nh_bucket{le=\"\"} 1\nh_bucket{le=\"+Inf\"} 1\n"),
        Case::text("quantile that is no number in a summary", Up, b"# TYPE s summary\ns{quantile=\"most\"} 1\ns_sum 1\ns_count 1\n"),
        Case::text("quantiles out of range", Up, b"# TYPE s summary\ns{quantile=\"2\"} 1\ns{quantile=\"-1\"} 1\ns 1\n"),
        Case::text("negative buckets and counts", Up, b"# TYPE h histogram\nh_bucket{le=\"1\"} -1\nh_bucket{le=\"+Inf\"} -2\nh_sum -3\nh_count -2\n"),
        Case::text("a negative misfit", Up, b"request_seconds_count -1\nrequest_seconds_bucket{le=\"1\"} -1\n"),
        Case::text("a histogram without anything", Up, b"# TYPE h histogram\nh 1\nh_total 1\nh_created 1\n"),
        Case::text("NaN everywhere in a histogram", Up, b"# TYPE h histogram\nh_bucket{le=\"NaN\"} NaN\nh_bucket{le=\"+Inf\"} NaN\nh_sum NaN\nh_count NaN\n"),
        Case::text("a bucket with two bounds", Down, b"# TYPE h histogram\nh_bucket{le=\"1\",le=\"2\"} 1\n"),
    ]
}
