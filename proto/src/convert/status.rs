//! How targets do.

use model::status::{ScrapeFailure, StatusReport, TargetState, TargetStatus};

use super::time::{duration_to_wire, optional_duration, time, time_to_wire};
use super::{ConvertError, invalid, target_id, target_id_bytes};
use crate::assignment::v1 as wire;

impl From<TargetState> for wire::TargetState {
    fn from(state: TargetState) -> Self {
        match state {
            TargetState::Pending => Self::Pending,
            TargetState::Up => Self::Up,
            TargetState::Down => Self::Down,
            TargetState::StaleServed => Self::StaleServed,
        }
    }
}

fn state(wire: i32) -> Result<TargetState, ConvertError> {
    let field = "status.targets.state";
    match wire::TargetState::try_from(wire) {
        Ok(wire::TargetState::Pending) => Ok(TargetState::Pending),
        Ok(wire::TargetState::Up) => Ok(TargetState::Up),
        Ok(wire::TargetState::Down) => Ok(TargetState::Down),
        Ok(wire::TargetState::StaleServed) => Ok(TargetState::StaleServed),
        Ok(wire::TargetState::Unspecified) => Err(ConvertError::Missing { field }),
        Err(_) => Err(invalid(field, wire.to_string())),
    }
}

impl From<&TargetStatus> for wire::TargetStatus {
    fn from(status: &TargetStatus) -> Self {
        let failure = status.failure.as_ref();
        Self {
            target_id: target_id_bytes(status.target),
            state: wire::TargetState::from(status.state).into(),
            state_changed: time_to_wire(status.state_changed),
            last_scrape: time_to_wire(status.last_scrape),
            last_duration: status.last_duration.map(duration_to_wire),
            last_samples: status.last_samples,
            last_body_bytes: status.last_body_bytes,
            error_kind: failure.map(|failure| failure.kind.to_string()).unwrap_or_default(),
            error: failure.map(|failure| failure.message.to_string()).unwrap_or_default(),
            cached_scrape: time_to_wire(status.cached_scrape),
            scrapes_total: status.scrapes_total,
            failures_total: status.failures_total,
            consecutive_failures: status.consecutive_failures,
            limits_hit: status.limits_hit.iter().map(ToString::to_string).collect(),
            conflicts: status.conflicts.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<wire::TargetStatus> for TargetStatus {
    type Error = ConvertError;

    fn try_from(wire: wire::TargetStatus) -> Result<Self, ConvertError> {
        let failed = !wire.error_kind.is_empty() || !wire.error.is_empty();
        let failure = ScrapeFailure { kind: wire.error_kind.into(), message: wire.error.into() };
        Ok(Self {
            target: target_id(&wire.target_id, "status.targets.target_id")?,
            state: state(wire.state)?,
            state_changed: time(wire.state_changed, "status.targets.state_changed")?,
            last_scrape: time(wire.last_scrape, "status.targets.last_scrape")?,
            last_duration: optional_duration(wire.last_duration, "status.targets.last_duration")?,
            last_samples: wire.last_samples,
            last_body_bytes: wire.last_body_bytes,
            failure: failed.then_some(failure),
            cached_scrape: time(wire.cached_scrape, "status.targets.cached_scrape")?,
            scrapes_total: wire.scrapes_total,
            failures_total: wire.failures_total,
            consecutive_failures: wire.consecutive_failures,
            limits_hit: wire.limits_hit.into_iter().map(Into::into).collect(),
            conflicts: wire.conflicts.into_iter().map(Into::into).collect(),
        })
    }
}

impl From<&StatusReport> for wire::Status {
    fn from(report: &StatusReport) -> Self {
        Self {
            targets: report.targets.iter().map(wire::TargetStatus::from).collect(),
            last_page: time_to_wire(report.last_page),
            flush_late: report.flush_late,
            resident_bytes: report.resident_bytes,
        }
    }
}

impl TryFrom<wire::Status> for StatusReport {
    type Error = ConvertError;

    fn try_from(wire: wire::Status) -> Result<Self, ConvertError> {
        Ok(Self {
            targets: wire.targets.into_iter().map(TargetStatus::try_from).collect::<Result<_, _>>()?,
            last_page: time(wire.last_page, "status.last_page")?,
            flush_late: wire.flush_late,
            resident_bytes: wire.resident_bytes,
        })
    }
}
