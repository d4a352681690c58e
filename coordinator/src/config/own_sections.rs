//! Our own sections: `coordinator:`, `relay:`, `cache:` and `limits:`, each field's default and bounds beside it.
//!
//! The defaults of what travels to relays stand in [`model::settings`]; the bounds are here.

use std::ops::RangeInclusive;
use std::time::Duration;

use model::settings::{CacheSettings, Capacity, Limits, RelaySettings, TimestampAge};

use super::code::Code;
use super::context::Context;
use super::fields::{Section, Written};

/// `coordinator:`: how the coordinator works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoordinatorSettings {
    /// Relays to wait for at the start before targets are placed; 0 (the default): not known, so the full wait of
    /// the start is taken. At most 10,000.
    pub expected_relays: u64,
    /// Whether relays wait for their first slice until every discovery has succeeded, however long that takes.
    /// Otherwise one that holds nothing has an empty slice at once. No file sets it.
    pub complete_start: bool,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Reads a value, checks it against its bounds, and keeps the default where it is absent, null or wrong.
struct Bounded<'s, 't, 'c, 'f> {
    section: &'s mut Section<'t>,
    cx: &'c mut Context<'f>,
}

impl Bounded<'_, '_, '_, '_> {
    fn number(&mut self, name: &'static str, default: u64, bounds: RangeInclusive<u64>) -> u64 {
        let written = self.section.number(name, &mut self.cx.report);
        self.check(written, &Rule { name, default, bounds, show: u64::to_string })
    }

    fn count(&mut self, name: &'static str, default: usize, bounds: RangeInclusive<u64>) -> usize {
        let default = u64::try_from(default).unwrap_or(u64::MAX);
        usize::try_from(self.number(name, default, bounds)).unwrap_or(usize::MAX)
    }

    fn size(&mut self, name: &'static str, default: u64, bounds: RangeInclusive<u64>) -> u64 {
        let written = self.section.size(name, &mut self.cx.report);
        self.check(written, &Rule { name, default, bounds, show: |bytes| format_size(*bytes) })
    }

    fn duration(
        &mut self,
        name: &'static str,
        default: Duration,
        bounds: RangeInclusive<Duration>,
    ) -> Duration {
        let written = self.section.duration(name, &mut self.cx.report);
        self.check(written, &Rule { name, default, bounds, show: |d| model::duration::format(*d) })
    }

    fn capacity(&mut self, name: &'static str, default: Capacity) -> Capacity {
        let written = self.section.fraction(name, &mut self.cx.report);
        let is_null = self.section.node(name).is_some_and(super::tree::Node::is_null);
        let Some(written) = written.filter(|_| !is_null) else { return default };
        Capacity::of(written.value).unwrap_or_else(|| {
            let (value, least, most) = (written.value, Capacity::LEAST, Capacity::MOST);
            let message = format!("`{name}` is {value}, which is not from {least} to {most}");
            self.cx.report.add_help(
                Code::OutOfBounds,
                written.span,
                message,
                format!("the default is {default}"),
            );
            default
        })
    }

    fn check<T: Copy + PartialOrd>(&mut self, written: Option<Written<T>>, rule: &Rule<T>) -> T {
        let is_null = self.section.node(rule.name).is_some_and(super::tree::Node::is_null);
        let Some(written) = written.filter(|_| !is_null) else { return rule.default };
        if rule.bounds.contains(&written.value) {
            return written.value;
        }
        let (value, least, most) =
            ((rule.show)(&written.value), (rule.show)(rule.bounds.start()), (rule.show)(rule.bounds.end()));
        let message = format!("`{}` is {value}, which is not from {least} to {most}", rule.name);
        let help = format!("the default is {}", (rule.show)(&rule.default));
        self.cx.report.add_help(Code::OutOfBounds, written.span, message, help);
        rule.default
    }
}

/// What a field may be.
struct Rule<T> {
    name: &'static str,
    default: T,
    bounds: RangeInclusive<T>,
    /// A value as it is written in a file.
    show: fn(&T) -> String,
}

/// The size in the largest unit that divides it.
fn format_size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let exact = units.into_iter().find(|(shift, _)| bytes > 0 && bytes.trailing_zeros() >= *shift);
    exact.map_or_else(|| format!("{bytes}B"), |(shift, unit)| format!("{}{unit}", bytes >> shift))
}

/// `coordinator:`.
pub(super) fn coordinator(mut section: Section<'_>, cx: &mut Context<'_>) -> CoordinatorSettings {
    let mut read = Bounded { section: &mut section, cx };
    let expected_relays = read.number("expected_relays", 0, 0..=10_000);
    let settings = CoordinatorSettings { expected_relays, ..CoordinatorSettings::default() };
    section.finish(&mut cx.report);
    settings
}

/// `relay:`.
pub(super) fn relay(mut section: Section<'_>, cx: &mut Context<'_>) -> RelaySettings {
    let default = RelaySettings::default();
    let mut read = Bounded { section: &mut section, cx };
    let settings = RelaySettings {
        concurrency: read.count("concurrency", default.concurrency, 1..=100_000),
        bodies_in_flight: read.size("bodies_in_flight", default.bodies_in_flight, 1 << 20..=1 << 40),
        page_timeout: read.duration("page_timeout", default.page_timeout, SECOND..=10 * MINUTE),
        slice_max_age: read.duration("slice_max_age", default.slice_max_age, Duration::ZERO..=7 * DAY),
        capacity: read.capacity("capacity", default.capacity),
    };
    section.finish(&mut cx.report);
    settings
}

/// `cache:`.
pub(super) fn cache(mut section: Section<'_>, cx: &mut Context<'_>) -> CacheSettings {
    let default = CacheSettings::default();
    let enabled = section.flag("enabled", default.enabled, &mut cx.report);
    let mut read = Bounded { section: &mut section, cx };
    let max_age = read.duration("max_age", default.max_age, SECOND..=DAY);
    section.finish(&mut cx.report);
    CacheSettings { enabled, max_age }
}

/// `limits:`.
pub(super) fn limits(mut section: Section<'_>, cx: &mut Context<'_>) -> Limits {
    let default = Limits::default();
    let timestamp_age = section
        .section("timestamp_age", &mut cx.report)
        .map_or(default.timestamp_age, |section| timestamp_age(section, cx));
    let mut read = Bounded { section: &mut section, cx };
    let limits = Limits {
        body_size: read.size("body_size", default.body_size, 1 << 10..=1 << 34),
        samples: read.number("samples", default.samples, 1..=100_000_000),
        labels: read.number("labels", default.labels, 1..=1024),
        label_value_length: read.size("label_value_length", default.label_value_length, 1..=1 << 20),
        response_headers: read.size("response_headers", default.response_headers, 1 << 10..=1 << 20),
        connect_timeout: read.duration(
            "connect_timeout",
            default.connect_timeout,
            Duration::from_millis(1)..=MINUTE,
        ),
        dropped_targets: read.number("dropped_targets", default.dropped_targets, 1..=1_000_000),
        connections: read.count("connections", default.connections, 1..=100_000),
        timestamp_age,
    };
    section.finish(&mut cx.report);
    limits
}

fn timestamp_age(mut section: Section<'_>, cx: &mut Context<'_>) -> TimestampAge {
    let default = TimestampAge::default();
    let mut read = Bounded { section: &mut section, cx };
    let age = TimestampAge {
        past: read.duration("past", default.past, SECOND..=DAY),
        // Prometheus refuses samples that are more than 10 minutes ahead.
        future: read.duration("future", default.future, Duration::ZERO..=10 * MINUTE),
    };
    section.finish(&mut cx.report);
    age
}

#[cfg(test)]
mod tests {
    use super::format_size;

    #[test]
    fn sizes_are_shown_in_the_unit_that_fits() {
        for (bytes, text) in
            [(0, "0B"), (1000, "1000B"), (64 << 20, "64MiB"), (1 << 34, "16GiB"), (1536, "1536B")]
        {
            assert_eq!(format_size(bytes), text);
        }
    }
}
