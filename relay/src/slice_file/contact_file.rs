//! The last contact, written down every few seconds.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use model::target::TargetId;
use serde::{Deserialize, Serialize};

use super::Start;
use crate::contact::BootTime;
use crate::gather::outcome::{from_unix_ms, unix_ms};

/// When the coordinator was last in contact, and which targets were served from the cache then, with its knowledge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastContact {
    machine_boot_id: String,
    /// Nanoseconds on CLOCK_BOOTTIME.
    boot_ns: u64,
    /// Milliseconds since 1970.
    unix_ms: i64,
    /// Target ids in hexadecimal digits.
    served: BTreeSet<String>,
}

impl LastContact {
    /// Contact at `contact`, which is `now` or a little before, in this boot of the machine.
    #[must_use]
    pub fn new(
        machine_boot_id: String,
        contact: BootTime,
        now: SystemTime,
        served: impl IntoIterator<Item = TargetId>,
    ) -> Self {
        let boot_ns = u64::try_from(contact.since_start().as_nanos()).unwrap_or(u64::MAX);
        let served = served.into_iter().map(|id| id.to_string()).collect();
        Self { machine_boot_id, boot_ns, unix_ms: unix_ms(now), served }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers are always JSON")
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    pub(super) fn at(&self) -> SystemTime {
        from_unix_ms(self.unix_ms)
    }

    pub(super) fn served(&self, id: TargetId) -> bool {
        self.served.contains(&id.to_string())
    }

    /// The contact, if it was in this boot of the machine and so shortly before `start` that nobody can have been
    /// given this relay's targets.
    pub(super) fn just_before(&self, start: &Start) -> Option<BootTime> {
        let contact = BootTime::from_start(Duration::from_nanos(self.boot_ns));
        let same_boot = !self.machine_boot_id.is_empty() && self.machine_boot_id == start.machine_boot_id;
        let recent = start.started.since(contact) < start.contact_within;
        (same_boot && recent).then_some(contact)
    }
}
