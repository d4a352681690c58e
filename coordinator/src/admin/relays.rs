//! Relays as rows.

use proto::admin::v1::{ListRelaysResponse, Relay, RelayState as Shown};

use crate::fleet::{RelayEntry, RelayState, Snapshot};

pub(super) fn list(snapshot: &Snapshot) -> ListRelaysResponse {
    ListRelaysResponse {
        relays: snapshot.relays.iter().map(row).collect(),
        epoch: snapshot.reign.epoch.0,
        coordinator_state: snapshot.phase.as_str().to_owned(),
    }
}

fn row(relay: &RelayEntry) -> Relay {
    let state = match relay.state {
        RelayState::Active => Shown::Active,
        RelayState::Joining => Shown::Joining,
        RelayState::Suspect => Shown::Suspect,
        RelayState::Lost => Shown::Lost,
        RelayState::Draining => Shown::Draining,
    };
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    Relay {
        name: relay.name.to_string(),
        state: state.into(),
        advertise: relay.advertise.to_string(),
        build: relay.build.to_string(),
        boot_id: relay.boot_id.to_string(),
        connected_since: Some(relay.connected_since.into()),
        last_heard: Some(relay.last_heard.into()),
        last_page: relay.last_page.map(Into::into),
        targets: count(relay.targets),
        load: relay.load,
        load_ratio: relay.load_ratio,
        state_counts: relay.states.iter().map(|(state, n)| ((*state).to_owned(), count(*n))).collect(),
    }
}
