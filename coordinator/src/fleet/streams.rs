//! Streams: who comes, who goes, and which of two with one name is the living one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use model::slice::{Hello, PROTOCOL, Permission, Stamp};
use model::status::{StatusReport, TargetState, TargetStatus};
use model::target::TargetId;

use super::relay::{Link, Relay, Releasing, Rival};
use super::unit::{Exposer, Unit};
use super::{Closing, Effect, Fleet, StreamEnd, StreamId};

/// Above this no epoch is believed: each reign adds one, so only a broken relay names such a number.
const EPOCH_LIMIT: u64 = u64::MAX / 2;

/// Relays that a coordinator keeps, lost ones that are remembered included: the ring of so many takes seconds to
/// build, and a fleet that large is better split.
pub(super) const RELAYS: usize = 256;

/// What to do with a stream that says hello.
enum Arrival {
    Accept,
    Update,
    Replace(StreamId),
    Challenge(StreamId),
}

impl Fleet {
    pub(super) fn hello(&mut self, stream: StreamId, hello: Hello) {
        if hello.protocol.min > PROTOCOL || hello.protocol.max < PROTOCOL {
            return self.close(stream, Closing::Protocol);
        }
        if hello.highest_reign.as_ref().is_some_and(|reign| reign.epoch.0 > EPOCH_LIMIT) {
            return self.close(stream, Closing::Epoch);
        }
        if self.relays.len() >= RELAYS && !self.relays.contains_key(&hello.name) {
            return self.close(stream, Closing::TooMany);
        }
        self.begin_settling();
        self.hear(hello.highest_reign.as_ref());
        match self.arrival(stream, &hello) {
            Arrival::Accept => self.accept(stream, hello),
            Arrival::Update => self.update(&hello),
            Arrival::Replace(older) => {
                self.streams.remove(&older);
                self.close(older, Closing::Replaced);
                self.accept(stream, hello);
            }
            Arrival::Challenge(_) if !self.guards.second_stream_pings => {
                self.close(stream, Closing::AlreadyExists);
            }
            Arrival::Challenge(older) => self.challenge(older, stream, hello),
        }
    }

    fn arrival(&self, stream: StreamId, hello: &Hello) -> Arrival {
        let Some(relay) = self.relays.get(&hello.name) else { return Arrival::Accept };
        match relay.link {
            Link::Connected(same) if same == stream => Arrival::Update,
            Link::Connected(older) if relay.boot_id == hello.boot_id => Arrival::Replace(older),
            Link::Connected(older) => Arrival::Challenge(older),
            Link::Ended(_) | Link::Silent | Link::Lost(_) => Arrival::Accept,
        }
    }

    fn update(&mut self, hello: &Hello) {
        let now = self.now;
        let Some(relay) = self.relays.get_mut(&hello.name) else { return };
        relay.heard = now;
        relay.draining = hello.draining;
        relay.advertise = hello.advertise.clone();
        relay.capacity = hello.capacity;
        self.place_due = true;
        self.advance_all();
    }

    /// Another process has come by the name of a connected one: the older stream may be half-open. One newcomer
    /// waits, the latest; the older stream's time runs from the first.
    fn challenge(&mut self, older: StreamId, stream: StreamId, hello: Hello) {
        self.nonce += 1;
        let fresh = (self.nonce, self.now.elapsed + self.timings.ping);
        let Some(relay) = self.relays.get_mut(&hello.name) else { return };
        let former = relay.rival.take();
        let (nonce, deadline) = former.as_ref().map_or(fresh, |rival| (rival.nonce, rival.deadline));
        relay.rival = Some(Rival { stream, hello, nonce, deadline });
        match former {
            Some(rival) => self.close(rival.stream, Closing::Replaced),
            None => self.effects.push(Effect::Ping { stream: older, nonce }),
        }
    }

    pub(super) fn pong(&mut self, stream: StreamId, nonce: u64) {
        self.heard(stream);
        let Some(name) = self.streams.get(&stream) else { return };
        let Some(relay) = self.relays.get_mut(name) else { return };
        if let Some(rival) = relay.rival.take_if(|rival| rival.nonce == nonce) {
            self.close(rival.stream, Closing::AlreadyExists);
        }
    }

    /// Lets a waiting process take the place of a stream that has not answered or has ended.
    pub(super) fn admit_rival(&mut self, name: &str) {
        let Some(relay) = self.relays.get_mut(name) else { return };
        let Some(rival) = relay.rival.take() else { return };
        if let Some(older) = relay.stream() {
            self.streams.remove(&older);
            self.close(older, Closing::Silent);
        }
        self.accept(rival.stream, rival.hello);
    }

    fn accept(&mut self, stream: StreamId, hello: Hello) {
        let mut relay = Relay::new(stream, &hello, self.now);
        let mut former = self.relays.remove(&hello.name);
        // Unanswered and not closed it would take itself for connected.
        if let Some(rival) = former.as_mut().and_then(|former| former.rival.take()) {
            self.close(rival.stream, Closing::Replaced);
        }
        // One that was lost was not listed: its scrapers may not have found it again.
        let was_lost = former.as_ref().is_some_and(Relay::is_lost);
        relay.omitted = former.as_ref().map_or_else(|| self.omitted(&hello.name), |former| former.omitted);
        let is_scraped = self.is_recent(hello.last_page) && self.is_found(&relay, hello.last_page);
        relay.scraped = is_scraped && !was_lost;
        let same_process = former.as_ref().is_some_and(|former| former.boot_id == hello.boot_id);
        if let Some(former) = former {
            relay.scraped |= same_process && former.scraped && !was_lost;
            relay.copies_are_stale = if same_process { former.copies_are_stale } else { former.flush_late };
            relay.copies_are_stale &= self.guards.late_flush_discards;
            relay.acknowledged = former.acknowledged;
            relay.owned = former.owned;
            relay.drained = former.drained;
            relay.awaited = former.awaited;
            if same_process {
                relay.still = former.still;
                relay.releasing = former.releasing;
            }
        }
        relay.outbox.config = true;
        self.take_up(&hello, &relay);
        self.relays.insert(hello.name.clone(), relay);
        self.review_exposure(&hello.name, same_process);
        self.streams.insert(stream, hello.name);
        self.effects.push(Effect::Welcome { stream, reign: self.reign.clone() });
        self.place_due = true;
    }

    /// What a relay that is back may do with its copies: it keeps those of targets it has had all the while.
    fn take_up(&mut self, hello: &Hello, relay: &Relay) {
        let reported: HashMap<TargetId, Stamp> =
            hello.held.iter().map(|held| (held.target, held.stamp)).collect();
        for id in &relay.owned {
            let Some(unit) = self.units.get_mut(id) else { continue };
            let Some(owner) = &mut unit.owner else { continue };
            unit.entry = None;
            let known = owner.stamp <= relay.acknowledged || reported.get(id) == Some(&owner.stamp);
            // What was changed and not sent since has the stamp of what was sent before.
            let applied = owner.sent.take().is_some() && known;
            match owner.permission {
                Permission::Discard | Permission::Record if applied => owner.permission = Permission::Keep,
                _ => {}
            }
            if relay.copies_are_stale && owner.permission == Permission::Keep {
                owner.permission = Permission::Discard;
            }
            let before = unit.moving.as_mut().map(|moving| &mut moving.before);
            if let Some(before) =
                before.filter(|before| relay.copies_are_stale && **before == Permission::Keep)
            {
                *before = Permission::Discard;
            }
        }
    }

    /// What a relay may expose until it acknowledges its first slice. A new process exposes nothing of what the former
    /// one did, unless it goes on with the slice that one has kept.
    fn review_exposure(&mut self, name: &Arc<str>, same_process: bool) {
        let exposed = self.units.iter().filter(|(_, unit)| unit.exposers.iter().any(|one| one.is(name)));
        for id in exposed.map(|(id, _)| *id).collect::<Vec<_>>() {
            let left = |unit: &Unit| unit.moving.as_ref().is_some_and(|moving| moving.has_left(name));
            if !same_process && self.units.get(&id).is_some_and(left) {
                self.end_move(id, None);
            }
            let (unit, relay) = (self.units.get_mut(&id), self.relays.get_mut(name));
            let (Some(unit), Some(relay)) = (unit, relay) else { continue };
            if !same_process || !unit.is_still_at(name) {
                unit.expose(Exposer::Told(name.clone()));
                let never_good = !same_process;
                let releasing = || Releasing { never_good, ..Releasing::default() };
                relay.releasing.entry(id).or_insert_with(releasing).sent = None;
            }
        }
    }

    /// Whether a scraper has asked for a page lately, by a clock that may be another machine's.
    fn is_recent(&self, last_page: Option<SystemTime>) -> bool {
        let age = |page| self.now.wall.duration_since(page).unwrap_or_default();
        last_page.is_some_and(|page| age(page) <= self.timings.scraped)
    }

    pub(super) fn close(&mut self, stream: StreamId, why: Closing) {
        *self.counters.closed.entry(why.kind()).or_default() += 1;
        self.effects.push(Effect::Close { stream, why });
    }

    pub(super) fn heard(&mut self, stream: StreamId) {
        let now = self.now;
        if let Some(relay) = self.relay_of(stream) {
            relay.heard = now;
        }
    }

    /// The relay whose present stream this is.
    pub(super) fn relay_of(&mut self, stream: StreamId) -> Option<&mut Relay> {
        let name = self.streams.get(&stream)?;
        self.relays.get_mut(name).filter(|relay| relay.stream() == Some(stream))
    }

    pub(super) fn status(&mut self, stream: StreamId, report: StatusReport) {
        self.heard(stream);
        let Some(name) = self.streams.get(&stream).cloned() else { return };
        let is_found = self.relays.get(&name).is_some_and(|relay| self.is_found(relay, report.last_page));
        let Some(relay) = self.relays.get_mut(&name) else { return };
        relay.flush_late = report.flush_late;
        relay.resident_bytes = report.resident_bytes;
        if report.last_page.is_some() && report.last_page != relay.last_page {
            relay.last_page = report.last_page;
            let first = is_found && !relay.scraped;
            relay.scraped |= first;
            self.place_due |= first;
            self.fill_due |= first;
        }
        for status in report.targets {
            self.target_status(&name, status);
        }
    }

    fn target_status(&mut self, name: &str, status: TargetStatus) {
        let (unit, relay) = (self.units.get_mut(&status.target), self.relays.get(name));
        let (Some(unit), Some(relay)) = (unit, relay) else { return self.counters.foreign_statuses += 1 };
        let (id, state) = (status.target, status.state);
        if matches!(state, TargetState::Up | TargetState::StaleServed) && relay.exposes_owned(id) {
            // It has had a good scrape: nobody's older copy is the newest.
            if unit.home.take_if(|home| **home != *name).is_some() {
                self.review(id);
            }
        }
        let (unit, relay) = (self.units.get_mut(&id), self.relays.get(name));
        let (Some(unit), Some(relay)) = (unit, relay) else { return };
        let Some(owner) = unit.owner.as_ref().filter(|owner| *owner.relay == *name) else {
            // It has crossed the message that took the target away, or comes from who still has it besides the owner.
            self.counters.foreign_statuses += u64::from(!unit.is_still_at(name));
            return;
        };
        let shown = state != TargetState::Pending && relay.has_acknowledged(owner);
        if let Some(moving) = unit.moving.as_mut().filter(|moving| *moving.to == *name) {
            moving.seen |= shown;
        }
        unit.report(status);
        if unit.moving.is_some() {
            self.go_home(id);
            self.advance(id);
        }
    }

    pub(super) fn ended(&mut self, stream: StreamId, end: StreamEnd) {
        *self.counters.ended.entry(end.kind()).or_default() += 1;
        let waiting = |relay: &mut Relay| relay.rival.take_if(|rival| rival.stream == stream).is_some();
        let Some(name) = self.streams.remove(&stream) else {
            let _found = self.relays.values_mut().any(waiting);
            return;
        };
        let now = self.now.elapsed;
        let Some(relay) = self.relays.get_mut(&name).filter(|relay| relay.stream() == Some(stream)) else {
            return;
        };
        relay.lives = end == StreamEnd::Left && !relay.draining;
        relay.link = match end {
            StreamEnd::Peer | StreamEnd::Left => Link::Ended(now),
            StreamEnd::Local if !self.guards.local_end_is_silence => Link::Ended(now),
            StreamEnd::Local | StreamEnd::Slow | StreamEnd::Invalid => Link::Silent,
        };
        relay.synced = false;
        relay.unacknowledged_since = None;
        self.admit_rival(&name);
    }
}
