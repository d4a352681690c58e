//! One entry of `scrape_configs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::job::{Job, ScrapeProtocol, ScrapeSettings};
use model::names::ValidationScheme;
use model::relabel::Rule;
use model::settings::Limits;

use super::code::Code;
use super::context::{Context, InlineSecret, Origin};
use super::discovery::{self, Discovery};
use super::fields::{Section, list, text};
use super::global::{Histograms, Inherited, JobLimits, note_ignored};
use super::http_client::{Client, http_client};
use super::left_out;
use super::position::{Position, Span};
use super::protocols;
use super::rules::{is_filled_list, rules};
use super::schemes::Schemes;
use super::times::Times;
use super::tree::Node;

/// A job, where it stands and where its targets come from.
#[derive(Clone, Debug, PartialEq)]
pub struct JobConfig {
    /// The job with every default filled in.
    pub job: Arc<Job>,
    /// Where its entry starts.
    pub position: Position,
    /// Where each rule of `relabel_configs` starts, in the order of [`Job::relabel`].
    pub rule_positions: Vec<Position>,
    /// Where each rule of `metric_relabel_configs` starts.
    pub metric_rule_positions: Vec<Position>,
    /// The sources of its targets, in Prometheus's order: static, files, HTTP.
    pub discoveries: Vec<Discovery>,
    /// Where its name stands.
    name_span: Span,
    /// Secrets that stand in the entry itself and would travel to relays.
    pub(super) inline_secrets: Vec<InlineSecret>,
}

/// What the job under construction is made of besides plain fields.
struct Parts {
    relabel: Vec<Rule>,
    validation: ValidationScheme,
    settings: ScrapeSettings,
    limits: JobLimits,
    histograms: Histograms,
}

/// Reads one entry. `None` where it has no name or no form; what else is wrong is reported.
pub(super) fn job(
    node: &Node,
    inherited: &Inherited,
    limits: &Limits,
    cx: &mut Context<'_>,
) -> Option<JobConfig> {
    if node.is_null() {
        cx.report.add(Code::EmptyElement, node.span, "empty or null section in `scrape_configs`");
        return None;
    }
    let mut section = Section::of(node, "scrape_configs", &mut cx.report)?;
    cx.secrets.clear();
    let name = job_name(&mut section, cx);
    let name_span = section.value_span("job_name");
    let schemes = Schemes::of_job(&mut section, inherited.schemes, cx);
    let validation = schemes.validation;
    let (relabel, rule_positions) = section_rules(&mut section, "relabel_configs", validation, cx);
    let (metric_relabel, metric_rule_positions) =
        section_rules(&mut section, "metric_relabel_configs", validation, cx);
    let job_limits = JobLimits::read(&mut section, inherited.limits, cx);
    let histograms = Histograms::read(&mut section, inherited, cx);
    let mut settings = settings(&mut section, name, schemes, inherited, cx);
    job_limits.apply(&mut settings);
    settings.metric_relabel = metric_relabel.into();
    let checks_hosts = !is_filled_list(section.node("relabel_configs"));
    let parts = Parts { relabel, validation, settings, limits: job_limits, histograms };
    let job = finish_job(&mut section, parts, inherited, limits, cx);
    let discoveries = discovery::discoveries(&mut section, checks_hosts, cx);
    without_effect(&mut section, cx);
    left_out::discoveries(&mut section, cx);
    left_out::field(
        &mut section,
        "scrape_failure_log_file",
        "failures are logged and shown for each target",
        cx,
    );
    section.finish(&mut cx.report);
    let inline_secrets = std::mem::take(&mut cx.secrets);
    let position = cx.position(node.span);
    let job = Arc::new(job);
    Some(JobConfig {
        job,
        position,
        rule_positions,
        metric_rule_positions,
        discoveries,
        name_span,
        inline_secrets,
    })
}

fn job_name<'t>(section: &mut Section<'t>, cx: &mut Context<'_>) -> &'t str {
    let name = section.text("job_name", &mut cx.report).map_or("", |name| name.value);
    if name.is_empty() && cx.origin == Origin::File {
        let span = section.span_of("job_name");
        cx.report.add_help(
            Code::Missing,
            span,
            "the job has no `job_name`",
            "every job needs a name of its own",
        );
    }
    name
}

fn section_rules(
    section: &mut Section<'_>,
    name: &'static str,
    scheme: ValidationScheme,
    cx: &mut Context<'_>,
) -> (Vec<Rule>, Vec<Position>) {
    section.node(name).map(|node| rules(node, name, scheme, cx)).unwrap_or_default()
}

fn settings(
    section: &mut Section<'_>,
    name: &str,
    schemes: Schemes,
    inherited: &Inherited,
    cx: &mut Context<'_>,
) -> ScrapeSettings {
    let default = ScrapeSettings::new(name);
    let printed = cx.origin == Origin::Printed;
    ScrapeSettings {
        honor_labels: section.flag("honor_labels", false, &mut cx.report),
        honor_timestamps: section.flag("honor_timestamps", !printed, &mut cx.report),
        enable_compression: section.flag("enable_compression", !printed, &mut cx.report),
        scrape_protocols: protocols::protocols(section, cx).unwrap_or_else(|| inherited.protocols.clone()),
        fallback_scrape_protocol: fallback(section, cx),
        validation_scheme: schemes.validation,
        escaping_scheme: schemes.escaping,
        http: http_client(section, Client::Scrape, cx),
        ..default
    }
}

fn fallback(section: &mut Section<'_>, cx: &mut Context<'_>) -> Option<ScrapeProtocol> {
    const NAME: &str = "fallback_scrape_protocol";
    let written = section.nonempty(NAME, &mut cx.report)?;
    let protocol = protocols::protocol(written.value, written.span, NAME, cx)?;
    if protocol == ScrapeProtocol::PrometheusProto && cx.origin == Origin::File {
        let message = format!("`{NAME}: PrometheusProto` is not supported yet");
        cx.report.add_help(Code::NotSupportedYet, written.span, message, "name a text format");
    }
    Some(protocol)
}

impl JobLimits {
    fn apply(&self, settings: &mut ScrapeSettings) {
        settings.body_size_limit = self.body_size;
        settings.sample_limit = self.samples;
        settings.label_limit = self.labels;
        settings.label_name_length_limit = self.label_name_length;
        settings.label_value_length_limit = self.label_value_length;
    }
}

fn finish_job(
    section: &mut Section<'_>,
    parts: Parts,
    inherited: &Inherited,
    limits: &Limits,
    cx: &mut Context<'_>,
) -> Job {
    let Parts { relabel, validation, settings, limits: job_limits, histograms } = parts;
    let printed = cx.origin == Origin::Printed;
    let name = settings.job_name.clone();
    let times = Times::read(section, inherited, &format!("job `{name}`"), cx);
    let mut text = |name, default: &str| -> Box<str> {
        let default = if printed { "" } else { default };
        section.text(name, &mut cx.report).map_or(default, |text| text.value).into()
    };
    let metrics_path = text("metrics_path", "/metrics");
    let scheme = text("scheme", "http");
    let keep = job_limits.keep_dropped;
    Job {
        job_name: name,
        scrape_interval: times.interval,
        interval_is_set: times.interval_is_set,
        scrape_timeout: times.timeout,
        metrics_path,
        scheme,
        params: params(section, cx),
        relabel: relabel.into(),
        target_limit: job_limits.targets,
        keep_dropped_targets: if keep == 0 && !printed { limits.dropped_targets } else { keep },
        validation_scheme: validation,
        convert_classic_histograms_to_nhcb: histograms.nhcb,
        always_scrape_classic_histograms: histograms.always_classic,
        scrape_native_histograms: histograms.native,
        settings: Arc::new(settings),
    }
}

fn params(section: &mut Section<'_>, cx: &mut Context<'_>) -> BTreeMap<Box<str>, Vec<Box<str>>> {
    let mut params = BTreeMap::new();
    for field in section.entries("params", &mut cx.report) {
        let name = format!("params.{}", field.name);
        let values = list(&field.value, &name, &mut cx.report).iter();
        let values = values.filter_map(|node| text(node, &name, &mut cx.report).map(Box::from)).collect();
        params.insert(field.name.as_str().into(), values);
    }
    params
}

/// Fields that are checked and then have no effect here.
fn without_effect(section: &mut Section<'_>, cx: &mut Context<'_>) {
    if section.flag("track_timestamps_staleness", false, &mut cx.report) {
        let why = "set it in the Prometheus that scrapes the relays";
        note_ignored(section, "track_timestamps_staleness", why, cx);
    }
    if section.number("native_histogram_bucket_limit", &mut cx.report).is_some_and(|limit| limit.value > 0) {
        note_ignored(section, "native_histogram_bucket_limit", "no native histograms are scraped", cx);
    }
    if section
        .fraction("native_histogram_min_bucket_factor", &mut cx.report)
        .is_some_and(|factor| factor.value > 0.0)
    {
        note_ignored(section, "native_histogram_min_bucket_factor", "no native histograms are scraped", cx);
    }
}

/// Reports job names that are used twice.
pub(super) fn unique_names(jobs: &[JobConfig], cx: &mut Context<'_>) {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for job in jobs.iter().filter(|job| !job.job.job_name.is_empty()) {
        if let Some(first) = seen.get(&*job.job.job_name) {
            let message = format!("the job name `{}` is used twice", job.job.job_name);
            cx.report.add_help(
                Code::Duplicate,
                job.name_span,
                message,
                format!("the first is in line {first}"),
            );
        } else {
            seen.insert(&job.job.job_name, job.name_span.start.line);
        }
    }
}
