//! A coordinator that runs, in this process.

mod asked;
mod reloads;
mod watches;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use coordinator::config::MissingFiles;
use coordinator::{Coordinator, CoordinatorConfig, Error, Source};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use proto::admin::v1::target_service_client::TargetServiceClient;
use proto::admin::v1::{
    ExplainTargetRequest, Explanation, ListTargetsRequest, ListTargetsResponse, TargetView,
};
use runtime::{Runtime, Shutdown, Telemetry};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tonic::transport::Channel;

const LIMIT: Duration = Duration::from_secs(30);

/// A coordinator in this process, with its configuration in a directory of its own.
struct Running {
    directory: TempDir,
    http: SocketAddr,
    targets: TargetServiceClient<Channel>,
    channel: Channel,
    shutdown: Shutdown,
    ended: tokio::task::JoinHandle<Result<(), Error>>,
}

fn started_with(file: PathBuf, grpc: &str) -> CoordinatorConfig {
    CoordinatorConfig {
        source: Source::File { path: file, missing_files: MissingFiles::Warn },
        grpc_listen: grpc.parse().expect("the test's own steps work"),
        http_listen: "127.0.0.1:0".parse().expect("the test's own steps work"),
        expected_relays: None,
    }
}

impl Running {
    async fn start(config: &str) -> Self {
        let directory = tempfile::tempdir().expect("the test's own steps work");
        let file = directory.path().join("config.yml");
        fs::write(&file, config).expect("the test's own steps work");
        let coordinator =
            Coordinator::bind(started_with(file, "127.0.0.1:0")).await.expect("the test's own steps work");
        let bound = coordinator.bound();
        let shutdown = Shutdown::new();
        let rt =
            Runtime::new(Telemetry::metrics_only().expect("the test's own steps work"), shutdown.clone());
        let ended = tokio::spawn(coordinator.run(rt));
        let channel = Channel::from_shared(format!("http://{}", bound.grpc))
            .expect("the test's own steps work")
            .connect()
            .await
            .expect("the test's own steps work");
        let targets = TargetServiceClient::new(channel.clone());
        Self { directory, http: bound.http, targets, channel, shutdown, ended }
    }

    fn write(&self, config: &str) {
        let new = self.directory.path().join("new");
        fs::write(&new, config).expect("the test's own steps work");
        fs::rename(new, self.directory.path().join("config.yml")).expect("the test's own steps work");
    }

    async fn list(&self, filter: &str, page_size: i32, page_token: &str) -> ListTargetsResponse {
        let request = ListTargetsRequest {
            filter: filter.to_owned(),
            page_size,
            page_token: page_token.to_owned(),
            view: TargetView::Full.into(),
        };
        self.targets.clone().list_targets(request).await.expect("the test's own steps work").into_inner()
    }

    /// Waits for so many targets.
    async fn has(&self, count: i32) {
        until(&format!("{count} targets"), || async { self.list("", 0, "").await.total_size == count }).await;
    }

    async fn own_metric(&self, line: &str) -> bool {
        let page = get(self.http, "/metrics").await.unwrap_or_default();
        page.lines().any(|found| found == line)
    }

    async fn explain(&self, target: &str) -> Vec<Explanation> {
        let request = ExplainTargetRequest { target: target.to_owned() };
        self.targets
            .clone()
            .explain_target(request)
            .await
            .expect("the test's own steps work")
            .into_inner()
            .explanations
    }

    async fn stop(self) {
        drop((self.targets, self.channel));
        self.shutdown.drain();
        tokio::time::timeout(LIMIT, self.ended)
            .await
            .expect("the test's own steps work")
            .expect("the test's own steps work")
            .expect("the test's own steps work");
    }
}

async fn until<F: Future<Output = bool>>(what: &str, look: impl Fn() -> F) {
    let looked = async {
        while !look().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, looked).await.unwrap_or_else(|_| panic!("waited for {what}"));
}

async fn get(address: SocketAddr, path: &str) -> Option<String> {
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let request = http::Request::get(path).header("Host", "h").body(Empty::<hyper::body::Bytes>::new());
    let answer = sender.send_request(request.expect("the test's own steps work")).await.ok()?;
    let body = answer.into_body().collect().await.ok()?.to_bytes();
    String::from_utf8(body.to_vec()).ok()
}

const FLEET: &str = "scrape_configs:
- job_name: pods
  params: {module: [http_2xx], api_token: [s3cr3t]}
  static_configs:
  - targets: [a:1, b:1, 'c:1']
    labels: {zone: east}
  - targets: [d:1]
    labels: {zone: west}
  relabel_configs:
  - {source_labels: [zone], target_label: region}
  - {source_labels: [__address__], regex: 'd:.*', action: drop}
- job_name: other
  basic_auth: {username: u, password: s3cr3t}
  static_configs:
  - targets: ['user:s3cr3t@e:1', 'no/address']
    labels: {instance: e}
  relabel_configs:
  - {action: labeldrop, regex: nothing}
";
