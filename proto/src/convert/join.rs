//! A relay's first words, and the coordinator's.

use std::sync::Arc;

use bytes::Bytes;
use model::slice::{Epoch, Held, Hello, ProtocolRange, Reign, Released, Revision, Stamp};
use model::target::{Target, TargetId};

use super::slice::{permission, reign};
use super::time::{time, time_to_wire};
use super::{ConvertError, filled, invalid, target_id, target_id_bytes};
use crate::assignment::v1 as wire;
use crate::types::v1 as types;

impl From<&Held> for wire::Held {
    fn from(held: &Held) -> Self {
        Self {
            target_id: target_id_bytes(held.target),
            epoch: held.stamp.epoch.0,
            revision: held.stamp.revision.0,
            permission: wire::Permission::from(held.permission).into(),
            served_from_cache: held.served_from_cache,
            samples: held.samples,
            target: held.described.as_deref().map(types::Target::from),
            held_back: held.held_back,
        }
    }
}

/// The target that is held as `id`: that of another would be adopted by the wrong name.
fn described(wire: Option<types::Target>, id: TargetId) -> Result<Option<Arc<Target>>, ConvertError> {
    let Some(target) = wire.map(Target::try_from).transpose()? else { return Ok(None) };
    if target.id != id {
        return Err(invalid("hello.held.target.id", target.id.to_string()));
    }
    Ok(Some(Arc::new(target)))
}

impl TryFrom<wire::Held> for Held {
    type Error = ConvertError;

    fn try_from(wire: wire::Held) -> Result<Self, ConvertError> {
        let target = target_id(&wire.target_id, "hello.held.target_id")?;
        Ok(Self {
            target,
            stamp: Stamp { epoch: Epoch(wire.epoch), revision: Revision(wire.revision) },
            permission: permission(wire.permission, "hello.held.permission")?,
            served_from_cache: wire.served_from_cache,
            samples: wire.samples,
            described: described(wire.target, target)?,
            held_back: wire.held_back,
        })
    }
}

impl From<&Hello> for wire::Hello {
    fn from(hello: &Hello) -> Self {
        let reign = hello.highest_reign.as_ref();
        Self {
            name: hello.name.to_string(),
            boot_id: hello.boot_id.to_string(),
            build: hello.build.to_string(),
            protocol_min: hello.protocol.min,
            protocol_max: hello.protocol.max,
            highest_epoch: reign.map_or(0, |reign| reign.epoch.0),
            highest_epoch_coordinator_boot_id: reign
                .map(|reign| reign.coordinator_boot_id.to_string())
                .unwrap_or_default(),
            held: hello.held.iter().map(wire::Held::from).collect(),
            draining: hello.draining,
            advertise: hello.advertise.to_string(),
            last_page: time_to_wire(hello.last_page),
            drained: hello.drained,
            capacity: hello.capacity,
            held_is_all: hello.held_is_all,
        }
    }
}

fn highest_reign(epoch: u64, boot_id: String) -> Result<Option<Reign>, ConvertError> {
    if epoch == 0 {
        return Ok(None);
    }
    reign(epoch, boot_id, ["hello.highest_epoch", "hello.highest_epoch_coordinator_boot_id"]).map(Some)
}

/// A relay that can carry nothing would get nothing and say nothing of it.
fn capacity(wire: Option<u32>) -> Result<Option<u32>, ConvertError> {
    if wire == Some(0) { Err(invalid("hello.capacity", "0")) } else { Ok(wire) }
}

impl TryFrom<wire::Hello> for Hello {
    type Error = ConvertError;

    fn try_from(wire: wire::Hello) -> Result<Self, ConvertError> {
        if wire.protocol_min > wire.protocol_max {
            return Err(invalid("hello.protocol_min", wire.protocol_min.to_string()));
        }
        Ok(Self {
            name: filled(wire.name, "hello.name")?.into(),
            boot_id: filled(wire.boot_id, "hello.boot_id")?.into(),
            build: wire.build.into(),
            protocol: ProtocolRange { min: wire.protocol_min, max: wire.protocol_max },
            highest_reign: highest_reign(wire.highest_epoch, wire.highest_epoch_coordinator_boot_id)?,
            held: wire.held.into_iter().map(Held::try_from).collect::<Result<_, _>>()?,
            draining: wire.draining,
            advertise: filled(wire.advertise, "hello.advertise")?,
            last_page: time(wire.last_page, "hello.last_page")?,
            drained: wire.drained,
            capacity: capacity(wire.capacity)?,
            held_is_all: wire.held_is_all,
        })
    }
}

impl From<&Released> for wire::ReleasedTarget {
    fn from(released: &Released) -> Self {
        Self {
            target_id: target_id_bytes(released.target),
            never_good: released.never_good,
            record: released.record.as_deref().unwrap_or_default().to_vec(),
        }
    }
}

impl TryFrom<wire::ReleasedTarget> for Released {
    type Error = ConvertError;

    fn try_from(wire: wire::ReleasedTarget) -> Result<Self, ConvertError> {
        Ok(Self {
            target: target_id(&wire.target_id, "released.targets.target_id")?,
            never_good: wire.never_good,
            record: (!wire.record.is_empty()).then(|| Bytes::from(wire.record)),
        })
    }
}

impl From<Stamp> for wire::Acknowledged {
    fn from(stamp: Stamp) -> Self {
        Self { epoch: stamp.epoch.0, revision: stamp.revision.0 }
    }
}

impl From<wire::Acknowledged> for Stamp {
    fn from(wire: wire::Acknowledged) -> Self {
        Self { epoch: Epoch(wire.epoch), revision: Revision(wire.revision) }
    }
}

impl TryFrom<&wire::Welcome> for Reign {
    type Error = ConvertError;

    fn try_from(wire: &wire::Welcome) -> Result<Self, ConvertError> {
        reign(wire.epoch, wire.coordinator_boot_id.clone(), ["welcome.epoch", "welcome.coordinator_boot_id"])
    }
}
