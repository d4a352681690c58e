//! The judges: plain functions of what was stored, what pages showed and what truly happened.
//!
//! Each says what is wrong in sentences, under its name: a test asks for none, a negative control for one of the right name.

pub mod gaps;
pub mod identity;
pub mod logs;
pub mod owners;
pub mod resets;
pub mod up;

use std::fmt;

/// Who complains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judge {
    /// A reachable target has no fresh sample for too long.
    Gap,
    /// The series of a dead target stop.
    Vanished,
    /// A counter falls, and its target was not restarted; or it was and the counter does not fall.
    Reset,
    /// A sample has labels that are not its target's.
    Identity,
    /// Two relays serve a cached copy of one target.
    Copies,
    /// Two relays show one target where only one may.
    Owners,
    /// `up` says what is not so.
    Up,
    /// A target moved that had to stay.
    Moved,
    /// A relay has much more or much less than its share.
    Uneven,
    /// Something took longer than it may.
    Late,
    /// A process needs more and more, or has panicked.
    Process,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Who complains.
    pub judge: Judge,
    /// About what.
    pub what: String,
}

impl Fault {
    /// A complaint.
    #[must_use]
    pub fn new(judge: Judge, what: impl Into<String>) -> Self {
        Self { judge, what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.judge, self.what)
    }
}

#[cfg(test)]
mod fixture;
