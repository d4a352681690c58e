//! A fleet with simulated relays, for scripts of events: no sockets, no clock.

mod pages;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::slice::{Held, Hello, Permission, Reign, SliceChange, Stamp};
use model::status::{StatusReport, TargetState, TargetStatus};
use model::target::TargetId;

use super::fixture::{hello, jobs, target, targets};
use super::{Closing, Effect, Fleet, FleetEvent, Now, Snapshot, StreamEnd, StreamId, Timings};

/// One relay process.
#[derive(Clone, Debug)]
pub(crate) struct Sim {
    pub(crate) boot: String,
    pub(crate) stream: Option<StreamId>,
    pub(crate) slice: BTreeMap<TargetId, (Permission, Stamp)>,
    pub(crate) reign: Option<Reign>,
    pub(crate) inbox: VecDeque<SliceChange>,
    /// Parts of a whole slice that is not complete.
    parts: Vec<SliceChange>,
    pub(crate) received: Vec<SliceChange>,
    /// Whether it takes in what it is sent at once.
    pub(crate) reads: bool,
    /// Whether it sends heartbeats.
    pub(crate) beats: bool,
    /// Whether a scraper asks its page.
    pub(crate) scraped: bool,
    pub(crate) draining: bool,
    /// Whether it was told that an operator has drained it.
    pub(crate) drained: bool,
    pub(crate) closed: Option<Closing>,
    pub(crate) alive: bool,
    /// What its last page showed from the cache.
    pub(crate) stale: BTreeSet<TargetId>,
    /// Whether it has been off Prometheus' list for a minute and has had no slice since.
    pub(crate) forgotten: bool,
    /// Whether it was alone when it came.
    pub(crate) alone: bool,
    /// Whether it says what the targets are that it holds.
    pub(crate) describes: bool,
    /// The value of its copy of each target.
    pub(crate) copies: BTreeMap<TargetId, u64>,
    /// How its targets do; those that are missing are pending.
    pub(crate) states: BTreeMap<TargetId, TargetState>,
    /// Targets of which it has had a good scrape.
    pub(crate) good: BTreeSet<TargetId>,
    /// When it last had contact.
    pub(crate) contact: Duration,
}

/// The fleet, its relays and the time.
pub(crate) struct World {
    pub(crate) fleet: Fleet,
    pub(crate) now: Now,
    pub(crate) relays: BTreeMap<String, Sim>,
    streams: u64,
    pub(crate) pings: Vec<(StreamId, u64)>,
    pub(crate) answers_pings: bool,
    scrapes: bool,
    /// Whether a page may show an older value after a newer one.
    pub(crate) forgives: bool,
    list: Vec<String>,
    dead: BTreeSet<TargetId>,
    /// The last value of each target on a page.
    pub(crate) shown: BTreeMap<TargetId, u64>,
    /// When each target was last on a page.
    seen: BTreeMap<TargetId, u64>,
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl World {
    /// A coordinator that waits for `expected` relays and knows `count` targets.
    pub(crate) fn new(expected: usize, count: u64) -> Self {
        let mut world = Self::undiscovered(expected);
        world.set_targets(0..count);
        world
    }

    /// The same before discovery is complete.
    pub(crate) fn undiscovered(expected: usize) -> Self {
        let wall = SystemTime::UNIX_EPOCH + seconds(1_000_000);
        let now = Now { elapsed: Duration::ZERO, wall };
        let mut world = Self {
            fleet: Fleet::new("coordinator-1".into(), Timings::default(), now),
            now,
            relays: BTreeMap::new(),
            streams: 0,
            pings: Vec::new(),
            answers_pings: true,
            scrapes: false,
            forgives: false,
            list: Vec::new(),
            dead: BTreeSet::new(),
            shown: BTreeMap::new(),
            seen: BTreeMap::new(),
        };
        world.apply(FleetEvent::Configured {
            config: Arc::default(),
            expected_relays: expected,
            complete_start: false,
        });
        world
    }

    /// Another coordinator process takes over; every stream has ended.
    pub(crate) fn restart_coordinator(&mut self, boot_id: &str, expected: usize) {
        self.fleet = Fleet::new(boot_id.into(), Timings::default(), self.now);
        for sim in self.relays.values_mut() {
            sim.stream = None;
            sim.inbox.clear();
        }
        self.apply(FleetEvent::Configured {
            config: Arc::default(),
            expected_relays: expected,
            complete_start: false,
        });
    }

    pub(crate) fn set_targets(&mut self, numbers: impl IntoIterator<Item = u64>) {
        self.list(numbers, &[]);
    }

    /// A listing while the discoveries of the jobs `unread` have not all reported.
    pub(crate) fn list(&mut self, numbers: impl IntoIterator<Item = u64>, unread: &[&str]) {
        let unread = unread.iter().map(|job| Arc::from(*job)).collect();
        self.apply(FleetEvent::Targets { targets: targets(numbers), jobs: jobs(), unread });
    }

    /// A process starts, with the slice that its disk still has, and joins.
    pub(crate) fn start(&mut self, name: &str, boot: &str) -> StreamId {
        self.boot(name, boot);
        self.join(name)
    }

    /// The same with a process whose page no scraper asks.
    pub(crate) fn start_unscraped(&mut self, name: &str, boot: &str) -> StreamId {
        self.boot(name, boot);
        self.sim(name).scraped = false;
        self.join(name)
    }

    pub(crate) fn boot(&mut self, name: &str, boot: &str) {
        let former = self.relays.remove(name);
        let sim = Sim {
            boot: boot.into(),
            stream: None,
            slice: former.as_ref().map(|sim| sim.slice.clone()).unwrap_or_default(),
            copies: former.as_ref().map(|sim| sim.copies.clone()).unwrap_or_default(),
            reign: former.and_then(|sim| sim.reign),
            inbox: VecDeque::new(),
            parts: Vec::new(),
            received: Vec::new(),
            reads: true,
            beats: true,
            scraped: true,
            draining: false,
            drained: false,
            closed: None,
            alive: true,
            stale: BTreeSet::new(),
            forgotten: false,
            alone: false,
            describes: true,
            states: BTreeMap::new(),
            good: BTreeSet::new(),
            contact: Duration::ZERO,
        };
        self.relays.insert(name.into(), sim);
    }

    /// The process opens a stream.
    pub(crate) fn join(&mut self, name: &str) -> StreamId {
        self.streams += 1;
        let stream = StreamId(self.streams);
        let now = self.now.elapsed;
        self.sim(name).contact = now;
        self.sim(name).stream = Some(stream);
        self.sim(name).inbox.clear();
        self.sim(name).parts.clear();
        self.sim(name).received.clear();
        let hello = self.hello_of(name);
        self.apply(FleetEvent::Hello { stream, hello });
        stream
    }

    pub(crate) fn hello_of(&mut self, name: &str) -> Hello {
        let wall = self.now.wall;
        let sim = self.sim(name);
        let held = |(id, (permission, stamp)): (&TargetId, &(Permission, Stamp))| Held {
            target: *id,
            stamp: *stamp,
            permission: if sim.alone { Permission::None } else { *permission },
            held_back: sim.alone && *permission != Permission::None,
            served_from_cache: sim.stale.contains(id)
                || sim.states.get(id) == Some(&TargetState::StaleServed),
            samples: 100,
            described: sim.describes.then(|| target(u64::try_from(id.0).expect("a number of the script"))),
        };
        Hello {
            held: sim.slice.iter().map(held).collect(),
            held_is_all: sim.reign.is_some(),
            highest_reign: sim.reign.clone(),
            draining: sim.draining,
            drained: sim.drained,
            last_page: sim.scraped.then_some(wall),
            ..hello(name, &sim.boot)
        }
    }

    pub(crate) fn sim(&mut self, name: &str) -> &mut Sim {
        self.relays.get_mut(name).expect("a relay of the script")
    }

    /// The relay's stream ends, as the coordinator sees it.
    pub(crate) fn end(&mut self, name: &str, end: StreamEnd) {
        if let Some(stream) = self.sim(name).stream.take() {
            self.sim(name).inbox.clear();
            self.apply(FleetEvent::Ended { stream, end });
        }
    }

    /// Time passes in steps of 250 ms, with heartbeats of those that send them.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now.elapsed + time;
        while self.now.elapsed < until {
            self.leap(Duration::from_millis(250));
            let now = self.now.elapsed;
            let beating = self.relays.values_mut().filter(|sim| sim.beats);
            for stream in beating.filter_map(|sim| sim.beat(now)).collect::<Vec<_>>() {
                self.apply(FleetEvent::Heard { stream });
            }
            self.apply(FleetEvent::Tick);
            self.scrape();
        }
    }

    /// Time passes in which the coordinator does not run.
    pub(crate) fn leap(&mut self, time: Duration) {
        self.now.elapsed += time;
        self.now.wall += time;
    }

    pub(crate) fn report(&mut self, name: &str, numbers: impl IntoIterator<Item = u64>, state: TargetState) {
        let status = |number: u64| TargetStatus {
            state,
            last_samples: 100,
            ..TargetStatus::pending(TargetId(number.into()))
        };
        let last_page = self.sim(name).scraped.then_some(self.now.wall);
        let targets: Vec<_> = numbers.into_iter().map(status).collect();
        for status in targets.iter().filter(|_| state != TargetState::Pending) {
            self.sim(name).states.insert(status.target, state);
            if state == TargetState::Up {
                self.sim(name).good.insert(status.target);
            }
        }
        let report = StatusReport { targets, last_page, ..StatusReport::default() };
        self.status(name, report);
    }

    pub(crate) fn status(&mut self, name: &str, report: StatusReport) {
        if let Some(stream) = self.sim(name).stream {
            self.apply(FleetEvent::Status { stream, report });
        }
    }

    /// The relay takes in what waits for it and acknowledges.
    pub(crate) fn read(&mut self, name: &str) {
        while let Some(change) = self.sim(name).inbox.pop_front() {
            let stamp = Stamp { epoch: change.reign.epoch, revision: change.revision };
            if !change.complete {
                self.sim(name).parts.push(change);
                continue;
            }
            let sim = self.sim(name);
            let mut parts = std::mem::take(&mut sim.parts);
            parts.push(change);
            let released = sim.take_in(&parts);
            sim.reign = parts.last().map(|part| part.reign.clone());
            sim.received.extend(parts);
            self.confirm(name, released, stamp);
        }
    }

    pub(crate) fn apply(&mut self, event: FleetEvent) {
        let effects = self.fleet.apply(event, self.now);
        for effect in effects {
            self.carry_out(effect);
        }
        let reading = self.relays.iter().filter(|(_, sim)| sim.reads && !sim.inbox.is_empty());
        for name in reading.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.read(&name);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Welcome { .. } => {}
            Effect::Change { stream, change } => {
                let sim = self.relays.values_mut().find(|sim| sim.stream == Some(stream));
                if let Some(sim) = sim {
                    sim.inbox.push_back(*change);
                }
            }
            Effect::Ping { stream, nonce } => {
                self.pings.push((stream, nonce));
                if self.answers_pings {
                    self.apply(FleetEvent::Pong { stream, nonce });
                }
            }
            Effect::Close { stream, why } => {
                let sim = self.relays.values_mut().find(|sim| sim.stream == Some(stream));
                if let Some(sim) = sim {
                    sim.stream = None;
                    sim.inbox.clear();
                    sim.closed = Some(why);
                }
            }
        }
    }

    pub(crate) fn snapshot(&mut self) -> Snapshot {
        self.fleet.snapshot()
    }

    /// Which of its targets the relay has with which permission.
    pub(crate) fn held(&mut self, name: &str) -> BTreeMap<u128, Permission> {
        self.sim(name).slice.iter().map(|(id, (permission, _))| (id.0, *permission)).collect()
    }

    pub(crate) fn count(&mut self, name: &str, permission: Permission) -> usize {
        self.held(name).values().filter(|one| **one == permission).count()
    }

    /// The relays that own something, with how much.
    pub(crate) fn spread(&mut self) -> Vec<usize> {
        self.snapshot().relays.iter().map(|relay| relay.targets).collect()
    }

    pub(crate) fn listed(&mut self) -> Option<Vec<String>> {
        let groups = crate::service_discovery::list(&self.fleet.snapshot()).ok()?;
        Some(groups.into_iter().map(|group| group.targets[0].clone()).collect())
    }
}
