//! What a relay says of itself on the stream: the Hello and the status of its targets.

use std::sync::atomic::Ordering;

use model::settings::Capacity;
use model::slice::{Held, Hello, PROTOCOL, ProtocolRange};
use model::status::{StatusReport, TargetStatus};
use proto::convert::target_size;

use super::Identity;
use crate::boottime;
use crate::gather::Gather;
use crate::slice::HeldSlice;

/// Statuses in one message: it stays well under the 4 MiB that gRPC accepts.
const STATUSES: usize = 1_000;
/// What a Hello may take to say what its targets are; 10,000 usual ones take about 5 MiB. With the ids of 200,000
/// targets it stays under the 64 MiB that a coordinator accepts.
const DESCRIPTIONS: usize = 44 << 20;

/// Which targets a report is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Those whose state has changed.
    StateChanged,
    /// Those of which anything has changed.
    Changed,
}

/// The first words on a stream.
pub(super) fn hello(identity: &Identity, gather: &Gather, slice: &HeldSlice, leaves: bool) -> Hello {
    let highest_reign = slice.reign.clone().or_else(|| slice.last_reign.clone());
    let standing = gather.context.contact.standing();
    let roster = gather.roster();
    let slots = roster.iter().flat_map(|roster| roster.slots.iter());
    let mut held: Vec<Held> =
        highest_reign.iter().flat_map(|_| slots.clone().map(|slot| slot.introduce(standing))).collect();
    let undescribed = bound(&mut held, DESCRIPTIONS);
    if undescribed > 0 {
        gather.context.instruments.undescribed_targets.add(undescribed, &[]);
        tracing::warn!(
            targets = undescribed,
            "more targets than a Hello can describe: a coordinator that has not found them yet may drop them"
        );
    }
    Hello {
        name: identity.name.clone(),
        boot_id: identity.boot_id.clone(),
        build: identity.build.clone(),
        protocol: ProtocolRange { min: PROTOCOL, max: PROTOCOL },
        held,
        held_is_all: slice.reign.is_some(),
        highest_reign,
        draining: leaves,
        advertise: identity.advertise.clone(),
        last_page: gather.last_asked(),
        drained: slice.drained,
        capacity: identity.capacity.map(Capacity::hundredths),
    }
}

/// Leaves out what targets are where it would take more than `most` bytes; of how many.
fn bound(held: &mut [Held], most: usize) -> u64 {
    let (mut taken, mut left_out) = (0, 0);
    for one in held {
        let Some(target) = &one.described else { continue };
        let size = target_size(target);
        if taken + size > most {
            one.described = None;
            left_out += 1;
        } else {
            taken += size;
        }
    }
    left_out
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
    use std::sync::Arc;
    use std::time::Duration;

    use model::labels::Labels;
    use model::slice::{Permission, Stamp};
    use model::target::{PlacementKey, Target, TargetId};
    use prost::Message as _;
    use proto::assignment::v1 as wire;

    use super::*;

    #[test]
    fn a_process_has_memory_in_use() {
        assert!(resident_bytes() > 1 << 20);
    }

    fn held(number: u64) -> Held {
        let labels = [
            ("instance", format!("10.0.{}.{}:8080", number / 256, number % 256)),
            ("job", "kubernetes-pods".into()),
            ("namespace", "shop".into()),
            ("pod", format!("checkout-7c9f8d6b5d-{number:05}")),
            ("node", format!("ip-10-0-{}-17.eu-central-1.compute.internal", number % 200)),
            ("app", "checkout".into()),
            ("container", "server".into()),
        ];
        let target = Target {
            id: TargetId(number.into()),
            key: PlacementKey(number),
            job: "kubernetes-pods".into(),
            labels: Labels::from_pairs(labels),
            url: format!("http://10.0.{}.{}:8080/metrics", number / 256, number % 256).into(),
            scrape_interval: Duration::from_secs(15),
            scrape_timeout: Duration::from_secs(10),
            min_interval: None,
        };
        Held {
            target: target.id,
            stamp: Stamp::default(),
            permission: Permission::Keep,
            held_back: false,
            served_from_cache: false,
            samples: 300,
            described: Some(Arc::new(target)),
        }
    }

    fn wire_size(held: &[Held]) -> usize {
        held.iter().map(|held| wire::Held::from(held).encoded_len() + 4).sum()
    }

    #[test]
    fn ten_thousand_usual_targets_are_described_in_a_tenth_of_what_a_coordinator_accepts() {
        let mut all: Vec<Held> = (0..10_000).map(held).collect();
        assert_eq!(bound(&mut all, DESCRIPTIONS), 0);
        assert!(wire_size(&all) < 6 << 20, "{} bytes", wire_size(&all));
    }

    #[test]
    fn targets_beyond_the_bound_are_named_only() {
        let mut all: Vec<Held> = (0..200_000).map(held).collect();
        let left_out = bound(&mut all, DESCRIPTIONS);
        let described = all.iter().filter(|held| held.described.is_some()).count();
        assert_eq!(described as u64 + left_out, 200_000);
        assert!(described > 50_000, "{described}");
        assert!(wire_size(&all) < 63 << 20, "{} bytes", wire_size(&all));
    }
}
