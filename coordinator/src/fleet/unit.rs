//! One target of the fleet: who has it, and who may still expose it.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use model::slice::{Permission, Stamp};
use model::status::{TargetState, TargetStatus};
use model::target::Target;

use super::StreamId;
use super::moves::Moving;
use super::snapshot::TargetEntry;
use crate::place::{self, Cause, Measure};

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
    /// Its relay is new and had too little.
    Joined,
    /// Its relay is back, and no other has had a good scrape of it since.
    Returned,
    /// It was to go to a relay that could not take it.
    GivenBack(Arc<str>),
}

impl Reason {
    /// The reason of a move from `from`, or of what `left` had last.
    pub(crate) fn of(cause: Cause, from: Option<&Arc<str>>, left: Option<&Arc<str>>) -> Self {
        match (cause, from, left) {
            (Cause::Orphan, _, Some(left)) => Self::Left(left.clone()),
            (Cause::Drain, Some(from), _) => Self::Drained(from.clone()),
            (Cause::Overload, Some(from), _) => Self::Overload(from.clone()),
            (Cause::Fill, _, _) => Self::Fill,
            (Cause::Orphan | Cause::Drain | Cause::Overload, _, _) => Self::Placed,
        }
    }

    /// What placement is told of a move that is under way.
    pub(super) fn cause(&self) -> Cause {
        match self {
            Self::Placed | Self::Reported | Self::Left(_) | Self::Returned | Self::GivenBack(_) => {
                Cause::Orphan
            }
            Self::Drained(_) => Cause::Drain,
            Self::Overload(_) => Cause::Overload,
            Self::Fill | Self::Joined => Cause::Fill,
        }
    }

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
            Self::Joined => "joined",
            Self::Returned => "returned",
            Self::GivenBack(_) => "given_back",
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
            Self::Joined => f.write_str("its relay is new"),
            Self::Returned => f.write_str("its relay is back"),
            Self::GivenBack(relay) => write!(f, "{relay} could not take it"),
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
    /// While the coordinator settles: whether it has a copy that it shows again if nobody else had the target since.
    pub(super) held_back: bool,
    pub(super) reason: Reason,
    pub(super) since: SystemTime,
}

/// A relay that may still expose a target which it does not own any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Exposer {
    /// It has the target in its slice, live only, until its owner is seen to expose it.
    Still(Arc<str>),
    /// Connected, told to drop the target, and has not acknowledged.
    Told(Arc<str>),
    /// Lost before it could acknowledge.
    Lost(Arc<str>),
    /// A relay that this coordinator has not heard of since its start.
    Unknown,
}

impl Exposer {
    /// Who has it in its slice, if this one has.
    pub(super) fn still(&self) -> Option<&Arc<str>> {
        if let Self::Still(relay) = self { Some(relay) } else { None }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        match self {
            Self::Still(relay) | Self::Told(relay) | Self::Lost(relay) => **relay == *name,
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
    /// Where it is going.
    pub(super) moving: Option<Moving>,
    /// Who owned it before its present owner, or last where nobody does.
    pub(super) left: Option<Arc<str>>,
    /// The lost relay whose copy is still the newest: no later owner has had a good scrape.
    pub(super) home: Option<Arc<str>>,
    /// Whether it failed when that relay was lost.
    pub(super) failed_at_home: bool,
    pub(super) status: Option<Arc<TargetStatus>>,
    /// What its good scrapes brought, once there was one.
    pub(super) measure: Option<Measure>,
    /// What it counts for in placement.
    pub(super) weight: u64,
    /// Whether that is more than a fair share of any relay.
    pub(super) is_heavy: bool,
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
            moving: None,
            left: None,
            home: None,
            failed_at_home: false,
            status: None,
            measure: None,
            weight: place::weigh(place::UNMEASURED),
            is_heavy: false,
            entry: None,
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.standing != Standing::Gone
    }

    /// The relay that has it, or will have it once it has moved.
    pub(super) fn heir(&self) -> Option<&Arc<str>> {
        let owner = self.owner.as_ref().map(|owner| &owner.relay);
        self.moving.as_ref().map(|moving| &moving.to).or(owner)
    }

    /// Whether its owner has nothing to show yet, and a lost relay a copy: as long as there is nothing to cache anyway,
    /// the owner stays live only, so that the lost relay may be given the target back whenever it comes.
    pub(super) fn waits_for_home(&self) -> bool {
        let owner = self.owner.as_ref().map(|owner| &owner.relay);
        self.home.is_some() && self.home.as_ref() != owner
    }

    /// Whether a relay has it in its slice besides its owner.
    pub(super) fn is_still_at(&self, name: &str) -> bool {
        self.exposers.iter().filter_map(Exposer::still).any(|relay| **relay == *name)
    }

    /// Whether a connected relay has yet to acknowledge that it has dropped the target.
    pub(super) fn is_released(&self) -> bool {
        self.exposers.iter().any(|exposer| matches!(exposer, Exposer::Told(_)))
    }

    /// Takes what a good scrape brought.
    pub(super) fn measure(&mut self, samples: u64) {
        let measure = self.measure.map_or_else(|| Measure::of(samples), |measure| measure.and(samples));
        self.measure = Some(measure);
        self.weigh(measure.weight());
    }

    /// Sets what it counts for.
    pub(super) fn weigh(&mut self, weight: u64) {
        if self.weight != weight {
            self.weight = weight;
            self.entry = None;
        }
    }

    /// Takes what its owner says of it.
    pub(super) fn report(&mut self, status: TargetStatus) {
        let last = self.status.as_ref().and_then(|last| last.last_scrape);
        let is_news = status.last_scrape.is_none() || status.last_scrape != last;
        if status.state == TargetState::Up && is_news {
            self.measure(status.last_samples);
        }
        self.status = Some(Arc::new(status));
        self.entry = None;
    }

    /// Adds or replaces what is known of an exposer.
    pub(super) fn expose(&mut self, exposer: Exposer) {
        match &exposer {
            Exposer::Still(name) | Exposer::Told(name) | Exposer::Lost(name) => {
                self.exposers.retain(|other| !other.is(name))
            }
            Exposer::Unknown => self.exposers.retain(|other| *other != Exposer::Unknown),
        }
        self.exposers.push(exposer);
    }
}
