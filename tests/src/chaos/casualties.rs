//! What happens to targets while a scenario goes on: some are dead from the start, some die and return, some restart.
//!
//! In: a bed. Out: deaths, returns and restarts in a fixed order. The rest of the targets can be reached all the time.

use std::time::Duration;

use crate::chaos::bed::{Bed, JOB, PATIENCE};
use crate::chaos::placement::Placement;

/// Of so many targets the first is dead from the start: 5 %. The last restarts.
const TWENTY: usize = 20;
/// A relay counts on the coordinator knowing of its copies once a heartbeat has come back that went out after its report.
const KNOWN: Duration = Duration::from_secs(5);
/// Between two looks at Prometheus.
const LOOK: Duration = Duration::from_millis(250);

/// How many die, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Of twenty targets so many die and return.
    pub mortal: usize,
    /// Between two events.
    pub step: Duration,
    /// For so many steps a target stays dead.
    pub dead_for: usize,
}

impl Pace {
    /// Up to four at a time, each for 8 s.
    pub const SLOW: Self = Self { mortal: 2, step: Duration::from_secs(2), dead_for: 4 };
    /// Twelve at a time, each for 12 s.
    pub const FAST: Self = Self { mortal: 12, step: Duration::from_secs(1), dead_for: 12 };
}

/// Who dies, and when.
#[derive(Debug)]
pub struct Casualties {
    /// The instances that were dead from the start.
    pub dead: Vec<String>,
    pace: Pace,
    turn: usize,
}

impl Casualties {
    /// Lets one target of twenty die, and waits until their cached copies are in Prometheus and the coordinator surely
    /// knows of them.
    ///
    /// # Panics
    /// Where they are not.
    pub async fn start(bed: &Bed, pace: Pace) -> Self {
        let dead: Vec<usize> = (0..bed.targets.count()).step_by(TWENTY).collect();
        for number in &dead {
            bed.targets.die(*number);
        }
        cached(bed, dead.len(), PATIENCE).await.expect("their copies are served");
        tokio::time::sleep(KNOWN).await;
        Self { dead: dead.into_iter().map(|number| bed.targets.instance(number)).collect(), pace, turn: 0 }
    }

    /// Those of `instances` to which nothing happens but restarts.
    #[must_use]
    pub fn steady(&self, bed: &Bed, instances: &[String]) -> Vec<String> {
        let mortal: Vec<String> = self.mortals(bed).map(|number| bed.targets.instance(number)).collect();
        let steady = |instance: &&String| !mortal.contains(instance) && !self.dead.contains(instance);
        instances.iter().filter(steady).cloned().collect()
    }

    /// The relay that serves the first of the dead ones.
    #[must_use]
    pub fn holder(&self, placement: &Placement) -> String {
        self.dead.first().and_then(|instance| placement.get(instance)).cloned().unwrap_or_default()
    }

    /// For `time` something happens at every step.
    pub async fn happen(&mut self, bed: &Bed, time: Duration) {
        let until = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() + self.pace.step < until {
            self.one(bed);
            tokio::time::sleep(self.pace.step).await;
        }
        tokio::time::sleep_until(until).await;
    }

    /// At each step one mortal target dies and another returns; at every third another one restarts.
    fn one(&mut self, bed: &Bed) {
        let mortal: Vec<usize> = self.mortals(bed).collect();
        bed.targets.die(mortal[self.turn % mortal.len()]);
        if let Some(died) = self.turn.checked_sub(self.pace.dead_for) {
            bed.targets.revive(mortal[died % mortal.len()]);
        }
        if self.turn.is_multiple_of(3) {
            let restarting: Vec<usize> = (TWENTY - 1..bed.targets.count()).step_by(TWENTY).collect();
            bed.targets.restart(restarting[self.turn / 3 % restarting.len()]);
        }
        self.turn += 1;
    }

    /// All mortal targets live again.
    pub fn heal(&self, bed: &Bed) {
        for number in self.mortals(bed) {
            bed.targets.revive(number);
        }
    }

    /// Their numbers, in an order in which neighbours are not of one twenty.
    fn mortals(&self, bed: &Bed) -> impl Iterator<Item = usize> + use<> {
        let count = bed.targets.count();
        (1..=self.pace.mortal).flat_map(move |first| (first..count).step_by(TWENTY))
    }
}

/// Waits until Prometheus has so many targets that are served from caches.
///
/// # Errors
/// How many it has after `limit`.
pub async fn cached(bed: &Bed, count: usize, limit: Duration) -> Result<(), String> {
    let query = format!("count(scraperelay_target_cache_age_seconds{{job=\"{JOB}\"}})");
    let until = tokio::time::Instant::now() + limit;
    loop {
        let cached = bed.prometheus.number(&query).await;
        if cached == Ok(count as f64) {
            return Ok(());
        }
        if tokio::time::Instant::now() > until {
            return Err(format!("{cached:?} of {count} are cached"));
        }
        tokio::time::sleep(LOOK).await;
    }
}
