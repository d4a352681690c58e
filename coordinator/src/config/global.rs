//! `global`: what every job inherits.

use std::time::Duration;

use model::job::ScrapeProtocol;
use model::names::{self, ValidationScheme};

use super::code::Code;
use super::context::Context;
use super::fields::{Section, Written, text};
use super::left_out;
use super::protocols::protocols;
use super::schemes::Schemes;
use super::times::Times;

/// Prometheus's default of `scrape_interval`.
pub const DEFAULT_SCRAPE_INTERVAL: Duration = Duration::from_secs(60);
/// Prometheus's default of `scrape_timeout`, where the interval is not shorter.
pub const DEFAULT_SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a job takes where it says nothing itself.
#[derive(Clone, Debug)]
pub(super) struct Inherited {
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    pub(super) protocols: Vec<ScrapeProtocol>,
    pub(super) schemes: Schemes,
    pub(super) limits: JobLimits,
    pub(super) always_classic: bool,
    pub(super) native: bool,
    pub(super) nhcb: bool,
    pub(super) extra_metrics: bool,
}

/// The limits of a job; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct JobLimits {
    pub(super) body_size: u64,
    pub(super) samples: u64,
    pub(super) targets: u64,
    pub(super) labels: u64,
    pub(super) label_name_length: u64,
    pub(super) label_value_length: u64,
    pub(super) keep_dropped: u64,
}

impl JobLimits {
    /// Reads the limits of a section; those absent or 0 are taken from `inherited`.
    pub(super) fn read(section: &mut Section<'_>, inherited: Self, cx: &mut Context<'_>) -> Self {
        let body_size = section.size("body_size_limit", &mut cx.report);
        let targets = section.number("target_limit", &mut cx.report);
        let mut number = |name| section.number(name, &mut cx.report);
        Self {
            body_size: set_or(body_size, inherited.body_size),
            samples: set_or(number("sample_limit"), inherited.samples),
            targets: set_or(targets, inherited.targets),
            labels: set_or(number("label_limit"), inherited.labels),
            label_name_length: set_or(number("label_name_length_limit"), inherited.label_name_length),
            label_value_length: set_or(number("label_value_length_limit"), inherited.label_value_length),
            keep_dropped: set_or(number("keep_dropped_targets"), inherited.keep_dropped),
        }
    }
}

fn set_or(written: Option<Written<u64>>, inherited: u64) -> u64 {
    written.map(|number| number.value).filter(|number| *number != 0).unwrap_or(inherited)
}

impl Default for Inherited {
    /// Prometheus's own defaults.
    fn default() -> Self {
        Self {
            interval: DEFAULT_SCRAPE_INTERVAL,
            timeout: DEFAULT_SCRAPE_TIMEOUT,
            protocols: ScrapeProtocol::DEFAULT.to_vec(),
            schemes: Schemes::default(),
            limits: JobLimits::default(),
            always_classic: false,
            native: false,
            nhcb: false,
            extra_metrics: false,
        }
    }
}

impl Inherited {
    /// What a job printed by Prometheus takes where it says nothing: zero.
    pub(super) fn zero() -> Self {
        Self { interval: Duration::ZERO, timeout: Duration::ZERO, ..Self::default() }
    }

    /// Reads `global`.
    pub(super) fn read(mut global: Section<'_>, cx: &mut Context<'_>) -> Self {
        let default = Self::default();
        let Times { interval, timeout, .. } = Times::read(&mut global, &default, "global", cx);
        let limits = JobLimits::read(&mut global, default.limits, cx);
        let schemes = Schemes::of_global(&mut global, cx);
        let histograms = Histograms::read(&mut global, &default, cx);
        let protocols = protocols(&mut global, cx).unwrap_or(default.protocols);
        ignored(&mut global, cx);
        external_labels(&mut global, cx);
        left_out::field(
            &mut global,
            "scrape_failure_log_file",
            "failures are logged and shown for each target",
            cx,
        );
        global.finish(&mut cx.report);
        let Histograms { native, always_classic, nhcb, extra_metrics } = histograms;
        Self { interval, timeout, protocols, schemes, limits, always_classic, native, nhcb, extra_metrics }
    }
}

const ALWAYS_CLASSIC: &str = "always_scrape_classic_histograms";

/// The switches of native histograms and extra series.
pub(super) struct Histograms {
    pub(super) native: bool,
    pub(super) always_classic: bool,
    pub(super) nhcb: bool,
    pub(super) extra_metrics: bool,
}

impl Histograms {
    pub(super) fn read(section: &mut Section<'_>, inherited: &Inherited, cx: &mut Context<'_>) -> Self {
        let native = "targets are asked for text formats, which carry no native histograms";
        let nhcb = "classic histograms are passed on as they are; convert them in the Prometheus that scrapes the relays";
        let extra = "the extra series are not written";
        Self {
            native: left_out::flag(section, "scrape_native_histograms", inherited.native, native, cx),
            // Classic histograms always are what is scraped here.
            always_classic: match section.node(ALWAYS_CLASSIC) {
                Some(node) if !node.is_null() => section.flag(ALWAYS_CLASSIC, false, &mut cx.report),
                _ => inherited.always_classic,
            },
            nhcb: left_out::flag(section, "convert_classic_histograms_to_nhcb", inherited.nhcb, nhcb, cx),
            extra_metrics: left_out::flag(
                section,
                "extra_scrape_metrics",
                inherited.extra_metrics,
                extra,
                cx,
            ),
        }
    }
}

/// Fields that mean something only to a server that evaluates rules or answers queries.
fn ignored(global: &mut Section<'_>, cx: &mut Context<'_>) {
    for name in ["evaluation_interval", "rule_query_offset"] {
        if global.duration(name, &mut cx.report).is_some() {
            note_ignored(global, name, "no rules are evaluated here", cx);
        }
    }
    if global.nonempty("query_log_file", &mut cx.report).is_some() {
        note_ignored(global, "query_log_file", "no queries are answered here", cx);
    }
}

fn external_labels(global: &mut Section<'_>, cx: &mut Context<'_>) {
    let labels = global.entries("external_labels", &mut cx.report);
    for label in labels {
        if !names::is_valid_label_name(&label.name, ValidationScheme::Utf8) {
            cx.report.add(Code::BadText, label.span, format!("{:?} is not a valid label name", label.name));
        }
        text(&label.value, &label.name, &mut cx.report);
    }
    if !labels.is_empty() {
        note_ignored(
            global,
            "external_labels",
            "the Prometheus that scrapes the relays attaches its own",
            cx,
        );
    }
}

/// Warns that `name` has no effect.
pub(super) fn note_ignored(section: &Section<'_>, name: &str, why: &str, cx: &mut Context<'_>) {
    let span = section.span_of(name);
    cx.report.add(Code::Ignored, span, format!("`{name}` has no effect: {why}"));
}
