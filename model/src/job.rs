//! A job: one entry of `scrape_configs`, complete and checked.
//!
//! In: built by the configuration loader with every default filled in. Out: [`Job`] for those who turn target
//! groups into targets, [`ScrapeSettings`] for those who scrape them. No parsing happens here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::http_client::HttpClientConfig;
use crate::names::{EscapingScheme, ValidationScheme};
use crate::relabel::Rule;

/// An exposition format that a target may be asked for (Prometheus' `scrape_protocols`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScrapeProtocol {
    /// Length-delimited protobuf.
    PrometheusProto,
    /// Text format 0.0.4.
    PrometheusText0_0_4,
    /// Text format 1.0.0, which may quote names.
    PrometheusText1_0_0,
    /// OpenMetrics 0.0.1.
    OpenMetricsText0_0_1,
    /// OpenMetrics 1.0.0.
    OpenMetricsText1_0_0,
}

impl ScrapeProtocol {
    /// What is asked for unless the configuration says otherwise, most wanted first (Prometheus 3).
    pub const DEFAULT: [Self; 4] = [
        Self::OpenMetricsText1_0_0,
        Self::OpenMetricsText0_0_1,
        Self::PrometheusText1_0_0,
        Self::PrometheusText0_0_4,
    ];

    /// Reads Prometheus' case-sensitive spelling, for instance `PrometheusText0.0.4`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "PrometheusProto" => Some(Self::PrometheusProto),
            "PrometheusText0.0.4" => Some(Self::PrometheusText0_0_4),
            "PrometheusText1.0.0" => Some(Self::PrometheusText1_0_0),
            "OpenMetricsText0.0.1" => Some(Self::OpenMetricsText0_0_1),
            "OpenMetricsText1.0.0" => Some(Self::OpenMetricsText1_0_0),
            _ => None,
        }
    }

    /// Prometheus' spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PrometheusProto => "PrometheusProto",
            Self::PrometheusText0_0_4 => "PrometheusText0.0.4",
            Self::PrometheusText1_0_0 => "PrometheusText1.0.0",
            Self::OpenMetricsText0_0_1 => "OpenMetricsText0.0.1",
            Self::OpenMetricsText1_0_0 => "OpenMetricsText1.0.0",
        }
    }
}

/// By how much a job exceeds its `target_limit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverTargetLimit {
    /// Targets that the job has after relabelling, over all relays.
    pub targets: u64,
    /// The limit.
    pub limit: u64,
}

impl OverTargetLimit {
    /// What a job with `targets` targets exceeds; a limit of 0 is none. As many as the limit are allowed, as in
    /// Prometheus.
    #[must_use]
    pub fn of(targets: u64, limit: u64) -> Option<Self> {
        (limit > 0 && targets > limit).then_some(Self { targets, limit })
    }
}

/// What a relay needs to know of a job to scrape its targets; sent once per job.
#[derive(Clone, Debug, PartialEq)]
pub struct ScrapeSettings {
    /// The job's name in the configuration (a target's `job` label may differ).
    pub job_name: Box<str>,
    /// Whether a sample's own labels win over the target's.
    pub honor_labels: bool,
    /// Whether timestamps in the exposition are kept.
    pub honor_timestamps: bool,
    /// Whether gzip is asked for.
    pub enable_compression: bool,
    /// The formats to ask for, most wanted first; never empty.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// The format to assume where the answer's content type is absent or unknown.
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    /// Which names a sample may have.
    pub validation_scheme: ValidationScheme,
    /// The escaping that is asked of the target.
    pub escaping_scheme: EscapingScheme,
    /// The largest body after decompression in bytes; 0 for no limit.
    pub body_size_limit: u64,
    /// The most samples after metric relabelling; 0 for no limit.
    pub sample_limit: u64,
    /// The most labels of a sample after metric relabelling; 0 for no limit.
    pub label_limit: u64,
    /// The longest label name in bytes after metric relabelling; 0 for no limit.
    pub label_name_length_limit: u64,
    /// The longest label value in bytes after metric relabelling; 0 for no limit.
    pub label_value_length_limit: u64,
    /// Set while the job has more targets than its `target_limit`: then none of them is asked.
    pub over_target_limit: Option<OverTargetLimit>,
    /// `metric_relabel_configs`.
    pub metric_relabel: Arc<[Rule]>,
    /// Credentials, TLS, headers.
    pub http: HttpClientConfig,
}

impl ScrapeSettings {
    /// Prometheus' defaults for a job called `job_name`, without any limit and without redirects.
    pub fn new(job_name: impl Into<Box<str>>) -> Self {
        Self {
            job_name: job_name.into(),
            honor_labels: false,
            honor_timestamps: true,
            enable_compression: true,
            scrape_protocols: ScrapeProtocol::DEFAULT.to_vec(),
            fallback_scrape_protocol: None,
            validation_scheme: ValidationScheme::Utf8,
            escaping_scheme: EscapingScheme::AllowUtf8,
            body_size_limit: 0,
            sample_limit: 0,
            label_limit: 0,
            label_name_length_limit: 0,
            label_value_length_limit: 0,
            over_target_limit: None,
            metric_relabel: Arc::from([]),
            http: HttpClientConfig::default(),
        }
    }
}

/// One entry of `scrape_configs` with every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The job's unique name.
    pub job_name: Box<str>,
    /// The least distance between two scrapes, where it is set; otherwise the global interval.
    pub scrape_interval: Duration,
    /// Whether the configuration set the interval for this job itself.
    pub interval_is_set: bool,
    /// How long one scrape may take.
    pub scrape_timeout: Duration,
    /// Becomes `__metrics_path__`.
    pub metrics_path: Box<str>,
    /// Becomes `__scheme__`.
    pub scheme: Box<str>,
    /// URL parameters by name; the first value of each becomes `__param_<name>`.
    pub params: BTreeMap<Box<str>, Vec<Box<str>>>,
    /// `relabel_configs`.
    pub relabel: Arc<[Rule]>,
    /// With more targets than this every scrape of the job fails; 0 for no limit.
    pub target_limit: u64,
    /// How many dropped targets are remembered; 0 for all.
    pub keep_dropped_targets: u64,
    /// Which names labels and metrics may have.
    pub validation_scheme: ValidationScheme,
    /// Becomes `__convert_classic_histograms_to_nhcb__`.
    pub convert_classic_histograms_to_nhcb: bool,
    /// Becomes `__always_scrape_classic_histograms__`.
    pub always_scrape_classic_histograms: bool,
    /// Becomes `__scrape_native_histograms__`.
    pub scrape_native_histograms: bool,
    /// What the relays need of the job.
    pub settings: Arc<ScrapeSettings>,
}

impl Job {
    /// Prometheus' defaults for a job called `job_name`: 1 m interval, 10 s timeout, `http`, `/metrics`.
    pub fn new(job_name: impl Into<Box<str>>) -> Self {
        let job_name = job_name.into();
        Self {
            scrape_interval: Duration::from_secs(60),
            interval_is_set: false,
            scrape_timeout: Duration::from_secs(10),
            metrics_path: "/metrics".into(),
            scheme: "http".into(),
            params: BTreeMap::new(),
            relabel: Arc::from([]),
            target_limit: 0,
            keep_dropped_targets: 0,
            validation_scheme: ValidationScheme::Utf8,
            convert_classic_histograms_to_nhcb: false,
            always_scrape_classic_histograms: false,
            scrape_native_histograms: false,
            settings: Arc::new(ScrapeSettings::new(job_name.clone())),
            job_name,
        }
    }
}
