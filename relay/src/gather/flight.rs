//! One scrape under way, which any number of fan-outs may await.
//!
//! It lives as long as somebody holds it: when the last fan-out lets go, the scrape is cancelled.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::outcome::Outcome;
use crate::copies::Generation;
use crate::scrape::Deadline;

/// A scrape under way.
#[derive(Debug)]
pub struct Flight {
    /// When it ends at the latest.
    pub deadline: Deadline,
    /// When it began.
    pub began: Instant,
    /// Under which permission.
    pub generation: Generation,
    outcome: watch::Receiver<Option<Arc<Outcome>>>,
    _cancel: DropGuard,
}

/// The other end of a [`Flight`], for the scrape itself.
#[derive(Debug)]
pub struct Pilot {
    outcome: watch::Sender<Option<Arc<Outcome>>>,
    cancelled: CancellationToken,
}

impl Flight {
    /// A scrape that begins now under `generation` and ends by `deadline`, and what it needs to say how.
    #[must_use]
    pub fn new(deadline: Instant, generation: Generation) -> (Arc<Self>, Pilot) {
        let (sender, outcome) = watch::channel(None);
        let cancelled = CancellationToken::new();
        let (began, cancel) = (Instant::now(), cancelled.clone().drop_guard());
        let flight = Self { deadline: deadline.into(), began, generation, outcome, _cancel: cancel };
        (Arc::new(flight), Pilot { outcome: sender, cancelled })
    }

    /// Whether it has landed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.outcome.borrow().is_some() || self.outcome.has_changed().is_err()
    }

    /// Waits for the outcome; `None` if the scrape went down without one.
    pub async fn outcome(&self) -> Option<Arc<Outcome>> {
        let mut outcome = self.outcome.clone();
        outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone())
    }
}

impl Pilot {
    /// Runs `scrape` until it ends or nobody waits for it any more.
    pub async fn fly(self, scrape: impl Future<Output = Arc<Outcome>>) {
        tokio::select! {
            () = self.cancelled.cancelled() => {}
            outcome = scrape => drop(self.outcome.send_replace(Some(outcome))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use model::slice::Permission;

    use super::*;
    use crate::copies::Copies;
    use crate::gather::outcome::Failure;

    fn flight() -> (Arc<Flight>, Pilot) {
        Flight::new(Instant::now(), Copies::new(Permission::Keep).generation())
    }

    fn outcome() -> Arc<Outcome> {
        Arc::new(Outcome::failed(SystemTime::now(), Duration::ZERO, Failure::new("timeout", "late")))
    }

    #[tokio::test]
    async fn everybody_who_waits_gets_the_same_outcome() {
        let (flight, pilot) = flight();
        assert!(!flight.is_over());
        let landed = outcome();
        let scrape = std::future::ready(landed.clone());
        let ((), first, second) = tokio::join!(pilot.fly(scrape), flight.outcome(), flight.outcome());
        assert!(Arc::ptr_eq(&first.unwrap(), &landed) && Arc::ptr_eq(&second.unwrap(), &landed));
        assert!(flight.is_over());
    }

    #[tokio::test]
    async fn a_scrape_that_nobody_waits_for_is_cancelled() {
        let (flight, pilot) = flight();
        let second = flight.clone();
        let flying = tokio::spawn(pilot.fly(std::future::pending()));
        drop(flight);
        tokio::task::yield_now().await;
        assert!(!flying.is_finished(), "somebody still waits");
        drop(second);
        flying.await.unwrap();
    }

    #[tokio::test]
    async fn a_scrape_that_goes_down_leaves_nobody_waiting() {
        let (flight, pilot) = flight();
        drop(pilot);
        assert!(flight.outcome().await.is_none());
        assert!(flight.is_over());
    }
}
