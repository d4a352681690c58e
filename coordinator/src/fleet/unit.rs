//! One target of the fleet: who has it, and who may still expose it.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use model::slice::{Permission, Stamp};
use model::status::TargetStatus;
use model::target::Target;

use super::StreamId;
use super::snapshot::TargetEntry;

/// Why a target is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was new.
    Placed,
    /// Its relay reported it when this coordinator started, or came back with it.
    Reported,
    /// Its former relay was lost.
    Left(Arc<str>),
    /// Its former relay drains.
    Drained(Arc<str>),
    /// Its former relay had too much.
    Overload(Arc<str>),
    /// Its relay had too little.
    Fill,
}

impl Reason {
    /// A fixed word for metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Reported => "reported",
            Self::Left(_) => "left",
            Self::Drained(_) => "drained",
            Self::Overload(_) => "overload",
            Self::Fill => "fill",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Placed => f.write_str("placed"),
            Self::Reported => f.write_str("reported by its relay"),
            Self::Left(relay) => write!(f, "{relay} left"),
            Self::Drained(relay) => write!(f, "{relay} drains"),
            Self::Overload(relay) => write!(f, "{relay} was overloaded"),
            Self::Fill => f.write_str("its relay had too little"),
        }
    }
}

/// Why a target is in the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Discovery lists it.
    Listed,
    /// A relay holds it, and the discoveries of its job have not all reported since this process started: it stays
    /// until they have.
    Reported,
    /// It goes: it is here only until nobody exposes it any more.
    Gone,
}

/// Who has a target in its slice.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) relay: Arc<str>,
    pub(super) permission: Permission,
    /// When it was assigned; before the first sending the one it was reported with.
    pub(super) stamp: Stamp,
    /// The stream on which this permission was last sent.
    pub(super) sent: Option<StreamId>,
    /// The stamp that the relay reported while the coordinator settles: a later one of another relay wins.
    pub(super) claim: Option<Stamp>,
    pub(super) reason: Reason,
    pub(super) since: SystemTime,
}

/// A relay that may still expose a target which is not in its slice any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Exposer {
    /// Connected, told to drop the target, and has not acknowledged.
    Told(Arc<str>),
    /// Lost before it could acknowledge.
    Lost(Arc<str>),
    /// A relay that this coordinator has not heard of since its start.
    Unknown,
}

impl Exposer {
    pub(super) fn is(&self, name: &str) -> bool {
        match self {
            Self::Told(relay) | Self::Lost(relay) => **relay == *name,
            Self::Unknown => false,
        }
    }
}

/// One target of the fleet.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) target: Arc<Target>,
    pub(super) standing: Standing,
    pub(super) owner: Option<Owner>,
    pub(super) exposers: Vec<Exposer>,
    /// Where it goes, and why, once its former owner has acknowledged losing it.
    pub(super) destined: Option<(Arc<str>, Reason)>,
    /// Who owned it last, where nobody does.
    pub(super) left: Option<Arc<str>>,
    pub(super) status: Option<Arc<TargetStatus>>,
    /// Samples of the last good scrape.
    pub(super) samples: Option<u64>,
    /// The entry for the snapshot, until something changes.
    pub(super) entry: Option<Arc<TargetEntry>>,
}

impl Unit {
    pub(super) fn new(target: Arc<Target>, standing: Standing) -> Self {
        Self {
            target,
            standing,
            owner: None,
            exposers: Vec::new(),
            destined: None,
            left: None,
            status: None,
            samples: None,
            entry: None,
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.standing != Standing::Gone
    }

    pub(super) fn is_owned_by(&self, name: &str) -> bool {
        self.owner.as_ref().is_some_and(|owner| *owner.relay == *name)
    }

    /// Whether a connected relay has yet to acknowledge that it has dropped the target.
    pub(super) fn is_released(&self) -> bool {
        self.exposers.iter().any(|exposer| matches!(exposer, Exposer::Told(_)))
    }

    /// Adds or replaces what is known of an exposer.
    pub(super) fn expose(&mut self, exposer: Exposer) {
        match &exposer {
            Exposer::Told(name) | Exposer::Lost(name) => self.exposers.retain(|other| !other.is(name)),
            Exposer::Unknown => self.exposers.retain(|other| *other != Exposer::Unknown),
        }
        self.exposers.push(exposer);
    }
}
