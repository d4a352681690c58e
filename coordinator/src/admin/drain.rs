//! Whether a relay may be drained, and what keeps one that is from losing its targets.

use tonic::Status;

use super::relays;
use crate::fleet::{Phase, RelayEntry, RelayState, Snapshot};

/// Whether an operator may drain `name` now (`drained`), or take that back.
pub(super) fn allowed(snapshot: &Snapshot, name: &str, drained: bool) -> Result<(), Status> {
    if snapshot.phase == Phase::Settling {
        return Err(Status::unavailable(
            "the coordinator is settling: it moves nothing until the relays have come; ask again in some seconds",
        ));
    }
    let relay = relays::entry(snapshot, name)?;
    if drained
        && !relay.drained
        && relay.targets > 0
        && !others(snapshot, relay).any(|other| other.state != RelayState::Lost)
    {
        return Err(Status::failed_precondition(format!(
            "{name} has {} targets and no other relay could have them: start another one, or undrain one",
            relay.targets
        )));
    }
    Ok(())
}

/// What keeps a relay that is to lose its targets from doing so; empty where nothing does.
pub(super) fn hindrance(snapshot: &Snapshot, relay: &RelayEntry) -> String {
    let leaves = relay.drained || relay.state == RelayState::Draining;
    if !leaves || relay.targets == 0 {
        return String::new();
    }
    if snapshot.phase == Phase::Settling {
        return "the coordinator is settling and moves nothing yet".to_owned();
    }
    let states: Vec<RelayState> = others(snapshot, relay).map(|other| other.state).collect();
    if states.contains(&RelayState::Active) {
        return String::new();
    }
    let why = if states.contains(&RelayState::Joining) {
        "no scraper has asked for the pages of the others yet: let Prometheus do so"
    } else if states.contains(&RelayState::Suspect) {
        "the others may be lost: see whether they run and reach the coordinator"
    } else {
        "there is no other relay: start one, or undrain one"
    };
    why.to_owned()
}

/// The other relays that are not to lose their targets themselves.
fn others<'a>(snapshot: &'a Snapshot, relay: &'a RelayEntry) -> impl Iterator<Item = &'a RelayEntry> {
    let stays = |other: &&RelayEntry| !other.drained && other.state != RelayState::Draining;
    snapshot.relays.iter().filter(|other| other.name != relay.name).filter(stays)
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;
    use crate::fleet::world::{World, seconds};
    use crate::fleet::{FleetEvent, StreamEnd};

    fn drain(world: &mut World, name: &str) {
        world.apply(FleetEvent::Drain { relay: name.into(), drained: true });
    }

    fn code(snapshot: &Snapshot, name: &str) -> Option<Code> {
        allowed(snapshot, name, true).err().map(|status| status.code())
    }

    fn hindered(world: &mut World, name: &str) -> String {
        let snapshot = world.snapshot();
        hindrance(&snapshot, snapshot.relay(name).expect("a relay of the script"))
    }

    #[test]
    fn the_last_relay_that_can_have_targets_is_not_drained() {
        let mut world = World::new(2, 9);
        world.start("a", "1");
        assert_eq!(code(&world.snapshot(), "a"), Some(Code::Unavailable), "it settles");
        world.start("b", "1");
        world.pass(seconds(2));
        assert_eq!(code(&world.snapshot(), "a"), None);
        assert_eq!(code(&world.snapshot(), "c"), Some(Code::NotFound));
        drain(&mut world, "a");
        world.pass(seconds(40));
        assert_eq!(world.spread(), [0, 9]);
        assert_eq!(code(&world.snapshot(), "b"), Some(Code::FailedPrecondition));
        assert_eq!(code(&world.snapshot(), "a"), None, "it has lost everything: this asks for nothing");
        assert_eq!(allowed(&world.snapshot(), "a", false).err().map(|it| it.code()), None);
    }

    #[test]
    fn what_hinders_a_drain_is_told() {
        let mut world = World::new(1, 9);
        world.start("a", "1");
        world.pass(seconds(2));
        assert_eq!(hindered(&mut world, "a"), "", "it is not drained");
        drain(&mut world, "a");
        assert!(hindered(&mut world, "a").contains("no other relay"));
        assert_eq!(code(&world.snapshot(), "a"), None, "asking again changes nothing");

        let mut world = World::new(2, 9);
        world.start("a", "1");
        world.start("b", "1");
        world.end("b", StreamEnd::Local);
        drain(&mut world, "a");
        assert!(hindered(&mut world, "a").contains("may be lost"));
        world.join("b");
        assert_eq!(hindered(&mut world, "a"), "");
    }
}
