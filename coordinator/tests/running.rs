//! A coordinator that runs: what operators ask it over gRPC, and what a changed configuration does.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use coordinator::config::MissingFiles;
use coordinator::{Coordinator, CoordinatorConfig, Error, Source};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use proto::admin::v1::discovery_service_client::DiscoveryServiceClient;
use proto::admin::v1::relay_service_client::RelayServiceClient;
use proto::admin::v1::target_service_client::TargetServiceClient;
use proto::admin::v1::{
    ChangeType, ExplainTargetRequest, Explanation, GetTargetRequest, ListDiscoveriesRequest,
    ListDroppedTargetsRequest, ListRelaysRequest, ListTargetsRequest, ListTargetsResponse, State, TargetView,
    WatchTargetsRequest,
};
use runtime::{Runtime, Shutdown, Telemetry};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tonic::Code;
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

#[tokio::test(flavor = "multi_thread")]
async fn targets_are_listed_by_filter_and_page_and_found_by_the_first_digits() {
    let running = Running::start(FLEET).await;
    running.has(4).await;
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = running.list("job = pods", 2, &token).await;
        assert_eq!((page.total_size, page.state_counts["pending"]), (3, 3));
        seen.extend(page.targets.into_iter().map(|target| target.labels["instance"].clone()));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, ["a:1", "b:1", "c:1"]);

    let found = running.list("labels.instance = \"b:1\" AND state = pending", 0, "").await.targets;
    let [target] = &*found else { panic!("{found:?}") };
    assert_eq!((target.labels["region"].as_str(), target.state()), ("east", State::Pending));
    assert_eq!(target.discovered_labels["__address__"], "b:1");
    assert_eq!(target.url, "http://b:1/metrics");
    let id = target.name.strip_prefix("targets/").expect("the test's own steps work");
    for name in [&*target.name, id, id.get(..12).expect("an id is ASCII"), &id.to_ascii_uppercase()] {
        let request = GetTargetRequest { name: name.to_owned() };
        let got = running
            .targets
            .clone()
            .get_target(request)
            .await
            .expect("the test's own steps work")
            .into_inner();
        assert_eq!(got.target.as_ref(), Some(target), "{name}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dropped_is_told_with_the_place_of_the_rule_and_explained_step_by_step() {
    let running = Running::start(FLEET).await;
    running.has(4).await;
    let file = running.directory.path().join("config.yml").display().to_string();
    let request = ListDroppedTargetsRequest { filter: "drop_reason = relabel".into(), ..Default::default() };
    let dropped = running
        .targets
        .clone()
        .list_dropped_targets(request)
        .await
        .expect("the test's own steps work")
        .into_inner();
    assert_eq!((dropped.total_size, dropped.dropped_total), (1, 2));
    let row = &dropped.dropped_targets[0];
    assert_eq!((&*row.job, row.rule_index, &*row.discovered_labels["__address__"]), ("pods", 1, "d:1"));
    assert!(row.rule_location.starts_with(&format!("{file}:11")), "{}", row.rule_location);

    let stories = running.explain("a:1").await;
    let [story] = &*stories else { panic!("{stories:?}") };
    assert_eq!((&*story.discovery, story.steps.len()), ("static", 2));
    assert!(!story.steps[0].labels_before.contains_key("region"));
    assert_eq!(story.steps[0].labels_after["region"], "east");
    assert!(story.steps.iter().all(|step| step.kept) && story.target.is_some());
    assert!(story.hints[0].contains("nobody scrapes it"), "{:?}", story.hints);

    let gone = &running.explain("d:1").await[0];
    assert!(gone.target.is_none() && !gone.steps[1].kept && gone.steps[1].action == "drop");
    let impossible = &running.explain("no/address").await[0];
    assert!(
        impossible
            .dropped
            .as_ref()
            .expect("the test's own steps work")
            .error
            .contains("not a valid hostname")
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_holds_a_secret() {
    let running = Running::start(FLEET).await;
    running.has(4).await;
    let mut told = format!("{:?}", running.list("job = pods", 0, "").await);
    told += &format!("{:?}", running.explain("a:1").await);
    told += &format!("{:?}", running.explain("d:1").await);
    assert!(told.contains("http_2xx") && !told.contains("s3cr3t"), "{told}");
    for target in running.list("job = other", 0, "").await.targets {
        assert_eq!(target.url, "http://e:1/metrics");
    }
    assert_eq!(running.list("discovered_labels.__param_api_token : s3cr", 0, "").await.total_size, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bad_request_has_its_code() {
    let running = Running::start(FLEET).await;
    running.has(4).await;
    let mut client = running.targets.clone();
    for (filter, page_size, page_token) in [("stat = up", 0, ""), ("", -1, ""), ("", 0, "nonsense")] {
        let (filter, page_token) = (filter.to_owned(), page_token.to_owned());
        let request = ListTargetsRequest { filter, page_size, page_token, view: 0 };
        assert_eq!(client.list_targets(request).await.unwrap_err().code(), Code::InvalidArgument);
    }
    for (name, code) in [
        ("", Code::InvalidArgument),
        ("abc", Code::InvalidArgument),
        ("not an id", Code::InvalidArgument),
        ("00000000000000000000000000000000", Code::NotFound),
        ("targets/0000", Code::NotFound),
    ] {
        let request = GetTargetRequest { name: name.to_owned() };
        assert_eq!(client.get_target(request).await.unwrap_err().code(), code, "{name:?}");
    }
    for (target, code) in [(" ", Code::InvalidArgument), ("nobody", Code::NotFound)] {
        let request = ExplainTargetRequest { target: target.to_owned() };
        assert_eq!(client.explain_target(request).await.unwrap_err().code(), code, "{target:?}");
    }
    drop(client);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_health_and_reflection_answer() {
    let running = Running::start("scrape_configs: []\n").await;
    let mut relays = RelayServiceClient::new(running.channel.clone());
    let listed =
        relays.list_relays(ListRelaysRequest {}).await.expect("the test's own steps work").into_inner();
    assert!(listed.relays.is_empty() && !listed.coordinator_state.is_empty());
    let mut health = tonic_health::pb::health_client::HealthClient::new(running.channel.clone());
    let request = tonic_health::pb::HealthCheckRequest::default();
    assert_eq!(
        health.check(request).await.expect("the test's own steps work").into_inner().status,
        1,
        "serving"
    );
    let request = tonic_reflection::pb::v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            tonic_reflection::pb::v1::server_reflection_request::MessageRequest::ListServices(String::new()),
        ),
    };
    let mut reflection = tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(
        running.channel.clone(),
    );
    let answers = reflection
        .server_reflection_info(tokio_stream::iter([request]))
        .await
        .expect("the test's own steps work");
    let answer = format!("{:?}", answers.into_inner().message().await.expect("the test's own steps work"));
    for service in [
        "scraperelay.admin.v1.TargetService",
        "scraperelay.admin.v1.RelayService",
        "scraperelay.admin.v1.DiscoveryService",
        "grpc.health.v1.Health",
    ] {
        assert!(answer.contains(service), "{service}: {answer}");
    }
    drop((relays, health, reflection));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discovery_that_fails_is_told_until_it_reads_well_again() {
    let config = "scrape_configs:\n- job_name: j\n  file_sd_configs:\n  - files: [targets.json]\n  \
                  static_configs:\n  - targets: ['a:1']\n";
    let running = Running::start(config).await;
    let file = running.directory.path().join("targets.json");
    let discoveries = || async {
        let mut client = DiscoveryServiceClient::new(running.channel.clone());
        let answer = client.list_discoveries(ListDiscoveriesRequest {}).await;
        answer.expect("the test's own steps work").into_inner().discoveries
    };
    let is = |mechanism: &'static str, failing: bool| {
        let listed = discoveries();
        async move {
            let found = listed.await.into_iter().find(|it| it.mechanism == mechanism);
            found.is_some_and(|it| {
                let (well, wrong) = (it.last_success_time.is_some(), !it.last_error.is_empty());
                assert_eq!((it.job.as_str(), wrong), ("j", it.consecutive_failures > 0));
                if failing { wrong } else { well && !wrong }
            })
        }
    };
    until("the static one", || is("static", false)).await;
    fs::write(&file, "[{").expect("the test's own steps work");
    until("the broken file", || is("file", true)).await;
    fs::write(&file, "[]").expect("the test's own steps work");
    until("the file that is whole again", || is("file", false)).await;
    running.stop().await;
}

fn of(targets: &str) -> String {
    format!("scrape_configs:\n- job_name: j\n  static_configs:\n  - targets: [{targets}]\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_configuration_replaces_the_running_one_and_a_bad_one_does_not() {
    let many: Vec<String> = (0..30).map(|n| format!("h{n}:1")).collect();
    let running = Running::start(&of(&many.join(", "))).await;
    running.has(30).await;
    let good = "scraperelay_config_last_reload_successful 1";
    let bad = "scraperelay_config_last_reload_successful 0";
    until("the first read to count", || running.own_metric(good)).await;

    for broken in [&*of("a:1").replace("job_name", "job_nam"), "{", "scrape_configs: 1\n"] {
        running.write(broken);
        until("the bad read to count", || running.own_metric(bad)).await;
        assert_eq!(running.list("", 0, "").await.total_size, 30, "{broken}");
        running.write(&of(&many.join(", ")));
        until("the good read to count", || running.own_metric(good)).await;
    }
    // A change of the configuration is never held back, however much it removes.
    running.write(&of("a:1"));
    running.has(1).await;
    fs::remove_file(running.directory.path().join("config.yml")).expect("the test's own steps work");
    until("the missing file to count", || running.own_metric(bad)).await;
    assert_eq!(running.list("", 0, "").await.total_size, 1);
    running.write(&of("a:1, b:1"));
    running.has(2).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_loses_most_targets_is_read_twice_before_they_go() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("targets.json");
    let write = |count: usize| {
        let targets: Vec<String> = (0..count).map(|n| format!("\"h{n}:1\"")).collect();
        fs::write(&file, format!("[{{\"targets\": [{}]}}]", targets.join(", "))).expect("written");
    };
    write(30);
    let path = file.display();
    let config = format!("scrape_configs:\n- job_name: j\n  file_sd_configs:\n  - files: ['{path}']\n");
    let running = Running::start(&config).await;
    running.has(30).await;
    let held = |count| format!("scraperelay_coordinator_sd_mass_removal_held {count}");
    let changed = std::time::Instant::now();
    write(2);
    until("the removal to be held", || async { running.own_metric(&held(1)).await }).await;
    assert_eq!(running.list("", 0, "").await.total_size, 30);
    running.has(2).await;
    assert!(changed.elapsed() >= Duration::from_secs(5), "{:?}", changed.elapsed());
    assert!(running.own_metric(&held(0)).await);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reads_the_file_again() {
    let running = Running::start(&of("a:1")).await;
    running.has(1).await;
    let reloads = "scraperelay_config_reloads_total{result=\"ok\"} 1";
    assert!(!running.own_metric(reloads).await);
    let kill = std::process::Command::new("kill").args(["-HUP", &std::process::id().to_string()]).status();
    assert!(kill.expect("the test's own steps work").success());
    until("the read to count", || running.own_metric(reloads)).await;
    running.stop().await;
}

#[tokio::test]
async fn inline_secrets_go_to_relays_on_this_machine_only() {
    let directory = tempfile::tempdir().expect("the test's own steps work");
    let file = directory.path().join("config.yml");
    fs::write(&file, FLEET).expect("the test's own steps work");
    for (grpc, refused) in [("127.0.0.1:0", false), ("[::1]:0", false), ("0.0.0.0:0", true)] {
        let bound = Coordinator::bind(started_with(file.clone(), grpc)).await;
        assert_eq!(matches!(bound, Err(Error::InlineSecret { .. })), refused, "{grpc}");
        if let Err(error @ Error::InlineSecret { .. }) = bound {
            let told = error.to_string();
            assert!(told.contains("password_file") && !told.contains("s3cr3t"), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_brings_an_inline_secret_for_other_machines_is_refused() {
    let directory = tempfile::tempdir().expect("the test's own steps work");
    let file = directory.path().join("config.yml");
    fs::write(&file, of("a:1")).expect("the test's own steps work");
    let coordinator =
        Coordinator::bind(started_with(file.clone(), "0.0.0.0:0")).await.expect("the test's own steps work");
    let http = coordinator.bound().http;
    let shutdown = Shutdown::new();
    let rt = Runtime::new(Telemetry::metrics_only().expect("the test's own steps work"), shutdown.clone());
    let ended = tokio::spawn(coordinator.run(rt));
    fs::write(&file, FLEET).expect("the test's own steps work");
    until("the bad read to count", || async {
        let page = get(http, "/metrics").await.unwrap_or_default();
        page.lines().any(|line| line == "scraperelay_config_last_reload_successful 0")
    })
    .await;
    shutdown.drain();
    ended.await.expect("the test's own steps work").expect("the test's own steps work");
}

/// Reads a watch up to its bookmark: types and instances, and the token.
async fn watched(running: &Running, resume_token: &str) -> (Vec<String>, String) {
    let request = WatchTargetsRequest { resume_token: resume_token.to_owned(), ..Default::default() };
    let answer = running.targets.clone().watch_targets(request).await.expect("the test's own steps work");
    let (mut messages, mut told) = (answer.into_inner(), Vec::new());
    loop {
        let message = messages.message().await.expect("a stream").expect("it goes on");
        let instance = message.target.iter().find_map(|target| target.labels.get("instance")).cloned();
        let kind = message.r#type();
        if kind == ChangeType::Bookmark {
            return (told, message.resume_token);
        }
        told.push(format!("{} {}", kind.as_str_name(), instance.unwrap_or_default()));
        if !resume_token.is_empty() && kind != ChangeType::Reset {
            return (told, message.resume_token);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_where_its_token_says() {
    let running =
        Running::start("scrape_configs:\n- job_name: j\n  static_configs: [{targets: ['a:1']}]\n").await;
    running.has(1).await;
    let (told, token) = watched(&running, "").await;
    assert_eq!(told, ["CHANGE_TYPE_RESET ", "CHANGE_TYPE_ADDED a:1"]);
    running.write("scrape_configs:\n- job_name: j\n  static_configs: [{targets: ['a:1', 'b:1']}]\n");
    running.has(2).await;
    let (told, later) = watched(&running, &token).await;
    assert_eq!(told, ["CHANGE_TYPE_ADDED b:1"]);
    running.write("scrape_configs:\n- job_name: j\n  static_configs: [{targets: ['b:1']}]\n");
    running.has(1).await;
    assert_eq!(watched(&running, &later).await.0, ["CHANGE_TYPE_REMOVED "]);
    let other = format!("other:{}", later.rsplit_once(':').expect("a token").1);
    assert_eq!(watched(&running, &other).await.0[0], "CHANGE_TYPE_RESET ");

    let request = WatchTargetsRequest { resume_token: "nonsense".to_owned(), ..Default::default() };
    let refused = running.targets.clone().watch_targets(request).await.expect_err("no token");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(running.own_metric("scraperelay_coordinator_target_watch_lists_total{reason=\"token\"} 1").await);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_watches_and_all_end_with_the_coordinator() {
    let running = Running::start(FLEET).await;
    running.has(4).await;
    let mut open = Vec::new();
    for _ in 0..32 {
        let answer = running.targets.clone().watch_targets(WatchTargetsRequest::default()).await;
        open.push(answer.expect("the test's own steps work").into_inner());
    }
    let refused = running.targets.clone().watch_targets(WatchTargetsRequest::default()).await;
    assert_eq!(refused.expect_err("there are too many").code(), Code::ResourceExhausted);
    drop(open.pop());
    until("a free place", || async {
        running.targets.clone().watch_targets(WatchTargetsRequest::default()).await.is_ok()
    })
    .await;
    running.shutdown.drain();
    for mut messages in open {
        while messages.message().await.is_ok_and(|message| message.is_some()) {}
    }
    running.stop().await;
}
