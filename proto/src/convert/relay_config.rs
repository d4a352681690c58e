//! The settings that hold for a whole relay.

use model::settings::{CacheSettings, Capacity, Limits, RelaySettings, TimestampAge};
use model::slice::RelayConfig;

use super::time::{duration, duration_to_wire};
use super::{ConvertError, invalid};
use crate::assignment::v1 as wire;

fn count(number: u64, field: &'static str) -> Result<usize, ConvertError> {
    usize::try_from(number).map_err(|_| invalid(field, number.to_string()))
}

impl From<&RelayConfig> for wire::RelayConfig {
    fn from(config: &RelayConfig) -> Self {
        let RelayConfig { relay, cache, limits } = config;
        Self {
            max_concurrent_scrapes: relay.concurrency as u64,
            max_bodies_in_flight_bytes: relay.bodies_in_flight,
            slice_max_age: Some(duration_to_wire(relay.slice_max_age)),
            default_page_budget: Some(duration_to_wire(relay.page_timeout)),
            capacity: relay.capacity.hundredths(),
            cache_max_age: Some(duration_to_wire(cache.max_age)),
            cache_disabled: !cache.enabled,
            connect_timeout: Some(duration_to_wire(limits.connect_timeout)),
            body_size_limit: limits.body_size,
            samples_per_target: limits.samples,
            labels_per_sample: limits.labels,
            label_value_bytes: limits.label_value_length,
            response_header_bytes: limits.response_headers,
            timestamp_max_age: Some(duration_to_wire(limits.timestamp_age.past)),
            timestamp_max_ahead: Some(duration_to_wire(limits.timestamp_age.future)),
            dropped_targets_per_job: limits.dropped_targets,
            connections: limits.connections as u64,
        }
    }
}

fn limits(wire: &wire::RelayConfig) -> Result<Limits, ConvertError> {
    Ok(Limits {
        body_size: wire.body_size_limit,
        samples: wire.samples_per_target,
        labels: wire.labels_per_sample,
        label_value_length: wire.label_value_bytes,
        response_headers: wire.response_header_bytes,
        connect_timeout: duration(wire.connect_timeout, "config.connect_timeout")?,
        dropped_targets: wire.dropped_targets_per_job,
        connections: count(wire.connections, "config.connections")?,
        timestamp_age: TimestampAge {
            past: duration(wire.timestamp_max_age, "config.timestamp_max_age")?,
            future: duration(wire.timestamp_max_ahead, "config.timestamp_max_ahead")?,
        },
    })
}

impl TryFrom<wire::RelayConfig> for RelayConfig {
    type Error = ConvertError;

    fn try_from(wire: wire::RelayConfig) -> Result<Self, ConvertError> {
        Ok(Self {
            limits: limits(&wire)?,
            relay: RelaySettings {
                concurrency: count(wire.max_concurrent_scrapes, "config.max_concurrent_scrapes")?,
                bodies_in_flight: wire.max_bodies_in_flight_bytes,
                page_timeout: duration(wire.default_page_budget, "config.default_page_budget")?,
                slice_max_age: duration(wire.slice_max_age, "config.slice_max_age")?,
                capacity: Capacity::of_hundredths(wire.capacity).unwrap_or_default(),
            },
            cache: CacheSettings {
                enabled: !wire.cache_disabled,
                max_age: duration(wire.cache_max_age, "config.cache_max_age")?,
            },
        })
    }
}
