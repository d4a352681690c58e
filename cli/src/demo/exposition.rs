//! What the demo's exporters say: a web server, a worker and a database, with counters that move.
//!
//! In: which exporter, and how long it has run. Out: a body in the text format. Pure.

use std::fmt::Write as _;
use std::time::Duration;

/// The kinds of exporters, one job each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Requests by handler and code, a latency histogram.
    Web,
    /// Queues and tasks.
    Worker,
    /// Connections, and a summary of query times.
    Database,
}

impl Kind {
    /// The kind of exporter `number`: most are web servers.
    #[must_use]
    pub fn of(number: usize) -> Self {
        match number % 6 {
            0..=2 => Self::Web,
            3 | 4 => Self::Worker,
            _ => Self::Database,
        }
    }

    /// The job's name.
    #[must_use]
    pub fn job(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Worker => "worker",
            Self::Database => "database",
        }
    }
}

const BUCKETS: [(&str, f64); 9] = [
    ("0.005", 0.12),
    ("0.01", 0.31),
    ("0.025", 0.55),
    ("0.05", 0.71),
    ("0.1", 0.83),
    ("0.25", 0.92),
    ("0.5", 0.97),
    ("1", 0.99),
    ("+Inf", 1.0),
];

/// The body of exporter `number` after `running`.
#[must_use]
pub fn body(number: usize, running: Duration) -> String {
    let mut out = String::with_capacity(12 << 10);
    // An exporter's own pace, so that no two show the same numbers.
    let pace = 1.0 + (number % 17) as f64 / 4.0;
    let work = running.as_secs_f64() * 10.0 * pace;
    process(&mut out, number, running);
    match Kind::of(number) {
        Kind::Web => web(&mut out, work),
        Kind::Worker => worker(&mut out, work),
        Kind::Database => database(&mut out, work),
    }
    out
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) {
    line(out, format_args!("# HELP {name} {help}"));
    line(out, format_args!("# TYPE {name} {kind}"));
}

fn line(out: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(out, "{line}").expect("a String takes any text");
}

fn process(out: &mut String, number: usize, running: Duration) {
    let seconds = running.as_secs_f64();
    family(out, "process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.");
    line(out, format_args!("process_cpu_seconds_total {:.2}", seconds * 0.07));
    family(out, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
    let memory = 60_000_000 + number * 4096 + (seconds as usize % 600) * 8192;
    line(out, format_args!("process_resident_memory_bytes {memory}"));
    family(out, "process_open_fds", "gauge", "Number of open file descriptors.");
    line(out, format_args!("process_open_fds {}", 12 + number % 40));
}

fn web(out: &mut String, work: f64) {
    family(out, "http_requests_total", "counter", "Requests answered, by handler, method and code.");
    for (handler, share) in [("/", 0.5), ("/api/v1/orders", 0.3), ("/api/v1/items", 0.15), ("/login", 0.05)] {
        for (code, part) in [("200", 0.96), ("404", 0.03), ("500", 0.01)] {
            let count = (work * share * part).floor();
            line(
                out,
                format_args!(
                    r#"http_requests_total{{handler="{handler}",method="get",code="{code}"}} {count}"#
                ),
            );
        }
    }
    family(out, "http_request_duration_seconds", "histogram", "Time to answer a request in seconds.");
    for (handler, share) in [("/", 0.5), ("/api/v1/orders", 0.3)] {
        let count = (work * share).floor();
        let name = "http_request_duration_seconds";
        for (le, part) in BUCKETS {
            let below = (count * part).floor();
            line(out, format_args!(r#"{name}_bucket{{handler="{handler}",le="{le}"}} {below}"#));
        }
        line(out, format_args!(r#"{name}_sum{{handler="{handler}"}} {:.3}"#, count * 0.043));
        line(out, format_args!(r#"{name}_count{{handler="{handler}"}} {count}"#));
    }
}

fn worker(out: &mut String, work: f64) {
    family(out, "queue_length", "gauge", "Tasks that wait.");
    family(out, "tasks_processed_total", "counter", "Tasks done, by queue and result.");
    for (at, queue) in ["mail", "thumbnails", "billing", "search"].iter().enumerate() {
        let length = ((work / 7.0 + at as f64).sin().abs() * 40.0).floor();
        line(out, format_args!(r#"queue_length{{queue="{queue}"}} {length}"#));
        for (result, part) in [("done", 0.98), ("failed", 0.02)] {
            let count = (work * part / (at + 1) as f64).floor();
            line(out, format_args!(r#"tasks_processed_total{{queue="{queue}",result="{result}"}} {count}"#));
        }
    }
}

fn database(out: &mut String, work: f64) {
    family(out, "db_connections", "gauge", "Open connections, by state.");
    for (state, count) in [("active", (work.sin().abs() * 20.0).floor()), ("idle", 14.0)] {
        line(out, format_args!(r#"db_connections{{state="{state}"}} {count}"#));
    }
    family(out, "db_query_duration_seconds", "summary", "Time of a query in seconds.");
    for (quantile, seconds) in [("0.5", 0.004), ("0.9", 0.021), ("0.99", 0.143)] {
        let seconds = seconds * (1.0 + work.cos().abs());
        line(out, format_args!(r#"db_query_duration_seconds{{quantile="{quantile}"}} {seconds:.6}"#));
    }
    line(out, format_args!("db_query_duration_seconds_sum {:.3}", work.floor() * 0.009));
    line(out, format_args!("db_query_duration_seconds_count {}", work.floor()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_rise_with_time_and_bodies_are_valid() {
        for number in 0..6 {
            for seconds in [0, 1, 100_000] {
                let text = body(number, Duration::from_secs(seconds));
                let entries =
                    model::exposition::parse(model::exposition::entry::Format::Text, text.as_bytes());
                for entry in entries {
                    assert!(entry.is_ok(), "{number}: {entry:?}");
                }
            }
        }
    }
}
