//! A relay's process: its contact, its slice, its slots, which are the product's own, and what its disk keeps.
//!
//! What the product does with effects between those, this file does with the simulated ones.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::exposition::page_style::PageStyle;
use model::slice::{Permission, Released, SliceChange, Stamp};
use model::target::TargetId;
use relay::contact::{BootTime, Contact};
use relay::copies::{OnAssigned, Standing};
use relay::gather::outcome::Good;
use relay::gather::roster::{Roster, RosterParts};
use relay::gather::slot::PageMoment;
use relay::scrape::AddressGuard;
use relay::slice::{Applied, SliceState};
use relay::slice_file::{KeptSlice, LastContact, Start};

use super::World;
use super::clock::Clock;
use super::disk::Disk;
use super::event::{Event, Process};
use super::fan_out::{FanOut, Flight};
use super::leave::Leaving;
use super::network::Up;
use super::rules::RelayRules;

/// The slice is written at most this often.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// What was dropped is acknowledged after this, whatever the disk does.
const STALE_MOST: Duration = Duration::from_secs(10);

/// A relay's machine.
pub(super) struct Relay {
    pub(super) name: Arc<str>,
    pub(super) clock: Clock,
    pub(super) disk: Disk,
    pub(super) process: Option<Running>,
    pub(super) processes: u64,
    /// Whether the fleet is meant to have it.
    pub(super) member: bool,
}

/// The stream that a process has open.
pub(super) struct Link {
    pub(super) id: u64,
    /// Whether the coordinator has answered at all.
    pub(super) accepted: bool,
    /// Whether a slice has come.
    pub(super) joined: bool,
    /// The last change that was carried out, until it may be acknowledged.
    pub(super) owed: Option<Stamp>,
    pub(super) sequence: u64,
    pub(super) heard: BootTime,
}

/// A relay that runs.
pub(super) struct Running {
    pub(super) number: u64,
    pub(super) boot_id: Arc<str>,
    pub(super) started: BootTime,
    pub(super) contact: Contact,
    pub(super) state: SliceState,
    pub(super) roster: Option<Arc<Roster>>,
    loaded: BTreeMap<TargetId, Arc<Good>>,
    pub(super) link: Option<Link>,
    pub(super) failures: u32,
    pub(super) next: usize,
    pub(super) fan_outs: BTreeMap<u64, FanOut>,
    pub(super) flights: HashMap<u64, Flight>,
    /// The flight of a slot.
    pub(super) in_flight: HashMap<usize, u64>,
    pub(super) last_asked: Option<SystemTime>,
    pub(super) flush_late: bool,
    pub(super) paused: bool,
    pub(super) waiting: Vec<Event>,
    pub(super) leaving: Option<Leaving>,
    unwritten: bool,
    written: Option<BootTime>,
    /// Since when the kept slice names what this process has dropped.
    stale: Option<BootTime>,
}

impl Running {
    /// How it stands with the coordinator.
    pub(super) fn standing(&self, now: BootTime, world: &super::Settings) -> Standing {
        let alone = world.rules.relay.alone_withholds && self.contact.is_alone(now, &world.relay);
        Standing { alone, contact: self.contact.last() }
    }

    /// The moment at which something is shown, or let go.
    pub(super) fn moment(&self, boot: BootTime, wall: SystemTime, world: &super::Settings) -> PageMoment {
        let cache = self.roster.as_ref().map(|roster| roster.config.cache.clone()).unwrap_or_default();
        let copy_max_age = cache.enabled.then_some(cache.max_age);
        PageMoment { standing: self.standing(boot, world), now: wall, copy_max_age }
    }
}

/// What a relay takes a permission for, by the rules that hold.
fn obeyed(permission: Permission, rules: RelayRules) -> Permission {
    match permission {
        Permission::None if !rules.none_withholds => Permission::Keep,
        Permission::Discard if !rules.discard_drops => Permission::Keep,
        _ => permission,
    }
}

/// What a relay says of a change that it has applied.
pub(super) struct CarriedOut {
    pub(super) stamp: Stamp,
    pub(super) released: Vec<Released>,
}

impl World {
    /// A relay's process starts.
    pub(super) fn start_relay(&mut self, index: usize) {
        let machine = &mut self.relays[index];
        if machine.process.is_some() {
            return;
        }
        machine.processes += 1;
        let mut state = SliceState::default();
        if let Some((_, kept)) = &machine.disk.slice {
            state.remember(kept.drained, kept.reign.clone());
        }
        let number = machine.processes;
        machine.process = Some(Running {
            number,
            boot_id: format!("{}-{number}", machine.name).into(),
            started: machine.clock.boot(self.now),
            contact: Contact::default(),
            state,
            roster: None,
            loaded: machine.disk.load(self.now),
            link: None,
            failures: 0,
            next: 0,
            fan_outs: BTreeMap::new(),
            flights: HashMap::new(),
            in_flight: HashMap::new(),
            last_asked: None,
            flush_late: false,
            paused: false,
            waiting: Vec::new(),
            leaving: None,
            unwritten: false,
            written: None,
            stale: None,
        });
        let process = Process { index, number };
        let patience = machine.clock.truly(self.settings.relay.slice_file_after);
        self.after(patience, Event::TakeKept(process));
        let begin = self.random.ms(20, 300);
        self.after(begin, Event::Connect(process, None));
    }

    /// The process is gone; its machine ends its connections unless it is gone, too.
    pub(super) fn kill_relay(&mut self, index: usize, says_so: bool) {
        let machine = &mut self.relays[index];
        if machine.process.take().is_none() {
            return;
        }
        machine.disk.end_process(self.now);
        if let Some(id) = self.network.stream_of(index) {
            self.close_relay_side(id, says_so.then_some(Up::End));
        }
    }

    /// The process, if it is still that one.
    pub(super) fn running(&mut self, process: Process) -> Option<&mut Running> {
        self.relays[process.index].process.as_mut().filter(|it| it.number == process.number)
    }

    pub(super) fn boot(&self, index: usize) -> BootTime {
        self.relays[index].clock.boot(self.now)
    }

    /// Applies a change of the slice and carries it out. What to say of it.
    pub(super) fn change(&mut self, process: Process, mut change: SliceChange) -> Option<CarriedOut> {
        for assignment in &mut change.assigned {
            assignment.permission = obeyed(assignment.permission, self.settings.rules.relay);
        }
        let stamp = Stamp { epoch: change.reign.epoch, revision: change.revision };
        let running = self.running(process)?;
        let applied = match running.state.apply(change) {
            Ok(applied) => applied?,
            Err(refused) => {
                self.log(|| format!("relay {} refuses a change: {refused}", process.index));
                return None;
            }
        };
        self.judge_reign(process);
        let released = self.take_over(process, &applied);
        let (machine, now) = (&mut self.relays[process.index], self.now);
        let drops = applied.drops_copies();
        let late = drops && !machine.disk.flushes(now, Duration::from_secs(1));
        let boot = machine.clock.boot(now);
        let running = machine.process.as_mut()?;
        running.flush_late |= late;
        running.unwritten = true;
        running.stale = running.stale.or_else(|| drops.then_some(boot));
        self.write_slice(process, if drops { Duration::ZERO } else { WRITE_EVERY });
        Some(CarriedOut { stamp, released })
    }

    /// What the product's gathering does with a slice that has changed.
    fn take_over(&mut self, process: Process, applied: &Applied) -> Vec<Released> {
        let guard = AddressGuard::new(Vec::<SocketAddr>::new(), false);
        let Some(running) = &mut self.relays[process.index].process else { return Vec::new() };
        let last = running.roster.clone();
        let parts = RosterParts { shapes: &self.shapes, guard: &guard, style: PageStyle::default() };
        let next = Arc::new(Roster::next(running.state.held(), last.as_deref(), &parts));
        let released = last.as_deref().map(|last| self.depart(process, last, &applied.removed));
        self.assign(process, applied, (last.as_deref(), &next));
        if let Some(running) = self.running(process) {
            running.roster = Some(next);
        }
        released.unwrap_or_default()
    }

    fn depart(&mut self, process: Process, last: &Roster, removed: &[TargetId]) -> Vec<Released> {
        let (now, boot) = (self.now, self.boot(process.index));
        let machine = &mut self.relays[process.index];
        let Some(running) = &mut machine.process else { return Vec::new() };
        let moment = running.moment(boot, machine.clock.wall(now), &self.settings);
        let mut released = Vec::new();
        for slot in removed.iter().filter_map(|id| last.slot(*id)) {
            let target = slot.target.id;
            let release = slot.release(&moment);
            running.loaded.remove(&target);
            machine.disk.remove(now, target);
            let record = release.copy.map(|copy| self.records.write(copy));
            released.push(Released { target, never_good: release.never_good, record });
        }
        released
    }

    fn assign(&mut self, process: Process, applied: &Applied, (last, next): (Option<&Roster>, &Roster)) {
        let now = self.now;
        let machine = &mut self.relays[process.index];
        let Some(running) = &mut machine.process else { return };
        let has_joined = running.contact.has_joined();
        for (id, permission, record) in &applied.assigned {
            let is_new = last.is_none_or(|last| last.slot(*id).is_none());
            let Some(slot) = next.slot(*id) else { continue };
            if is_new && has_joined {
                slot.newly_assigned();
            }
            let stamp = running.state.held().targets.get(id).map(|held| held.stamp).unwrap_or_default();
            let action = slot.assign(*permission, stamp);
            if action == OnAssigned::Leave {
                if *permission == Permission::Keep && slot.is_blank() {
                    running.loaded.remove(id).into_iter().for_each(|copy| slot.restore(copy));
                }
                continue;
            }
            running.loaded.remove(id);
            machine.disk.remove(now, *id);
            if let (OnAssigned::TakeRecord, Some(record)) = (action, record) {
                let copy = self.records.read(record);
                machine.disk.put(now, *id, copy.clone());
                slot.restore(copy);
            }
        }
    }

    /// Takes the slice on disk if no coordinator has sent one.
    pub(super) fn take_kept(&mut self, process: Process) {
        let now = self.now;
        let live_only = self.settings.rules.relay.kept_is_live_only;
        let contact_within =
            if live_only { self.settings.relay.alone_after_end } else { Duration::from_secs(3600) };
        let machine = &mut self.relays[process.index];
        let Some(running) = &mut machine.process else { return };
        let Some(kept) = machine.disk.slice.clone().filter(|_| running.state.held().reign.is_none()) else {
            return;
        };
        let start = Start {
            now: machine.clock.wall(now),
            started: running.started,
            machine_boot_id: "boot".to_owned(),
            contact_within,
        };
        let scraped_at = |id| running.loaded.get(&id).map(|good| good.scraped_at);
        let judged = KeptSlice::judge(kept, machine.disk.contact.as_ref(), &start, scraped_at);
        let Ok(KeptSlice { slice, contact }) = judged else { return };
        running.contact.inherit(contact);
        let assigned = slice.targets.iter().map(|(id, held)| (*id, held.permission, None)).collect();
        running.state.adopt(slice);
        self.take_over(process, &Applied { assigned, removed: Vec::new() });
        self.log(|| format!("relay {} goes on with the slice it has kept", process.index));
    }

    /// Writes the slice if it has changed and was not written for `distance`.
    pub(super) fn write_slice(&mut self, process: Process, distance: Duration) {
        let (now, boot) = (self.now, self.boot(process.index));
        let machine = &mut self.relays[process.index];
        let Some(running) = &mut machine.process else { return };
        let recently = running.written.is_some_and(|at| boot.since(at) < distance);
        if !running.unwritten || recently || machine.disk.is_stuck(now) {
            return;
        }
        running.unwritten = false;
        running.stale = None;
        running.written = Some(boot);
        machine.disk.keep_slice(running.state.held(), machine.clock.wall(now));
    }

    /// Whether what was dropped may be acknowledged.
    pub(super) fn may_acknowledge(&mut self, process: Process) -> bool {
        let (rules, boot) = (self.settings.rules.relay, self.boot(process.index));
        let Some(running) = self.running(process) else { return false };
        let waits = running.stale.is_some_and(|since| boot.since(since) < STALE_MOST);
        !(waits && rules.dropped_is_kept)
    }

    /// Writes contact down.
    pub(super) fn write_contact(&mut self, index: usize) {
        let machine = &mut self.relays[index];
        let wall = machine.clock.wall(self.now);
        let Some(running) = machine.process.as_ref().filter(|_| !machine.disk.is_stuck(self.now)) else {
            return;
        };
        let (Some(contact), Some(roster)) = (running.contact.last(), &running.roster) else { return };
        let known = |since: Option<BootTime>| since.is_some_and(|since| since <= contact);
        let served = roster.slots.iter().filter(|slot| known(slot.served_since())).map(|slot| slot.target.id);
        machine.disk.contact = Some(LastContact::new("boot".to_owned(), contact, wall, served));
    }
}
