//! The list of relays for Prometheus' HTTP service discovery.
//!
//! In: a snapshot of the fleet. Out: one group for each relay that Prometheus scrapes, or why there is no list now.
//! Prometheus keeps its last list where it gets none, so an answer is refused rather than emptied by a failure.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::fleet::{Phase, RelayEntry, RelayState, Snapshot};

/// One group of Prometheus' HTTP service discovery: here always one relay. It has no labels but
/// `__meta_scraperelay_*`: any other would end up on the samples of the relay's targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The relay's address, host:port.
    pub targets: [String; 1],
    /// Labels for relabelling.
    pub labels: BTreeMap<&'static str, String>,
}

/// Why there is no list now; answered with 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Relays may be missing that have not come yet.
    #[error("the coordinator is settling: wait until the relays have come back")]
    Settling,
    /// No relay is connected, and not because all have drained.
    #[error("no relay is connected: start one, or see why the relays cannot reach the coordinator")]
    NoRelay,
}

impl Unavailable {
    /// A fixed word for metrics.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Settling => "settling",
            Self::NoRelay => "no_relay",
        }
    }
}

/// The relays that Prometheus scrapes, by name: every connected one except a drained one, and any other as long as
/// it owns anything and is not lost.
///
/// # Errors
/// While the coordinator settles, and where the list would be empty because of a failure.
pub fn list(snapshot: &Snapshot) -> Result<Vec<Group>, Unavailable> {
    if snapshot.phase == Phase::Settling {
        return Err(Unavailable::Settling);
    }
    let groups: Vec<_> = snapshot.relays.iter().filter(|relay| relay.listed).map(group).collect();
    let all_drained = !snapshot.relays.is_empty()
        && snapshot.relays.iter().all(|relay| relay.state == RelayState::Draining);
    if groups.is_empty() && !all_drained {
        return Err(Unavailable::NoRelay);
    }
    Ok(groups)
}

fn group(relay: &RelayEntry) -> Group {
    let labels = [
        ("__meta_scraperelay_relay", relay.name.to_string()),
        ("__meta_scraperelay_build", relay.build.to_string()),
    ];
    Group { targets: [relay.advertise.to_string()], labels: labels.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::world::World;

    #[test]
    fn a_group_is_what_prometheus_reads_and_names_no_label_of_a_sample() {
        let mut world = World::new(1, 3);
        assert_eq!(list(&world.snapshot()), Err(Unavailable::Settling));
        world.start("relay-0", "1");
        let groups = list(&world.snapshot()).unwrap();
        let expected = serde_json::json!([{
            "targets": ["relay-0:15090"],
            "labels": {"__meta_scraperelay_relay": "relay-0", "__meta_scraperelay_build": "test"},
        }]);
        assert_eq!(serde_json::to_value(groups).unwrap(), expected);
    }
}
