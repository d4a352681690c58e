//! Who reaches whom, and the assignment streams: two queues in which nothing overtakes anything.
//!
//! A direction that is blocked delays what is in it, as TCP does; a stream that has become a black hole loses it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use coordinator::fleet::Closing;
use model::slice::{Hello, Released, SliceChange, Stamp};
use model::status::StatusReport;

/// Where something runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A coordinator's machine.
    Coordinator(usize),
    /// A relay's machine.
    Relay(usize),
    /// A Prometheus' machine.
    Prometheus(usize),
    /// The targets' machines.
    Targets,
}

/// What a relay says.
#[derive(Clone, Debug)]
pub(super) enum Up {
    Hello(Box<Hello>),
    Heartbeat(u64),
    Released(Vec<Released>),
    Acknowledged(Stamp),
    Status(StatusReport),
    Pong(u64),
    /// The end of the stream, by a process that lives.
    Left,
    /// FIN or RST.
    End,
}

/// What a coordinator says.
#[derive(Clone, Debug)]
pub(super) enum Down {
    /// The headers of its answer.
    Accepted,
    Welcome,
    Echo(u64),
    Change(Box<SliceChange>),
    Ping(u64),
    Closed(Closing),
    /// FIN or RST.
    End,
}

/// One assignment stream, as both sides have it.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) relay: usize,
    pub(super) relay_process: u64,
    pub(super) coordinator: usize,
    pub(super) coordinator_process: u64,
    pub(super) up: VecDeque<(Duration, Up)>,
    pub(super) down: VecDeque<(Duration, Down)>,
    /// Whether the relay's side is open, and the coordinator's.
    pub(super) relay_open: bool,
    pub(super) coordinator_open: bool,
    /// Whether what is sent is lost.
    pub(super) black_hole: bool,
    /// Nothing is delivered before.
    pub(super) held_until: Duration,
}

/// The network.
#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    blocked: BTreeMap<(Place, Place), u32>,
    /// Relays whose new connections to coordinators are refused.
    pub(super) refused: BTreeSet<usize>,
    pub(super) connections: BTreeMap<u64, Connection>,
    pub(super) opened: u64,
}

impl Network {
    pub(super) fn reaches(&self, from: Place, to: Place) -> bool {
        !self.blocked.contains_key(&(from, to))
    }

    pub(super) fn reach_each_other(&self, a: Place, b: Place) -> bool {
        self.reaches(a, b) && self.reaches(b, a)
    }

    /// Blocks one direction. Blocks of several causes are counted.
    pub(super) fn block(&mut self, from: Place, to: Place) {
        *self.blocked.entry((from, to)).or_default() += 1;
    }

    pub(super) fn unblock(&mut self, from: Place, to: Place) {
        if let Some(count) = self.blocked.get_mut(&(from, to)) {
            *count -= 1;
            if *count == 0 {
                self.blocked.remove(&(from, to));
            }
        }
    }

    /// The stream that a relay's process has open.
    pub(super) fn stream_of(&self, relay: usize) -> Option<u64> {
        let open = self.connections.iter().rev().find(|(_, one)| one.relay == relay && one.relay_open);
        open.map(|(id, _)| *id)
    }
}
