//! A fleet of numbers: targets with samples, relays, and what happens to them, round by round.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::target::PlacementKey;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::place::{CAPACITY, Candidate, Cause, Measure, Ring, Role, Unit, budget, place};

/// A generator of numbers that look random.
#[derive(Clone)]
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("less than a usize")
    }

    pub(super) fn shuffle<T>(&mut self, values: &mut [T]) {
        for at in (1..values.len()).rev() {
            values.swap(at, self.below(at + 1));
        }
    }
}

#[derive(Clone)]
pub(super) struct Target {
    pub(super) name: String,
    samples: u64,
    measure: Measure,
    pub(super) owner: Option<usize>,
    moving: Option<Cause>,
}

impl Target {
    fn key(&self) -> PlacementKey {
        PlacementKey(xxh3_64_with_seed(self.name.as_bytes(), 7))
    }
}

/// What happened until nothing moved any more.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Course {
    pub(super) rounds: usize,
    /// Weight that moved, once for each time.
    pub(super) moved: u64,
    /// Of it what had no home.
    pub(super) homeless: u64,
    /// The highest peak after any round, by weights and by samples.
    pub(super) peak: (f64, f64),
}

#[derive(Clone)]
pub(super) struct Fleet {
    pub(super) relays: Vec<Candidate>,
    pub(super) ring: Ring,
    pub(super) targets: Vec<Target>,
    named: u64,
}

pub(super) fn name(number: usize) -> Arc<str> {
    format!("relay-{number}").into()
}

/// Ten thousand targets of which one in a hundred is a hundred times heavier.
pub(super) fn mixed(seed: u64) -> Vec<u64> {
    let mut numbers = Numbers::of(seed);
    let mut samples: Vec<u64> = (0..10_000).map(|at| if at % 100 == 0 { 50_000 } else { 500 }).collect();
    numbers.shuffle(&mut samples);
    samples
}

impl Fleet {
    /// So many relays without targets.
    pub(super) fn of(relays: usize) -> Self {
        Self::named((0..relays).map(name))
    }

    /// Relays of these names without targets.
    pub(super) fn named(names: impl Iterator<Item = Arc<str>>) -> Self {
        let relay = |name| Candidate { name, role: Role::Takes, capacity: CAPACITY, filling: false };
        let relays: Vec<_> = names.map(relay).collect();
        let ring = Ring::of(relays.iter().map(|one| one.name.clone()).collect());
        Self { relays, ring, targets: Vec::new(), named: 0 }
    }

    /// The same relays with targets of so many samples, all of them known, and placed.
    pub(super) fn with(&self, samples: impl IntoIterator<Item = u64>, seed: u64) -> Self {
        let mut fleet = Self { targets: Vec::new(), named: seed << 24, ..self.clone() };
        for samples in samples {
            fleet.add(samples);
        }
        fleet.rest();
        fleet
    }

    pub(super) fn add(&mut self, samples: u64) {
        self.named += 1;
        self.add_named(format!("10.{}.{}", self.named >> 8, self.named & 255), samples);
    }

    pub(super) fn add_named(&mut self, name: String, samples: u64) {
        self.targets.push(Target { name, samples, measure: Measure::of(samples), owner: None, moving: None });
    }

    pub(super) fn join(&mut self, name: Arc<str>) {
        self.relays.push(Candidate { name, role: Role::Takes, capacity: CAPACITY, filling: false });
        self.set_ring();
    }

    /// The relay is lost: its targets have no owner.
    pub(super) fn lose(&mut self, relay: usize) {
        for target in &mut self.targets {
            target.owner = match target.owner {
                Some(owner) if owner == relay => None,
                Some(owner) if owner > relay => Some(owner - 1),
                other => other,
            };
        }
        self.relays.remove(relay);
        self.set_ring();
    }

    fn set_ring(&mut self) {
        self.ring.set_members(self.relays.iter().map(|one| one.name.clone()).collect::<BTreeSet<_>>());
    }

    /// Replaces so many targets by others of the same samples.
    pub(super) fn replace(&mut self, count: usize, numbers: &mut Numbers) {
        for _ in 0..count {
            let at = numbers.below(self.targets.len());
            let samples = self.targets.swap_remove(at).samples;
            self.add(samples);
        }
    }

    /// Every target is scraped once and brings this much of its samples.
    pub(super) fn scrape(&mut self, mut factor: impl FnMut() -> f64) {
        for target in &mut self.targets {
            target.measure = target.measure.and((target.samples as f64 * factor()) as u64);
        }
    }

    pub(super) fn units(&self) -> Vec<Unit> {
        let unit = |target: &Target| Unit {
            key: target.key(),
            weight: target.measure.weight(),
            owner: target.owner,
            moving: target.moving,
        };
        self.targets.iter().map(unit).collect()
    }

    /// One decision, carried out at once; whether anything moved.
    fn round(&mut self, fills: bool, course: &mut Course) -> bool {
        let units = self.units();
        let decision = place(&units, &self.relays, &self.ring, fills.then(|| budget(&units)));
        for (index, relay) in self.relays.iter_mut().enumerate() {
            relay.filling = decision.filling.contains(&index);
        }
        for one in &decision.moves {
            course.moved += units[one.unit].weight;
            if one.cause == Cause::Orphan || one.cause == Cause::Drain {
                course.homeless += units[one.unit].weight;
            }
            self.targets[one.unit].owner = Some(one.to);
        }
        course.rounds += usize::from(!decision.moves.is_empty());
        let (weights, samples) = self.peak();
        course.peak = (course.peak.0.max(weights), course.peak.1.max(samples));
        !decision.moves.is_empty()
    }

    /// One decision whose moves take long.
    pub(super) fn decide_slowly(&mut self) {
        let units = self.units();
        for one in place(&units, &self.relays, &self.ring, Some(budget(&units))).moves {
            self.targets[one.unit].owner = Some(one.to);
            self.targets[one.unit].moving = Some(one.cause);
        }
    }

    /// All that is on its way arrives.
    pub(super) fn arrive(&mut self) {
        for target in &mut self.targets {
            target.moving = None;
        }
    }

    /// Where every target is.
    pub(super) fn owners(&self) -> BTreeMap<&str, Option<&str>> {
        let owner = |target: &'_ Target| target.owner.map(|owner| &*self.relays[owner].name);
        self.targets.iter().map(|target| (&*target.name, owner(target))).collect()
    }

    /// Decides until nothing moves any more: what must be first.
    pub(super) fn rest(&mut self) -> Course {
        let mut course = Course::default();
        while self.round(false, &mut course) || self.round(true, &mut course) {
            assert!(course.rounds < 1000, "it does not come to rest: {course:?}");
        }
        course
    }

    /// The load of each relay by what `weigh` says of a target, over its part of all.
    pub(super) fn ratios(&self, weigh: impl Fn(&Target) -> u64) -> Vec<f64> {
        let mut loads = vec![0; self.relays.len()];
        for target in &self.targets {
            if let Some(owner) = target.owner {
                loads[owner] += weigh(target);
            }
        }
        let total: u64 = loads.iter().sum();
        let takes = |relay: &&Candidate| relay.role == Role::Takes;
        let capacity: u32 = self.relays.iter().filter(takes).map(|relay| relay.capacity).sum();
        let part = |relay: &Candidate| total as f64 * f64::from(relay.capacity) / f64::from(capacity);
        let rows = self.relays.iter().zip(loads).filter(|(relay, _)| takes(relay));
        rows.map(|(relay, load)| load as f64 / part(relay)).collect()
    }

    /// The highest of the relays' loads over the mean, by weights and by samples.
    pub(super) fn peak(&self) -> (f64, f64) {
        let highest = |ratios: Vec<f64>| ratios.into_iter().fold(0.0, f64::max);
        (highest(self.ratios(Target::weight)), highest(self.ratios(Target::samples)))
    }

    /// What part of the targets is where the ring would have them first.
    pub(super) fn at_home(&self) -> f64 {
        let home = |target: &&Target| {
            target.owner.is_some_and(|owner| {
                self.ring.preference(target.key()).next() == Some(&self.relays[owner].name)
            })
        };
        self.targets.iter().filter(home).count() as f64 / self.targets.len() as f64
    }

    pub(super) fn load(&self) -> u64 {
        self.targets.iter().map(Target::weight).sum()
    }

    pub(super) fn load_of(&self, relay: usize) -> u64 {
        self.targets.iter().filter(|target| target.owner == Some(relay)).map(Target::weight).sum()
    }
}

impl Target {
    /// It turns out to have so many samples.
    pub(super) fn measured(&mut self, samples: u64) {
        self.samples = samples;
        self.measure = Measure::of(samples);
    }

    pub(super) fn weight(&self) -> u64 {
        self.measure.weight()
    }

    pub(super) fn samples(&self) -> u64 {
        self.samples
    }
}
