//! Durations and points in time.

use std::time::{Duration, SystemTime};

use prost_types::Timestamp;

use super::{ConvertError, invalid, required};

/// The longest that a protobuf duration may be is 315,576,000,000 s (about 10,000 years).
const LONGEST: i64 = 315_576_000_000;

pub(super) fn duration_to_wire(duration: Duration) -> prost_types::Duration {
    match i64::try_from(duration.as_secs()) {
        Ok(seconds) if seconds < LONGEST => {
            // Nanoseconds of a duration are below 10^9 and fit.
            prost_types::Duration { seconds, nanos: duration.subsec_nanos().cast_signed() }
        }
        _ => prost_types::Duration { seconds: LONGEST, nanos: 0 },
    }
}

pub(super) fn optional_duration(
    wire: Option<prost_types::Duration>,
    field: &'static str,
) -> Result<Option<Duration>, ConvertError> {
    wire.map(|wire| Duration::try_from(wire).map_err(|_| invalid(field, wire.to_string()))).transpose()
}

pub(super) fn duration(
    wire: Option<prost_types::Duration>,
    field: &'static str,
) -> Result<Duration, ConvertError> {
    required(optional_duration(wire, field)?, field)
}

pub(super) fn time_to_wire(time: Option<SystemTime>) -> Option<Timestamp> {
    time.map(Timestamp::from)
}

pub(super) fn time(wire: Option<Timestamp>, field: &'static str) -> Result<Option<SystemTime>, ConvertError> {
    wire.map(|wire| SystemTime::try_from(wire).map_err(|_| invalid(field, wire.to_string()))).transpose()
}
