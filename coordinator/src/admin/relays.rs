//! Relays as rows.

use std::sync::Arc;

use proto::admin::v1::{GetRelayResponse, ListRelaysResponse, Move, Relay, RelayState as Shown};
use tonic::Status;

use super::{drain, shown, targets};
use crate::fleet::{Phase, RelayEntry, RelayState, Snapshot, TargetEntry};

/// Moves of one relay that are told one by one.
const MOVES: usize = 100;

/// Most names that are told to somebody who asks for another.
const NAMED: usize = 20;

pub(super) fn list(snapshot: &Snapshot) -> ListRelaysResponse {
    ListRelaysResponse {
        relays: snapshot.relays.iter().map(|relay| row(snapshot, relay)).collect(),
        epoch: snapshot.reign.epoch.0,
        coordinator_state: snapshot.phase.as_str().to_owned(),
    }
}

pub(super) fn get(snapshot: &Snapshot, name: &str) -> Result<GetRelayResponse, Status> {
    let coordinator_state = snapshot.phase.as_str().to_owned();
    let relay = Some(find(snapshot, name)?);
    let is_part = |entry: &&Arc<TargetEntry>| {
        entry.transfer.as_ref().is_some_and(|transfer| *transfer.from == *name || *transfer.to == *name)
    };
    let moving = || snapshot.targets.iter().filter(is_part);
    let moves_total = i32::try_from(moving().count()).unwrap_or(i32::MAX);
    let moves = moving().take(MOVES).map(|entry| one_move(entry)).collect();
    Ok(GetRelayResponse { relay, coordinator_state, moves, moves_total })
}

fn one_move(entry: &TargetEntry) -> Move {
    Move {
        target: format!("targets/{}", entry.target.id),
        job: entry.target.job.to_string(),
        url: shown::url(&entry.target.url),
        transfer: entry.transfer.as_ref().map(targets::transfer),
    }
}

/// The relay of this name as a row.
pub(super) fn find(snapshot: &Snapshot, name: &str) -> Result<Relay, Status> {
    entry(snapshot, name).map(|relay| row(snapshot, relay))
}

/// The relay of this name. While the coordinator settles it may only not have come yet.
pub(super) fn entry<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a RelayEntry, Status> {
    let known =
        || snapshot.relays.iter().map(|relay| &*relay.name).take(NAMED).collect::<Vec<_>>().join(", ");
    match (snapshot.relay(name), snapshot.phase) {
        (Some(relay), _) => Ok(relay),
        (None, Phase::Leading) => Err(Status::not_found(match &*known() {
            "" => format!("there is no relay {name:?}, nor any other"),
            known => format!("there is no relay {name:?}; there are {known}"),
        })),
        (None, Phase::Settling) => Err(Status::unavailable(format!(
            "the coordinator is settling and {name:?} has not come yet: ask again in some seconds"
        ))),
    }
}

fn row(snapshot: &Snapshot, relay: &RelayEntry) -> Relay {
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    Relay {
        name: relay.name.to_string(),
        state: state(relay.state).into(),
        advertise: relay.advertise.to_string(),
        build: relay.build.to_string(),
        boot_id: relay.boot_id.to_string(),
        connected_since: Some(relay.connected_since.into()),
        last_heard: Some(relay.last_heard.into()),
        last_page: relay.last_page.map(Into::into),
        targets: count(relay.targets),
        load: relay.load,
        load_ratio: relay.load_ratio,
        drained: relay.drained,
        to_lose: count(relay.to_lose),
        listed: relay.listed,
        resident_bytes: relay.resident_bytes,
        hindrance: drain::hindrance(snapshot, relay),
        state_counts: relay.states.iter().map(|(state, n)| ((*state).to_owned(), count(*n))).collect(),
    }
}

/// A relay's state as the API spells it.
pub(super) fn state(state: RelayState) -> Shown {
    match state {
        RelayState::Active => Shown::Active,
        RelayState::Joining => Shown::Joining,
        RelayState::Suspect => Shown::Suspect,
        RelayState::Lost => Shown::Lost,
        RelayState::Draining => Shown::Draining,
    }
}
