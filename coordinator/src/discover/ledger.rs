//! How each discovery does: when it last read well, what was wrong since, whether a removal of its is held.
//!
//! In: which discoveries there are, and what they report. Out: one [`Health`] for each, copied when somebody asks: reports are
//! many, and each changes one. Time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

use super::DiscoveryId;

/// Characters of a message that are kept: one about a broken file may quote much of it.
const LONGEST_ERROR: usize = 1000;

/// How one discovery does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Its job.
    pub job: Arc<str>,
    /// "static", "file", "http", ...
    pub mechanism: &'static str,
    /// The newest good read of this process.
    pub last_success: Option<SystemTime>,
    /// Bad reads since then.
    pub failures: u64,
    /// What was wrong with the newest of them; empty where there is none.
    pub last_error: String,
    /// Whether its newest read would remove most targets of the job and waits for a second one.
    pub holding: bool,
}

/// All discoveries of the configuration in force, by job and number. Clones are the same ledger.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<BTreeMap<DiscoveryId, Health>>>);

impl Ledger {
    /// From now on there are these; one that was there before keeps its history.
    pub fn configure(&self, discoveries: impl IntoIterator<Item = (DiscoveryId, &'static str)>) {
        let mut rows = self.0.lock();
        let mut before = std::mem::take(&mut *rows);
        for (id, mechanism) in discoveries {
            let new = || Health {
                job: Arc::clone(&id.job),
                mechanism,
                last_success: None,
                failures: 0,
                last_error: String::new(),
                holding: false,
            };
            let health = before.remove(&id).unwrap_or_else(new);
            rows.insert(id, health);
        }
    }

    /// It has read well.
    pub fn succeeded(&self, id: &DiscoveryId, now: SystemTime) {
        if let Some(health) = self.0.lock().get_mut(id) {
            health.last_success = Some(now);
            health.failures = 0;
            health.last_error = String::new();
        }
    }

    /// It has not.
    pub fn failed(&self, id: &DiscoveryId, message: &str) {
        if let Some(health) = self.0.lock().get_mut(id) {
            health.failures = health.failures.saturating_add(1);
            health.last_error = message.chars().take(LONGEST_ERROR).collect();
        }
    }

    /// These, and no others, hold a removal.
    pub fn holding(&self, held: impl Iterator<Item = DiscoveryId>) {
        let held: BTreeSet<DiscoveryId> = held.collect();
        for (id, health) in &mut *self.0.lock() {
            health.holding = held.contains(id);
        }
    }

    /// All of them, as they are now.
    #[must_use]
    pub fn list(&self) -> Vec<Health> {
        self.0.lock().values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(index: usize) -> DiscoveryId {
        DiscoveryId { job: "j".into(), index }
    }

    #[test]
    fn failures_are_counted_until_a_good_read_and_outlive_a_reload() {
        let ledger = Ledger::default();
        ledger.configure([(id(0), "file"), (id(1), "http")]);
        ledger.failed(&id(0), "gone");
        ledger.failed(&id(0), &"é".repeat(LONGEST_ERROR + 1));
        assert_eq!(ledger.list()[0].last_error, "é".repeat(LONGEST_ERROR));
        ledger.failed(&id(0), "still gone");
        ledger.succeeded(&id(1), SystemTime::UNIX_EPOCH);
        ledger.holding([id(1)].into_iter());
        ledger.configure([(id(0), "file"), (id(1), "http"), (id(2), "static")]);
        ledger.failed(&id(7), "is not there");
        let told = |ledger: &Ledger| -> Vec<_> {
            let health = ledger.list().into_iter();
            health
                .map(|it| (it.mechanism, it.last_success.is_some(), it.failures, it.last_error, it.holding))
                .collect()
        };
        let still = String::from("still gone");
        let none = String::new;
        let expected = [
            ("file", false, 3, still, false),
            ("http", true, 0, none(), true),
            ("static", false, 0, none(), false),
        ];
        assert_eq!(told(&ledger), expected);
        ledger.succeeded(&id(0), SystemTime::UNIX_EPOCH);
        ledger.holding(std::iter::empty());
        ledger.configure([(id(0), "file")]);
        assert_eq!(told(&ledger), [("file", true, 0, none(), false)]);
    }
}
