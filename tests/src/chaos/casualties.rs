//! What happens to targets while a scenario goes on: some are dead from the start, some die and return, some restart.
//!
//! In: a bed. Out: deaths, returns and restarts in a fixed order. The rest of the targets can be reached all the time.

use std::time::Duration;

use crate::chaos::bed::{Bed, JOB, PATIENCE};
use crate::chaos::placement::Placement;
use crate::wait;

/// Of so many targets one is dead from the start: 5 %.
const DEAD: usize = 20;
/// Of so many one dies and returns, and one restarts.
const MORTAL: usize = 10;
/// A relay counts on the coordinator knowing of its copies once a heartbeat has come back that went out after its report.
const KNOWN: Duration = Duration::from_secs(5);
/// Between two events.
const STEP: Duration = Duration::from_secs(2);

/// Who dies, and when.
#[derive(Debug)]
pub struct Casualties {
    /// The instances that were dead from the start.
    pub dead: Vec<String>,
    turn: usize,
}

impl Casualties {
    /// Lets one target of twenty die, and waits until their cached copies are in Prometheus and the coordinator surely
    /// knows of them.
    pub async fn start(bed: &Bed) -> Self {
        let dead: Vec<usize> = (0..bed.targets.count()).step_by(DEAD).collect();
        for number in &dead {
            bed.targets.die(*number);
        }
        cached(bed, dead.len()).await;
        tokio::time::sleep(KNOWN).await;
        Self { dead: dead.into_iter().map(|number| bed.targets.instance(number)).collect(), turn: 0 }
    }

    /// Those of `instances` to which nothing happens but restarts.
    #[must_use]
    pub fn steady(&self, bed: &Bed, instances: &[String]) -> Vec<String> {
        let mortal: Vec<String> = mortals(bed).map(|number| bed.targets.instance(number)).collect();
        let steady = |instance: &&String| !mortal.contains(instance) && !self.dead.contains(instance);
        instances.iter().filter(steady).cloned().collect()
    }

    /// The relay that serves the first of the dead ones.
    #[must_use]
    pub fn holder(&self, placement: &Placement) -> String {
        self.dead.first().and_then(|instance| placement.get(instance)).cloned().unwrap_or_default()
    }

    /// For `time` something happens every two seconds.
    pub async fn happen(&mut self, bed: &Bed, time: Duration) {
        let until = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() + STEP < until {
            self.one(bed);
            tokio::time::sleep(STEP).await;
        }
        tokio::time::sleep_until(until).await;
    }

    /// Each turn: one mortal target dies or returns; every third turn another one restarts.
    fn one(&mut self, bed: &Bed) {
        let mortal = mortals(bed).collect::<Vec<_>>();
        // Each stays dead for three turns, so that up to three are at a time.
        bed.targets.die(mortal[self.turn % mortal.len()]);
        if self.turn >= 3 {
            bed.targets.revive(mortal[(self.turn - 3) % mortal.len()]);
        }
        if self.turn.is_multiple_of(3) {
            let restarting: Vec<usize> = (7..bed.targets.count()).step_by(MORTAL).collect();
            bed.targets.restart(restarting[self.turn / 3 % restarting.len()]);
        }
        self.turn += 1;
    }

    /// All mortal targets live again.
    pub fn heal(&self, bed: &Bed) {
        for number in mortals(bed) {
            bed.targets.revive(number);
        }
    }
}

/// Waits until Prometheus has so many targets that are served from caches.
pub async fn cached(bed: &Bed, count: usize) {
    let query = format!("count(scraperelay_target_cache_age_seconds{{job=\"{JOB}\"}})");
    wait::until("cached copies in Prometheus", PATIENCE, || async {
        match bed.prometheus.number(&query).await? {
            cached if cached == count as f64 => Ok(()),
            cached => Err(format!("{cached} of {count} are cached")),
        }
    })
    .await;
}

fn mortals(bed: &Bed) -> impl Iterator<Item = usize> + use<> {
    (MORTAL / 2..bed.targets.count()).step_by(MORTAL)
}
