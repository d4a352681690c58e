//! Bodies as exporters of many kinds send them, made from a target's number and its running time.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::fake_target::{Behaviour, Exposition, OPENMETRICS, TEXT};

/// Text in the style of `client_golang`: counters, gauges, histograms with whole-number bounds, summaries.
#[must_use]
pub fn text() -> Behaviour {
    serve(TEXT, |number, running| {
        let count = steps(number, running);
        let mut out = String::new();
        write!(
            out,
            r#"# HELP http_requests_total Requests answered.
# TYPE http_requests_total counter
http_requests_total{{code="200",job="claims to be another"}} {count}
http_requests_total{{code="500"}} {}
# HELP request_seconds Time to answer.
# TYPE request_seconds histogram
request_seconds_bucket{{le="0.5"}} {}
request_seconds_bucket{{le="1"}} {count}
request_seconds_bucket{{le="+Inf"}} {count}
request_seconds_sum {}
request_seconds_count {count}
# TYPE rpc_seconds summary
rpc_seconds{{quantile="0.50"}} 0.01
rpc_seconds{{quantile="0.990"}} NaN
rpc_seconds_sum {}
rpc_seconds_count {count}
# TYPE temperature gauge
temperature{{place="a \"quoted\" room",note="back\\slash and\nnew line"}} -{}.5e-3
untyped_thing {number}
only_in_some_targets_{} 1
"#,
            count / 100,
            count / 2,
            count as f64 * 0.25,
            count as f64 * 0.01,
            number,
            number % 3,
        )
        .expect("a String takes any text");
        out
    })
}

/// OpenMetrics with units, exemplars and creation times.
#[must_use]
pub fn openmetrics() -> Behaviour {
    serve(OPENMETRICS, |number, running| {
        let count = steps(number, running);
        format!(
            r#"# TYPE jobs counter
# HELP jobs Jobs done.
jobs_total{{queue="mail"}} {count} # {{trace_id="abc{count}"}} 1.0
jobs_created{{queue="mail"}} 1605301325.0
# TYPE work_seconds histogram
# UNIT work_seconds seconds
work_seconds_bucket{{le="1.0"}} {} # {{trace_id="x"}} 0.7 1605301325.123
work_seconds_bucket{{le="+Inf"}} {count}
work_seconds_sum {}
work_seconds_count {count}
# TYPE http_requests counter
http_requests_total{{code="200"}} {count}
# TYPE build info
build_info{{version="1.{number}"}} 1
# TYPE mode stateset
mode{{mode="on"}} 1
mode{{mode="off"}} 0
# TYPE level gauge
level 0.{number}
# EOF
"#,
            count / 3,
            count as f64 * 0.5,
        )
    })
}

/// One of the kinds above, by the target's number.
#[must_use]
pub fn mixed(number: usize) -> Behaviour {
    if number % 4 == 3 { openmetrics() } else { text() }
}

fn serve(
    content_type: &'static str,
    make: impl Fn(usize, Duration) -> String + Send + Sync + 'static,
) -> Behaviour {
    Behaviour::Serve(Exposition { content_type, make: Arc::new(make) })
}

/// A count that rises all the time, at another pace for each target.
fn steps(number: usize, running: Duration) -> u64 {
    let pace = 1 + number as u64 % 7;
    running.as_millis() as u64 * pace / 10
}
