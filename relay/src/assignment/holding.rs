//! The slice in force: changes applied, carried out, kept on disk.
//!
//! In: changes from the stream, or the slice kept on disk. Out: the gathering works on it. One owner at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use model::slice::{Permission, Reign, SliceChange, Stamp};
use runtime::ready::ReadyToken;
use tokio::time::Instant;

use crate::boottime;
use crate::contact::Contact;
use crate::gather::{Departed, Gather};
use crate::instruments::label;
use crate::slice::{Applied, HeldSlice, Refused, SliceState};
use crate::slice_file::{KeptSlice, LastContact, SliceFile, SliceFileError, Start};

/// The slice is written at most this often: one of 10,000 targets has some megabytes.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// A slice is acknowledged and kept only when what it forbids to serve is gone from disk; this is how long that is
/// waited for.
const FLUSH_BEFORE_WRITE: Duration = Duration::from_secs(1);
/// What was dropped is acknowledged after this, whether the slice on disk still names it or not: long before a
/// coordinator cuts off who acknowledges nothing, and when a disk that hangs is given up.
const STALE_MOST: Duration = Duration::from_secs(10);

/// A change that was carried out.
pub(super) struct CarriedOut {
    /// What to acknowledge.
    pub(super) stamp: Stamp,
    /// The targets it took; to be spoken of before.
    pub(super) departed: Vec<Departed>,
}

/// The slice in force and what keeps it.
pub(super) struct Holding {
    state: SliceState,
    gather: Arc<Gather>,
    kept: Option<SliceFile>,
    ready: Option<ReadyToken>,
    written: Option<Instant>,
    unwritten: bool,
    /// Since when the slice on disk names what this one has dropped.
    stale: Option<Instant>,
}

impl Holding {
    pub(super) fn new(gather: Arc<Gather>, kept: Option<SliceFile>, ready: ReadyToken) -> Self {
        Self {
            state: SliceState::default(),
            gather,
            kept,
            ready: Some(ready),
            written: None,
            unwritten: false,
            stale: None,
        }
    }

    /// What the slice of an earlier process says of this relay, as long as there is no other.
    pub(super) fn remember(&mut self, drained: bool, last_reign: Option<Reign>) {
        self.state.remember(drained, last_reign);
    }

    /// The slice in force.
    pub(super) fn slice(&self) -> &HeldSlice {
        self.state.held()
    }

    /// A new stream begins.
    pub(super) fn open_stream(&mut self) {
        self.state.open_stream();
    }

    /// Applies a change and carries it out. What to say of it, once something was applied.
    pub(super) async fn change(&mut self, change: SliceChange) -> Result<Option<CarriedOut>, Refused> {
        let stamp = Stamp { epoch: change.reign.epoch, revision: change.revision };
        let applied = self.state.apply(change);
        let result = applied.as_ref().map_or_else(Refused::kind, |_| "applied");
        self.gather.context.instruments.slice_changes.add(1, &label("result", result));
        let Some(applied) = applied? else { return Ok(None) };
        let drops = applied.drops_copies();
        let departed = self.carry_out(applied).await;
        // Before the disk is waited for: a relay that is ready and still alone shows nothing of targets that are down.
        self.gather.context.contact.update(Contact::first_slice);
        self.ready = None;
        self.unwritten = true;
        if drops {
            self.stale = self.stale.or_else(|| self.kept.is_some().then(Instant::now));
            self.write_drops().await;
        } else {
            self.write(WRITE_EVERY).await;
        }
        Ok(Some(CarriedOut { stamp, departed }))
    }

    /// What is acknowledged as dropped must not come back from disk in the next process, nor with the kept slice.
    async fn write_drops(&mut self) {
        let context = self.gather.context.clone();
        if context.cache.flush(FLUSH_BEFORE_WRITE).await {
            return self.write_flushed().await;
        }
        context.flush_late.store(true, Ordering::Relaxed);
        context.changed.notify_one();
    }

    /// Whether what was dropped may be acknowledged: the next process of this name, if it finds no coordinator, would go
    /// on with what the slice on disk names, while others have it.
    pub(super) fn may_acknowledge(&mut self) -> bool {
        let Some(since) = self.stale else { return true };
        if since.elapsed() < STALE_MOST {
            return false;
        }
        self.stale = None;
        self.gather.context.instruments.stale_slices.add(1, &[]);
        tracing::warn!(
            "acknowledged without the disk: a restart without a coordinator may bring back what was dropped"
        );
        true
    }

    async fn carry_out(&mut self, applied: Applied) -> Vec<Departed> {
        let slice = self.state.held().clone();
        self.gather.context.instruments.epoch.record(slice.reign.as_ref().map_or(0, |it| it.epoch.0), &[]);
        let (targets, removed) = (slice.targets.len(), applied.removed.len());
        let is_discard = |permission: &Permission| *permission == Permission::Discard;
        let discarded = applied.assigned.iter().filter(|(_, permission, _)| is_discard(permission)).count();
        let gather = self.gather.clone();
        let taking = tokio::task::spawn_blocking(move || gather.take_over(&slice, &applied));
        let departed = taking.await.expect("taking over a slice does not panic, and is not aborted");
        tracing::info!(targets, removed, discarded, "slice applied");
        departed
    }

    /// Takes the slice on disk if no coordinator has sent one yet; whether it did.
    pub(super) async fn take_kept(&mut self, kept: &SliceFile, start: Start) -> bool {
        if self.state.held().reign.is_some() {
            return false;
        }
        let start = Start { now: SystemTime::now(), ..start };
        let read = kept.within_bound(SliceFile::read).await;
        let judge = |bytes| self.gather.with_loaded(|loaded| kept.judge(&bytes, &start, loaded));
        match read.and_then(judge) {
            Ok(Some(KeptSlice { slice, contact })) => {
                let count = slice.targets.len();
                tracing::warn!(
                    targets = count,
                    "no coordinator found: going on with the slice of the last run"
                );
                self.gather.context.contact.update(|shared| shared.inherit(contact));
                self.state.adopt(slice);
                let applied = everything(self.state.held());
                self.carry_out(applied).await;
                self.ready = None;
                return true;
            }
            Ok(None) => tracing::warn!("no coordinator found, and no slice was kept"),
            Err(error) => tracing::warn!(error = %super::end::chain(&error), "the kept slice is not used"),
        }
        false
    }

    /// Writes the slice if it has changed and was not written for `distance`.
    pub(super) async fn write(&mut self, distance: Duration) {
        let recently = self.written.is_some_and(|at| at.elapsed() < distance);
        if self.kept.is_none() || !self.unwritten || recently {
            return;
        }
        self.written = Some(Instant::now());
        // A slice must not promise what is not gone from disk yet; the next heartbeat tries again.
        if self.gather.context.cache.flush(FLUSH_BEFORE_WRITE).await {
            self.write_flushed().await;
        }
    }

    /// Writes the slice, now that the cache is flushed.
    async fn write_flushed(&mut self) {
        let Some(kept) = self.kept.clone() else { return };
        self.written = Some(Instant::now());
        self.unwritten = false;
        let slice = self.state.held().clone();
        let stored = on_disk(&kept, move |kept| kept.store(&slice, SystemTime::now())).await;
        self.unwritten = !stored;
        if stored {
            self.stale = None;
        }
    }

    /// Writes contact down.
    pub(super) async fn write_contact(&self) {
        let Some(kept) = self.kept.clone() else { return };
        let Some(contact) = self.gather.context.contact.standing().contact else { return };
        let Some(roster) = self.gather.roster() else { return };
        let known = |since: Option<_>| since.is_some_and(|since| since <= contact);
        let served = roster.slots.iter().filter(|slot| known(slot.served_since())).map(|slot| slot.target.id);
        let last = LastContact::new(boottime::machine_boot_id(), contact, SystemTime::now(), served);
        on_disk(&kept, move |kept| kept.store_contact(&last)).await;
    }
}

/// What is known when a process starts. To be asked then.
pub(super) fn start(contact_within: Duration) -> Start {
    Start {
        now: SystemTime::now(),
        started: boottime::now(),
        machine_boot_id: boottime::machine_boot_id(),
        contact_within,
    }
}

/// A slice as if all of it had just been assigned.
fn everything(slice: &HeldSlice) -> Applied {
    let assigned = slice.targets.iter().map(|(id, held)| (*id, held.permission, None)).collect();
    Applied { assigned, removed: Vec::new() }
}

/// Writes to the slice files; whether it went well.
async fn on_disk(
    kept: &SliceFile,
    write: impl FnOnce(&SliceFile) -> Result<(), SliceFileError> + Send + 'static,
) -> bool {
    let written = kept.within_bound(write).await;
    if let Err(error) = &written {
        tracing::warn!(error = %super::end::chain(error), "slice not kept");
    }
    written.is_ok()
}
