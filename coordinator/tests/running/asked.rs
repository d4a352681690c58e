//! What operators ask it over gRPC.

use std::fs;

use proto::admin::v1::discovery_service_client::DiscoveryServiceClient;
use proto::admin::v1::relay_service_client::RelayServiceClient;
use proto::admin::v1::{
    ExplainTargetRequest, GetTargetRequest, ListDiscoveriesRequest, ListDroppedTargetsRequest,
    ListRelaysRequest, ListTargetsRequest, State,
};
use tonic::Code;

use super::{FLEET, Running, until};

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
