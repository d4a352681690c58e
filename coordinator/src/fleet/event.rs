//! What happens to the fleet, when, and what follows for the streams.
//!
//! In: nothing; these are the values that the fleet's task and its state machine exchange.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::job::ScrapeSettings;
use model::slice::{Hello, Reign, RelayConfig, Released, SliceChange, Stamp};
use model::status::StatusReport;
use model::target::Target;

/// A moment: the monotonic time since the process started, and what the wall clock said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Since the process started.
    pub elapsed: Duration,
    /// For people; nothing is decided by it but whether a page was asked for lately.
    pub wall: SystemTime,
}

impl Now {
    pub(super) fn since(self, earlier: Self) -> Duration {
        self.elapsed.saturating_sub(earlier.elapsed)
    }
}

/// One stream of one relay, never used twice in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// How a stream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// The connection went with its peer (FIN or RST): what was there is gone.
    Peer,
    /// The relay has closed the stream, and lives on.
    Left,
    /// Anything seen only here, a local error or a time-out: the peer may not know.
    Local,
    /// Cut off here: its queue was full, the relay does not read.
    Slow,
    /// Cut off here: it sent what is no message of the protocol.
    Invalid,
}

impl StreamEnd {
    /// A fixed word for metrics.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Left => "left",
            Self::Local => "local",
            Self::Slow => "slow",
            Self::Invalid => "invalid",
        }
    }
}

/// Everything that can change the fleet.
#[derive(Clone, Debug)]
pub enum FleetEvent {
    /// A relay's first words on a new stream, or its draining on the same one.
    Hello {
        /// The stream.
        stream: StreamId,
        /// What it said.
        hello: Hello,
    },
    /// A heartbeat.
    Heard {
        /// The stream.
        stream: StreamId,
    },
    /// A relay has applied a change and all before it.
    Acknowledged {
        /// The stream.
        stream: StreamId,
        /// The change.
        stamp: Stamp,
    },
    /// What a relay says of targets that it has dropped, before it acknowledges the change that took them.
    Released {
        /// The stream.
        stream: StreamId,
        /// The targets.
        released: Vec<Released>,
    },
    /// An operator drains a relay, or takes that back. Without effect where there is no such relay.
    Drain {
        /// The relay's name.
        relay: Arc<str>,
        /// Whether it is to be rid of its targets.
        drained: bool,
    },
    /// How a relay's targets do.
    Status {
        /// The stream.
        stream: StreamId,
        /// What it reported.
        report: StatusReport,
    },
    /// An answer to a ping.
    Pong {
        /// The stream.
        stream: StreamId,
        /// The ping's number.
        nonce: u64,
    },
    /// A stream is gone.
    Ended {
        /// The stream.
        stream: StreamId,
        /// How it went.
        end: StreamEnd,
    },
    /// The targets that discovery knows now: all of them, save those of unread jobs.
    Targets {
        /// All known targets; no id twice.
        targets: Arc<Vec<Arc<Target>>>,
        /// The settings of all jobs.
        jobs: HashMap<Arc<str>, Arc<ScrapeSettings>>,
        /// The jobs whose discoveries have not all reported since the process started: relays may hold targets of
        /// them that are not among `targets`.
        unread: HashSet<Arc<str>>,
    },
    /// The configuration was read (again).
    Configured {
        /// For all relays.
        config: Arc<RelayConfig>,
        /// How many relays a start waits for; 0: not known.
        expected_relays: usize,
        /// Whether a relay that holds nothing waits for the targets like any other.
        complete_start: bool,
    },
    /// A scraper was given the list of relays.
    ListGiven {
        /// Those on it, by name.
        relays: Vec<Arc<str>>,
    },
    /// Time has passed.
    Tick,
}

/// Why a stream is closed from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Closing {
    /// A living process of the same name is connected.
    AlreadyExists,
    /// The same process has opened a newer stream.
    Replaced,
    /// Nothing came for too long.
    Silent,
    /// A change was not acknowledged for too long.
    Unacknowledged,
    /// It speaks no version of the protocol that this build speaks.
    Protocol,
    /// It names a reign that no coordinator can follow.
    Epoch,
    /// There are as many relays as a coordinator keeps.
    TooMany,
}

impl Closing {
    /// A fixed word for metrics.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::AlreadyExists => "already_exists",
            Self::Replaced => "replaced",
            Self::Silent => "silent",
            Self::Unacknowledged => "unacknowledged",
            Self::Protocol => "protocol",
            Self::Epoch => "epoch",
            Self::TooMany => "too_many",
        }
    }
}

/// What is to be done on a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Tell the relay that it is in.
    Welcome {
        /// The stream.
        stream: StreamId,
        /// Who leads.
        reign: Reign,
    },
    /// Send a change of its slice.
    Change {
        /// The stream.
        stream: StreamId,
        /// The change.
        change: Box<SliceChange>,
    },
    /// Ask an older stream whether it lives.
    Ping {
        /// The stream.
        stream: StreamId,
        /// To be answered with the same number.
        nonce: u64,
    },
    /// End the stream.
    Close {
        /// The stream.
        stream: StreamId,
        /// Why.
        why: Closing,
    },
}
