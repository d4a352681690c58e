//! Questions that a script asks of the world.

use std::collections::BTreeMap;
use std::time::Duration;

use model::target::TargetId;

use super::World;
use super::targets::Targets;

impl World {
    /// Who owns each target, by the coordinator that leads; targets by their numbers.
    pub fn owners(&mut self) -> BTreeMap<usize, usize> {
        let Some(leader) = self.leading() else { return BTreeMap::new() };
        let Some(running) = &mut self.coordinators[leader].process else { return BTreeMap::new() };
        let snapshot = running.fleet.snapshot();
        let owned = snapshot.targets.iter().filter_map(|entry| {
            let relay = snapshot.relay(&entry.owner.as_ref()?.relay)?;
            Some((Targets::number(entry.target.id), relay.advertise.parse().ok()?))
        });
        owned.collect()
    }

    /// The targets that a relay owns.
    pub fn targets_of(&mut self, relay: usize) -> Vec<usize> {
        self.owners().into_iter().filter(|(_, owner)| *owner == relay).map(|(number, _)| number).collect()
    }

    /// Measures what [`World::longest_dark`] and [`World::longest_hidden`] tell from now on.
    pub fn measure(&mut self) {
        for stored in self.judge.stored.iter_mut().flat_map(|all| all.values_mut()) {
            (stored.gap, stored.hidden) = (Duration::ZERO, Duration::ZERO);
        }
    }

    fn id(&self, number: usize) -> TargetId {
        let version = self.targets.pods[number].version;
        TargetId(number as u128 | (u128::from(version) << 64))
    }

    /// The longest time in which a Prometheus has not stored a target live.
    #[must_use]
    pub fn longest_dark(&self, number: usize) -> Duration {
        let stored = self.judge.stored.iter().map(|all| all.get(&self.id(number)));
        let dark = stored.map(|it| it.map_or(self.now, |it| it.gap.max(self.now.saturating_sub(it.live))));
        dark.max().unwrap_or_default()
    }

    /// The longest time in which a Prometheus has not stored anything of a target.
    #[must_use]
    pub fn longest_hidden(&self, number: usize) -> Duration {
        let stored = self.judge.stored.iter().map(|all| all.get(&self.id(number)));
        let hidden = stored.map(|it| it.map_or(self.now, |it| it.hidden.max(self.now.saturating_sub(it.at))));
        hidden.max().unwrap_or_default()
    }

    /// The reign that a relay follows.
    #[must_use]
    pub fn epoch_of(&self, relay: usize) -> Option<u64> {
        Some(self.relays[relay].process.as_ref()?.state.held().reign.as_ref()?.epoch.0)
    }
}
