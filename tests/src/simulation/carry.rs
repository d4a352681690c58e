//! How messages travel: each direction of a stream in order, delayed, held back, lost with the stream.

use std::time::Duration;

use super::World;
use super::event::Event;
use super::network::{Down, Place, Up};

impl World {
    fn latency(&mut self) -> Duration {
        if self.random.percent(3) { self.random.ms(50, 1500) } else { self.random.ms(1, 20) }
    }

    /// Says something to a stream's coordinator.
    pub(super) fn send_up(&mut self, id: u64, up: Up) {
        let at = self.now + self.latency();
        let Some(one) = self.network.connections.get_mut(&id).filter(|one| one.relay_open) else { return };
        let at = one.up.back().map_or(at, |(last, _)| at.max(*last));
        one.up.push_back((at, up));
        self.queue.push(at, Event::Carry(id));
    }

    /// Says something to a stream's relay.
    pub(super) fn send_down(&mut self, id: u64, down: Down) {
        let at = self.now + self.latency();
        let Some(one) = self.network.connections.get_mut(&id).filter(|one| one.coordinator_open) else {
            return;
        };
        let at = one.down.back().map_or(at, |(last, _)| at.max(*last));
        one.down.push_back((at, down));
        self.queue.push(at, Event::Carry(id));
    }

    pub(super) fn close_coordinator_side(&mut self, id: u64) {
        if let Some(one) = self.network.connections.get_mut(&id) {
            one.coordinator_open = false;
            self.forget_stream(id);
        }
    }

    /// The relay's side is closed; it says so with its last `word`, unless it has reason not to.
    pub(super) fn close_relay_side(&mut self, id: u64, word: Option<Up>) {
        if let Some(word) = word {
            self.send_up(id, word);
        }
        if let Some(one) = self.network.connections.get_mut(&id) {
            one.relay_open = false;
            one.down.clear();
            self.forget_stream(id);
        }
    }

    fn forget_stream(&mut self, id: u64) {
        let done = self.network.connections.get(&id).is_some_and(|one| {
            !one.relay_open && !one.coordinator_open && (one.up.is_empty() || one.black_hole)
        });
        if done {
            self.network.connections.remove(&id);
        }
    }

    /// Delivers what is due on a stream, as far as the network and both processes let it.
    pub(super) fn carry(&mut self, id: u64) {
        while let Some(up) = self.next_up(id) {
            self.deliver_up(id, up);
        }
        while let Some(down) = self.next_down(id) {
            self.received_down(id, down);
        }
        self.reset_unknown(id);
        self.forget_stream(id);
    }

    /// Everything that was stopped may go on.
    pub(super) fn carry_all(&mut self) {
        for id in self.network.connections.keys().copied().collect::<Vec<_>>() {
            let delay = self.random.ms(1, 400);
            self.queue.push(self.now + delay, Event::Carry(id));
        }
    }

    fn next_up(&mut self, id: u64) -> Option<Up> {
        let one = self.network.connections.get(&id)?;
        let (relay, coordinator) = (Place::Relay(one.relay), Place::Coordinator(one.coordinator));
        let process = self.coordinators[one.coordinator].process.as_ref();
        let paused = process.is_some_and(|it| it.number == one.coordinator_process && it.paused);
        let open = !one.black_hole && self.now >= one.held_until && self.network.reaches(relay, coordinator);
        if !open || paused {
            return None;
        }
        let one = self.network.connections.get_mut(&id)?;
        one.up.pop_front_if(|(at, _)| *at <= self.now).map(|(_, up)| up)
    }

    fn next_down(&mut self, id: u64) -> Option<Down> {
        let one = self.network.connections.get(&id)?;
        let (relay, coordinator) = (Place::Relay(one.relay), Place::Coordinator(one.coordinator));
        let process = self.relays[one.relay].process.as_ref();
        let paused = process.is_some_and(|it| it.number == one.relay_process && it.paused);
        let open = !one.black_hole && self.now >= one.held_until && self.network.reaches(coordinator, relay);
        if !open || paused || !one.relay_open {
            return None;
        }
        let one = self.network.connections.get_mut(&id)?;
        one.down.pop_front_if(|(at, _)| *at <= self.now).map(|(_, down)| down)
    }

    /// What nobody takes is answered with a reset.
    fn deliver_up(&mut self, id: u64, up: Up) {
        let Some(one) = self.network.connections.get_mut(&id) else { return };
        if one.coordinator_open {
            return self.received_up(id, up);
        }
        let at = self.now + Duration::from_millis(5);
        if one.relay_open && one.down.is_empty() {
            one.down.push_back((at, Down::End));
            self.queue.push(at, Event::Carry(id));
        }
    }
}
