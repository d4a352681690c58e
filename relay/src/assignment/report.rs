//! What a relay says of itself on the stream: the Hello and the status of its targets.

use std::sync::atomic::Ordering;

use model::slice::{Hello, PROTOCOL, ProtocolRange, Reign};
use model::status::{StatusReport, TargetStatus};

use super::Identity;
use crate::boottime;
use crate::gather::Gather;

/// Statuses in one message: it stays well under the 4 MiB that gRPC accepts.
const STATUSES: usize = 2_000;

/// Which targets a report is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Those whose state has changed.
    StateChanged,
    /// Those of which anything has changed.
    Changed,
}

/// The first words on a stream.
pub(super) fn hello(identity: &Identity, gather: &Gather, highest_reign: Option<Reign>) -> Hello {
    let roster = gather.roster();
    let slots = roster.iter().flat_map(|roster| roster.slots.iter());
    Hello {
        name: identity.name.clone(),
        boot_id: identity.boot_id.clone(),
        build: identity.build.clone(),
        protocol: ProtocolRange { min: PROTOCOL, max: PROTOCOL },
        held: highest_reign.iter().flat_map(|_| slots.clone().map(|slot| slot.introduce())).collect(),
        highest_reign,
        draining: false,
        advertise: identity.advertise.clone(),
        last_page: gather.last_asked(),
    }
}

/// What is to be reported now, in messages; empty where there is nothing to say.
pub(super) fn reports(gather: &Gather, which: Which) -> Vec<StatusReport> {
    let now = boottime::now();
    let roster = gather.roster();
    let slots = roster.iter().flat_map(|roster| roster.slots.iter());
    let statuses: Vec<TargetStatus> = match which {
        Which::StateChanged => slots.filter_map(|slot| slot.report_state(now)).collect(),
        Which::Changed => slots.filter_map(|slot| slot.report(now)).collect(),
    };
    let about_relay = StatusReport {
        targets: Vec::new(),
        last_page: gather.last_asked(),
        flush_late: flush_late(gather),
        resident_bytes: resident_bytes(),
    };
    if statuses.is_empty() {
        return vec![about_relay];
    }
    let messages = statuses.chunks(STATUSES);
    messages.map(|targets| StatusReport { targets: targets.to_vec(), ..about_relay.clone() }).collect()
}

/// Whether a page has shown what is not on disk, now or still.
fn flush_late(gather: &Gather) -> bool {
    let context = &gather.context;
    if context.cache.has_given_up() {
        return true;
    }
    let late = context.flush_late.load(Ordering::Relaxed);
    if late && !context.cache.is_behind() {
        context.flush_late.store(false, Ordering::Relaxed);
        return false;
    }
    late
}

/// Memory in use; 0 where the system does not tell.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes =
        line.and_then(|line| line.split_whitespace().next()).and_then(|kb| kb.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_in_use() {
        assert!(resident_bytes() > 1 << 20);
    }
}
