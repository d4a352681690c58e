//! What happens because time passes: relays are given up, waits end, and all clocks start anew after a pause.

use std::sync::Arc;
use std::time::Duration;

use model::status::TargetState;
use model::target::TargetId;

use super::moves::Stage;
use super::relay::Link;
use super::unit::Exposer;
use super::{Closing, Fleet, Now, Phase};

impl Fleet {
    /// Takes the time of an event. A process that was paused has heard nothing because it did not listen: it must
    /// not declare everyone lost.
    pub(super) fn advance_clock(&mut self, now: Now) {
        let paused = self.guards.pause_restarts_clocks && now.since(self.now) > self.timings.late;
        self.now = now;
        if !paused {
            return;
        }
        self.counters.clock_restarts += 1;
        self.phase_began = now.elapsed;
        self.next_fill = now.elapsed + self.timings.fill;
        for relay in self.relays.values_mut() {
            relay.restart_clocks(now);
            if let Some(rival) = &mut relay.rival {
                rival.deadline = now.elapsed + self.timings.ping;
            }
        }
        for moving in self.units.values_mut().filter_map(|unit| unit.moving.as_mut()) {
            moving.since = now;
        }
    }

    pub(super) fn tick(&mut self) {
        for name in self.relays.keys().cloned().collect::<Vec<_>>() {
            self.check_rival(&name);
            self.check_acknowledgement(&name);
            self.check_contact(&name);
            self.check_lost(&name);
        }
        self.forget_unknown();
        self.advance_all();
        if self.now.elapsed >= self.next_fill {
            self.next_fill = self.now.elapsed + self.timings.fill;
            self.fill_due = true;
            self.place_due |= self.relays.len() > 1;
        }
    }

    fn passed(&self, since: Duration, limit: Duration) -> bool {
        self.now.elapsed.saturating_sub(since) >= limit
    }

    fn check_rival(&mut self, name: &str) {
        let deadline =
            self.relays.get(name).and_then(|relay| relay.rival.as_ref()).map(|rival| rival.deadline);
        if deadline.is_some_and(|deadline| self.now.elapsed >= deadline) {
            self.admit_rival(name);
        }
    }

    /// Cuts a relay off that applies nothing. From there on only its silence counts: it may still expose.
    fn check_acknowledgement(&mut self, name: &str) {
        let Some(relay) = self.relays.get_mut(name) else { return };
        let (Some(since), Some(stream)) = (relay.unacknowledged_since, relay.stream()) else { return };
        if self.now.elapsed.saturating_sub(since) >= self.timings.acknowledge {
            relay.link = Link::Silent;
            relay.synced = false;
            relay.unacknowledged_since = None;
            self.streams.remove(&stream);
            self.close(stream, Closing::Unacknowledged);
        }
    }

    fn check_contact(&mut self, name: &Arc<str>) {
        let Some(relay) = self.relays.get(name) else { return };
        let quiet = self.passed(relay.heard.elapsed, self.timings.silent);
        match relay.link {
            Link::Ended(at) if self.passed(at, self.timings.ended) => self.lose(name, relay.lives),
            Link::Silent if quiet => self.lose(name, true),
            Link::Connected(stream) if quiet => {
                self.streams.remove(&stream);
                self.close(stream, Closing::Silent);
                self.lose(name, true);
            }
            Link::Connected(_) | Link::Ended(_) | Link::Silent | Link::Lost(_) => {}
        }
    }

    /// Gives a relay up. Its targets go to others at once, save those served from its cache by a relay that `may_live`:
    /// it may only have lost its way to us, and a scraper that still reads it must not see old beside fresh.
    fn lose(&mut self, name: &Arc<str>, may_live: bool) {
        let Some(relay) = self.relays.get_mut(name) else { return };
        relay.link = Link::Lost(self.now.elapsed);
        relay.synced = false;
        relay.held.clear();
        relay.unacknowledged_since = None;
        let flushed = !relay.flush_late;
        relay.awaited.clear();
        let still = std::mem::take(&mut relay.still);
        let releasing = std::mem::take(&mut relay.releasing);
        let owned: Vec<_> = relay.owned.iter().copied().collect();
        self.counters.relays_lost += 1;
        for id in still {
            self.may_expose(id, name);
            self.end_move(id, Some("lost"));
            self.review(id);
        }
        for id in owned {
            self.lose_owned(id, may_live);
        }
        for (id, releasing) in releasing {
            if let Some(unit) = self.units.get_mut(&id).filter(|_| releasing.is_newest && flushed) {
                unit.home = Some(name.clone());
                unit.failed_at_home = true;
            }
            self.may_expose(id, name);
            if self.units.get(&id).and_then(|unit| unit.moving.as_ref()).is_some_and(|one| one.has_left(name))
            {
                self.end_move(id, Some("lost"));
            }
            self.review(id);
        }
        self.place_due = true;
    }

    fn may_expose(&mut self, id: TargetId, lost: &Arc<str>) {
        if let Some(unit) = self.units.get_mut(&id) {
            unit.expose(Exposer::Lost(lost.clone()));
        }
    }

    fn lose_owned(&mut self, id: TargetId, may_live: bool) {
        let Some(unit) = self.units.get(&id) else { return };
        let stage = unit.moving.as_ref().map(|moving| moving.stage);
        let is_stale = unit.status.as_ref().is_some_and(|status| status.state == TargetState::StaleServed);
        match stage {
            Some(Stage::Overlapping) => return self.give_back(id, "lost"),
            Some(Stage::Dropping) => return self.recall(id),
            // What it could do with its copy before it was told to be quiet it can do when it is back.
            Some(Stage::Waiting | Stage::Muting) => self.cancel(id, "lost"),
            Some(Stage::HandingOver) | None => {}
        }
        if !(may_live && is_stale && self.guards.cached_held_back) {
            self.release(id);
        }
    }

    /// Once a lost relay has been out of the list for long enough nobody scrapes it any more.
    fn check_lost(&mut self, name: &Arc<str>) {
        let Some(relay) = self.relays.get(name) else { return };
        let Link::Lost(at) = relay.link else { return };
        if !relay.is_unlisted && self.passed(at, self.timings.unlisted) {
            self.unlist(name);
        }
        if self.passed(at, self.timings.remember.max(self.timings.unlisted)) {
            self.relays.remove(name);
        }
    }

    fn unlist(&mut self, name: &Arc<str>) {
        let Some(relay) = self.relays.get_mut(name) else { return };
        relay.is_unlisted = true;
        for id in relay.owned.iter().copied().collect::<Vec<_>>() {
            self.release(id);
        }
        let exposed = self.units.iter().filter(|(_, unit)| unit.exposers.iter().any(|one| one.is(name)));
        for id in exposed.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.unexposed(id, name);
        }
    }

    /// The same for relays that have not come since this coordinator leads: it has not listed them.
    fn forget_unknown(&mut self) {
        let settled = self.phase == Phase::Leading && self.unknown_exposers;
        if !settled || !self.passed(self.phase_began, self.timings.unlisted) {
            return;
        }
        self.unknown_exposers = false;
        let unknown = self.units.iter().filter(|(_, unit)| unit.exposers.contains(&Exposer::Unknown));
        for id in unknown.map(|(id, _)| *id).collect::<Vec<_>>() {
            if let Some(unit) = self.units.get_mut(&id) {
                unit.exposers.retain(|exposer| *exposer != Exposer::Unknown);
            }
            self.review(id);
        }
    }
}
