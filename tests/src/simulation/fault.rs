//! What goes wrong, and how it is made good again.

use std::time::Duration;

use coordinator::fleet::{FleetEvent, StreamEnd};

use super::World;
use super::event::{Event, Process};
use super::network::Place;
use super::stream::End;
use super::targets::Condition;

/// Something that goes wrong, or that somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A relay's process is killed, and another one started after a while, if at all.
    KillRelay {
        /// Which.
        relay: usize,
        /// When it is started again.
        down: Option<Duration>,
        /// Whether its disk is lost.
        disk_lost: bool,
        /// Whether nobody hears of it: its machine was lost.
        silent: bool,
    },
    /// SIGTERM to a relay, and another process after it has ended.
    EndRelay {
        /// Which.
        relay: usize,
        /// When it is started again, after it has ended.
        down: Option<Duration>,
    },
    /// SIGSTOP, and SIGCONT after a while.
    PauseRelay {
        /// Which.
        relay: usize,
        /// How long.
        time: Duration,
    },
    /// The coordinator that leads is killed; another one takes over after a while, on this machine or that.
    KillCoordinator {
        /// Where the next one is started.
        next: usize,
        /// When.
        down: Duration,
        /// Whether nobody hears of it: its machine was lost.
        silent: bool,
    },
    /// The coordinator that leads is stopped for a while.
    PauseCoordinator {
        /// How long.
        time: Duration,
    },
    /// Nothing comes through in one direction, or in both.
    Block {
        /// From here.
        from: Place,
        /// To there.
        to: Place,
        /// Whether back, too.
        both: bool,
        /// How long.
        time: Duration,
    },
    /// A relay's stream loses everything, and one side gives it up by itself.
    BlackHole {
        /// Which.
        relay: usize,
        /// Whether it is the relay.
        relay_sees: bool,
    },
    /// A relay's stream is reset, and only the relay hears of it.
    HalfEnd {
        /// Which.
        relay: usize,
    },
    /// Everything on a relay's stream is held back for a while.
    Hold {
        /// Which.
        relay: usize,
        /// How long.
        time: Duration,
    },
    /// A relay's new connections are refused; an open one goes on.
    Refuse {
        /// Which.
        relay: usize,
        /// How long.
        time: Duration,
    },
    /// A target changes, and is well again after a while, if at all.
    Target {
        /// Which.
        number: usize,
        /// What becomes of it.
        condition: Condition,
        /// When it is well again.
        time: Option<Duration>,
        /// Whether it was started anew by then.
        restarts: bool,
    },
    /// Discovery finds a target, or does not find it any more.
    List {
        /// Which.
        number: usize,
        /// Whether it is there.
        listed: bool,
    },
    /// A target's labels change.
    Relabel {
        /// Which.
        number: usize,
    },
    /// A relay's disk writes nothing for a while.
    StickDisk {
        /// Which.
        relay: usize,
        /// How long.
        time: Duration,
    },
    /// A relay's wall clock is set.
    JumpRelay {
        /// Which.
        relay: usize,
        /// By how many milliseconds.
        by: i64,
    },
    /// The leading coordinator's wall clock is set.
    JumpCoordinator {
        /// By how many milliseconds.
        by: i64,
    },
    /// An operator drains a relay, or takes that back.
    Drain {
        /// Which.
        relay: usize,
        /// Whether it is to be rid of its targets.
        drained: bool,
    },
    /// A relay is added to the fleet, or taken out of it.
    Scale {
        /// Which.
        relay: usize,
        /// Whether it is in.
        member: bool,
    },
}

/// What makes a fault good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Healing {
    StartRelay(usize),
    ResumeRelay(Process),
    StartCoordinator(usize),
    ResumeCoordinator(Process),
    Unblock(Place, Place),
    Accept(usize),
    Target(usize, u64, bool),
    Carry(u64),
}

impl World {
    /// Something goes wrong now.
    pub fn inject(&mut self, fault: Fault) {
        self.log(|| format!("{fault:?}"));
        match fault {
            Fault::KillRelay { relay, down, disk_lost, silent } => {
                self.take_down(relay, disk_lost, silent);
                if let Some(down) = down {
                    self.after(down, Event::Heal(Healing::StartRelay(relay)));
                }
            }
            Fault::EndRelay { relay, down } => self.end_relay(relay, down),
            Fault::PauseRelay { relay, time } => self.pause_relay(relay, time),
            Fault::KillCoordinator { next, down, silent } => {
                self.kill_coordinator(self.leader, !silent);
                self.after(down, Event::Heal(Healing::StartCoordinator(next)));
            }
            Fault::PauseCoordinator { time } => self.pause_coordinator(time),
            Fault::Block { from, to, both, time } => {
                self.block(from, to, time);
                if both {
                    self.block(to, from, time);
                }
            }
            Fault::BlackHole { relay, relay_sees } => self.black_hole(relay, relay_sees),
            Fault::HalfEnd { relay } => self.half_end(relay),
            Fault::Hold { relay, time } => self.hold(relay, time),
            Fault::Refuse { relay, time } => {
                self.network.refused.insert(relay);
                self.after(time, Event::Heal(Healing::Accept(relay)));
            }
            Fault::Target { number, condition, time, restarts } => {
                self.change_target(number, condition, time, restarts);
            }
            Fault::List { number, listed } => {
                self.targets.pods[number].listed = listed;
                self.targets_changed();
            }
            Fault::Relabel { number } => {
                self.targets.pods[number].version += 1;
                self.targets_changed();
            }
            Fault::StickDisk { relay, time } => self.relays[relay].disk.stick(self.now + time),
            Fault::JumpRelay { relay, by } => self.relays[relay].clock.jump(by),
            Fault::JumpCoordinator { by } => self.coordinators[self.leader].clock.jump(by),
            Fault::Drain { relay, drained } => self.drain(relay, drained),
            Fault::Scale { relay, member } => self.scale(relay, member),
        }
    }

    pub(super) fn heal(&mut self, healing: Healing) {
        match healing {
            Healing::StartRelay(relay) if self.relays[relay].member => self.start_relay(relay),
            Healing::StartRelay(_) => {}
            Healing::ResumeRelay(process) => self.resume(Ok(process)),
            Healing::StartCoordinator(index) => {
                if self.leading().is_none() {
                    self.start_coordinator(index);
                }
            }
            Healing::ResumeCoordinator(process) => self.resume(Err(process)),
            Healing::Unblock(from, to) => {
                self.network.unblock(from, to);
                self.carry_all();
            }
            Healing::Accept(relay) => drop(self.network.refused.remove(&relay)),
            Healing::Target(number, change, restarts) => self.target_is_well(number, change, restarts),
            Healing::Carry(id) => self.carry(id),
        }
    }

    pub(super) fn start_later(&mut self, relay: usize, down: Duration) {
        self.after(down, Event::Heal(Healing::StartRelay(relay)));
    }

    fn take_down(&mut self, relay: usize, disk_lost: bool, silent: bool) {
        let lost = silent && self.random.percent(50);
        if let Some(id) = self.network.stream_of(relay).filter(|_| lost) {
            self.network.connections.get_mut(&id).expect("it is open").black_hole = true;
        }
        self.kill_relay(relay, !silent);
        if disk_lost {
            self.relays[relay].disk = super::disk::Disk::default();
        }
    }

    fn pause_relay(&mut self, index: usize, time: Duration) {
        let Some(running) = self.relays[index].process.as_mut().filter(|it| !it.paused) else { return };
        running.paused = true;
        let process = Process { index, number: running.number };
        self.after(time, Event::Heal(Healing::ResumeRelay(process)));
    }

    fn pause_coordinator(&mut self, time: Duration) {
        let index = self.leader;
        let Some(running) = self.coordinators[index].process.as_mut().filter(|it| !it.paused) else { return };
        running.paused = true;
        let process = Process { index, number: running.number };
        self.after(time, Event::Heal(Healing::ResumeCoordinator(process)));
    }

    fn block(&mut self, from: Place, to: Place, time: Duration) {
        self.network.block(from, to);
        self.after(time, Event::Heal(Healing::Unblock(from, to)));
    }

    fn black_hole(&mut self, relay: usize, relay_sees: bool) {
        let Some(id) = self.network.stream_of(relay) else { return };
        self.network.connections.get_mut(&id).expect("it is open").black_hole = true;
        if !relay_sees {
            return self.ended_up(id, StreamEnd::Local);
        }
        self.end_at_relay(relay, End::Broken);
    }

    fn half_end(&mut self, relay: usize) {
        let Some(id) = self.network.stream_of(relay) else { return };
        self.network.connections.get_mut(&id).expect("it is open").black_hole = true;
        self.end_at_relay(relay, End::Known);
    }

    fn end_at_relay(&mut self, relay: usize, end: End) {
        let Some(running) = self.relays[relay].process.as_ref().filter(|it| !it.paused) else { return };
        let process = Process { index: relay, number: running.number };
        if let Some(link) = &running.link {
            let joined = link.joined;
            self.stream_ended(process, end, joined);
        }
    }

    fn hold(&mut self, relay: usize, time: Duration) {
        let Some(id) = self.network.stream_of(relay) else { return };
        self.network.connections.get_mut(&id).expect("it is open").held_until = self.now + time;
        self.after(time, Event::Heal(Healing::Carry(id)));
    }

    fn change_target(&mut self, number: usize, condition: Condition, time: Option<Duration>, restarts: bool) {
        let pod = &mut self.targets.pods[number];
        pod.condition = condition;
        pod.since = self.now;
        pod.changes += 1;
        let change = pod.changes;
        if let Some(time) = time {
            self.after(time, Event::Heal(Healing::Target(number, change, restarts)));
        }
    }

    fn target_is_well(&mut self, number: usize, change: u64, restarts: bool) {
        let now = self.now;
        let pod = &mut self.targets.pods[number];
        if pod.changes != change {
            return;
        }
        pod.condition = Condition::Up;
        pod.since = now;
        if restarts {
            pod.started = now;
            pod.starts += 1;
        }
        self.log(|| format!("target {number} is well"));
    }

    fn drain(&mut self, relay: usize, drained: bool) {
        let index = self.leader;
        let Some(running) = self.coordinators[index].process.as_ref().filter(|it| !it.paused) else { return };
        let process = Process { index, number: running.number };
        self.tell(process, FleetEvent::Drain { relay: self.relays[relay].name.clone(), drained });
    }

    fn scale(&mut self, relay: usize, member: bool) {
        self.relays[relay].member = member;
        if member {
            self.start_relay(relay);
        } else {
            self.kill_relay(relay, true);
        }
    }

    /// A stopped process goes on, with all that has come meanwhile, in any order but that of each stream.
    fn resume(&mut self, process: Result<Process, Process>) {
        let waiting = match process {
            Ok(Process { index, number }) => {
                let running = self.relays[index].process.as_mut().filter(|it| it.number == number);
                running.map(|it| (std::mem::take(&mut it.waiting), it.paused = false))
            }
            Err(Process { index, number }) => {
                let running = self.coordinators[index].process.as_mut().filter(|it| it.number == number);
                running.map(|it| (std::mem::take(&mut it.waiting), it.paused = false))
            }
        };
        let Some((mut waiting, ())) = waiting else { return };
        self.log(|| format!("{process:?} goes on"));
        let streams = self.network.connections.keys().map(|id| Event::Carry(*id));
        waiting.extend(streams.collect::<Vec<_>>());
        self.random.shuffle(&mut waiting);
        for event in waiting {
            self.queue.push(self.now, event);
        }
    }

    /// A machine that runs answers a reset for a stream that its process does not have any more.
    pub(super) fn reset_unknown(&mut self, id: u64) {
        let Some(one) = self.network.connections.get(&id) else { return };
        let due = one.down.front().is_some_and(|(at, _)| *at <= self.now);
        let (relay, coordinator) = (Place::Relay(one.relay), Place::Coordinator(one.coordinator));
        let reached = !one.black_hole && self.network.reach_each_other(relay, coordinator);
        if due && reached && !one.relay_open && self.relays[one.relay].process.is_some() {
            self.ended_up(id, StreamEnd::Peer);
        }
    }
}
