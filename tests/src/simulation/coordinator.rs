//! A coordinator's process: the real fleet, its streams, its clock, its discovery.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use coordinator::fleet::{Effect, Fleet, FleetEvent, Now, StreamEnd, StreamId};

use super::World;
use super::clock::Clock;
use super::event::{Event, Process};
use super::network::{Down, Up};
use super::targets::jobs;

/// How often a coordinator looks at its clocks.
const TICK: Duration = Duration::from_millis(100);

/// A machine for coordinators.
pub(super) struct Coordinator {
    pub(super) clock: Clock,
    pub(super) process: Option<Running>,
    pub(super) processes: u64,
}

/// A coordinator that runs.
pub(super) struct Running {
    pub(super) number: u64,
    pub(super) fleet: Fleet,
    started: Duration,
    pub(super) paused: bool,
    /// What waits until it runs again.
    pub(super) waiting: Vec<Event>,
    discovered: bool,
}

impl World {
    /// A coordinator's process starts, and leads.
    pub(super) fn start_coordinator(&mut self, index: usize) {
        let machine = &mut self.coordinators[index];
        machine.processes += 1;
        let number = machine.processes;
        let now = Now { elapsed: Duration::ZERO, wall: machine.clock.wall(self.now) };
        let boot_id: Arc<str> = format!("coordinator-{index}-{number}").into();
        let fleet = Fleet::new(boot_id, self.settings.fleet, now).with_guards(self.settings.rules.fleet);
        let (started, waiting) = (self.now, Vec::new());
        machine.process = Some(Running { number, fleet, started, paused: false, waiting, discovered: false });
        self.leader = index;
        let process = Process { index, number };
        let expected_relays = self.expected_relays();
        let config = Arc::new(self.settings.relay_config.clone());
        self.tell(process, FleetEvent::Configured { config, expected_relays, complete_start: false });
        let (first, last) = (self.random.ms(50, 3000), self.random.ms(0, 9000));
        let staged = self.random.percent(30);
        if staged {
            self.after(first, Event::Discovered(process, false));
        }
        self.after(first + if staged { last } else { Duration::ZERO }, Event::Discovered(process, true));
        self.after(TICK, Event::Tick(process));
    }

    /// How many relays are to run now; some operators do not say.
    fn expected_relays(&mut self) -> usize {
        let members = self.relays.iter().filter(|relay| relay.member).count();
        if self.settings.expects_relays { members } else { 0 }
    }

    pub(super) fn tick(&mut self, process: Process) {
        self.tell(process, FleetEvent::Tick);
        let next = self.coordinators[process.index].clock.truly(TICK);
        self.after(next, Event::Tick(process));
    }

    /// Discovery has found everything, or everything but one job.
    pub(super) fn discovered(&mut self, process: Process, complete: bool) {
        let targets = self.targets.listing();
        let unread: HashSet<Arc<str>> =
            if complete { HashSet::new() } else { HashSet::from([Arc::from("slow")]) };
        let seen = targets.iter().filter(|target| !unread.contains(&target.job)).cloned().collect();
        if let Some(running) = &mut self.coordinators[process.index].process {
            running.discovered |= complete;
        }
        self.tell(process, FleetEvent::Targets { targets: Arc::new(seen), jobs: jobs(), unread });
    }

    /// Discovery's change reaches the coordinator that leads.
    pub(super) fn targets_changed(&mut self) {
        let index = self.leader;
        let Some(running) = &self.coordinators[index].process else { return };
        if running.discovered {
            let process = Process { index, number: running.number };
            let lag = self.random.ms(10, 2000);
            self.after(lag, Event::Discovered(process, true));
        }
    }

    /// Tells a coordinator's fleet and carries out what follows.
    pub(super) fn tell(&mut self, process: Process, event: FleetEvent) {
        let machine = &mut self.coordinators[process.index];
        let wall = machine.clock.wall(self.now);
        let Some(running) = machine.process.as_mut().filter(|it| it.number == process.number) else { return };
        let elapsed = machine.clock.boot(self.now).since(machine.clock.boot(running.started));
        let effects = running.fleet.apply(event, Now { elapsed, wall });
        for effect in effects {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Welcome { stream, .. } => self.send_down(stream.0, Down::Welcome),
            Effect::Change { stream, change } => {
                self.note_change(stream.0, &change);
                self.send_down(stream.0, Down::Change(change));
            }
            Effect::Ping { stream, nonce } => self.send_down(stream.0, Down::Ping(nonce)),
            Effect::Close { stream, why } => {
                self.log(|| format!("coordinator closes stream {}: {why:?}", stream.0));
                self.send_down(stream.0, Down::Closed(why));
                self.close_coordinator_side(stream.0);
            }
        }
    }

    /// A relay's message has reached its coordinator.
    pub(super) fn received_up(&mut self, id: u64, up: Up) {
        let Some(connection) = self.network.connections.get(&id) else { return };
        let process = Process { index: connection.coordinator, number: connection.coordinator_process };
        let stream = StreamId(id);
        let event = match up {
            Up::Hello(hello) => {
                self.send_down(id, Down::Accepted);
                FleetEvent::Hello { stream, hello: *hello }
            }
            Up::Heartbeat(sequence) => {
                self.tell(process, FleetEvent::Heard { stream });
                return self.send_down(id, Down::Echo(sequence));
            }
            Up::Released(released) => FleetEvent::Released { stream, released },
            Up::Acknowledged(stamp) => FleetEvent::Acknowledged { stream, stamp },
            Up::Status(report) => FleetEvent::Status { stream, report },
            Up::Pong(nonce) => FleetEvent::Pong { stream, nonce },
            Up::Left => return self.ended_up(id, StreamEnd::Left),
            Up::End => return self.ended_up(id, StreamEnd::Peer),
        };
        self.tell(process, event);
    }

    /// A stream has ended, as its coordinator sees it.
    pub(super) fn ended_up(&mut self, id: u64, end: StreamEnd) {
        let Some(connection) = self.network.connections.get(&id).filter(|it| it.coordinator_open) else {
            return;
        };
        let process = Process { index: connection.coordinator, number: connection.coordinator_process };
        self.close_coordinator_side(id);
        self.tell(process, FleetEvent::Ended { stream: StreamId(id), end });
    }

    /// The coordinator's process is gone. Its machine says so on every stream, unless the machine is gone with it.
    pub(super) fn kill_coordinator(&mut self, index: usize, says_so: bool) {
        let Some(running) = self.coordinators[index].process.take() else { return };
        let mut ended = Vec::new();
        for (id, one) in &self.network.connections {
            let its = one.coordinator == index && one.coordinator_process == running.number;
            if its && one.coordinator_open {
                ended.push(*id);
            }
        }
        for id in ended {
            if says_so {
                self.send_down(id, Down::End);
            }
            self.close_coordinator_side(id);
        }
    }
}
