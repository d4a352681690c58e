//! Whether a scraper that asks a relay will go on asking it.
//!
//! In: the lists of relays that scrapers were given, and when pages were asked for. Out: whether a page shows that its
//! relay may be given targets. Prometheus goes on asking a relay for some seconds after it was given a list without it,
//! and then stops: targets that came to the relay meanwhile would miss scrapes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Fleet;
use super::relay::Relay;

/// The list that a scraper was given last.
#[derive(Debug)]
pub(super) struct LastList {
    at: Duration,
    relays: BTreeSet<Arc<str>>,
}

impl Fleet {
    /// A scraper was given these relays.
    pub(super) fn list_given(&mut self, relays: Vec<Arc<str>>) {
        let (at, relays) = (self.now.elapsed, relays.into_iter().collect::<BTreeSet<_>>());
        for (_, relay) in self.relays.iter_mut().filter(|(name, _)| !relays.contains(*name)) {
            relay.omitted = Some(at);
            self.place_due |= std::mem::take(&mut relay.scraped);
        }
        self.last_list = Some(LastList { at, relays });
    }

    /// When a scraper was last given a list without the relay `name`, of which nothing else is known.
    pub(super) fn omitted(&self, name: &str) -> Option<Duration> {
        self.last_list.as_ref().filter(|list| !list.relays.contains(name)).map(|list| list.at)
    }

    /// Whether who has asked for `page` had applied every list that left the relay out.
    pub(super) fn is_found(&self, relay: &Relay, page: Option<SystemTime>) -> bool {
        // By a clock that may be another machine's.
        let age = page.and_then(|page| self.now.wall.duration_since(page).ok()).unwrap_or_default();
        let asked = self.now.elapsed.saturating_sub(age.min(self.timings.page_reported));
        page.is_some() && relay.omitted.is_none_or(|at| asked >= at + self.timings.list_applied)
    }
}
