//! The assignment protocol in a simulated world: the product's own state machines, and everything between them made up.
//!
//! In: a seed, or a script of faults. Out: what every Prometheus has seen, judged. Time, network, disks, clocks, targets
//! and processes are simulated; what coordinators and relays decide is the product's own code: `Fleet`, `Contact`,
//! `SliceState`, `Roster` and `Slot` with its `Copies`. Nothing here depends on anything but the seed.

mod ask;
mod carry;
mod clock;
mod coordinator;
mod disk;
mod event;
mod fan_out;
mod fault;
mod judge;
mod leave;
mod network;
mod page;
mod prometheus;
mod random;
mod relay;
mod rest;
mod rules;
mod schedule;
mod stream;
mod targets;

use std::time::Duration;

use model::exposition::store::ShapeStore;
use model::slice::{RelayConfig, SliceChange};
use model::target::TargetId;

use clock::Clock;
use coordinator::Coordinator;
use disk::Records;
use event::{Event, Queue};
use judge::Judge;
use network::Network;
use prometheus::Prometheus;
use random::Random;
use relay::Relay;
use targets::{Pod, Targets};

pub use fault::Fault;
pub use judge::{Property, Violation};
pub use network::Place;
pub use rules::{RelayRules, Rules};
pub use schedule::{Outcome, Plan, run_seed};
pub use targets::Condition;

/// How often the judge looks at what is not a page.
const CHECK: Duration = Duration::from_secs(1);

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// For everything that is left to chance.
    pub seed: u64,
    /// Relays at the start, and how many there may be.
    pub relays: (usize, usize),
    /// Machines for coordinators.
    pub coordinators: usize,
    /// Targets, and how many of a hundred have a job that asks for 60 s between scrapes.
    pub targets: (usize, u64),
    /// Targets that discovery may find later.
    pub more_targets: usize,
    /// The scrape interval of each Prometheus.
    pub intervals: Vec<Duration>,
    /// How often each asks for the list of relays.
    pub refresh: Duration,
    /// How many of a thousand clocks may run too fast or too slow, at most 50.
    pub drift: u64,
    /// Whether the coordinator is told how many relays there are.
    pub expects_relays: bool,
    /// The coordinators' durations.
    pub fleet: ::coordinator::fleet::Timings,
    /// The relays' durations.
    pub relay: ::relay::contact::Timings,
    /// What all relays are told.
    pub relay_config: RelayConfig,
    /// The rules that hold.
    pub rules: Rules,
    /// How many of a hundred targets take seconds to answer.
    pub slow_targets: u64,
}

impl Settings {
    /// Three relays, twelve targets, one Prometheus with 15 s, true clocks.
    #[must_use]
    pub fn small(seed: u64) -> Self {
        Self {
            seed,
            relays: (3, 4),
            coordinators: 1,
            targets: (12, 0),
            more_targets: 0,
            intervals: vec![Duration::from_secs(15)],
            refresh: Duration::from_secs(5),
            drift: 0,
            expects_relays: true,
            fleet: ::coordinator::fleet::Timings::default(),
            relay: ::relay::contact::Timings::default(),
            relay_config: RelayConfig::default(),
            rules: Rules::default(),
            slow_targets: 0,
        }
    }
}

/// The simulated world.
pub struct World {
    now: Duration,
    queue: Queue,
    random: Random,
    settings: Settings,
    network: Network,
    coordinators: Vec<Coordinator>,
    /// The coordinator that leads, or did last.
    leader: usize,
    relays: Vec<Relay>,
    prometheuses: Vec<Prometheus>,
    targets: Targets,
    judge: Judge,
    shapes: ShapeStore,
    records: Records,
    made: u64,
    /// The target of which everything is written down.
    traced: Option<TargetId>,
    logging: bool,
    log: Vec<(Duration, String)>,
}

impl World {
    /// A world in which everything has just been started.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut world = Self {
            now: Duration::ZERO,
            queue: Queue::default(),
            random: Random::new(settings.seed),
            network: Network::default(),
            coordinators: Vec::new(),
            leader: 0,
            relays: Vec::new(),
            prometheuses: Vec::new(),
            targets: Targets::default(),
            judge: Judge::default(),
            shapes: ShapeStore::new(),
            records: Records::default(),
            made: 0,
            traced: None,
            logging: false,
            log: Vec::new(),
            settings,
        };
        world.build();
        world
    }

    /// The same, and everything is written down; of one target each sample, too.
    #[must_use]
    pub fn traced(settings: Settings, target: Option<TargetId>) -> Self {
        let mut world = Self::new(settings);
        (world.logging, world.traced) = (true, target);
        world
    }

    fn build(&mut self) {
        let settings = self.settings.clone();
        for _ in 0..settings.coordinators {
            let clock = self.clock();
            self.coordinators.push(Coordinator { clock, process: None, processes: 0 });
        }
        for index in 0..settings.relays.1 {
            let (clock, member) = (self.clock(), index < settings.relays.0);
            let name = format!("relay-{index}").into();
            self.relays.push(Relay {
                name,
                clock,
                disk: disk::Disk::default(),
                process: None,
                processes: 0,
                member,
            });
        }
        for interval in &settings.intervals {
            self.prometheuses.push(Prometheus::new(*interval, settings.refresh));
            self.judge.stored.push(std::collections::HashMap::new());
        }
        for number in 0..settings.targets.0 + settings.more_targets {
            let pod = self.pod(number < settings.targets.0, settings.targets.1);
            self.targets.pods.push(pod);
        }
        self.begin();
    }

    fn clock(&mut self) -> Clock {
        let drift = self.random.between(0, 2 * self.settings.drift + 1) as f64 - self.settings.drift as f64;
        let offset = i64::try_from(self.random.between(0, 400)).expect("small") - 200;
        Clock::new(1.0 + drift / 1000.0, self.random.seconds(100, 10_000), offset)
    }

    fn pod(&mut self, listed: bool, slow_jobs: u64) -> Pod {
        let slow = self.random.percent(self.settings.slow_targets);
        // So that every Prometheus waits for it.
        let shortest = self.settings.intervals.iter().min().map_or(10, Duration::as_secs);
        let latency =
            if slow { self.random.seconds(1, (shortest - 2).min(8)) } else { Duration::from_millis(5) };
        Pod {
            condition: Condition::Up,
            started: Duration::ZERO,
            starts: 1,
            latency,
            since: Duration::ZERO,
            listed,
            version: 0,
            slow_job: self.random.percent(slow_jobs),
            changes: 0,
        }
    }

    fn begin(&mut self) {
        self.start_coordinator(0);
        for index in 0..self.settings.relays.0 {
            self.start_relay(index);
        }
        for index in 0..self.prometheuses.len() {
            let first = self.random.ms(500, 5000);
            self.queue.push(first, Event::Refresh(index));
        }
        self.queue.push(CHECK, Event::Check);
    }

    fn after(&mut self, wait: Duration, event: Event) {
        self.queue.push(self.now + wait, event);
    }

    fn log(&mut self, text: impl FnOnce() -> String) {
        if self.logging {
            self.log.push((self.now, text()));
        }
    }

    /// Lets this much time pass.
    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some((at, event)) = self.queue.pop(until) {
            self.now = at;
            self.handle(event);
        }
        self.now = until;
    }

    fn handle(&mut self, event: Event) {
        let waiting = match event.process() {
            Some(Ok(process)) => match self.running(process) {
                Some(running) => running.paused.then_some(&mut running.waiting),
                None => return,
            },
            Some(Err(process)) => {
                let running = self.coordinators[process.index].process.as_mut();
                match running.filter(|it| it.number == process.number) {
                    Some(running) => running.paused.then_some(&mut running.waiting),
                    None => return,
                }
            }
            None => None,
        };
        match waiting {
            Some(waiting) => {
                // Of what discovery says only the last is kept for a process that does not read.
                if matches!(event, Event::Discovered(..)) {
                    waiting.retain(|one| !matches!(one, Event::Discovered(..)));
                }
                waiting.push(event);
            }
            None => self.happen(event),
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tick(process) => self.tick(process),
            Event::Discovered(process, complete) => self.discovered(process, complete),
            Event::Carry(id) => self.carry(id),
            Event::Connect(process, leader) => self.connect(process, leader),
            Event::Stream(process, id, timer) => self.stream_timer(process, id, timer),
            Event::Leave(process) => self.leave(process),
            Event::TakeKept(process) => self.take_kept(process),
            Event::Requested(process, request) => self.requested(process, request),
            Event::Landed(process, flights) => self.landed(process, &flights),
            Event::TimeIsOver(process, fan_out) => self.time_is_over(process, fan_out),
            Event::Page(index, scrape, samples) => self.page(index, scrape, &samples),
            Event::Scrape(index, relay, number) => self.scrape(index, relay, number),
            Event::GaveUp(index, scrape) => self.gave_up(index, scrape),
            Event::Refresh(index) => self.refresh(index),
            Event::List(index, relays) => self.list(index, &relays),
            Event::Fault(fault) => self.inject(fault),
            Event::Heal(healing) => self.heal(healing),
            Event::Check => {
                self.check();
                self.after(CHECK, Event::Check);
            }
        }
    }

    /// Lets something happen later.
    pub fn schedule(&mut self, at: Duration, fault: Fault) {
        self.queue.push(at, Event::Fault(fault));
    }

    /// The promises that were broken.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.judge.violations
    }

    /// What was written down, if it was to be.
    #[must_use]
    pub fn written(&self) -> String {
        let lines = self.log.iter().map(|(at, text)| format!("{:9.3} {text}\n", at.as_secs_f64()));
        lines.collect()
    }

    fn note_change(&mut self, stream: u64, change: &SliceChange) {
        let Some(relay) = self.network.connections.get(&stream).map(|one| one.relay) else { return };
        let traced = self.traced;
        self.log(|| {
            let (assigned, removed) = (change.assigned.len(), change.removed.len());
            let whole = if change.whole { "whole slice" } else { "change" };
            let of = change.assigned.iter().find(|one| Some(one.target.id) == traced);
            let given = of.map(|one| format!(", the target with {:?}", one.permission)).unwrap_or_default();
            let taken = change.removed.iter().any(|id| Some(*id) == traced);
            let taken = if taken { ", the target is taken" } else { "" };
            let (epoch, revision) = (change.reign.epoch, change.revision);
            format!("to relay {relay}: {whole} {epoch}.{revision}, {assigned} assigned, {removed} removed{given}{taken}")
        });
    }
}
