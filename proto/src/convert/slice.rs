//! Slice changes.

use std::sync::Arc;

use bytes::Bytes;
use model::job::ScrapeSettings;
use model::slice::{Assignment, Epoch, Permission, Reign, RelayConfig, Revision, SliceChange};
use model::target::Target;

use super::{ConvertError, filled, invalid, required, target_id, target_id_bytes};
use crate::assignment::v1 as wire;
use crate::types::v1 as types;

impl From<Permission> for wire::Permission {
    fn from(permission: Permission) -> Self {
        match permission {
            Permission::Keep => Self::Keep,
            Permission::Record => Self::Record,
            Permission::Discard => Self::Discard,
            Permission::None => Self::None,
        }
    }
}

pub(super) fn permission(wire: i32, field: &'static str) -> Result<Permission, ConvertError> {
    match wire::Permission::try_from(wire) {
        Ok(wire::Permission::Keep) => Ok(Permission::Keep),
        Ok(wire::Permission::Record) => Ok(Permission::Record),
        Ok(wire::Permission::Discard) => Ok(Permission::Discard),
        Ok(wire::Permission::None) => Ok(Permission::None),
        Ok(wire::Permission::Unspecified) => Err(ConvertError::Missing { field }),
        Err(_) => Err(invalid(field, wire.to_string())),
    }
}

impl From<&Assignment> for wire::Assigned {
    fn from(assignment: &Assignment) -> Self {
        Self {
            target: Some(types::Target::from(&*assignment.target)),
            permission: wire::Permission::from(assignment.permission).into(),
            record: assignment.record.as_deref().unwrap_or_default().to_vec(),
        }
    }
}

impl TryFrom<wire::Assigned> for Assignment {
    type Error = ConvertError;

    fn try_from(wire: wire::Assigned) -> Result<Self, ConvertError> {
        let target = Target::try_from(required(wire.target, "assigned.target")?)?;
        let permission = permission(wire.permission, "assigned.permission")?;
        let record = match (permission, wire.record.is_empty()) {
            (Permission::Record, true) => return Err(ConvertError::Missing { field: "assigned.record" }),
            (Permission::Record, false) => Some(Bytes::from(wire.record)),
            (_, true) => None,
            (_, false) => return Err(invalid("assigned.record", format!("{} bytes", wire.record.len()))),
        };
        Ok(Self { target: Arc::new(target), permission, record })
    }
}

impl From<&SliceChange> for wire::SliceChange {
    fn from(change: &SliceChange) -> Self {
        Self {
            epoch: change.reign.epoch.0,
            coordinator_boot_id: change.reign.coordinator_boot_id.to_string(),
            revision: change.revision.0,
            whole: change.whole,
            complete: change.complete,
            assigned: change.assigned.iter().map(wire::Assigned::from).collect(),
            removed_target_ids: change.removed.iter().map(|id| target_id_bytes(*id)).collect(),
            jobs: change.jobs.iter().map(|job| types::ScrapeSettings::from(&**job)).collect(),
            config: change.config.as_deref().map(wire::RelayConfig::from),
            drained: change.drained,
        }
    }
}

pub(super) fn reign(epoch: u64, boot_id: String, fields: [&'static str; 2]) -> Result<Reign, ConvertError> {
    if epoch == 0 {
        return Err(ConvertError::Missing { field: fields[0] });
    }
    Ok(Reign { epoch: Epoch(epoch), coordinator_boot_id: filled(boot_id, fields[1])?.into() })
}

impl TryFrom<wire::SliceChange> for SliceChange {
    type Error = ConvertError;

    fn try_from(wire: wire::SliceChange) -> Result<Self, ConvertError> {
        let fields = ["slice_change.epoch", "slice_change.coordinator_boot_id"];
        let settings = |job| ScrapeSettings::try_from(job).map(Arc::new);
        let removed = wire.removed_target_ids.iter();
        Ok(Self {
            reign: reign(wire.epoch, wire.coordinator_boot_id, fields)?,
            revision: Revision(wire.revision),
            whole: wire.whole,
            complete: wire.complete,
            assigned: wire.assigned.into_iter().map(Assignment::try_from).collect::<Result<_, _>>()?,
            removed: removed
                .map(|id| target_id(id, "slice_change.removed_target_ids"))
                .collect::<Result<_, _>>()?,
            jobs: wire.jobs.into_iter().map(settings).collect::<Result<_, _>>()?,
            config: wire.config.map(RelayConfig::try_from).transpose()?.map(Arc::new),
            drained: wire.drained,
        })
    }
}
