//! Everything that a scenario needs: targets, a coordinator, relays that reach it through links, and a Prometheus that
//! finds the relays by the coordinator's list.

use std::path::Path;
use std::time::Duration;

use crate::chaos::footprint::Footprint;
use crate::chaos::journal::{self, Seconds, Span};
use crate::chaos::pages::Watcher;
use crate::chaos::placement;
use crate::chaos::samples::{self, Samples};
use crate::chaos::targets::ChaosTargets;
use crate::fleet::{Coordinator, Program, Relay};
use crate::link::Link;
use crate::prometheus::{Prometheus, Version};
use crate::wait;

/// The job of all targets.
pub const JOB: &str = "chaos";

/// How long anything may take that a scenario does not measure.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// What a bed is made of.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Relays at the start; the coordinator waits for so many.
    pub relays: usize,
    /// Targets.
    pub targets: usize,
    /// Prometheus' scrape interval, in whole seconds.
    pub interval: u32,
    /// How often Prometheus asks which relays there are, in whole seconds.
    pub refresh: u32,
}

impl Plan {
    /// A bed for `relays`, scraped every 5 s.
    #[must_use]
    pub fn new(relays: usize, targets: usize) -> Self {
        Self { relays, targets, interval: 5, refresh: 2 }
    }
}

/// A relay and its way to the coordinator.
#[derive(Debug)]
pub struct Member {
    /// The process.
    pub relay: Relay,
    /// Its way to the coordinator.
    pub link: Link,
}

/// A fleet at work.
pub struct Bed {
    /// What is scraped.
    pub targets: ChaosTargets,
    /// The coordinator.
    pub coordinator: Coordinator,
    /// The relays.
    pub members: Vec<Member>,
    /// Who judges.
    pub prometheus: Prometheus,
    /// What it is made of.
    pub plan: Plan,
    program: Program,
    directory: tempfile::TempDir,
    before: Vec<(String, Footprint)>,
    /// Since when everything is up.
    began: Seconds,
}

impl Bed {
    /// Starts everything and waits until Prometheus has every target; nothing where the machine has no Prometheus.
    ///
    /// # Panics
    /// Where it does not come up.
    pub async fn start(program: &Program, plan: Plan) -> Option<Self> {
        crate::prometheus::tool("prometheus-3.15")?;
        let directory = tempfile::tempdir().expect("a directory");
        let targets = ChaosTargets::start(plan.targets).await.expect("the targets start");
        let list = directory.path().join("targets.json");
        targets.write_list(&list).expect("the targets' file is written");
        let config = config(plan.relays, &list);
        let coordinator = Coordinator::start(program, &config, &directory.path().join("coordinator")).await;
        let mut members = Vec::new();
        for number in 0..plan.relays {
            members.push(member(program, number, &coordinator, directory.path()).await);
        }
        let config = scraper(plan, &coordinator);
        let prometheus =
            Prometheus::start(Version::V3_15, &config, &directory.path().join("prometheus")).await?;
        let (before, program) = (Vec::new(), program.clone());
        let mut bed =
            Self { targets, coordinator, members, prometheus, plan, program, directory, before, began: 0.0 };
        bed.up(plan.targets).await;
        bed.before = bed.footprints().await;
        bed.began = journal::now();
        Some(bed)
    }

    /// Waits until so many targets are up in Prometheus.
    pub async fn up(&self, count: usize) {
        wait::until("targets to be up", PATIENCE, || async {
            match self.prometheus.number(&format!("sum(up{{job=\"{JOB}\"}})")).await? {
                up if up == count as f64 => Ok(()),
                up => Err(format!("{up} of {count} are up")),
            }
        })
        .await;
    }

    /// Starts one more relay.
    pub async fn add_relay(&mut self) {
        let member =
            member(&self.program, self.members.len(), &self.coordinator, self.directory.path()).await;
        self.members.push(member);
    }

    /// The relay of that name.
    ///
    /// # Panics
    /// Where there is none.
    pub fn member(&mut self, name: &str) -> &mut Member {
        self.members.iter_mut().find(|member| member.relay.name == name).expect("a relay of that name")
    }

    /// Names and URLs of all relays' pages but those of `left_out`.
    #[must_use]
    pub fn pages(&self, left_out: &[&str]) -> Vec<(String, String)> {
        let relays = self.members.iter().map(|member| &member.relay);
        let relays = relays.filter(|relay| !left_out.contains(&relay.name.as_str()));
        relays.map(|relay| (relay.name.clone(), relay.url())).collect()
    }

    /// Somebody who looks at all pages twice a second.
    #[must_use]
    pub fn watch(&self) -> Watcher {
        Watcher::start(self.pages(&[]), Duration::from_millis(500))
    }

    /// Since when all targets have been up.
    #[must_use]
    pub fn since_start(&self) -> Span {
        Span { from: self.began, to: journal::now() }
    }

    /// The stored samples of a metric within `span`.
    ///
    /// # Panics
    /// Where Prometheus does not answer.
    pub async fn stored(&self, metric: &str, span: Span) -> Samples {
        let range = format!("{:.0}s", (journal::now() - span.from).max(0.0) + 5.0);
        let stored = self.prometheus.stored(&format!("{metric}{{job=\"{JOB}\"}}"), &range).await;
        samples::within(&stored.expect("prometheus answers"), span)
    }

    /// What every process has written: its name and its log.
    pub fn logs(&mut self) -> Vec<(String, String)> {
        let mut logs = vec![
            ("prometheus".to_owned(), self.prometheus.log()),
            ("coordinator".to_owned(), self.coordinator.process().log()),
        ];
        for member in &mut self.members {
            logs.push((member.relay.name.clone(), member.relay.process().log()));
        }
        logs
    }

    /// What each process of the product held when all targets were up, and holds now; those that were started again or
    /// later have no first.
    pub async fn footprints_since_start(&mut self) -> Vec<(String, Footprint, Footprint)> {
        let now = self.footprints().await;
        let pair = |(name, before): &(String, Footprint)| {
            let (_, after) = now.iter().find(|(it, _)| it == name)?;
            Some((name.clone(), *before, *after))
        };
        self.before.iter().filter_map(pair).collect()
    }

    async fn footprints(&mut self) -> Vec<(String, Footprint)> {
        let placement = self.placement().await;
        let counts = placement::counts(&placement);
        let mut processes = vec![("coordinator".to_owned(), self.coordinator.process().id(), 0)];
        for member in &mut self.members {
            let (name, id) = (member.relay.name.clone(), member.relay.process().id());
            let targets = counts.get(name.as_str()).copied().unwrap_or_default();
            processes.push((name, id, targets));
        }
        let footprint = |(name, id, targets)| Some((name, Footprint::of(id, targets).ok()?));
        processes.into_iter().filter_map(footprint).collect()
    }
}

async fn member(program: &Program, number: usize, coordinator: &Coordinator, directory: &Path) -> Member {
    let link = Link::to(coordinator.grpc).await.expect("a link to the coordinator");
    let relay = Relay::start(program, &format!("relay-{number}"), link.address, directory).await;
    Member { relay, link }
}

fn config(relays: usize, list: &Path) -> String {
    format!(
        "coordinator: {{expected_relays: {relays}}}\nscrape_configs:\n- job_name: {JOB}\n  file_sd_configs:\n  - files: ['{}']\n",
        list.display()
    )
}

fn scraper(plan: Plan, coordinator: &Coordinator) -> String {
    let Plan { interval, refresh, .. } = plan;
    format!(
        "global: {{scrape_interval: {interval}s, scrape_timeout: {timeout}s}}\nscrape_configs:\n- job_name: relays\n  honor_labels: true\n  http_sd_configs:\n  - url: http://{}/sd/prometheus\n    refresh_interval: {refresh}s\n",
        coordinator.http,
        timeout = interval.min(10),
    )
}
