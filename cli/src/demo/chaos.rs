//! `demo --chaos`: an exporter and a relay are killed in turn and brought back, and what a scraper sees of it is said.
//!
//! It asks all pages itself, as Prometheus would: without a scraper nothing would move.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use http::StatusCode;
use proto::admin::v1::Relay;

use super::exposition::Kind;
use super::pages::{self, Page, Seen};
use super::{exporters, fleet};
use crate::ask;
use crate::commands::relays;
use crate::exit::Failure;
use crate::table;
use crate::warm_up;

/// Between two scrapes.
const INTERVAL: Duration = Duration::from_secs(1);
/// A page that takes longer is none.
const PAGE: Duration = Duration::from_secs(10);
/// What has not happened within this does not happen.
const LONGEST: Duration = Duration::from_secs(180);

/// What is done to whom.
pub struct Chaos {
    /// The coordinator.
    pub coordinator: ask::Server,
    /// The pages of the relays.
    pub pages: Vec<(String, SocketAddr)>,
    /// Kills each of the relays, in the same order.
    pub relays: Vec<fleet::Down>,
    /// The exporters.
    pub exporters: Vec<SocketAddr>,
    /// Kills one of them.
    pub exporter: exporters::Down,
    /// How long to leave things alone after each step.
    pub pause: Duration,
}

/// What a scraper and an operator see at one moment.
struct Look {
    pages: Vec<Page>,
    relays: Vec<Relay>,
}

impl Chaos {
    /// Goes on until it is dropped.
    ///
    /// # Errors
    /// Where what should be seen is not seen, or nobody reads.
    pub async fn run(&self) -> Result<(), Failure> {
        say(
            "chaos: an exporter and a relay are killed in turn and brought back; all pages are asked once a second",
        )?;
        for round in 0.. {
            self.exporter_dies(round * 7 % self.exporters.len()).await?;
            if self.relays.len() > 1 {
                self.relay_dies(round % self.relays.len()).await?;
            }
        }
        Ok(())
    }

    async fn exporter_dies(&self, number: usize) -> Result<(), Failure> {
        let instance = self.exporters[number].to_string();
        let job = Kind::of(number).job();
        let is = |wanted: bool| {
            let instance = instance.clone();
            move |look: &Look| {
                pages::seen(&look.pages, &instance).into_iter().find(|seen| seen.is_up == wanted)
            }
        };
        self.until(&format!("{instance} to be up"), is(true)).await?;
        self.exporter.send_replace(Some(number));
        say(&format!("exporter {instance} of job {job} is killed: nothing listens on its port"))?;
        let seen = self.until(&format!("{instance} to be down"), is(false)).await?;
        say(&format!("  the page of {} has it with up 0, and {}", seen.relay, left(&seen)))?;
        self.rest().await?;
        self.exporter.send_replace(None);
        say(&format!("exporter {instance} is back"))?;
        let seen = self.until(&format!("{instance} to be up again"), is(true)).await?;
        say(&format!("  the page of {} has it with up 1 and {} live samples", seen.relay, seen.samples))?;
        self.rest().await
    }

    async fn relay_dies(&self, number: usize) -> Result<(), Failure> {
        let name = &self.pages[number].0;
        let all = self.exporters.len();
        let whole = |look: &Look| (pages::up(&look.pages) == all).then(|| owned(&look.relays));
        let before = self.until("all targets to be up", whole).await?;
        let (killed, had) = (Instant::now(), before.get(name).copied().unwrap_or_default());
        self.relays[number].send_replace(true);
        say(&format!("{name} is killed with its {had} targets: its page does not answer"))?;
        let moved = |look: &Look| {
            let is_gone = look.pages.iter().any(|page| page.relay == *name && page.text.is_none());
            whole(look).filter(|_| is_gone)
        };
        let after = self.until(&format!("the targets of {name} to be up elsewhere"), moved).await?;
        let took = table::span(killed.elapsed());
        say(&format!(
            "  {took} later all {all} targets are up on the other pages: {}",
            gained(&before, &after)
        ))?;
        self.rest().await?;
        self.relays[number].send_replace(false);
        let started = Instant::now();
        say(&format!("{name} is started again, with the cache it left behind"))?;
        let back =
            |look: &Look| whole(look).and_then(|owned| owned.get(name).copied().filter(|count| *count > 0));
        let has = self.until(&format!("{name} to have targets again"), back).await?;
        let took = table::span(started.elapsed());
        say(&format!("  {took} later it has {has} targets, and gets more step by step; all {all} are up"))?;
        self.rest().await
    }

    /// Scrapes until `seen` finds what it looks for.
    async fn until<T>(&self, what: &str, seen: impl Fn(&Look) -> Option<T>) -> Result<T, Failure> {
        let started = Instant::now();
        loop {
            if let Some(found) = seen(&self.look().await?) {
                return Ok(found);
            }
            if started.elapsed() > LONGEST {
                return Err(Failure::failed(format!("waited {} for {what}", table::span(LONGEST))));
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Goes on scraping for the pause.
    async fn rest(&self) -> Result<(), Failure> {
        let started = Instant::now();
        while started.elapsed() < self.pause {
            self.look().await?;
            tokio::time::sleep(INTERVAL.min(self.pause)).await;
        }
        Ok(())
    }

    async fn look(&self) -> Result<Look, Failure> {
        let pages = join_all(self.pages.iter().map(|(relay, address)| page(relay, *address))).await;
        let relays = relays::ask_all(&self.coordinator).await?.relays;
        Ok(Look { pages, relays })
    }
}

async fn page(relay: &str, address: SocketAddr) -> Page {
    let asked = tokio::time::timeout(PAGE, warm_up::page(address)).await;
    let text = match asked {
        Ok(Ok((StatusCode::OK, body))) => Some(String::from_utf8_lossy(&body).into_owned()),
        // Too late, not there, or there without a slice: a scraper has nothing of it.
        Ok(Ok(_) | Err(_)) | Err(_) => None,
    };
    Page { relay: relay.to_owned(), text }
}

/// What is left of a target that is down.
fn left(seen: &Seen) -> String {
    match seen.age {
        Some(age) => {
            let age = table::span(Duration::from_secs_f64(age.max(0.0)));
            format!("the {} samples of its last good scrape, {age} old, from the cache", seen.samples)
        }
        None => "nothing else".to_owned(),
    }
}

/// The targets of each relay.
fn owned(relays: &[Relay]) -> BTreeMap<String, i32> {
    relays.iter().map(|relay| (relay.name.clone(), relay.targets)).collect()
}

fn gained(before: &BTreeMap<String, i32>, after: &BTreeMap<String, i32>) -> String {
    let more = |(name, now): (&String, &i32)| {
        let more = now - before.get(name).copied().unwrap_or_default();
        (more > 0).then(|| format!("{name} took {more}"))
    };
    after.iter().filter_map(more).collect::<Vec<_>>().join(", ")
}

/// A line on standard output, with the time of day.
fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    let time = table::clock(SystemTime::now());
    let written = writeln!(out, "{time}  {text}").and_then(|()| out.flush());
    written.map_err(|error| Failure::failed(format!("writing to standard output: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_took_what_is_said() {
        let relay = |name: &str, targets| Relay { name: name.to_owned(), targets, ..Relay::default() };
        let before = owned(&[relay("a", 5), relay("b", 4), relay("c", 3)]);
        let after = owned(&[relay("a", 7), relay("b", 0), relay("c", 5)]);
        assert_eq!(gained(&before, &after), "a took 2, c took 2");
        let cached = Seen { relay: "a".to_owned(), is_up: false, samples: 12, age: Some(61.2) };
        assert_eq!(left(&cached), "the 12 samples of its last good scrape, 1m1s old, from the cache");
        assert_eq!(left(&Seen { age: None, samples: 0, ..cached }), "nothing else");
    }
}
