//! Targets.

use model::labels::Labels;
use model::target::{PlacementKey, Target};

use super::time::{duration, duration_to_wire, optional_duration};
use super::{ConvertError, filled, target_id, target_id_bytes};
use crate::types::v1 as wire;

impl From<&Target> for wire::Target {
    fn from(target: &Target) -> Self {
        let label = |(name, value): (&str, &str)| wire::Label { name: name.into(), value: value.into() };
        Self {
            id: target_id_bytes(target.id),
            job: target.job.to_string(),
            labels: target.labels.iter().map(label).collect(),
            url: target.url.to_string(),
            scrape_timeout: Some(duration_to_wire(target.scrape_timeout)),
            min_interval: target.min_interval.map(duration_to_wire),
            scrape_interval: Some(duration_to_wire(target.scrape_interval)),
            placement_key: target.key.0,
        }
    }
}

impl TryFrom<wire::Target> for Target {
    type Error = ConvertError;

    fn try_from(wire: wire::Target) -> Result<Self, ConvertError> {
        if wire.labels.iter().any(|label| label.name.is_empty()) {
            return Err(ConvertError::Missing { field: "target.labels.name" });
        }
        Ok(Self {
            id: target_id(&wire.id, "target.id")?,
            job: filled(wire.job, "target.job")?.into(),
            labels: Labels::from_pairs(wire.labels.iter().map(|label| (&label.name, &label.value))),
            url: filled(wire.url, "target.url")?,
            scrape_timeout: duration(wire.scrape_timeout, "target.scrape_timeout")?,
            min_interval: optional_duration(wire.min_interval, "target.min_interval")?,
            scrape_interval: duration(wire.scrape_interval, "target.scrape_interval")?,
            key: PlacementKey(wire.placement_key),
        })
    }
}

/// At least the bytes that a target takes on the wire: every text has at most 6 bytes of tag and length.
#[must_use]
pub fn target_size(target: &Target) -> usize {
    let labels: usize = target.labels.iter().map(|(name, value)| 18 + name.len() + value.len()).sum();
    160 + target.job.len() + target.url.len() + labels
}
