//! What simulated relays do with targets and copies, and the scraper that asks for their pages.
//!
//! A target's value is the time at which it was scraped, so that nothing older may ever follow on a page.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use model::slice::{Assignment, Permission, Released, SliceChange, Stamp};
use model::status::{StatusReport, TargetState, TargetStatus};
use model::target::TargetId;

use super::{Sim, World, seconds};
use crate::fleet::{FleetEvent, StreamEnd, StreamId};

/// How often the scraper asks, and reads its list.
const INTERVAL: u64 = 2;

impl Sim {
    /// Applies a change, in one part or several; what it says of the targets that it drops.
    pub(super) fn take_in(&mut self, parts: &[SliceChange]) -> Vec<Released> {
        let before = self.slice.clone();
        for part in parts {
            self.drained = part.drained.unwrap_or(self.drained);
            if part.whole {
                self.slice.clear();
            }
            self.slice.retain(|id, _| !part.removed.contains(id));
            let stamp = Stamp { epoch: part.reign.epoch, revision: part.revision };
            for one in &part.assigned {
                self.slice.insert(one.target.id, (one.permission, stamp));
                self.take_copy(one);
            }
        }
        let gone = before.into_iter().filter(|(id, _)| !self.slice.contains_key(id));
        gone.map(|(id, _)| id).collect::<Vec<_>>().into_iter().map(|id| self.let_go(id)).collect()
    }

    fn take_copy(&mut self, assignment: &Assignment) {
        let id = assignment.target.id;
        match (assignment.permission, &assignment.record) {
            (Permission::Record, Some(record)) => {
                let value = record[..8].try_into().expect("a record of the simulation");
                self.copies.insert(id, u64::from_le_bytes(value));
            }
            (Permission::Record | Permission::Discard, _) => drop(self.copies.remove(&id)),
            (Permission::Keep | Permission::None, _) => {}
        }
    }

    /// As relays do it: what came under `none` is the coordinator's to judge.
    fn let_go(&mut self, target: TargetId) -> Released {
        let copy = self.copies.remove(&target);
        let failing = self.states.remove(&target).is_some_and(TargetState::is_failing);
        let record = copy.filter(|_| failing);
        Released {
            target,
            never_good: !self.good.remove(&target),
            record: record.map(|value| Bytes::copy_from_slice(&value.to_le_bytes())),
        }
    }

    /// A heartbeat and its echo.
    pub(super) fn beat(&mut self, now: Duration) -> Option<StreamId> {
        let stream = self.stream?;
        self.contact = now;
        Some(stream)
    }

    /// What a page shows of a target: a value, if any, and how it does.
    fn show(&mut self, id: TargetId, dead: bool, now: u64) -> (Option<u64>, TargetState) {
        let (permission, _) = self.slice[&id];
        if !dead {
            self.good.insert(id);
            if permission == Permission::None {
                self.copies.remove(&id)
            } else {
                self.copies.insert(id, now)
            };
            return (Some(now), TargetState::Up);
        }
        // Alone, at once where its stream has ended, it goes on with what it served from its cache, and no more.
        let alone = self.stream.is_none() || Duration::from_millis(now) >= self.contact + seconds(14);
        let served = self.states.get(&id) == Some(&TargetState::StaleServed);
        let may = permission != Permission::None && (!alone || served);
        match self.copies.get(&id).filter(|_| may) {
            Some(value) => (Some(*value), TargetState::StaleServed),
            None => (None, TargetState::Down),
        }
    }
}

impl World {
    /// A scraper asks, from now on, every relay of its list.
    pub(crate) fn scraped(mut self) -> Self {
        self.scrapes = true;
        self
    }

    /// Time has passed; the scraper asks each relay in its turn.
    pub(super) fn scrape(&mut self) {
        let quarters = self.now.elapsed.as_millis() / 250;
        if !self.scrapes {
            return;
        }
        if quarters.is_multiple_of(u128::from(INTERVAL) * 4) {
            self.list = self.listed().unwrap_or(std::mem::take(&mut self.list));
        }
        for (at, name) in self.relays.keys().cloned().collect::<Vec<_>>().into_iter().enumerate() {
            let turn = (quarters + at as u128).is_multiple_of(u128::from(INTERVAL) * 4);
            if turn && self.list.contains(&format!("{name}:15090")) {
                self.page(&name);
            }
            if quarters.is_multiple_of(20) {
                let states = self.sim(&name).states.clone();
                self.report_states(&name, states);
            }
        }
    }

    /// The relay says how its targets do: at once those whose state has changed, the others every 5 s.
    fn report_states(&mut self, name: &str, states: BTreeMap<TargetId, TargetState>) {
        if !self.sim(name).beats {
            return;
        }
        let status = |(id, state)| TargetStatus { state, last_samples: 100, ..TargetStatus::pending(id) };
        let last_page = self.sim(name).scraped.then_some(self.now.wall);
        let targets = states.into_iter().map(status).collect();
        self.status(name, StatusReport { targets, last_page, ..StatusReport::default() });
    }

    /// Whether the scraper asks.
    pub(crate) fn set_scraped(&mut self, scraped: bool) {
        self.scrapes = scraped;
    }

    /// The process is killed.
    pub(crate) fn kill(&mut self, name: &str) {
        self.sim(name).alive = false;
        self.end(name, StreamEnd::Peer);
    }

    pub(crate) fn drain(&mut self, name: &str, drained: bool) {
        self.apply(FleetEvent::Drain { relay: name.into(), drained });
    }

    /// Moves under way by stage.
    pub(crate) fn stages(&mut self) -> Vec<(&'static str, usize)> {
        self.snapshot().moves_under_way.into_iter().collect()
    }

    /// A scraper reads the relay's page: no series may show an older value after a newer one.
    pub(crate) fn page(&mut self, name: &str) {
        let now = u64::try_from(self.now.elapsed.as_millis()).expect("a short script");
        let (dead, sim) = (&self.dead, self.relays.get_mut(name).expect("a relay of the script"));
        // Before its first slice it has no page; a process of which nobody knows its slice shows none either.
        if !sim.alive || !sim.scraped || sim.received.is_empty() {
            return;
        }
        let mut changed = BTreeMap::new();
        for id in sim.slice.keys().copied().collect::<Vec<_>>() {
            let (value, state) = sim.show(id, dead.contains(&id), now);
            if let Some(value) = value {
                let last = self.shown.insert(id, value).unwrap_or(0);
                assert!(value >= last || self.forgives, "{name} shows {value} of {id} after {last}");
                self.seen.insert(id, now);
            }
            if sim.states.insert(id, state) != Some(state) {
                changed.insert(id, state);
            }
        }
        self.report_states(name, changed);
    }

    /// Targets that no page has shown for `rounds` rounds of the scraper.
    pub(crate) fn dark(&self, rounds: u64) -> Vec<TargetId> {
        let now = u64::try_from(self.now.elapsed.as_millis()).expect("a short script");
        let limit = rounds * INTERVAL * 1000;
        let listed = self.fleet.units.iter().filter(|(_, unit)| unit.is_wanted()).map(|(id, _)| *id);
        listed.filter(|id| self.seen.get(id).is_none_or(|seen| seen + limit < now)).collect()
    }

    /// Time passes, in which every target is shown as often as it is scraped.
    pub(crate) fn pass_without_gap(&mut self, time: u64) {
        for _ in 0..time * 4 {
            self.pass(seconds(1) / 4);
            assert_eq!(self.dark(1), [], "at {:?}", self.now.elapsed);
        }
    }

    pub(crate) fn kill_target(&mut self, number: u64) {
        self.dead.insert(TargetId(number.into()));
    }

    pub(crate) fn revive_target(&mut self, number: u64) {
        self.dead.remove(&TargetId(number.into()));
    }

    /// What a relay has in its slice and what is known of it must agree, all the while.
    pub(crate) fn check_books(&self) {
        let fleet = &self.fleet;
        for (id, unit) in &fleet.units {
            let owner = unit.owner.as_ref().map(|owner| &*owner.relay);
            for (name, relay) in &fleet.relays {
                assert_eq!(relay.owned.contains(id), owner == Some(name), "{name} owns {id}: {unit:?}");
                assert_eq!(
                    relay.still.contains(id),
                    unit.is_still_at(name),
                    "{name} still has {id}: {unit:?}"
                );
            }
            let lingers = unit.exposers.iter().any(|one| one.still().is_some());
            assert!(!lingers || unit.moving.is_some(), "nobody ends it: {unit:?}");
            assert_eq!(unit.moving.is_some(), fleet.moving.contains(id), "{unit:?}");
        }
        for (name, relay) in &fleet.relays {
            let known = |id: &TargetId| fleet.units.contains_key(id);
            assert!(relay.owned.iter().chain(&relay.still).all(known), "{name} has what is not known");
        }
    }

    /// The relay says what it drops, then that it has done so.
    pub(super) fn confirm(&mut self, name: &str, released: Vec<Released>, stamp: Stamp) {
        let Some(stream) = self.sim(name).stream else { return };
        if !released.is_empty() {
            self.apply(FleetEvent::Released { stream, released });
        }
        self.apply(FleetEvent::Acknowledged { stream, stamp });
    }
}
