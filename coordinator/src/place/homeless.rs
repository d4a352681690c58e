//! Units that need a home: nobody has them, or their relay drains.

use super::plan::Plan;
use super::{CAP, Cause, ROOM, Role};

impl Plan<'_> {
    /// To the first relay in their order that has room, heavy ones first.
    pub(super) fn settle_homeless(&mut self) {
        let homeless =
            |unit: &usize| self.owners[*unit].is_none_or(|owner| self.relays[owner].role == Role::Leaves);
        let homeless = self.heavy_first((0..self.units.len()).filter(homeless).collect());
        let mut descent = self.descent();
        for unit in &homeless {
            let weight = self.units[*unit].weight;
            descent.reach(self, weight);
            let balanced = |relay: &usize| {
                self.fits(*relay, weight, ROOM) && descent.has_room(self, *relay, weight, CAP)
            };
            let home = self.preferred(*unit).find(balanced);
            let home = home.or_else(|| self.preferred(*unit).find(|relay| self.fits(*relay, weight, CAP)));
            let home = home.or_else(|| self.preferred(*unit).min_by_key(|relay| self.burden(*relay, weight)));
            let Some(home) = home else { continue };
            let cause = if self.owners[*unit].is_none() { Cause::Orphan } else { Cause::Drain };
            self.shift(*unit, home, cause);
            descent.shift(None, home, weight);
        }
        self.spread(homeless);
    }
}
