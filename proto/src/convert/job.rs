//! What every target of a job shares.

use std::sync::Arc;

use model::http_client::HttpClientConfig;
use model::job::{OverTargetLimit, ScrapeProtocol, ScrapeSettings};
use model::names::{EscapingScheme, ValidationScheme};
use model::relabel::{Rule, RuleSpec};

use super::{ConvertError, filled, invalid, required, word};
use crate::types::v1 as wire;

impl From<&RuleSpec> for wire::RelabelRule {
    fn from(spec: &RuleSpec) -> Self {
        let text = |field: &Option<Box<str>>| field.as_deref().map(str::to_owned);
        let names = spec.source_labels.iter().flatten();
        Self {
            action: text(&spec.action),
            source_labels: names.map(ToString::to_string).collect(),
            has_source_labels: spec.source_labels.is_some(),
            separator: text(&spec.separator),
            regex: text(&spec.regex),
            modulus: spec.modulus,
            target_label: text(&spec.target_label),
            replacement: text(&spec.replacement),
        }
    }
}

impl From<wire::RelabelRule> for RuleSpec {
    fn from(wire: wire::RelabelRule) -> Self {
        let names = wire.source_labels.into_iter().map(String::into_boxed_str);
        Self {
            source_labels: wire.has_source_labels.then(|| names.collect()),
            separator: wire.separator.map(Into::into),
            regex: wire.regex.map(Into::into),
            modulus: wire.modulus,
            target_label: wire.target_label.map(Into::into),
            replacement: wire.replacement.map(Into::into),
            action: wire.action.map(Into::into),
        }
    }
}

impl From<&ScrapeSettings> for wire::ScrapeSettings {
    fn from(settings: &ScrapeSettings) -> Self {
        let fallback = settings.fallback_scrape_protocol;
        let rules = settings.metric_relabel.iter();
        Self {
            job: settings.job_name.to_string(),
            honor_labels: settings.honor_labels,
            honor_timestamps: settings.honor_timestamps,
            enable_compression: settings.enable_compression,
            scrape_protocols: settings.scrape_protocols.iter().map(|one| one.as_str().to_owned()).collect(),
            fallback_scrape_protocol: fallback.map_or("", ScrapeProtocol::as_str).to_owned(),
            metric_name_escaping_scheme: settings.escaping_scheme.as_str().to_owned(),
            metric_name_validation_scheme: settings.validation_scheme.as_str().to_owned(),
            body_size_limit: settings.body_size_limit,
            sample_limit: settings.sample_limit,
            label_limit: settings.label_limit,
            label_name_length_limit: settings.label_name_length_limit,
            label_value_length_limit: settings.label_value_length_limit,
            metric_relabel_rules: rules.map(|rule| wire::RelabelRule::from(rule.spec())).collect(),
            http: Some(wire::HttpClientConfig::from(&settings.http)),
            over_target_limit: settings
                .over_target_limit
                .map(|OverTargetLimit { targets, limit }| wire::OverTargetLimit { targets, limit }),
        }
    }
}

fn protocols(wire: &[String]) -> Result<Vec<ScrapeProtocol>, ConvertError> {
    let field = "job.scrape_protocols";
    if wire.is_empty() {
        return Err(ConvertError::Missing { field });
    }
    wire.iter().map(|text| ScrapeProtocol::parse(text).ok_or_else(|| invalid(field, text))).collect()
}

fn rules(
    wire: Vec<wire::RelabelRule>,
    scheme: ValidationScheme,
    job: &str,
) -> Result<Arc<[Rule]>, ConvertError> {
    let rule = |(index, rule): (usize, wire::RelabelRule)| {
        Rule::new(&RuleSpec::from(rule), scheme).map_err(|source| ConvertError::Rule {
            job: job.into(),
            index,
            source,
        })
    };
    wire.into_iter().enumerate().map(rule).collect()
}

impl TryFrom<wire::ScrapeSettings> for ScrapeSettings {
    type Error = ConvertError;

    fn try_from(wire: wire::ScrapeSettings) -> Result<Self, ConvertError> {
        let job_name = filled(wire.job, "job.job")?;
        let scheme = "job.metric_name_validation_scheme";
        let scheme =
            required(word(&wire.metric_name_validation_scheme, ValidationScheme::parse, scheme)?, scheme)?;
        let escaping = "job.metric_name_escaping_scheme";
        let escaping =
            required(word(&wire.metric_name_escaping_scheme, EscapingScheme::parse, escaping)?, escaping)?;
        let fallback = "job.fallback_scrape_protocol";
        Ok(Self {
            honor_labels: wire.honor_labels,
            honor_timestamps: wire.honor_timestamps,
            enable_compression: wire.enable_compression,
            scrape_protocols: protocols(&wire.scrape_protocols)?,
            fallback_scrape_protocol: word(&wire.fallback_scrape_protocol, ScrapeProtocol::parse, fallback)?,
            validation_scheme: scheme,
            escaping_scheme: escaping,
            body_size_limit: wire.body_size_limit,
            sample_limit: wire.sample_limit,
            label_limit: wire.label_limit,
            label_name_length_limit: wire.label_name_length_limit,
            label_value_length_limit: wire.label_value_length_limit,
            metric_relabel: rules(wire.metric_relabel_rules, scheme, &job_name)?,
            over_target_limit: wire
                .over_target_limit
                .map(|over| OverTargetLimit { targets: over.targets, limit: over.limit }),
            http: HttpClientConfig::try_from(required(wire.http, "job.http")?)?,
            job_name,
        })
    }
}
