//! One Prometheus: scrapes the relays of a list that lags behind, each in a loop of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use coordinator::fleet::FleetEvent;

use super::World;
use super::event::{Event, Process, Request};
use super::judge::Sample;
use super::network::Place;

/// How long a scrape may take; never longer than until the next, which Prometheus 3.15 refuses to be configured with.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A Prometheus server.
pub(super) struct Prometheus {
    pub(super) interval: Duration,
    /// How often it asks for the list of relays.
    refresh: Duration,
    /// The loop of each relay on the list.
    pub(super) loops: BTreeMap<usize, u64>,
    /// Scrapes under way, with their relay and when they began.
    scrapes: HashMap<u64, (usize, Duration)>,
}

impl Prometheus {
    pub(super) fn new(interval: Duration, refresh: Duration) -> Self {
        Self { interval, refresh, loops: BTreeMap::new(), scrapes: HashMap::new() }
    }
}

impl World {
    /// Asks the coordinator that leads for the list of relays; a failure leaves the last one in force.
    pub(super) fn refresh(&mut self, index: usize) {
        let next = self.prometheuses[index].refresh;
        self.after(next, Event::Refresh(index));
        let Some(leader) = self.leading() else { return };
        let there = Place::Coordinator(leader);
        if !self.network.reach_each_other(Place::Prometheus(index), there) {
            return;
        }
        let running = self.coordinators[leader].process.as_mut().filter(|it| !it.paused);
        let Some(running) = running else { return };
        let (process, snapshot) =
            (Process { index: leader, number: running.number }, running.fleet.snapshot());
        let Ok(groups) = coordinator::service_discovery::list(&snapshot) else { return };
        self.tell(process, FleetEvent::ListGiven { relays: snapshot.listed() });
        let relays = groups.iter().map(|group| group.targets[0].parse().expect("a relay's number")).collect();
        let lag = self.random.ms(100, 5000);
        self.after(lag, Event::List(index, relays));
    }

    /// Puts a list in force.
    pub(super) fn list(&mut self, index: usize, relays: &[usize]) {
        let before: Vec<usize> = self.prometheuses[index].loops.keys().copied().collect();
        for relay in before.iter().filter(|relay| !relays.contains(relay)) {
            self.prometheuses[index].loops.remove(relay);
            self.log(|| format!("prometheus {index} drops relay {relay}"));
        }
        for relay in relays.iter().copied().filter(|relay| !before.contains(relay)) {
            self.made += 1;
            self.prometheuses[index].loops.insert(relay, self.made);
            let interval = u64::try_from(self.prometheuses[index].interval.as_millis()).expect("seconds");
            let first = self.random.ms(0, interval);
            self.after(first, Event::Scrape(index, relay, self.made));
            self.log(|| format!("prometheus {index} finds relay {relay}"));
        }
    }

    /// Scrapes a relay.
    pub(super) fn scrape(&mut self, index: usize, relay: usize, number: u64) {
        let prometheus = &mut self.prometheuses[index];
        if prometheus.loops.get(&relay) != Some(&number) {
            return;
        }
        self.made += 1;
        let scrape = self.made;
        prometheus.scrapes.insert(scrape, (relay, self.now));
        let interval = prometheus.interval;
        self.after(interval, Event::Scrape(index, relay, number));
        let timeout = TIMEOUT.min(interval);
        self.after(timeout, Event::GaveUp(index, scrape));
        let reached = self.network.reaches(Place::Prometheus(index), Place::Relay(relay));
        let Some(process) = self.relays[relay].process.as_ref().filter(|_| reached) else { return };
        let process = Process { index: relay, number: process.number };
        let (asked, deadline) = (self.now, self.now + timeout);
        let request = Request { prometheus: index, scrape, asked, deadline };
        let travel = self.random.ms(1, 20);
        self.after(travel, Event::Requested(process, request));
    }

    /// A relay has no page yet: it says so.
    pub(super) fn no_page(&mut self, request: Request) {
        self.prometheuses[request.prometheus].scrapes.remove(&request.scrape);
    }

    /// A relay's page is on its way.
    pub(super) fn respond(&mut self, relay: usize, request: Request, sending: Duration, page: Arc<[Sample]>) {
        if self.network.reaches(Place::Relay(relay), Place::Prometheus(request.prometheus)) {
            let travel = sending + self.random.ms(1, 20);
            self.after(travel, Event::Page(request.prometheus, request.scrape, page));
        }
    }

    /// A page has come, in time or not.
    pub(super) fn page(&mut self, index: usize, scrape: u64, samples: &[Sample]) {
        if let Some((relay, began)) = self.prometheuses[index].scrapes.remove(&scrape) {
            self.judge_page(index, relay, began, samples);
        }
    }

    pub(super) fn gave_up(&mut self, index: usize, scrape: u64) {
        self.prometheuses[index].scrapes.remove(&scrape);
    }
}
