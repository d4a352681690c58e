//! What becomes of the page while the API server is away, and of pods that are deleted meanwhile.

use std::net::SocketAddr;
use std::time::Duration;

use integration::drop_in::{DropIn, ups};
use integration::fake_target::{Behaviour, TEXT};
use integration::http_client;
use integration::link::Link;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::stage::{SELECTOR, Stage, TIMEOUT, shows};

/// Those that are never deleted.
const STAY: [(&str, u8); 3] = [("a/stays", 1), ("n/stays-0", 1), ("n/stays-1", 1)];

#[tokio::test(flavor = "multi_thread")]
async fn no_pod_is_lost_and_none_is_kept_when_the_watch_breaks() {
    let _alone = crate::alone().await;
    let Some(mut stage) = Stage::set().await else { return };
    let body = |number: usize| Behaviour::Body(TEXT, format!("number {number}\n").into());
    let _targets = stage.network.targets(8080, body).expect("pods answer");
    let link = Link::to(stage.server.address()).await.expect("a link");
    let it = before_there_is_an_api_server(&mut stage, &link).await;
    for (number, name) in (0..).zip(["stays", "stays-0", "stays-1", "cut", "killed", "both"]) {
        let namespace = if name == "stays" { "a" } else { "n" };
        stage.create(&stage.pod(namespace, name, number, 8080)).await;
    }
    shows(&it, "all pods", &with(&[("n/cut", 1), ("n/killed", 1), ("n/both", 1)])).await;
    let reader = Reader::start(it.address());
    a_connection_that_is_cut(&stage, &link, &it).await;
    an_api_server_that_is_killed(&mut stage, &it).await;
    both_at_once(&mut stage, &link, &it).await;
    reader.has_lost_nobody().await;
    stage.asked_for_nothing_but(&[SELECTOR]);
}

fn with(more: &[(&'static str, u8)]) -> Vec<(&'static str, u8)> {
    [&STAY[..], more].concat()
}

async fn before_there_is_an_api_server(stage: &mut Stage, link: &Link) -> DropIn {
    let kubeconfig = stage.kubeconfig(link.address).await;
    stage.server.kill();
    let it = stage.start_with(&kubeconfig, (SELECTOR, TIMEOUT)).await;
    for path in ["/metrics", "/readyz"] {
        let refused = it.get(path, &[]).await.expect("it answers");
        assert_eq!((refused.status, refused.headers.get("retry-after").is_some()), (503, true), "{path}");
    }
    stage.server.restart().await;
    assert_eq!(it.page().await, "", "no pod is selected, and that is known");
    assert_eq!(it.get("/readyz", &[]).await.expect("it answers").status, 200);
    it
}

async fn a_connection_that_is_cut(stage: &Stage, link: &Link, it: &DropIn) {
    link.cut();
    stage.delete(&stage.pod("n", "cut", 3, 8080)).await;
    stage.create(&stage.pod("n", "came", 6, 8080)).await;
    let before = with(&[("n/cut", 1), ("n/killed", 1), ("n/both", 1)]);
    shows(it, "what was known before the cut", &before).await;
    link.mend();
    shows(it, "what happened meanwhile", &with(&[("n/came", 1), ("n/killed", 1), ("n/both", 1)])).await;
}

async fn an_api_server_that_is_killed(stage: &mut Stage, it: &DropIn) {
    let before = with(&[("n/came", 1), ("n/killed", 1), ("n/both", 1)]);
    stage.server.kill();
    shows(it, "what was known before the end", &before).await;
    stage.server.restart().await;
    stage.delete(&stage.pod("n", "killed", 4, 8080)).await;
    shows(it, "who is gone since", &with(&[("n/came", 1), ("n/both", 1)])).await;
}

/// The server that comes back has forgotten the version that the watch has seen last.
async fn both_at_once(stage: &mut Stage, link: &Link, it: &DropIn) {
    link.cut();
    stage.delete(&stage.pod("n", "both", 5, 8080)).await;
    stage.server.restart().await;
    stage.create(&stage.pod("n", "again", 5, 8080)).await;
    shows(it, "what was known before the cut", &with(&[("n/came", 1), ("n/both", 1)])).await;
    link.mend();
    shows(it, "what happened meanwhile", &with(&[("n/came", 1), ("n/again", 1)])).await;
}

/// Asks for the page all the time, as Prometheus would.
struct Reader {
    stop: oneshot::Sender<()>,
    /// How many pages there were, and what those were that lacked a pod.
    read: JoinHandle<(usize, Vec<String>)>,
}

impl Reader {
    fn start(address: SocketAddr) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let read = tokio::spawn(async move {
            let (mut pages, mut lacking) = (0, Vec::new());
            while stopped.try_recv().is_err() {
                let answer = http_client::get(&format!("http://{address}/metrics"), &[]).await;
                let page = answer.map(|answer| (answer.status, answer.text()));
                if !page.as_ref().is_ok_and(|(status, text)| *status == 200 && has_all(text)) {
                    lacking.push(format!("{page:?}"));
                }
                pages += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            (pages, lacking)
        });
        Self { stop, read }
    }

    async fn has_lost_nobody(self) {
        self.stop.send(()).expect("it reads");
        let (pages, lacking) = self.read.await.expect("it ends");
        assert!(pages > 20, "{pages} pages only");
        assert_eq!(lacking, Vec::<String>::new(), "of {pages}");
    }
}

fn has_all(page: &str) -> bool {
    let ups = ups(page);
    let has = |(name, up): &(&str, u8)| ups.contains(&((*name).to_owned(), up.to_string()));
    STAY.iter().all(has)
}
