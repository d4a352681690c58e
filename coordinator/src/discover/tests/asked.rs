//! What operators are told of watched pods, targets or not.

use std::sync::Arc;

use proto::admin::v1::discovery_service_server::DiscoveryService as _;
use proto::admin::v1::target_service_server::TargetService as _;
use proto::admin::v1::{ExplainTargetRequest, Explanation, ListDiscoveriesRequest};
use serde_json::json;
use tokio::sync::watch;
use tonic::Request;

use super::fake_cluster::{FakeCluster, pod};
use super::*;
use crate::admin::Admin;
use crate::catalog::Listing;
use crate::fleet::Timings;
use crate::fleet_task;
use crate::simulations::Simulations;
use crate::watch_targets::Watching;

async fn explain(admin: &Admin, target: &str) -> Vec<Explanation> {
    let request = Request::new(ExplainTargetRequest { target: target.to_owned() });
    let answer = admin.explain_target(request).await.expect("an answer");
    answer.into_inner().explanations
}

#[tokio::test]
async fn every_watched_pod_has_a_story() {
    let cluster = FakeCluster::start().await;
    let annotated = |name: &str, port: &str| {
        let mut object = pod(name, "10.0.0.1");
        object["metadata"]["annotations"] =
            json!({"prometheus.io/scrape": "true", "prometheus.io/port": port});
        object
    };
    cluster.set("plain", "10.0.0.2");
    cluster.set_object("odd", annotated("odd", "80/x"));
    cluster.set_object("dropped", annotated("dropped", "80"));
    let yaml = format!(
        "scrape_configs:\n- job_name: j\n  relabel_configs: [{{action: drop}}]\n  kubernetes_sd_configs:\n  - {{role: pod, \
         api_server: \"{}\", prometheus_io_annotations: {{}}}}\n",
        cluster.url()
    );
    let loaded = config::parse("config.yml", &yaml, std::path::Path::new("/")).expect("a good configuration");
    let mut running = start_one(loaded.config.jobs[0].discoveries[0].clone());
    assert!(matches!(running.next().await, Report::Found(found) if found.groups.len() == 3));
    let (fleet, _task) = fleet_task::new("boot".into(), Timings::default());
    let (_listings, listings) = watch::channel(Arc::new(Listing::default()));
    let (_configs, configs) = watch::channel(Arc::new(loaded.config));
    let discoveries = Ledger::default();
    let watches = running.watches.clone();
    let meter = opentelemetry::global::meter("test");
    let watching = Watching::new(fleet.snapshot(), runtime::Shutdown::new(), &meter);
    let simulations = Simulations::new(&meter);
    let admin = Admin { fleet, listings, configs, discoveries, watches, watching, simulations };

    for (name, reason, error) in [
        ("n/plain", "no_target", "prometheus.io/scrape is not \"true\""),
        ("n/odd", "error", "a port is a number from 1 to 65535"),
        ("n/dropped", "relabel", ""),
    ] {
        let told = explain(&admin, name).await;
        let [told] = &*told else { panic!("{name}: {told:?}") };
        let dropped = told.dropped.as_ref().expect("no target");
        assert_eq!(dropped.drop_reason, reason, "{name}");
        assert!(dropped.error.contains(error), "{name}: {}", dropped.error);
        assert_eq!(told.watch, format!("{}, all namespaces", cluster.url()));
        assert_eq!(told.discovered_labels["__meta_kubernetes_namespace"], "n");
    }
    let unknown = Request::new(ExplainTargetRequest { target: "n/nobody".to_owned() });
    assert_eq!(admin.explain_target(unknown).await.expect_err("no pod").code(), tonic::Code::NotFound);

    let discoveries = admin.list_discoveries(Request::new(ListDiscoveriesRequest {})).await;
    let watches = discoveries.expect("an answer").into_inner().watches;
    let [watch] = &*watches else { panic!("{watches:?}") };
    assert_eq!((&*watch.state, watch.objects, watch.lists), ("watching", 3, 1));
    cluster.fail(Some((403, "", r#"{"reason":"Forbidden","message":"pods is forbidden"}"#)));
    loop {
        let seen = running.watches.seen();
        if let Some(failure) = &seen[0].status.failure {
            assert_eq!(failure.message, "403 Forbidden: pods is forbidden");
            assert_eq!(seen[0].status.objects, 3);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
