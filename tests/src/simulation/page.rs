//! Pages: every target of the roster scraped at the scraper's request, and what the product's slots show of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::exposition::entry::Format;
use relay::copies::OnGood;
use relay::gather::deadline::{has_more_time, is_due};
use relay::gather::outcome::{Failure, Good, Outcome};
use relay::gather::roster::Roster;
use relay::gather::slot::Slot;

use super::World;
use super::event::{Event, Process, Request, Timer};
use super::fan_out::{FanOut, Flight, LANDING, Row};
use super::judge::Sample;
use super::network::Place;
use super::targets::{Condition, Targets, Value};

/// A page's last byte waits this long for what it shows to be on disk.
const FLUSH_WAIT: Duration = Duration::from_millis(100);
/// A fan-out this old is not joined.
const JOIN_WITHIN: Duration = Duration::from_secs(1);
/// Kept for merging and sending.
const MARGIN: Duration = Duration::from_millis(500);

impl World {
    /// A scraper asks for the page.
    pub(super) fn requested(&mut self, process: Process, request: Request) {
        let (now, wall) = (self.now, self.relays[process.index].clock.wall(self.now));
        if now >= request.deadline {
            return;
        }
        let request = Request { asked: now, ..request };
        let own = (request.deadline - MARGIN).max(now);
        let (boot, settings) = (self.boot(process.index), self.settings.clone());
        let Some(running) = self.running(process) else { return };
        running.last_asked = Some(wall);
        let standing = running.standing(boot, &settings);
        let Some(roster) = running.roster.clone() else { return self.no_page(request) };
        let shares = roster.slots.iter().all(|slot| slot.may_repeat(standing, None));
        let joined = running.fan_outs.values_mut().find(|it| {
            let young = now.saturating_sub(it.started) < JOIN_WITHIN && it.deadline <= own;
            shares && young && Arc::ptr_eq(&it.roster, &roster)
        });
        if let Some(joined) = joined {
            joined.requests.push(request);
            return;
        }
        self.fan_out(process, &roster, own, request);
    }

    fn fan_out(&mut self, process: Process, roster: &Arc<Roster>, deadline: Duration, request: Request) {
        self.made += 1;
        let id = self.made;
        let (boot, wall) = (self.boot(process.index), self.relays[process.index].clock.wall(self.now));
        let Some(running) = &self.relays[process.index].process else { return };
        let standing = running.standing(boot, &self.settings);
        let mut rows = Vec::with_capacity(roster.slots.len());
        for slot in &roster.slots {
            let last = slot.repeatable(standing).filter(|(last, _)| {
                let since = wall.duration_since(last.began).ok();
                let is_due = is_due(since, slot.target.min_interval)
                    || has_more_time(last.cut_off(), deadline.saturating_sub(self.now));
                !running.in_flight.contains_key(&key(slot)) && !is_due
            });
            let (outcome, taken) = last.map_or((None, slot.start().0), |(last, taken)| (Some(last), taken));
            let slot = slot.clone();
            rows.push(Row { slot, outcome, taken, began: None, awaits: None, restarted: false });
        }
        let missing = rows.iter().filter(|row| row.outcome.is_none()).count();
        let requests = vec![request];
        let (roster, started, again) = (roster.clone(), self.now, false);
        let mut fan_out = FanOut { roster, started, deadline, rows, missing, again, requests };
        self.start_flights(process, id, &mut fan_out);
        let Some(running) = self.running(process) else { return };
        running.fan_outs.insert(id, fan_out);
        if missing == 0 {
            self.gathered(process, id);
        }
    }

    /// Starts what nothing is awaited of, or joins what is under way and may stand. Flights that end together are one
    /// event.
    fn start_flights(&mut self, process: Process, fan_out: u64, of: &mut FanOut) {
        let (boot, settings) = (self.boot(process.index), self.settings.clone());
        let mut landings: BTreeMap<Duration, Vec<u64>> = BTreeMap::new();
        for (at, row) in of.rows.iter_mut().enumerate() {
            if row.outcome.is_some() || row.awaits.is_some() {
                continue;
            }
            let Some(running) = self.running(process) else { return };
            let standing = running.standing(boot, &settings);
            let under_way = running.in_flight.get(&key(&row.slot)).copied();
            let flight = under_way.and_then(|id| running.flights.get_mut(&id)).filter(|flight| {
                flight.began_at >= of.started || row.slot.may_repeat(standing, Some(flight.generation))
            });
            if let Some(flight) = flight {
                row.awaits = Some(flight.number);
                flight.rows.push((fan_out, at));
                if flight.put_off(of.deadline.min(flight.began_at + row.slot.target.scrape_timeout)) {
                    landings.entry(flight.lands).or_default().push(flight.number);
                }
                continue;
            }
            self.made += 1;
            let mut flight = self.flight(process, (&row.slot, self.made), of.deadline);
            flight.rows.push((fan_out, at));
            row.awaits = Some(flight.number);
            landings.entry(flight.lands).or_default().push(flight.number);
            if let Some(running) = self.running(process) {
                running.in_flight.insert(key(&row.slot), flight.number);
                running.flights.insert(flight.number, flight);
            }
        }
        for (at, flights) in landings {
            self.queue.push(at, Event::Landed(process, flights.into()));
        }
        self.queue.push((of.deadline + LANDING).max(self.now), Event::TimeIsOver(process, fan_out));
    }

    fn flight(&self, process: Process, (slot, number): (&Arc<Slot>, u64), deadline: Duration) -> Flight {
        let target = Targets::number(slot.target.id);
        let pod = &self.targets.pods[target];
        let reached = self.network.reach_each_other(Place::Relay(process.index), Place::Targets);
        let condition = if reached { pod.condition } else { Condition::Hanging };
        let answers = (condition == Condition::Up)
            .then(|| (self.now + pod.latency, self.targets.value(target, self.now)));
        let (value, lands) = match (condition, answers) {
            (Condition::Up, Some((at, value))) if at < deadline => (Some(value), at),
            (Condition::Down, _) => (None, self.now + Duration::from_millis(2)),
            (Condition::Up | Condition::Hanging, _) => (None, deadline.max(self.now)),
        };
        let (generation, shape) = slot.start();
        let began = self.relays[process.index].clock.wall(self.now);
        let (slot, began_at) = (slot.clone(), self.now);
        let rows = Vec::new();
        Flight { slot, generation, number, shape, began, began_at, deadline, value, answers, lands, rows }
    }

    /// Scrapes have ended.
    pub(super) fn landed(&mut self, process: Process, flights: &[u64]) {
        let (boot, settings) = (self.boot(process.index), self.settings.clone());
        let mut touched = BTreeSet::new();
        for id in flights {
            let now = self.now;
            let Some(running) = self.running(process) else { return };
            // One that was put off lands later.
            let lands = |flight: &Flight| flight.lands <= now;
            if !running.flights.get(id).is_some_and(lands) {
                continue;
            }
            let Some(flight) = running.flights.remove(id) else { continue };
            let outcome = self.land(process, &flight);
            let Some(running) = self.running(process) else { return };
            let standing = running.standing(boot, &settings);
            if running.in_flight.get(&key(&flight.slot)) == Some(id) {
                running.in_flight.remove(&key(&flight.slot));
            }
            for (fan_out, at) in &flight.rows {
                let Some(of) = running.fan_outs.get_mut(fan_out) else { continue };
                if of.take(*at, (&flight, &outcome), standing) {
                    touched.insert(*fan_out);
                }
            }
        }
        for fan_out in touched {
            self.go_on(process, fan_out);
        }
    }

    /// The time of a fan-out is over: what is still being scraped for another page is not waited for.
    pub(super) fn time_is_over(&mut self, process: Process, fan_out: u64) {
        let began = self.relays[process.index].clock.wall(self.now);
        let late = Outcome::failed(began, Duration::ZERO, Failure::new("timeout", "another page's scrape"));
        let late = Arc::new(late);
        let Some(of) = self.running(process).and_then(|it| it.fan_outs.get_mut(&fan_out)) else { return };
        for row in of.rows.iter_mut().filter(|row| row.outcome.is_none()) {
            (row.outcome, row.awaits) = (Some(late.clone()), None);
        }
        of.missing = 0;
        self.go_on(process, fan_out);
    }

    /// Starts what has to be scraped again, or makes the pages where everything has come.
    fn go_on(&mut self, process: Process, id: u64) {
        let Some(running) = self.running(process) else { return };
        let Some(mut of) = running.fan_outs.remove(&id) else { return };
        let is_whole = of.missing == 0;
        if !is_whole {
            self.start_flights(process, id, &mut of);
        }
        if let Some(running) = self.running(process) {
            running.fan_outs.insert(id, of);
        }
        if is_whole {
            self.gathered(process, id);
        }
    }

    /// What the product's scrape does with its result.
    fn land(&mut self, process: Process, flight: &Flight) -> Arc<Outcome> {
        let slot = &flight.slot;
        let kind = if flight.lands >= flight.deadline { "timeout" } else { "refused" };
        let duration = self.now - flight.began_at;
        let outcome = Outcome::failed(flight.began, duration, Failure::new(kind, "simulated"));
        let outcome = Arc::new(match flight.value {
            Some(value) => Outcome { result: Ok(self.good(flight, value)), ..outcome },
            None => outcome,
        });
        let (now, disk) = (self.now, &mut self.relays[process.index].disk);
        slot.record(&outcome, (flight.generation, flight.number), |action| match &outcome.result {
            Ok(good) if action == OnGood::Store => disk.put(now, slot.target.id, good.clone()),
            _ => disk.remove(now, slot.target.id),
        });
        outcome
    }

    fn good(&self, flight: &Flight, (starts, up): Value) -> Arc<Good> {
        let body = format!("starts {starts}\nup_ms {up}\n");
        let slot = &flight.slot;
        let read = self.shapes.ingest(Format::Text, body.as_bytes(), &slot.transform, flight.shape.as_ref());
        let read = read.expect("the body is what Prometheus accepts");
        let injected = slot.injected(&read.shape);
        Arc::new(Good {
            shape: read.shape,
            injected,
            values: Arc::new(read.values),
            scraped_at: flight.began,
        })
    }

    /// Everything has come. What may not stand for a scrape of this page is scraped again, once; then the pages are made.
    fn gathered(&mut self, process: Process, id: u64) {
        let (boot, settings) = (self.boot(process.index), self.settings.clone());
        let Some(running) = self.running(process) else { return };
        let standing = running.standing(boot, &settings);
        let Some(mut fan_out) = running.fan_outs.remove(&id) else { return };
        let asked = fan_out.started;
        if !std::mem::replace(&mut fan_out.again, true) {
            let outdated = fan_out.rows.iter_mut().filter(|row| !row.stands(asked, standing));
            fan_out.missing = outdated.map(Row::restart).count();
            if fan_out.missing > 0 {
                self.start_flights(process, id, &mut fan_out);
                if let Some(running) = self.running(process) {
                    running.fan_outs.insert(id, fan_out);
                }
                return;
            }
        }
        for (at, request) in fan_out.requests.iter().enumerate() {
            if at == 0 || fan_out.rows.iter().all(|row| row.stands(request.asked, standing)) {
                self.merge(process, &fan_out, *request);
            } else {
                let own = (request.deadline - MARGIN).max(self.now);
                self.fan_out(process, &fan_out.roster, own, *request);
            }
        }
    }

    /// The page is made.
    fn merge(&mut self, process: Process, fan_out: &FanOut, request: Request) {
        let (boot, now, settings) = (self.boot(process.index), self.now, &self.settings);
        let machine = &mut self.relays[process.index];
        let Some(running) = &mut machine.process else { return };
        let moment = running.moment(boot, machine.clock.wall(now), settings);
        let mut changed = false;
        let samples = fan_out.rows.iter().filter_map(|row| {
            let outcome = row.outcome.as_ref().expect("nothing is missing");
            let shown = row.slot.show(outcome, row.repeated(request.asked), &moment)?;
            changed |= shown.state_changed;
            let value = shown.good.as_ref().map(|good| value_of(good));
            let cached = shown.cache_age.is_some() || (row.began.is_none() && value.is_some());
            let (target, permission) = (row.slot.target.id, row.slot.assignment().0);
            Some(Sample { target, up: shown.up, value, cached, permission, began: row.began.unwrap_or(now) })
        });
        let samples: Arc<[Sample]> = samples.collect();
        let flushed = machine.disk.flushes(now, FLUSH_WAIT);
        running.flush_late |= !flushed;
        let stream = running.link.as_ref().filter(|link| link.accepted).map(|link| link.id);
        if let Some(stream) = stream.filter(|_| changed || !flushed) {
            self.timer(process, stream, Timer::Changed, Duration::ZERO);
        }
        let merging = self.random.ms(1, 30) + if flushed { Duration::ZERO } else { FLUSH_WAIT };
        self.respond(process.index, request, merging, samples);
    }
}

/// What a target said when it was scraped.
fn value_of(good: &Good) -> Value {
    let number = |slot| std::str::from_utf8(good.values.token(slot)).ok()?.parse::<u64>().ok();
    (number(0).expect("a number"), number(1).expect("a number"))
}

/// What a slot is known by while a scrape of it, which holds it, is under way.
fn key(slot: &Arc<Slot>) -> usize {
    Arc::as_ptr(slot).addr()
}
