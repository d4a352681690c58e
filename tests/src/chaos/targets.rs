//! Targets that say in every sample who they are and how long they live, and that die, return and restart as told.
//!
//! Out: their addresses, their file for a discovery, and the journal of what was done to them.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::chaos::journal::{self, Event, History, Journal, Seconds};
use crate::fake_target::{Behaviour, Exposition, FakeTargets, TEXT};

/// The counter of milliseconds since a target's start.
pub const COUNTER: &str = "chaos_milliseconds_total";

/// What a target does when it is dead: the ways take turns.
const DEATHS: [Behaviour; 2] = [Behaviour::Close, Behaviour::Status(503)];

/// A group of targets in this process.
pub struct ChaosTargets {
    targets: FakeTargets,
    began: Arc<Mutex<Vec<Seconds>>>,
    journal: Mutex<Vec<History>>,
}

impl ChaosTargets {
    /// `count` targets on free ports of loopback.
    ///
    /// # Errors
    /// Where a port cannot be had.
    pub async fn start(count: usize) -> std::io::Result<Self> {
        let now = journal::now();
        let began = Arc::new(Mutex::new(vec![now; count]));
        let shared = Arc::clone(&began);
        let make = move |number: usize, _| {
            let began = shared.lock().expect("nothing panics while it is held")[number];
            exposition(number, (journal::now() - began) * 1000.0)
        };
        let behaviour = Behaviour::Serve(Exposition { content_type: TEXT, make: Arc::new(make) });
        let targets = FakeTargets::start(count, move |_| behaviour.clone()).await?;
        let journal = (0..count).map(|number| History::new(&uid(number), now)).collect();
        Ok(Self { targets, began, journal: Mutex::new(journal) })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.targets.addresses().len()
    }

    /// The `instance` of a target.
    #[must_use]
    pub fn instance(&self, number: usize) -> String {
        self.targets.addresses()[number].to_string()
    }

    /// It answers no more, or with an error.
    pub fn die(&self, number: usize) {
        self.targets.set(number, DEATHS[number % DEATHS.len()].clone());
        self.write_down(number, Event::Died);
    }

    /// It answers again, as if it had only been out of reach.
    pub fn revive(&self, number: usize) {
        self.write_down(number, Event::Returned);
        self.targets.reset(number);
    }

    /// Its counter starts anew, and it answers.
    pub fn restart(&self, number: usize) {
        let now = journal::now();
        self.began.lock().expect("nothing panics while it is held")[number] = now;
        self.history()[number].add(now, Event::Restarted);
        self.targets.reset(number);
    }

    /// What was done to all of them until now.
    #[must_use]
    pub fn journal(&self) -> Journal {
        let histories = self.history().clone();
        histories.into_iter().enumerate().map(|(number, history)| (self.instance(number), history)).collect()
    }

    /// Writes all of them into a file for a file discovery, each with a label `pod`.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write_list(&self, file: &Path) -> std::io::Result<()> {
        let group = |number: usize| {
            let instance = self.instance(number);
            format!(r#"{{"targets": ["{instance}"], "labels": {{"pod": "{}"}}}}"#, pod(number))
        };
        let groups: Vec<String> = (0..self.count()).map(group).collect();
        std::fs::write(file, format!("[{}]", groups.join(",\n")))
    }

    fn history(&self) -> MutexGuard<'_, Vec<History>> {
        self.journal.lock().expect("nothing panics while it is held")
    }

    fn write_down(&self, number: usize, event: Event) {
        self.history()[number].add(journal::now(), event);
    }
}

/// What a target writes into its samples.
#[must_use]
pub fn uid(number: usize) -> String {
    format!("uid-{number}")
}

/// The label that discovery gives a target.
#[must_use]
pub fn pod(number: usize) -> String {
    format!("pod-{number}")
}

/// Some targets have ten times the samples of others.
fn exposition(number: usize, milliseconds: f64) -> String {
    let uid = uid(number);
    let mut page = format!("# TYPE {COUNTER} counter\n{COUNTER}{{uid=\"{uid}\"}} {milliseconds:.0}\n");
    page.push_str("# TYPE chaos_part gauge\n");
    for part in 0..(number % 5) * 5 {
        writeln!(page, "chaos_part{{uid=\"{uid}\",part=\"{part}\"}} {part}")
            .expect("a String takes any text");
    }
    page
}
