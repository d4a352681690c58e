//! The way out of a relay whose targets others may take: it says that it leaves, and goes on until it holds nothing.
//!
//! In: the wish to stop, the slice as it shrinks, contact. Out: the moment to end. Pages are served and targets scraped
//! meanwhile as ever. It takes nothing from itself: what goes, and to whom, is the coordinator's word.

use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;
use runtime::Shutdown;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::contact::BootTime;
use crate::copies::Standing;
use crate::gather::Gather;

/// How often is looked whether there is anything left to wait for.
const EVERY: Duration = Duration::from_millis(50);

/// Whether this relay leaves, and since when it holds nothing.
#[derive(Debug, Default)]
pub struct Leaving {
    asked: CancellationToken,
    /// Since when everything that it was told to let go is acknowledged and nothing is left.
    empty: Mutex<Option<BootTime>>,
}

/// Why the wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing is held any more, and the coordinator knows.
    Empty,
    /// There is no coordinator that could give the targets to others.
    Alone,
    /// Nobody has taken what is left.
    TimeOut,
    /// A second signal, or a part of the process has failed.
    Cut,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "others have the targets",
            Self::Alone => "no coordinator could give the targets to others",
            Self::TimeOut => "nobody has taken what is left in time",
            Self::Cut => "stopped at once",
        })
    }
}

impl Leaving {
    /// Whether the coordinator is to be told.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Waits until the coordinator is to be told.
    pub async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// A change was acknowledged at `now`, with `targets` left.
    pub fn acknowledged(&self, targets: usize, now: BootTime) {
        let mut empty = self.empty.lock();
        *empty = if targets == 0 { empty.or(Some(now)) } else { None };
    }

    fn ending(&self, standing: Standing, waited: Duration, most: Duration) -> Option<Ending> {
        ending(*self.empty.lock(), standing, waited >= most)
    }
}

/// Whether there is anything left to wait for: a heartbeat sent after the last acknowledgement and echoed says that the
/// coordinator has heard of everything that was let go.
fn ending(empty: Option<BootTime>, standing: Standing, time_is_over: bool) -> Option<Ending> {
    let heard = empty.is_some_and(|since| standing.contact.is_some_and(|contact| contact >= since));
    match (heard, standing.alone, time_is_over) {
        (true, _, _) => Some(Ending::Empty),
        (_, true, _) => Some(Ending::Alone),
        (_, _, true) => Some(Ending::TimeOut),
        _ => None,
    }
}

/// Leaves: for at most `most`, and no longer than until `whole` is aborted or `own` drains. At once where `most` is zero.
pub async fn leave(gather: &Gather, leaving: &Leaving, most: Duration, (whole, own): (&Shutdown, &Shutdown)) {
    if most.is_zero() || own.is_draining() {
        return;
    }
    let started = Instant::now();
    let targets = || gather.roster().map_or(0, |roster| roster.slots.len());
    tracing::info!(targets = targets(), most = ?most, "leaving: others are to take the targets, pages are served meanwhile");
    leaving.asked.cancel();
    let over = async {
        let mut look = interval(EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            let standing = gather.context.contact.standing();
            if let Some(ending) = leaving.ending(standing, started.elapsed(), most) {
                return ending;
            }
        }
    };
    let ending = tokio::select! {
        ending = over => ending,
        () = whole.aborted() => Ending::Cut,
        () = own.draining() => Ending::Cut,
    };
    tracing::info!(targets_left = targets(), waited = ?started.elapsed(), because = %ending, "left");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> BootTime {
        BootTime::from_start(Duration::from_secs(seconds))
    }

    fn standing(alone: bool, contact: u64) -> Standing {
        Standing { alone, contact: Some(at(contact)) }
    }

    #[test]
    fn it_ends_once_the_coordinator_has_heard_that_nothing_is_left() {
        let cases = [
            (None, standing(false, 10), false, None),
            (Some(at(11)), standing(false, 10), false, None),
            (Some(at(11)), standing(false, 11), false, Some(Ending::Empty)),
            (None, standing(true, 10), false, Some(Ending::Alone)),
            (Some(at(11)), standing(true, 10), false, Some(Ending::Alone)),
            (Some(at(9)), standing(true, 10), true, Some(Ending::Empty)),
            (None, standing(false, 10), true, Some(Ending::TimeOut)),
            (None, Standing { alone: true, contact: None }, true, Some(Ending::Alone)),
        ];
        for (empty, standing, over, expected) in cases {
            assert_eq!(ending(empty, standing, over), expected, "{empty:?}, {standing:?}, {over}");
        }
    }

    #[test]
    fn what_comes_back_is_waited_for_again() {
        let leaving = Leaving::default();
        let heard = |leaving: &Leaving| leaving.ending(standing(false, 20), Duration::ZERO, Duration::MAX);
        leaving.acknowledged(0, at(10));
        leaving.acknowledged(0, at(30));
        assert_eq!(heard(&leaving), Some(Ending::Empty), "empty since the first");
        leaving.acknowledged(3, at(11));
        assert_eq!(heard(&leaving), None);
        leaving.acknowledged(0, at(12));
        assert_eq!(heard(&leaving), Some(Ending::Empty));
    }
}
