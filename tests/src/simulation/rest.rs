//! What must hold when nothing has gone wrong for a while.

use std::collections::BTreeSet;
use std::time::Duration;

use coordinator::fleet::{Phase, RelayState};
use model::slice::Permission;
use model::target::TargetId;

use super::World;
use super::judge::Property;
use super::targets::{Condition, Targets};

/// A page and its targets may take so long.
const PAGE: Duration = Duration::from_secs(12);
/// The most that a relay may have, by the mean, before targets are moved away from it.
const LOAD: f64 = 1.20;

impl World {
    /// Judges a world in which nothing has gone wrong for a while.
    pub fn check_rest(&mut self) {
        for text in self.unrest() {
            self.violate(Property::Rest, None, text);
        }
        self.check_visible();
    }

    /// Whether everything is where it is to be.
    #[must_use]
    pub fn is_at_rest(&mut self) -> bool {
        self.unrest().is_empty()
    }

    fn unrest(&mut self) -> Vec<String> {
        let Some(leader) = self.leading() else { return vec!["no coordinator leads".to_owned()] };
        let running = self.coordinators[leader].process.as_mut().expect("it leads");
        let snapshot = running.fleet.snapshot();
        let mut found = Vec::new();
        if snapshot.phase != Phase::Leading {
            found.push("the coordinator settles".to_owned());
        }
        let listed = self.targets.listed();
        let known: BTreeSet<TargetId> = snapshot.targets.iter().map(|entry| entry.target.id).collect();
        if listed != known {
            found.push(format!("{} targets are listed, the fleet has {}", listed.len(), known.len()));
        }
        for entry in &snapshot.targets {
            let settled = entry.owner.as_ref().is_some_and(|owner| owner.permission != Permission::None);
            if !settled || entry.moving {
                found.push(format!("target {} rests with {:?}", entry.target.id, entry.owner));
            }
        }
        for relay in &snapshot.relays {
            let index: usize = relay.advertise.parse().expect("a relay's number");
            let lives = self.relays[index].process.is_some();
            if lives && relay.state != RelayState::Active {
                found.push(format!("relay {index} is {:?}", relay.state));
            }
            if !lives && relay.targets > 0 {
                found.push(format!("relay {index} is gone and owns {} targets", relay.targets));
            }
            let mean = snapshot.targets.len() as f64 / snapshot.relays.len().max(1) as f64;
            if relay.load_ratio > LOAD + 1.0 / mean.max(1.0) {
                found.push(format!("relay {index} has {:.2} of the mean load", relay.load_ratio));
            }
        }
        for entry in &snapshot.targets {
            let Some(owner) = &entry.owner else { continue };
            let holders = self.relays.iter().filter(|relay| relay.holds(entry.target.id));
            let holders: Vec<_> = holders.map(|relay| relay.name.clone()).collect();
            if holders != [owner.relay.clone()] {
                found.push(format!(
                    "target {} is held by {holders:?}, owned by {}",
                    entry.target.id, owner.relay
                ));
            }
        }
        for relay in &self.relays {
            let gone = relay.held().into_iter().filter(|id| !listed.contains(id)).count();
            if gone > 0 {
                found.push(format!("{} holds {gone} targets that are gone", relay.name));
            }
            if relay.reign().is_some_and(|reign| reign != snapshot.reign) {
                found.push(format!("{} follows {:?}, not {:?}", relay.name, relay.reign(), snapshot.reign));
            }
        }
        found
    }

    /// Every living target is stored by every Prometheus.
    fn check_visible(&mut self) {
        for prometheus in 0..self.prometheuses.len() {
            // A planned move waits for a scraper, not for each.
            let patience = 2 * self.prometheuses[prometheus].interval + PAGE;
            for id in self.targets.listed() {
                let pod = &self.targets.pods[Targets::number(id)];
                let lives = pod.condition == Condition::Up && self.now - pod.since > patience * 2;
                let stored = self.judge.stored[prometheus].get(&id);
                let seen = stored.is_some_and(|stored| self.now - stored.live <= patience);
                if lives && !seen {
                    let text = format!(
                        "prometheus {prometheus} last saw target {id} live at {:?}",
                        stored.map(|it| it.live)
                    );
                    self.violate(Property::Rest, Some(id), text);
                }
            }
        }
    }

    /// Looks at what is not a page.
    pub(super) fn check(&mut self) {}
}

impl super::Relay {
    fn held(&self) -> Vec<TargetId> {
        let state = self.process.as_ref().map(|running| running.state.held());
        state.iter().flat_map(|held| held.targets.keys().copied()).collect()
    }

    fn holds(&self, id: TargetId) -> bool {
        self.process.as_ref().is_some_and(|running| running.state.held().targets.contains_key(&id))
    }

    fn reign(&self) -> Option<model::slice::Reign> {
        self.process.as_ref()?.state.held().reign.clone()
    }
}
