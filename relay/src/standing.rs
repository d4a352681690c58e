//! What the process knows of its coordinator, shared between the stream that learns it and the pages that ask.

use parking_lot::Mutex;

use crate::boottime;
use crate::contact::{Contact, Timings};
use crate::copies::Standing;

/// Contact and the durations that it is judged by.
#[derive(Debug)]
pub struct SharedContact {
    contact: Mutex<Contact>,
    timings: Timings,
}

impl SharedContact {
    /// No contact yet.
    #[must_use]
    pub fn new(timings: Timings) -> Self {
        Self { contact: Mutex::default(), timings }
    }

    /// The durations.
    #[must_use]
    pub fn timings(&self) -> &Timings {
        &self.timings
    }

    /// How it stands at this moment. To be asked as a page is merged, never kept.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let contact = self.contact.lock();
        Standing { alone: contact.is_alone(boottime::now(), &self.timings), contact: contact.last() }
    }

    /// Whether this process has had a slice from a coordinator.
    #[must_use]
    pub fn has_joined(&self) -> bool {
        self.contact.lock().has_joined()
    }

    /// Changes what is known.
    pub fn update<T>(&self, change: impl FnOnce(&mut Contact) -> T) -> T {
        change(&mut self.contact.lock())
    }
}
