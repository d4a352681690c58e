//! What scrapers get while the process ends and starts again, again and again: whole pages, or none.

#![allow(clippy::print_stdout, reason = "what is measured is told")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use integration::drop_in::ups;
use integration::fake_target::{Behaviour, TEXT};
use integration::{http_client, wait};
use rustix::process::Signal;
use tokio::task::JoinSet;

use super::stage::{SELECTOR, Stage};

/// More than an API server gives in one answer to a list: half of them would be a page as well.
const PODS: u16 = 700;
/// Times that it is killed, and as many that it is asked to end.
const ROUNDS: usize = 5;
/// Scrapers that ask without a pause.
const SCRAPERS: usize = 3;
/// Whole pages between one end and the next.
const PAGES: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn no_page_lacks_a_pod_however_the_process_ends_and_starts_again() {
    let _alone = crate::alone().await;
    assert!(runtime::open_files::raise().suffice(4 * u64::from(PODS)), "too few files may be open");
    let Some(stage) = Stage::set().await else { return };
    let body = |number: usize| Behaviour::Body(TEXT, format!("number {number}\n").into());
    let _targets = stage.network.targets(8080, body).expect("pods answer");
    let pods: Vec<_> =
        (0..PODS).map(|number| stage.pod("n", &format!("pod-{number}"), number, 8080)).collect();
    stage.cluster().create_pods(&pods).await.expect("the pods are made");
    let kubeconfig = stage.kubeconfig(stage.server.address()).await;
    let mut it = stage.start_with(&kubeconfig, (SELECTOR, "20s")).await;
    let scrapers = Scrapers::start(it.address());
    scrapers.have_whole_pages("the first start").await;
    for round in 0..ROUNDS {
        it.process().kill();
        it.start_again().await;
        scrapers.have_whole_pages(&format!("SIGKILL {round}")).await;
        it.process().signal(Signal::TERM).expect("it runs");
        assert_eq!(it.process().exit_code(Duration::from_secs(20)).await, Ok(0));
        it.start_again().await;
        scrapers.have_whole_pages(&format!("SIGTERM {round}")).await;
    }
    let answers = scrapers.stop().await;
    println!("{answers:?}");
    let wrong: Vec<_> = answers.keys().filter(|what| !ALLOWED.contains(&what.as_str())).collect();
    assert!(wrong.is_empty(), "{answers:#?}");
    for what in ALLOWED {
        assert!(answers.contains_key(what), "scrapers never met this: {what}: {answers:#?}");
    }
}

const WHOLE: &str = "a whole page";
const REFUSED: &str = "503";
/// Nobody listens, or the connection broke before the answer's end: no scraper takes it for a page.
const NOBODY: &str = "no answer";
const ALLOWED: [&str; 3] = [WHOLE, REFUSED, NOBODY];

/// Those who ask for the page all the time.
struct Scrapers {
    stop: Arc<AtomicBool>,
    whole: Arc<AtomicUsize>,
    tasks: JoinSet<BTreeMap<String, usize>>,
}

impl Scrapers {
    fn start(address: SocketAddr) -> Self {
        let (stop, whole) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let mut tasks = JoinSet::new();
        for _ in 0..SCRAPERS {
            let (stop, whole) = (Arc::clone(&stop), Arc::clone(&whole));
            tasks.spawn(async move {
                let mut answers = BTreeMap::new();
                while !stop.load(Ordering::Relaxed) {
                    let answer = ask(address).await;
                    whole.fetch_add(usize::from(answer == WHOLE), Ordering::Relaxed);
                    *answers.entry(answer).or_default() += 1;
                }
                answers
            });
        }
        Self { stop, whole, tasks }
    }

    async fn have_whole_pages(&self, since: &str) {
        let before = self.whole.load(Ordering::Relaxed);
        wait::until(&format!("whole pages after {since}"), Duration::from_secs(60), || async {
            let more = self.whole.load(Ordering::Relaxed) - before;
            if more >= PAGES { Ok(()) } else { Err(format!("{more} pages")) }
        })
        .await;
    }

    /// How often each answer came.
    async fn stop(self) -> BTreeMap<String, usize> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = BTreeMap::new();
        for (answer, count) in self.tasks.join_all().await.into_iter().flatten() {
            *all.entry(answer).or_default() += count;
        }
        all
    }
}

/// Asks once; gives what came, in words.
async fn ask(address: SocketAddr) -> String {
    let Ok(answer) = http_client::get(&format!("http://{address}/metrics"), &[]).await else {
        return NOBODY.to_owned();
    };
    match answer.status {
        200 => content(&answer.text()),
        status => status.to_string(),
    }
}

fn content(page: &str) -> String {
    let up = ups(page).iter().filter(|(_, up)| up == "1").count();
    let samples = page.lines().filter(|line| line.starts_with("number{")).count();
    match (up, samples) == (usize::from(PODS), usize::from(PODS)) {
        true => WHOLE.to_owned(),
        false => format!("a page with {up} pods that are up and {samples} samples"),
    }
}
