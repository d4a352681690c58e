//! A relay's side of the assignment stream, as the product's runs it: joining, heartbeats, reports, the end.

use std::sync::Arc;
use std::time::Duration;

use coordinator::fleet::Closing;
use model::slice::{Hello, PROTOCOL, ProtocolRange};
use model::status::StatusReport;
use relay::contact::{Contact, reconnect_wait};

use super::World;
use super::event::{Event, Process, Timer};
use super::network::{Connection, Down, Place, Up};
use super::relay::{CarriedOut, Link};

/// How a stream has ended, for the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The coordinator does not lead; this one does.
    NotLeading(Option<usize>),
    /// Both sides know, or will.
    Known,
    /// Only this side knows.
    Broken,
}

impl World {
    /// Looks for a coordinator: the one that was named, or the next one in turn.
    pub(super) fn connect(&mut self, process: Process, leader: Option<usize>) {
        let count = self.coordinators.len();
        let Some(running) = self.running(process).filter(|it| it.link.is_none()) else { return };
        let index = leader.unwrap_or(running.next % count);
        let (here, there) = (Place::Relay(process.index), Place::Coordinator(index));
        if !self.network.reach_each_other(here, there) {
            let timeout = self.settings.relay.join_timeout;
            return self.try_again(process, timeout);
        }
        if self.network.refused.contains(&process.index) {
            return self.try_again(process, Duration::ZERO);
        }
        let Some(coordinator) = &self.coordinators[index].process else {
            // A standby answers that it does not lead; a machine on which nothing listens refuses.
            return match self.leading().filter(|_| count > 1 && leader.is_none()) {
                Some(leading) => self.stream_ended(process, End::NotLeading(Some(leading)), false),
                None => self.try_again(process, Duration::ZERO),
            };
        };
        let coordinator_process = coordinator.number;
        self.open_stream(process, index, coordinator_process);
    }

    /// The coordinator that leads, if one runs.
    pub(super) fn leading(&self) -> Option<usize> {
        Some(self.leader).filter(|leader| self.coordinators[*leader].process.is_some())
    }

    fn open_stream(&mut self, process: Process, coordinator: usize, coordinator_process: u64) {
        let boot = self.boot(process.index);
        self.network.opened += 1;
        let id = self.network.opened;
        let connection = Connection {
            relay: process.index,
            relay_process: process.number,
            coordinator,
            coordinator_process,
            up: std::collections::VecDeque::new(),
            down: std::collections::VecDeque::new(),
            relay_open: true,
            coordinator_open: true,
            black_hole: false,
            held_until: Duration::ZERO,
        };
        self.network.connections.insert(id, connection);
        let at_once = !self.settings.rules.relay.alone_until_slice;
        let Some(running) = self.running(process) else { return };
        running.state.open_stream();
        running.link =
            Some(Link { id, accepted: false, joined: false, owed: None, sequence: 0, heard: boot });
        running.contact.opened(boot);
        if at_once {
            running.contact.first_slice();
        }
        let hello = Box::new(self.hello(process.index));
        self.log(|| format!("relay {} opens stream {id}, holds {}", process.index, hello.held.len()));
        self.send_up(id, Up::Hello(hello));
        self.timer(process, id, Timer::Join, self.settings.relay.join_timeout);
    }

    /// The first words on a stream.
    pub(super) fn hello(&self, index: usize) -> Hello {
        let machine = &self.relays[index];
        let running = machine.process.as_ref().expect("it opens a stream");
        let held = running.state.held();
        let highest_reign = held.reign.clone().or_else(|| held.last_reign.clone());
        let drained = running.state.held().drained;
        let mut standing = running.standing(self.boot(index), &self.settings);
        standing.alone &= self.settings.rules.relay.alone_is_said;
        let slots = running.roster.iter().flat_map(|roster| roster.slots.iter());
        Hello {
            name: machine.name.clone(),
            boot_id: running.boot_id.clone(),
            build: "simulation".into(),
            protocol: ProtocolRange { min: PROTOCOL, max: PROTOCOL },
            held: highest_reign
                .iter()
                .flat_map(|_| slots.clone().map(|slot| slot.introduce(standing)))
                .collect(),
            highest_reign,
            held_is_all: running.state.held().reign.is_some(),
            draining: running.leaving.is_some(),
            drained,
            capacity: None,
            advertise: format!("{index}").into(),
            last_page: running.last_asked,
        }
    }

    /// A timer of the relay's own clock.
    pub(super) fn timer(&mut self, process: Process, stream: u64, timer: Timer, local: Duration) {
        let wait = self.relays[process.index].clock.truly(local);
        self.after(wait, Event::Stream(process, stream, timer));
    }

    fn link(&mut self, process: Process, stream: u64) -> Option<&mut Link> {
        self.running(process)?.link.as_mut().filter(|link| link.id == stream)
    }

    /// A message has reached the relay's side of a stream.
    pub(super) fn received_down(&mut self, id: u64, down: Down) {
        let Some(one) = self.network.connections.get(&id) else { return };
        let process = Process { index: one.relay, number: one.relay_process };
        let boot = self.boot(process.index);
        let Some(link) = self.link(process, id) else { return };
        link.heard = boot;
        let joined = link.joined;
        match down {
            Down::Accepted => self.accepted(process, id),
            Down::Welcome => {}
            Down::Echo(sequence) => {
                let late = !self.settings.rules.relay.contact_is_sending;
                if let Some(running) = self.running(process) {
                    if late {
                        running.contact.sent(sequence, boot);
                    }
                    running.contact.echoed(sequence);
                }
                self.write_contact(process.index);
            }
            Down::Change(change) => {
                if let Some(CarriedOut { stamp, released }) = self.change(process, *change) {
                    self.first_slice(process, id);
                    if !released.is_empty() {
                        self.send_up(id, Up::Released(released));
                    }
                    if let Some(link) = self.link(process, id) {
                        link.owed = Some(stamp);
                    }
                    self.acknowledge(process, id);
                }
            }
            Down::Ping(nonce) => self.send_up(id, Up::Pong(nonce)),

            Down::Closed(Closing::AlreadyExists | Closing::Epoch) if !joined => {
                self.stream_ended(process, End::Broken, joined);
            }
            Down::Closed(_) | Down::End => self.stream_ended(process, End::Known, joined),
        }
    }

    /// Acknowledges what has been carried out, if it may be by now.
    fn acknowledge(&mut self, process: Process, id: u64) {
        if !self.may_acknowledge(process) {
            return;
        }
        let Some(stamp) = self.link(process, id).and_then(|link| link.owed.take()) else { return };
        self.send_up(id, Up::Acknowledged(stamp));
        self.acknowledged_while_leaving(process, id);
    }

    fn accepted(&mut self, process: Process, id: u64) {
        let timings = self.settings.relay;
        if let Some(link) = self.link(process, id) {
            link.accepted = true;
        }
        self.say_leaving(process, id);
        self.timer(process, id, Timer::Heartbeat, timings.heartbeat);
        self.timer(process, id, Timer::Status, timings.status_every);
        self.timer(process, id, Timer::Silence, timings.heartbeat);
    }

    fn first_slice(&mut self, process: Process, id: u64) {
        let Some(link) = self.link(process, id) else { return };
        if std::mem::replace(&mut link.joined, true) {
            return;
        }
        if let Some(running) = self.running(process) {
            running.contact.first_slice();
        }
        self.timer(process, id, Timer::Changed, Duration::ZERO);
    }

    pub(super) fn stream_timer(&mut self, process: Process, id: u64, timer: Timer) {
        let (timings, boot) = (self.settings.relay, self.boot(process.index));
        let Some(link) = self.link(process, id) else { return };
        match timer {
            Timer::Join if link.accepted => {}
            Timer::Join => self.give_up(process, id),
            Timer::Silence if boot.since(link.heard) >= timings.heartbeat.mul_f64(3.5) => {
                self.give_up(process, id)
            }
            Timer::Silence => self.timer(process, id, Timer::Silence, Duration::from_millis(250)),
            Timer::Heartbeat => {
                link.sequence += 1;
                let sequence = link.sequence;
                self.write_slice(process, Duration::ZERO);
                self.acknowledge(process, id);
                if let Some(running) = self.running(process) {
                    running.contact.sent(sequence, boot);
                }
                self.send_up(id, Up::Heartbeat(sequence));
                self.timer(process, id, Timer::Heartbeat, timings.heartbeat);
            }
            Timer::Status => {
                self.report(process, id, false);
                self.timer(process, id, Timer::Status, timings.status_every);
            }
            Timer::Changed => self.report(process, id, true),
        }
    }

    /// The relay closes a stream on which nothing comes.
    fn give_up(&mut self, process: Process, id: u64) {
        let joined = self.link(process, id).is_some_and(|link| link.joined);
        self.stream_ended(process, End::Known, joined);
    }

    fn report(&mut self, process: Process, id: u64, only_states: bool) {
        let (boot, now) = (self.boot(process.index), self.now);
        let machine = &mut self.relays[process.index];
        let Some(running) = &mut machine.process else { return };
        let slots = running.roster.iter().flat_map(|roster| roster.slots.iter());
        let report = |slot: &Arc<relay::gather::slot::Slot>| {
            if only_states { slot.report_state(boot) } else { slot.report(boot) }
        };
        let targets = slots.filter_map(report).collect();
        running.flush_late &= !machine.disk.flushes(now, Duration::ZERO);
        let flush_late = running.flush_late && self.settings.rules.relay.late_flush_reported;
        let last_page = running.last_asked;
        self.send_up(id, Up::Status(StatusReport { targets, last_page, flush_late, resident_bytes: 1 }));
    }

    /// A stream is over; another one is sought.
    pub(super) fn stream_ended(&mut self, process: Process, end: End, joined: bool) {
        let boot = self.boot(process.index);
        let Some(running) = self.running(process) else { return };
        let link = running.link.take();
        match end {
            End::Known => running.contact.ended(boot),
            End::Broken | End::NotLeading(_) => Contact::broke(&mut running.contact),
        }
        running.failures = if joined { 0 } else { running.failures + 1 };
        if !joined {
            running.next = running.next.wrapping_add(1);
        }
        let failures = running.failures;
        if let Some(link) = link {
            self.log(|| format!("relay {} ends stream {}: {end:?}", process.index, link.id));
            self.close_relay_side(link.id, (end == End::Known).then_some(Up::Left));
        }
        if let End::NotLeading(Some(leader)) = end {
            return self.after(Duration::from_millis(5), Event::Connect(process, Some(leader)));
        }
        let spread = u8::try_from(self.random.below(256)).expect("a byte");
        let wait = reconnect_wait(failures, spread, self.settings.relay.reconnect_most);
        let wait = self.relays[process.index].clock.truly(wait);
        self.after(wait, Event::Connect(process, None));
    }

    fn try_again(&mut self, process: Process, after: Duration) {
        let spread = u8::try_from(self.random.below(256)).expect("a byte");
        let most = self.settings.relay.reconnect_most;
        let Some(running) = self.running(process) else { return };
        running.failures += 1;
        running.next = running.next.wrapping_add(1);
        let wait = reconnect_wait(running.failures, spread, most) + after;
        let wait = self.relays[process.index].clock.truly(wait);
        self.after(wait, Event::Connect(process, None));
    }
}
