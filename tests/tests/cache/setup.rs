//! A coordinator, one relay and targets whose every body is known; pages go through the judge.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use integration::counters::Counters;
use integration::exposed::{Exposed, Seen};
use integration::fleet::{Coordinator, Relay};
use integration::http_client;
use integration::wait;

use crate::mounted::Mounted;

/// From its start to its first slice a relay may take so long, whatever its disk does.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(5);
/// A page of targets that answer at once may take so long: the flush has 100 ms of it, a busy machine the rest.
pub(crate) const PAGE_WITHIN: Duration = Duration::from_millis(1500);

/// The fleet. What stands first is dropped first: processes before what they run on.
pub(crate) struct Setup {
    pub(crate) relay: Relay,
    pub(crate) targets: Arc<Counters>,
    pub(crate) exposed: Exposed,
    /// What the relay's cache is on, where that is a disk of its own.
    pub(crate) mounted: Option<Mounted>,
    _coordinator: Coordinator,
    _directory: tempfile::TempDir,
}

impl Drop for Setup {
    /// A process that waits for a frozen disk cannot even be killed.
    fn drop(&mut self) {
        if let Some(mounted) = &mut self.mounted {
            mounted.thaw();
        }
    }
}

impl Setup {
    /// Starts `count` targets and a relay that is ready.
    pub(crate) async fn start(count: usize) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let targets = Counters::start(count).await.expect("the targets start");
        Self::with(Arc::new(targets), "relay-0", directory, None).await
    }

    /// The same on a disk of its own; `None` where there can be none.
    pub(crate) async fn start_on(mount: impl FnOnce(&Path) -> Option<Mounted>, count: usize) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let mounted = mount(&directory.path().join("relay-0/cache"))?;
        let targets = Counters::start(count).await.expect("the targets start");
        let setup = Self::with(Arc::new(targets), "relay-0", directory, Some(mounted)).await;
        assert!(setup.is_on_disk().await);
        Some(setup)
    }

    /// A fleet of its own for targets that others scrape, too, with a relay of this name.
    pub(crate) async fn with(
        targets: Arc<Counters>,
        name: &str,
        directory: tempfile::TempDir,
        mounted: Option<Mounted>,
    ) -> Self {
        let config = config(&targets);
        let program = crate::program();
        let coordinator = Coordinator::start(&program, &config, &directory.path().join("coordinator")).await;
        let relay = Relay::start(&program, name, coordinator.grpc, directory.path()).await;
        relay.ready().await;
        let exposed = Exposed::new(targets.addresses());
        let mut setup =
            Self { relay, targets, exposed, mounted, _coordinator: coordinator, _directory: directory };
        setup.pages_until_all_are_shown().await;
        setup
    }

    /// A relay that has just joined gets its targets once its page has been asked for.
    async fn pages_until_all_are_shown(&mut self) {
        let url = self.relay.url();
        let count = self.targets.addresses().len();
        wait::until("every target on the page", Duration::from_secs(20), || async {
            let page = http_client::get(&url, &[]).await?.text();
            match page.lines().filter(|line| line.starts_with("up{") && line.ends_with(" 1")).count() {
                ups if ups == count => Ok(()),
                ups => Err(format!("{ups} of {count} targets are up")),
            }
        })
        .await;
        self.page().await;
    }

    /// A page, judged.
    pub(crate) async fn page(&mut self) -> Vec<Seen> {
        let page = http_client::get(&self.relay.url(), &[]).await.expect("a whole page");
        self.judge(&page)
    }

    pub(crate) fn judge(&mut self, page: &http_client::Answer) -> Vec<Seen> {
        assert_eq!(page.status, 200, "{}", page.text());
        let targets = &self.targets;
        match self.exposed.judge(&page.text(), |number| targets.sent(number)) {
            Ok(seen) => seen,
            Err(wrong) => panic!("WRONG: {wrong}\n{}", self.relay.process().log()),
        }
    }

    /// A page within [`PAGE_WITHIN`].
    pub(crate) async fn page_in_time(&mut self) -> Vec<Seen> {
        let began = Instant::now();
        let seen = self.page().await;
        assert!(began.elapsed() < PAGE_WITHIN, "the page took {:?}", began.elapsed());
        seen
    }

    /// Starts the relay again, with SIGKILL if it runs, and says after what time it was ready.
    pub(crate) async fn restart(&mut self) -> Duration {
        self.relay.kill();
        let began = Instant::now();
        self.relay.restart().await;
        self.relay.ready().await;
        let took = began.elapsed();
        assert!(took < READY_WITHIN, "ready after {took:?}\n{}", self.relay.process().log());
        took
    }

    pub(crate) fn kill_targets(&self) {
        (0..self.targets.addresses().len()).for_each(|number| self.targets.die(number));
    }

    /// The disk that the relay's cache is on.
    pub(crate) fn disk(&mut self) -> &mut Mounted {
        self.mounted.as_mut().expect("it was mounted at the start")
    }

    /// The words that stand as `reason` on a counter of the relay that is not 0.
    pub(crate) async fn reasons(&self, metric: &str) -> Vec<String> {
        let url = format!("http://{}/metrics", self.relay.http);
        let page = http_client::get(&url, &[]).await.expect("the relay's own metrics").text();
        let lines = page.lines().filter(|line| line.starts_with(metric) && !line.ends_with(" 0"));
        let reason = |line: &str| Some(line.split_once("reason=\"")?.1.split_once('"')?.0.to_owned());
        lines.filter_map(reason).collect()
    }

    /// All that a start says of a cache that it did not just use.
    pub(crate) async fn remarks(&mut self) -> Vec<String> {
        let mut remarks = Vec::new();
        for (metric, what) in [
            ("scraperelay_cache_quarantines_total", "set aside"),
            ("scraperelay_cache_memory_only_total", "memory only"),
            ("scraperelay_cache_records_refused_total", "left out"),
        ] {
            remarks.extend(self.reasons(metric).await.iter().map(|reason| format!("{what}: {reason}")));
        }
        // The coordinator lets a process use nothing where the one before had said that its disk was late.
        let log = self.relay.process().log();
        let this_start = log.rsplit("relay started").next().unwrap_or_default();
        if this_start.lines().any(|line| line.contains("discarded=") && !line.contains("discarded=0")) {
            remarks.push("discarded".into());
        }
        remarks
    }

    pub(crate) async fn is_on_disk(&self) -> bool {
        self.relay.own_metric("scraperelay_cache_enabled").await == Ok(1.0)
    }

    /// Asks for pages, each whole and in time, until nothing goes to disk any more.
    pub(crate) async fn pages_until_memory_only(&mut self, limit: Duration) -> Duration {
        let began = Instant::now();
        while self.is_on_disk().await {
            assert!(began.elapsed() < limit, "still on disk after {limit:?}");
            let seen = self.page_in_time().await;
            assert!(seen.iter().all(|seen| seen.up), "{seen:?}");
            let contact = self.relay.own_metric("scraperelay_contact_age_seconds").await;
            assert!(contact.is_ok_and(|age| age < 6.0), "the disk keeps the relay from its coordinator");
        }
        began.elapsed()
    }
}

fn config(targets: &Counters) -> String {
    let addresses: Vec<String> = targets.addresses().iter().map(|address| format!("'{address}'")).collect();
    format!(
        r"coordinator: {{expected_relays: 1}}
scrape_configs:
- job_name: app
  scrape_timeout: 1s
  static_configs:
  - targets: [{}]
",
        addresses.join(", ")
    )
}

/// The middle and the largest of some durations.
pub(crate) fn spread(durations: &mut [Duration]) -> (Duration, Duration) {
    durations.sort_unstable();
    (durations[durations.len() / 2], durations[durations.len() - 1])
}

/// Puts a copy of one directory in the place of another.
pub(crate) fn copy(from: &Path, to: &Path) {
    if to.exists() {
        std::fs::remove_dir_all(to).expect("the old one goes");
    }
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("the directory is read") {
        let entry = entry.expect("an entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            std::fs::copy(&source, &target).expect("a copy");
        }
    }
}
