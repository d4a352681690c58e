//! Seeds: the world of a seed, and what goes wrong in it.

use std::time::Duration;

use super::random::Random;
use super::targets::Condition;
use super::{Fault, Place, Settings, Violation, World};

/// How long nothing goes wrong at the start, and at the end before the world is judged to be at rest.
const QUIET: (u64, u64) = (60, 200);

/// How many times five seconds a world has to come to rest.
const PATIENCE: usize = 80;

/// A world and what goes wrong in it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The world.
    pub settings: Settings,
    /// What goes wrong, and when.
    pub faults: Vec<(Duration, Fault)>,
    /// How long it goes on.
    pub time: Duration,
}

/// What came of a seed.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The promises that were broken.
    pub violations: Vec<Violation>,
    /// What was written down.
    pub written: String,
    /// How many pages were judged.
    pub pages: u64,
}

/// Runs the world of `seed`. One that breaks a promise is run again, with everything written down.
#[must_use]
pub fn run_seed(seed: u64) -> Outcome {
    let plan = Plan::of(seed);
    let mut world = World::new(plan.settings.clone());
    plan.run(&mut world);
    let pages = world.judge.pages;
    let Some(first) = world.violations().first() else {
        return Outcome { violations: Vec::new(), written: String::new(), pages };
    };
    let mut again = World::traced(plan.settings.clone(), first.target);
    plan.run(&mut again);
    Outcome { violations: again.violations().to_vec(), written: again.written(), pages }
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut random = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let settings = settings(seed, &mut random);
        let busy = random.between(120, 600);
        let mean = random.weighted(&[(1, 2), (3, 6), (3, 12), (2, 30)]);
        let mut faults = Vec::new();
        let mut at = Duration::from_secs(QUIET.0);
        while at < Duration::from_secs(QUIET.0 + busy) {
            faults.extend(fault(&settings, &mut random).into_iter().map(|fault| (at, fault)));
            at += random.ms(50, mean * 2000);
        }
        faults.extend(mend(&settings).into_iter().map(|fault| (at, fault)));
        let undrained = (0..settings.relays.1).map(|relay| Fault::Drain { relay, drained: false });
        faults.extend(
            [60, 120].iter().flat_map(|wait| {
                undrained.clone().map(move |fault| (at + Duration::from_secs(*wait), fault))
            }),
        );
        Self { settings, faults, time: at + Duration::from_secs(QUIET.1) }
    }

    /// Carries it out; stops with the first promise broken.
    pub fn run(&self, world: &mut World) {
        for (at, fault) in &self.faults {
            world.schedule(*at, *fault);
        }
        let step = Duration::from_secs(5);
        while world.now < self.time && world.violations().is_empty() {
            world.run(step);
        }
        // Planned moves take their time.
        for _ in 0..PATIENCE {
            if !world.violations().is_empty() || world.is_at_rest() {
                break;
            }
            world.run(step);
        }
        if world.violations().is_empty() {
            world.check_rest();
        }
    }
}

fn settings(seed: u64, random: &mut Random) -> Settings {
    let relays = random.weighted(&[(2, 2), (4, 3), (3, 4), (1, 5), (1, 7)]);
    let targets = random.weighted(&[(6, 50), (3, 80), (2, 150), (1, 500)]);
    let intervals =
        random.weighted(&[(3, [15, 0]), (2, [15, 15]), (1, [10, 15]), (1, [5, 0]), (1, [30, 60])]);
    let intervals = intervals.into_iter().filter(|interval| *interval > 0).map(Duration::from_secs);
    Settings {
        relays: (relays, 7),
        coordinators: random.weighted(&[(2, 1), (1, 2)]),
        targets: (targets, random.weighted(&[(2, 0), (1, 20), (1, 100)])),
        more_targets: targets / 5,
        intervals: intervals.collect(),
        refresh: Duration::from_secs(random.weighted(&[(2, 5), (1, 15), (1, 30)])),
        drift: random.weighted(&[(1, 0), (1, 50)]),
        expects_relays: random.percent(50),
        slow_targets: random.weighted(&[(1, 0), (1, 4)]),
        ..Settings::small(seed)
    }
}

/// Brings everything back that would stay away.
fn mend(settings: &Settings) -> Vec<Fault> {
    let relays = (0..settings.relays.0).map(|relay| Fault::Scale { relay, member: true });
    let targets = (0..settings.targets.0).map(|number| Fault::Target {
        number,
        condition: Condition::Up,
        time: None,
        restarts: false,
    });
    relays.chain(targets).collect()
}

/// What goes wrong next; sometimes several things at once.
fn fault(settings: &Settings, random: &mut Random) -> Vec<Fault> {
    let relay = random.below(settings.relays.0);
    let number = random.below(settings.targets.0);
    let time = downtime(random);
    let kind = random.weighted(&[
        (14, 0),
        (8, 1),
        (6, 2),
        (4, 3),
        (6, 4),
        (3, 5),
        (3, 6),
        (3, 7),
        (3, 8),
        (25, 9),
        (4, 10),
        (3, 11),
        (4, 12),
        (2, 13),
        (3, 14),
        (3, 15),
        (4, 16),
        (6, 17),
    ]);
    match kind {
        0 => vec![kill(relay, time, random)],
        1 => vec![Fault::PauseRelay { relay, time }],
        2 => {
            let next = random.below(settings.coordinators);
            vec![Fault::KillCoordinator { next, down: downtime(random), silent: random.percent(30) }]
        }
        3 => vec![Fault::PauseCoordinator { time }],
        4 => vec![block(settings, relay, time, random)],
        5 => vec![Fault::BlackHole { relay, relay_sees: random.percent(50) }],
        6 => vec![Fault::HalfEnd { relay }],
        7 => vec![Fault::Hold { relay, time: random.ms(100, 20_000) }],
        8 => (0..settings.relays.1)
            .filter(|_| random.percent(50))
            .map(|relay| Fault::Refuse { relay, time })
            .collect(),
        9 => targets(settings, number, random),
        10 => {
            let number = random.below(settings.targets.0 + settings.more_targets);
            vec![Fault::List { number, listed: random.percent(60) }]
        }
        11 => vec![Fault::Relabel { number }],
        12 => vec![Fault::StickDisk { relay, time: random.ms(100, 10_000) }],
        13 => vec![jump(relay, random)],
        14 => {
            let relay = random.below(settings.relays.1);
            vec![Fault::Scale { relay, member: random.percent(70) }]
        }
        17 => vec![Fault::EndRelay { relay, down: Some(time) }],
        16 => vec![Fault::Drain { relay, drained: random.percent(60) }],
        _ => vec![Fault::StickDisk { relay, time: Duration::from_secs(3) }, kill(relay, time, random)],
    }
}

/// Short, middling or long.
fn downtime(random: &mut Random) -> Duration {
    let (least, most) =
        random.weighted(&[(3, (100, 4000)), (2, (4000, 7000)), (4, (7000, 20_000)), (2, (20_000, 90_000))]);
    random.ms(least, most)
}

fn kill(relay: usize, time: Duration, random: &mut Random) -> Fault {
    Fault::KillRelay { relay, down: Some(time), disk_lost: random.percent(10), silent: random.percent(20) }
}

fn block(settings: &Settings, relay: usize, time: Duration, random: &mut Random) -> Fault {
    let relay = Place::Relay(relay);
    let prometheus = Place::Prometheus(random.below(settings.intervals.len()));
    let coordinator = Place::Coordinator(random.below(settings.coordinators));
    let (a, b) = random.weighted(&[
        (6, (relay, coordinator)),
        (2, (relay, prometheus)),
        (3, (relay, Place::Targets)),
        (1, (coordinator, prometheus)),
    ]);
    let (from, to) = if random.percent(50) { (a, b) } else { (b, a) };
    Fault::Block { from, to, both: random.percent(50), time }
}

/// Some targets die, hang or are restarted, and most come back.
fn targets(settings: &Settings, first: usize, random: &mut Random) -> Vec<Fault> {
    let many = random.weighted(&[(3, 1), (2, 3), (1, settings.targets.0 / 4)]);
    let mut faults = Vec::new();
    for _ in 0..many.max(1) {
        let number = if faults.is_empty() { first } else { random.below(settings.targets.0) };
        let condition = random.weighted(&[(4, Condition::Down), (1, Condition::Hanging)]);
        let time = random.percent(85).then(|| downtime(random));
        faults.push(Fault::Target { number, condition, time, restarts: random.percent(30) });
    }
    faults
}

fn jump(relay: usize, random: &mut Random) -> Fault {
    let far = i64::try_from(random.weighted(&[(2, 500_u64), (2, 5000), (1, 3_600_000)])).expect("small");
    let by = if random.percent(50) { far } else { -far };
    if random.percent(30) { Fault::JumpCoordinator { by } } else { Fault::JumpRelay { relay, by } }
}
