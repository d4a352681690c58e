//! A slice that has changed is taken over: what is dropped, restored, put in the place of a copy.
//!
//! In: the slice in force and what a change of it was about. Out: the next roster in force, and what is known of the
//! targets that have gone. Once this has returned, no page that is merged shows any of them, and none shows a copy that
//! the change forbids. What is then said of it, and to whom, is not decided here.

use std::sync::Arc;

use model::slice::Permission;
use model::target::{Target, TargetId};

use super::Gather;
use super::outcome::Good;
use super::roster::{Roster, RosterParts};
use super::slot::Slot;
use super::stored::{self, Restorer};
use crate::copies::OnAssigned;
use crate::slice::{Applied, HeldSlice};

/// A target that has left the slice.
pub struct Departed {
    target: Arc<Target>,
    /// Whether no scrape of it went well since it was assigned here.
    pub never_good: bool,
    copy: Option<Arc<Good>>,
}

impl Departed {
    /// Which target.
    #[must_use]
    pub fn id(&self) -> TargetId {
        self.target.id
    }

    /// Whether there is a record to hand over.
    #[must_use]
    pub fn has_record(&self) -> bool {
        self.copy.is_some()
    }

    /// The record of its last good scrape as another relay takes it, where there is one that was the newest of all and
    /// might have been served.
    #[must_use]
    pub fn record(&self) -> Option<Vec<u8>> {
        self.copy.as_ref().map(|copy| stored::encode(&self.target, copy))
    }
}

impl Gather {
    /// Takes over a slice that has changed; `applied` names what the change was about. Reads records back where a target
    /// comes with the permission to, so it may take a while: not to be called on a thread that others wait for.
    pub fn take_over(&self, slice: &HeldSlice, applied: &Applied) -> Vec<Departed> {
        let last = self.roster();
        self.context.room.set(slice.config.limits.connections);
        let parts = RosterParts {
            shapes: &self.context.shapes,
            guard: &self.context.guard,
            style: self.context.style,
        };
        let next = Arc::new(Roster::next(slice, last.as_deref(), &parts));
        let departed = last.as_deref().map(|last| self.depart(last, &applied.removed)).unwrap_or_default();
        self.assign(slice, applied, (last.as_deref(), &next));
        self.roster.store(Some(next));
        departed
    }

    fn depart(&self, last: &Roster, removed: &[TargetId]) -> Vec<Departed> {
        let moment = self.moment(last);
        let departed = removed.iter().filter_map(|id| {
            let slot = last.slot(*id)?;
            let release = slot.release(&moment);
            self.forget(*id);
            Some(Departed { target: slot.target.clone(), never_good: release.never_good, copy: release.copy })
        });
        departed.collect()
    }

    fn assign(&self, slice: &HeldSlice, applied: &Applied, (last, next): (Option<&Roster>, &Roster)) {
        let has_joined = self.context.contact.has_joined();
        let mut restorer = Restorer::new(&self.context.shapes);
        for (id, permission, record) in &applied.assigned {
            let is_new = last.is_none_or(|last| last.slot(*id).is_none());
            let Some(slot) = next.slot(*id) else { continue };
            if is_new && has_joined {
                slot.newly_assigned();
            }
            let permission = self.context.guards.in_force(*permission);
            let stamp = slice.targets.get(id).map(|held| held.stamp).unwrap_or_default();
            match slot.assign(permission, stamp) {
                OnAssigned::Leave if permission == Permission::Keep && slot.is_blank() => {
                    self.restore(&mut restorer, slot)
                }
                OnAssigned::Leave => {}
                OnAssigned::Drop => self.forget(*id),
                OnAssigned::TakeRecord => {
                    self.forget(*id);
                    self.take_record(&mut restorer, slot, record.as_deref().unwrap_or_default());
                }
            }
        }
    }

    fn forget(&self, id: TargetId) {
        self.loaded.lock().take(&stored::key(id));
        self.context.cache.remove(stored::key(id));
    }

    fn restore(&self, restorer: &mut Restorer<'_>, slot: &Slot) {
        match restorer.restore(slot, &mut self.loaded.lock()) {
            Ok(Some(copy)) => slot.restore(copy),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(target = %slot.target.id, error, "cached record not used");
                self.context.cache.remove(stored::key(slot.target.id));
            }
        }
    }

    fn take_record(&self, restorer: &mut Restorer<'_>, slot: &Slot, record: &[u8]) {
        match restorer.decode(slot, record) {
            Ok(copy) => {
                let (record, layout) = stored::record(&slot.target, &copy);
                self.context.cache.put(record, layout);
                slot.restore(copy);
            }
            Err(error) => {
                tracing::warn!(target = %slot.target.id, error, "the record sent along is not used")
            }
        }
    }
}
