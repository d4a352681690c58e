//! The relay's side of the assignment stream: finds the coordinator that leads, says what it holds, takes slices, reports.
//!
//! In: addresses of coordinators. Out: the slice in force and contact, for as long as the process runs. A relay without a
//! coordinator goes on with the slice it has; one that starts without takes the one it kept. What a slice means for
//! targets and copies is decided elsewhere.

mod end;
mod holding;
mod release;
mod report;
mod stream;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use model::settings::Capacity;
use runtime::Shutdown;
use runtime::ready::ReadyToken;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::boottime;
use crate::contact::reconnect_wait;
use crate::gather::Gather;
use crate::instruments::label;
use crate::leave::Leaving;
use crate::slice_file::SliceFile;
use end::End;
use holding::Holding;

/// Who this relay is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The name that survives restarts.
    pub name: Arc<str>,
    /// Random, new in every process.
    pub boot_id: Arc<str>,
    /// The build, for people.
    pub build: Box<str>,
    /// Where scrapers reach the page: host:port.
    pub advertise: Box<str>,
    /// How much of the load is its part, where it says so itself.
    pub capacity: Option<Capacity>,
}

/// What connects a relay with its coordinators.
pub struct Assignment {
    identity: Identity,
    coordinators: Vec<String>,
    gather: Arc<Gather>,
    holding: Mutex<Holding>,
    leaving: Arc<Leaving>,
    kept: Option<SliceFile>,
    /// Cancelled when the slice of an earlier process is taken.
    took_kept: CancellationToken,
}

impl Assignment {
    /// Looks for the leader among `coordinators` (URLs, at least one). Slices are kept in `kept`, if there is a place;
    /// `ready` is dropped with the first slice. What it lets go when it is `leaving` is said there.
    #[must_use]
    pub fn new(
        identity: Identity,
        coordinators: Vec<String>,
        gather: Arc<Gather>,
        kept: Option<SliceFile>,
        (leaving, ready): (Arc<Leaving>, ReadyToken),
    ) -> Self {
        let holding = Mutex::new(Holding::new(gather.clone(), kept.clone(), ready));
        let took_kept = CancellationToken::new();
        Self { identity, coordinators, gather, holding, leaving, kept, took_kept }
    }

    /// Joins, and joins again, until shutdown drains.
    pub async fn run(self, shutdown: Shutdown) {
        self.remember().await;
        tokio::select! {
            () = shutdown.draining() => {}
            () = async { tokio::join!(self.take_kept_slice(), self.join_for_ever()); } => {}
        }
        // The stream is closed with this task, while pages that run are still finished.
        self.gather.context.contact.update(|contact| contact.ended(boottime::now()));
        self.holding.lock().await.write(Duration::ZERO).await;
    }

    /// A relay that an operator has drained says so from its first word on, whatever became of its last slice. So it does
    /// with the reign that it followed: a coordinator must not take a fleet that restarts for a new one.
    async fn remember(&self) {
        let Some(kept) = &self.kept else { return };
        match kept.within_bound(|kept| kept.last_words(&kept.read()?)).await {
            Ok((drained, reign)) => self.holding.lock().await.remember(drained, reign),
            Err(error) => {
                tracing::warn!(error = %end::chain(&error), "whether this relay is drained is not known")
            }
        }
    }

    async fn join_for_ever(&self) {
        let timings = *self.gather.context.contact.timings();
        let spread = RandomState::new();
        let (mut failures, mut next, mut leader) = (0u32, 0usize, None::<String>);
        loop {
            let was_redirected = leader.is_some();
            let address =
                leader.take().unwrap_or_else(|| self.coordinators[next % self.coordinators.len()].clone());
            let end = self.stream(&address).await;
            self.gather.context.instruments.joins.add(1, &label("result", end.kind()));
            let joined = end.had_joined();
            tracing::info!(coordinator = %address, end = %end, "assignment stream ended");
            failures = if joined { 0 } else { failures + 1 };
            if !joined {
                next = next.wrapping_add(1);
            }
            if let End::NotLeading { leader: Some(known) } = end
                && !was_redirected
            {
                leader = Some(with_scheme_of(&address, &known));
                continue;
            }
            let spread = u8::try_from(spread.hash_one(failures) % 256).unwrap_or(0);
            tokio::time::sleep(reconnect_wait(failures, spread, timings.reconnect_most)).await;
        }
    }

    /// Takes the slice that was kept, where no coordinator has sent one some seconds after the start.
    async fn take_kept_slice(&self) {
        let Some(kept) = &self.kept else { return };
        let timings = *self.gather.context.contact.timings();
        let start = holding::start(timings.alone_after_end);
        tokio::time::sleep(timings.slice_file_after).await;
        let mut holding = self.holding.lock().await;
        if holding.take_kept(kept, start).await {
            self.took_kept.cancel();
        }
    }
}

/// The address with a scheme: coordinators name each other by host and port.
fn with_scheme_of(own: &str, other: &str) -> String {
    if other.contains("://") {
        return other.to_owned();
    }
    let scheme = own.split_once("://").map_or("http", |(scheme, _)| scheme);
    format!("{scheme}://{other}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_named_by_host_and_port_gets_the_scheme_of_the_coordinator_that_named_it() {
        assert_eq!(with_scheme_of("https://a:1", "b:2"), "https://b:2");
        assert_eq!(with_scheme_of("http://a:1", "https://b:2"), "https://b:2");
    }
}
