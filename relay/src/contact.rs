//! When a relay last knew that its coordinator knew of it, and whether it is *alone*.
//!
//! In: what happens on the assignment stream, each with its time. Out: [`Contact::is_alone`], asked as each page is
//! merged and never kept by a timer: a process that was frozen knows at its first instruction. It knows nothing of
//! targets, sockets or clocks.

use std::collections::VecDeque;
use std::time::Duration;

/// A point on CLOCK_BOOTTIME.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootTime(Duration);

impl BootTime {
    /// The point that lies `since_boot` after the machine's start.
    #[must_use]
    pub const fn from_start(since_boot: Duration) -> Self {
        Self(since_boot)
    }

    /// How long after the machine's start this is.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::ops::Add<Duration> for BootTime {
    type Output = Self;

    fn add(self, distance: Duration) -> Self {
        Self(self.0.saturating_add(distance))
    }
}

/// The durations of the assignment protocol. A coordinator counts on the defaults: they change together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// Distance of heartbeats.
    pub heartbeat: Duration,
    /// Alone this long after a stream's end that the coordinator knows of; it calls the relay lost a second later.
    pub alone_after_end: Duration,
    /// Alone this long after contact, whatever became of the stream; the coordinator waits 2 s more.
    pub alone_after_silence: Duration,
    /// The longest wait before the next attempt to connect.
    pub reconnect_most: Duration,
    /// How long a starting relay looks for a coordinator before it takes the slice it has kept.
    pub slice_file_after: Duration,
    /// Distance of full status reports; changes of state go out at once.
    pub status_every: Duration,
    /// How long an attempt to connect and join may take.
    pub join_timeout: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(2),
            alone_after_end: Duration::from_secs(4),
            alone_after_silence: Duration::from_secs(14),
            reconnect_most: Duration::from_secs(2),
            slice_file_after: Duration::from_secs(5),
            status_every: Duration::from_secs(5),
            join_timeout: Duration::from_secs(5),
        }
    }
}

/// Heartbeats under way that are remembered: those of 14 s are 7, so more than this were never echoed.
const UNANSWERED: usize = 32;

/// What a relay knows of its coordinator's knowledge of it.
#[derive(Clone, Debug, Default)]
pub struct Contact {
    last: Option<BootTime>,
    /// Whether this process has had a slice from a coordinator.
    has_joined: bool,
    ended: Option<BootTime>,
    stream: Stream,
}

/// The stream that is open, if one is.
#[derive(Clone, Debug, Default)]
enum Stream {
    #[default]
    None,
    /// Opened, but its slice is not here yet: what it says is no contact yet. Holds the newest time that will be.
    Opened { proven: BootTime, sent: VecDeque<(u64, BootTime)> },
    /// The slice of this stream is held.
    Joined { sent: VecDeque<(u64, BootTime)> },
}

impl Contact {
    /// The process goes on with the slice of its predecessor, whose last contact this was. It is alone until it has a
    /// slice of its own. A stream that is being opened meanwhile goes on.
    pub fn inherit(&mut self, last: Option<BootTime>) {
        self.last = last;
    }

    /// A Hello was sent on a new stream at `now`.
    pub fn opened(&mut self, now: BootTime) {
        self.stream = Stream::Opened { proven: now, sent: VecDeque::new() };
    }

    /// A slice of the stream is held. The first is what the coordinator sent as an answer to the Hello; later ones change
    /// nothing here.
    pub fn first_slice(&mut self) {
        if let Stream::Opened { proven, sent } = &mut self.stream {
            let sent = std::mem::take(sent);
            self.last = self.last.max(Some(*proven));
            self.has_joined = true;
            self.ended = None;
            self.stream = Stream::Joined { sent };
        }
    }

    /// Heartbeat `sequence` was sent at `now`.
    pub fn sent(&mut self, sequence: u64, now: BootTime) {
        if let Stream::Opened { sent, .. } | Stream::Joined { sent } = &mut self.stream {
            sent.push_back((sequence, now));
            if sent.len() > UNANSWERED {
                sent.pop_front();
            }
        }
    }

    /// The coordinator has echoed heartbeat `sequence`: contact is when that one was sent, not when the echo came.
    pub fn echoed(&mut self, sequence: u64) {
        match &mut self.stream {
            Stream::None => {}
            Stream::Opened { proven, sent } => {
                *proven = take(sent, sequence).map_or(*proven, |at| at.max(*proven));
            }
            Stream::Joined { sent } => self.last = self.last.max(take(sent, sequence)),
        }
    }

    /// The stream ended at `now`, and the coordinator knows: it ended the stream itself (FIN or RST came from it), or
    /// this side closed it. Of several ends without a slice between them the first one counts.
    pub fn ended(&mut self, now: BootTime) {
        if !matches!(self.stream, Stream::None) {
            self.ended.get_or_insert(now);
        }
        self.stream = Stream::None;
    }

    /// The stream broke and only this side has seen it: for the coordinator that is silence. So is the refusal of a
    /// Hello, which never was a stream.
    pub fn broke(&mut self) {
        self.stream = Stream::None;
    }

    /// Whether this process has had a slice from a coordinator.
    #[must_use]
    pub fn has_joined(&self) -> bool {
        self.has_joined
    }

    /// When the newest heartbeat was sent that the coordinator is known to have received.
    #[must_use]
    pub fn last(&self) -> Option<BootTime> {
        self.last
    }

    /// Whether a coordinator may by now have given this relay's targets to others.
    #[must_use]
    pub fn is_alone(&self, now: BootTime, timings: &Timings) -> bool {
        let Some(last) = self.last.filter(|_| self.has_joined) else { return true };
        let ended = self.ended.is_some_and(|at| now.since(at) >= timings.alone_after_end);
        ended || now.since(last) >= timings.alone_after_silence
    }
}

/// When `sequence` was sent; it and all older ones are forgotten.
fn take(sent: &mut VecDeque<(u64, BootTime)>, sequence: u64) -> Option<BootTime> {
    let mut found = None;
    while let Some(&(first, at)) = sent.front() {
        if first > sequence {
            break;
        }
        found = (first == sequence).then_some(at);
        sent.pop_front();
    }
    found
}

/// How long to wait before the attempt that follows `failures` failed ones in a row: 100 ms, doubled up to `most`,
/// less up to a half by `spread` (0..=255), so that relays that lost one coordinator do not come back in step.
#[must_use]
pub fn reconnect_wait(failures: u32, spread: u8, most: Duration) -> Duration {
    let full = Duration::from_millis(100).saturating_mul(1 << failures.min(10)).min(most);
    full - full.mul_f64(f64::from(spread) / 510.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> BootTime {
        BootTime::from_start(Duration::from_secs_f64(seconds))
    }

    /// Joined at 10 s, heartbeats 1, 2, 3 sent at 12, 14, 16 s; 1 and 2 echoed.
    fn joined() -> Contact {
        let mut contact = Contact::default();
        contact.opened(at(10.0));
        contact.first_slice();
        for (sequence, when) in [(1, 12.0), (2, 14.0), (3, 16.0)] {
            contact.sent(sequence, at(when));
        }
        contact.echoed(1);
        contact.echoed(2);
        contact
    }

    fn alone_at(contact: &Contact, seconds: f64) -> bool {
        contact.is_alone(at(seconds), &Timings::default())
    }

    #[test]
    fn a_relay_that_never_had_a_slice_is_alone() {
        assert!(alone_at(&Contact::default(), 0.0));
    }

    #[test]
    fn contact_is_when_the_echoed_heartbeat_was_sent() {
        assert_eq!(joined().last(), Some(at(14.0)));
    }

    #[test]
    fn silence_makes_alone_fourteen_seconds_after_contact() {
        assert!(!alone_at(&joined(), 27.9));
        assert!(alone_at(&joined(), 28.0));
    }

    #[test]
    fn an_end_from_the_peer_makes_alone_after_four_seconds() {
        let mut contact = joined();
        contact.ended(at(17.0));
        assert!(!alone_at(&contact, 20.9));
        assert!(alone_at(&contact, 21.0));
    }

    #[test]
    fn an_end_seen_only_here_counts_as_silence() {
        let mut contact = joined();
        contact.broke();
        assert!(!alone_at(&contact, 21.0));
        assert!(alone_at(&contact, 28.0));
    }

    #[test]
    fn a_later_slice_leaves_the_heartbeats_under_way_alone() {
        let mut contact = Contact::default();
        contact.opened(at(0.0));
        contact.first_slice();
        contact.sent(1, at(2.0));
        contact.first_slice();
        contact.echoed(1);
        assert_eq!(contact.last(), Some(at(2.0)));
    }

    #[test]
    fn alone_ends_with_the_first_slice_and_not_with_the_stream() {
        let mut contact = joined();
        contact.ended(at(17.0));
        contact.opened(at(18.0));
        contact.sent(1, at(20.0));
        contact.echoed(1);
        assert!(alone_at(&contact, 21.0), "an open stream without a slice is no contact");
        contact.first_slice();
        assert_eq!(contact.last(), Some(at(20.0)));
        assert!(!alone_at(&contact, 21.0));
    }

    #[test]
    fn a_refused_reconnect_does_not_move_the_end_of_the_last_stream() {
        let mut contact = joined();
        contact.ended(at(17.0));
        contact.opened(at(19.0));
        contact.ended(at(20.0));
        assert!(alone_at(&contact, 21.0));
    }

    #[test]
    fn an_end_from_the_peer_before_the_first_slice_counts_too() {
        let mut contact = joined();
        contact.broke();
        contact.opened(at(17.0));
        contact.ended(at(18.0));
        assert!(!alone_at(&contact, 21.9));
        assert!(alone_at(&contact, 22.0), "the coordinator had seen the Hello, and saw its end");
    }

    #[test]
    fn echoes_of_heartbeats_that_were_buffered_while_frozen_prove_nothing_newer() {
        let mut contact = joined();
        contact.echoed(3);
        assert_eq!(contact.last(), Some(at(16.0)));
        assert!(alone_at(&contact, 46.0), "the echo came at 46 s, the heartbeat left at 16 s");
    }

    #[test]
    fn an_echo_of_what_was_never_sent_is_no_contact() {
        let mut contact = joined();
        contact.echoed(99);
        assert_eq!(contact.last(), Some(at(14.0)));
    }

    #[test]
    fn a_process_that_took_over_a_kept_slice_is_alone_until_it_has_its_own() {
        let mut contact = Contact::default();
        contact.inherit(Some(at(50.0)));
        assert!(alone_at(&contact, 50.0));
        assert_eq!(contact.last(), Some(at(50.0)));
        contact.opened(at(51.0));
        assert!(alone_at(&contact, 51.0));
        contact.first_slice();
        assert!(!alone_at(&contact, 51.0));
    }

    #[test]
    fn reconnects_wait_longer_but_never_longer_than_the_bound() {
        let most = Duration::from_secs(2);
        assert_eq!(reconnect_wait(0, 0, most), Duration::from_millis(100));
        assert_eq!(reconnect_wait(2, 0, most), Duration::from_millis(400));
        assert_eq!(reconnect_wait(40, 0, most), most);
        assert_eq!(reconnect_wait(40, 255, most), Duration::from_secs(1));
    }
}
