//! How long a coordinator takes to decide who scrapes what.
//!
//! Measures the decision alone, of numbers in memory: everything placed anew, nothing to do, a relay that joins and one
//! that is lost; and the same for the whole fleet, from an event to the messages for the relays. Prints the median and
//! the longest of several runs, in processor time: a decision is one thread's, and other programs do not count. With `--out FILE` the same goes to a file as JSON.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Parser;
use coordinator::fleet::{Fleet, FleetEvent, Now, StreamEnd, StreamId, Timings};
use coordinator::place::{CAPACITY, Candidate, Ring, Role, Unit, budget, place, weigh};
use model::job::ScrapeSettings;
use model::labels::Labels;
use model::slice::{Hello, PROTOCOL, ProtocolRange};
use model::target::{PlacementKey, Target, TargetId};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// How long a coordinator takes to decide who scrapes what.
#[derive(Debug, Parser)]
struct Arguments {
    /// Sizes: TARGETSxRELAYS
    #[arg(long, value_delimiter = ',', default_value = "10000x50,100000x200")]
    sizes: Vec<String>,
    /// How often each decision is taken.
    #[arg(long, default_value_t = 9)]
    runs: usize,
    /// Where the summary goes, as JSON.
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "place_load: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let mut sizes = Vec::new();
    for size in &arguments.sizes {
        let numbers = size.split_once('x').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        let (targets, relays) = numbers.ok_or_else(|| format!("{size:?} is not TARGETSxRELAYS"))?;
        let mut figures = decisions(targets, relays, arguments.runs.max(1));
        figures.extend(events(targets, relays));
        for figure in &figures {
            writeln!(std::io::stdout(), "{size} {figure}").map_err(|error| error.to_string())?;
        }
        sizes.push(json!({"targets": targets, "relays": relays, "milliseconds": figures}));
    }
    let Some(out) = &arguments.out else { return Ok(()) };
    let command = format!("place_load --sizes {} --runs {}", arguments.sizes.join(","), arguments.runs);
    let summary = json!({"command": command, "sizes": sizes});
    let text = serde_json::to_string_pretty(&summary).map_err(|error| error.to_string())?;
    std::fs::write(out, text + "\n").map_err(|error| format!("{}: {error}", out.display()))
}

/// One in a hundred is a hundred times heavier.
fn samples(target: usize) -> u64 {
    if target.is_multiple_of(100) { 50_000 } else { 500 }
}

fn key(target: usize) -> PlacementKey {
    PlacementKey((target as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn name(relay: usize) -> Arc<str> {
    format!("relay-{relay}").into()
}

fn figure(what: &str, mut times: Vec<Duration>) -> Value {
    times.sort_unstable();
    let rounded = |time: &Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
    let (median, longest) = (times.get(times.len() / 2), times.last());
    json!({"what": what, "median": median.map(rounded), "longest": longest.map(rounded), "runs": times.len()})
}

/// The processor time of this thread.
fn busy() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The decision alone.
fn decisions(targets: usize, relays: usize, runs: usize) -> Vec<Value> {
    let candidate =
        |one| Candidate { name: name(one), role: Role::Takes, capacity: CAPACITY, filling: false };
    let relays: Vec<_> = (0..=relays).map(candidate).collect();
    let Some((_, present)) = relays.split_last() else { return Vec::new() };
    let mut ring = Ring::of(present.iter().map(|one| one.name.clone()).collect());
    let unit = |at| Unit { key: key(at), weight: weigh(samples(at)), owner: None, moving: None };
    let mut units: Vec<_> = (0..targets).map(unit).collect();
    let timed = |units: &[Unit], relays: &[Candidate], ring: &Ring| -> Vec<Duration> {
        let once = |_| {
            let begun = busy();
            std::hint::black_box(place(units, relays, ring, Some(budget(units))));
            busy().saturating_sub(begun)
        };
        (0..runs).map(once).collect()
    };
    let mut figures = vec![figure("all placed anew", timed(&units, present, &ring))];
    for one in place(&units, present, &ring, None).moves {
        units[one.unit].owner = Some(one.to);
    }
    figures.push(figure("nothing to do", timed(&units, present, &ring)));
    let begun = busy();
    ring.set_members(relays.iter().map(|one| one.name.clone()).collect::<BTreeSet<_>>());
    figures.push(figure("one relay more on the ring", vec![busy().saturating_sub(begun)]));
    figures.push(figure("a relay joins", timed(&units, &relays, &ring)));
    for unit in units.iter_mut().filter(|unit| unit.owner == Some(0)) {
        unit.owner = None;
    }
    let mut left = present.to_vec();
    left[0].role = Role::Holds;
    figures.push(figure("a relay is lost", timed(&units, &left, &ring)));
    figures
}

/// The whole fleet, from an event to the messages.
struct Whole {
    fleet: Fleet,
    now: Now,
}

impl Whole {
    fn apply(&mut self, event: FleetEvent) -> Duration {
        let begun = busy();
        std::hint::black_box(self.fleet.apply(event, self.now));
        busy().saturating_sub(begun)
    }

    fn pass(&mut self, seconds: u64) {
        let time = Duration::from_secs(seconds);
        self.now = Now { elapsed: self.now.elapsed + time, wall: self.now.wall + time };
    }
}

fn hello(relay: usize, wall: SystemTime) -> Hello {
    Hello {
        name: name(relay),
        boot_id: "1".into(),
        build: "bench".into(),
        protocol: ProtocolRange { min: PROTOCOL, max: PROTOCOL },
        highest_reign: None,
        held: Vec::new(),
        held_is_all: false,
        draining: false,
        drained: false,
        capacity: None,
        advertise: format!("{}:15090", name(relay)).into(),
        last_page: Some(wall),
    }
}

fn target(at: usize) -> Arc<Target> {
    let instance = format!("10.{}.{}.{}:9100", at >> 16, (at >> 8) & 255, at & 255);
    Arc::new(Target {
        id: TargetId(u128::from(key(at).0) << 64 | at as u128),
        key: key(at),
        job: "pods".into(),
        labels: Labels::from_pairs([("instance", instance.clone())]),
        url: format!("http://{instance}/metrics").into(),
        scrape_interval: Duration::from_secs(15),
        scrape_timeout: Duration::from_secs(10),
        min_interval: None,
    })
}

fn events(targets: usize, relays: usize) -> Vec<Value> {
    let now = Now { elapsed: Duration::ZERO, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) };
    let mut whole = Whole { fleet: Fleet::new("bench".into(), Timings::default(), now), now };
    whole.apply(FleetEvent::Configured {
        config: Arc::default(),
        expected_relays: relays,
        complete_start: false,
    });
    for relay in 0..relays {
        whole.apply(FleetEvent::Hello { stream: StreamId(relay as u64), hello: hello(relay, now.wall) });
    }
    let jobs = || HashMap::from([(Arc::from("pods"), Arc::new(ScrapeSettings::new("pods")))]);
    let listed: Vec<_> = (0..targets).map(target).collect();
    let event = |targets: Vec<Arc<Target>>| FleetEvent::Targets {
        targets: Arc::new(targets),
        jobs: jobs(),
        unread: HashSet::new(),
    };
    let first = whole.apply(event(listed.clone()));
    let again = whole.apply(event(listed.clone()));
    let (kept, replaced) =
        (listed.iter().skip(targets / 100), (targets..targets + targets / 100).map(target));
    let churned = whole.apply(event(kept.cloned().chain(replaced).collect()));
    whole.pass(1);
    whole.apply(FleetEvent::Ended { stream: StreamId(0), end: StreamEnd::Peer });
    for _ in 0..4 {
        whole.pass(1);
        for relay in 1..relays {
            whole.apply(FleetEvent::Heard { stream: StreamId(relay as u64) });
        }
        whole.apply(FleetEvent::Tick);
    }
    whole.pass(1);
    let lost = whole.apply(FleetEvent::Tick);
    let begun = busy();
    std::hint::black_box(whole.fleet.snapshot());
    let snapshot = busy().saturating_sub(begun);
    vec![
        figure("fleet: first listing", vec![first]),
        figure("fleet: the same listing again", vec![again]),
        figure("fleet: 1 % of the targets replaced", vec![churned]),
        figure("fleet: a relay is lost", vec![lost]),
        figure("fleet: a snapshot after that", vec![snapshot]),
    ]
}
