//! What relays' pages show of their targets, asked again and again.
//!
//! In: where the pages are. Out: rounds of sightings. It is one more scraper beside Prometheus.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::chaos::journal::{self, Seconds};
use crate::http_client;

/// A page that takes longer is not waited for: its process stands still.
const PATIENCE: Duration = Duration::from_secs(3);

/// One target on one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Whose page.
    pub relay: String,
    /// The target.
    pub instance: String,
    /// What its `up` says.
    pub up: bool,
    /// Whether its series come from the cache.
    pub cached: bool,
}

/// All pages at one moment.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// When they were asked for.
    pub at: Seconds,
    /// What they showed.
    pub sightings: Vec<Sighting>,
    /// The relays without a page, and why.
    pub silent: Vec<(String, String)>,
}

/// Asks all pages (name and URL) at once.
pub async fn look(pages: &[(String, String)]) -> Round {
    let at = journal::now();
    let answers = futures_util::future::join_all(pages.iter().map(|(_, url)| page(url))).await;
    let mut round = Round { at, ..Round::default() };
    for ((relay, _), answer) in pages.iter().zip(answers) {
        match answer {
            Ok(text) => round.sightings.extend(sightings(relay, &text)),
            Err(reason) => round.silent.push((relay.clone(), reason)),
        }
    }
    round
}

/// Asks these pages every 0.2 s until each of `instances` is on one of them and up; how long that took.
///
/// # Errors
/// What was missing after `limit`.
pub async fn until_up(
    pages: &[(String, String)],
    instances: &[String],
    limit: Duration,
) -> Result<Duration, String> {
    let (began, mut ticks) = (Instant::now(), tokio::time::interval(Duration::from_millis(200)));
    loop {
        ticks.tick().await;
        let round = look(pages).await;
        let up = |instance: &&String| round.sightings.iter().any(|it| it.up && it.instance == **instance);
        let missing: Vec<&String> = instances.iter().filter(|instance| !up(instance)).collect();
        match began.elapsed() {
            took if missing.is_empty() => return Ok(took),
            took if took > limit => return Err(format!("{} are missing: {missing:?}", missing.len())),
            _ => {}
        }
    }
}

async fn page(url: &str) -> Result<String, String> {
    let answer = tokio::time::timeout(PATIENCE, http_client::get(url, &[])).await;
    let answer = answer.map_err(|_| format!("no page within {PATIENCE:?}"))??;
    if answer.status == 200 { Ok(answer.text()) } else { Err(format!("status {}", answer.status)) }
}

fn sightings(relay: &str, page: &str) -> Vec<Sighting> {
    let of = |name: &str| -> Vec<(String, bool)> {
        let series = page.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{'));
        series.filter_map(|line| Some((instance(line)?, line.ends_with(" 1")))).collect()
    };
    let cached: std::collections::BTreeSet<String> =
        of("scraperelay_target_cache_age_seconds").into_iter().map(|(instance, _)| instance).collect();
    let sighting = |(instance, up): (String, bool)| {
        let cached = cached.contains(&instance);
        Sighting { relay: relay.to_owned(), instance, up, cached }
    };
    of("up").into_iter().map(sighting).collect()
}

fn instance(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("instance=\"")?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// Somebody who asks all pages all the time.
#[derive(Debug)]
pub struct Watcher {
    stop: watch::Sender<bool>,
    rounds: JoinHandle<Vec<Round>>,
}

impl Watcher {
    /// Begins.
    #[must_use]
    pub fn start(pages: Vec<(String, String)>, every: Duration) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, rounds: tokio::spawn(watch_pages(pages, every, stopped)) }
    }

    /// Ends; what was seen.
    ///
    /// # Panics
    /// Where the watcher has.
    pub async fn stop(self) -> Vec<Round> {
        self.stop.send_replace(true);
        self.rounds.await.expect("the watcher goes on until it is stopped")
    }
}

async fn watch_pages(
    pages: Vec<(String, String)>,
    every: Duration,
    mut stopped: watch::Receiver<bool>,
) -> Vec<Round> {
    let mut rounds = Vec::new();
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => rounds.push(look(&pages).await),
            _ = stopped.changed() => return rounds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_who_is_up_and_who_is_cached() {
        let page = "# TYPE up gauge\nup{instance=\"a:1\",job=\"j\"} 1\nup{instance=\"b:2\",job=\"j\"} 0\n\
            scraperelay_target_cache_age_seconds{instance=\"b:2\",job=\"j\"} 1\nupper{instance=\"c:3\"} 1\n";
        let found = sightings("relay-0", page);
        let told: Vec<_> = found.iter().map(|it| (it.instance.as_str(), it.up, it.cached)).collect();
        assert_eq!(told, [("a:1", true, false), ("b:2", false, true)]);
    }
}
