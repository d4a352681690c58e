//! What the process costs, under the names that every Prometheus client library uses.
//!
//! Read from `/proc/self` when the metrics are; elsewhere than on Linux there are none.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

/// CPU time in `/proc/self/stat` is counted in hundredths of a second on every Linux (`USER_HZ`, proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// Registers the metrics of the process, and `scraperelay_build_info` with `version`.
pub fn register(meter: &Meter, version: &'static str) {
    meter
        .u64_observable_gauge("scraperelay_build_info")
        .with_description("The version that runs; the value is always 1.")
        .with_callback(move |gauge| gauge.observe(1, &[KeyValue::new("version", version)]))
        .build();
    let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    meter
        .f64_observable_gauge("process_start_time_seconds")
        .with_description("When the process started, in seconds since 1970.")
        .with_callback(move |gauge| gauge.observe(started, &[]))
        .build();
    meter
        .f64_observable_counter("process_cpu_seconds_total")
        .with_description("CPU time used, user and system.")
        .with_callback(|counter| cpu_seconds().into_iter().for_each(|it| counter.observe(it, &[])))
        .build();
    meter
        .u64_observable_gauge("process_resident_memory_bytes")
        .with_description("Memory in use.")
        .with_callback(|gauge| resident_bytes().into_iter().for_each(|it| gauge.observe(it, &[])))
        .build();
    meter
        .u64_observable_gauge("process_open_fds")
        .with_description("Open files and sockets.")
        .with_callback(|gauge| open_files().into_iter().for_each(|it| gauge.observe(it, &[])))
        .build();
    meter
        .u64_observable_gauge("process_max_fds")
        .with_description("The most files and sockets that may be open.")
        .with_callback(|gauge| gauge.observe(crate::open_files::limit().unwrap_or(u64::MAX), &[]))
        .build();
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name, in parentheses, may hold spaces; utime and stime are the 12th and 13th field after it.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<Result<u64, _>>().ok()?;
    Some(ticks as f64 / TICKS_PER_SECOND)
}

fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn open_files() -> Option<u64> {
    fs::read_dir("/proc/self/fd").ok().map(|open| open.count() as u64)
}

#[cfg(test)]
mod tests {
    use crate::Telemetry;

    #[test]
    fn the_process_is_measured() {
        let telemetry = Telemetry::metrics_only().unwrap();
        super::register(telemetry.meter(), "1.2.3");
        let page = telemetry.render();
        assert!(page.contains("scraperelay_build_info{version=\"1.2.3\"} 1\n"), "{page}");
        for name in [
            "process_start_time_seconds",
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_open_fds",
            "process_max_fds",
        ] {
            let line = page.lines().find(|line| line.starts_with(name)).expect(name);
            let value: f64 = line.split(' ').next_back().unwrap().parse().unwrap();
            assert!(value >= 0.0 && (name.contains("cpu") || value > 0.0), "{line}");
        }
    }
}
