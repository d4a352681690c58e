//! Manifests refer to each other: what is named is there.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::files;
use crate::manifests::{self, KUBERNETES, Manifest, OPTIONAL, PROXY, one};

fn ours() -> Vec<Manifest> {
    [KUBERNETES, OPTIONAL].into_iter().flat_map(manifests::of).collect()
}

fn selected<'m>(manifests: &'m [Manifest], labels: &Value, by: &str) -> Vec<&'m Manifest> {
    let found: Vec<_> = manifests.iter().filter(|it| it.is_workload() && it.is_selected_by(labels)).collect();
    assert!(!found.is_empty(), "{by} selects no pod by {labels}");
    found
}

#[test]
fn kustomize_takes_every_manifest_and_sets_the_image() {
    let kustomization = manifests::file(&format!("{KUBERNETES}/kustomization.yaml")).remove(0);
    let listed: BTreeSet<_> = kustomization.list("/resources").iter().filter_map(Value::as_str).collect();
    let names = files::names(KUBERNETES);
    let there: BTreeSet<_> =
        names.iter().map(String::as_str).filter(|it| *it != "kustomization.yaml").collect();
    assert_eq!(listed, there);
    assert_eq!(kustomization.text("/images/0/newTag"), files::VERSION);
    let namespace = kustomization.text("/namespace");
    let manifests = ours();
    one(&manifests, "Namespace", namespace);
    for workload in manifests.iter().filter(|it| it.is_workload()) {
        assert_eq!(
            workload.container()["image"],
            kustomization.at("/images/0/name").clone(),
            "{}",
            workload.place
        );
    }
    for manifest in manifests::of(OPTIONAL) {
        let cluster_wide = manifest.kind().starts_with("ClusterRole");
        assert!(cluster_wide || manifest.text("/metadata/namespace") == namespace, "{}", manifest.place);
    }
}

#[test]
fn every_selector_selects_pods_and_every_port_is_theirs() {
    let manifests = ours();
    for manifest in &manifests {
        match manifest.kind() {
            "Deployment" | "StatefulSet" | "PodDisruptionBudget" => {
                let labels = manifest.at("/spec/selector/matchLabels");
                assert_eq!(selected(&manifests, labels, &manifest.place).len(), 1, "{}", manifest.place);
            }
            "Service" => service(&manifests, manifest),
            "NetworkPolicy" => network_policy(&manifests, manifest),
            "PodMonitor" => {
                for pods in selected(&manifests, manifest.at("/spec/selector/matchLabels"), &manifest.place) {
                    for endpoint in manifest.list("/spec/podMetricsEndpoints") {
                        let port = endpoint["port"].as_str().expect("a port is named");
                        assert!(
                            pods.ports().iter().any(|(name, _)| *name == port),
                            "{}: {port}",
                            manifest.place
                        );
                    }
                }
            }
            _ => {}
        }
    }
}

fn service(manifests: &[Manifest], service: &Manifest) {
    let pods = selected(manifests, service.at("/spec/selector"), &service.place);
    assert_eq!(pods.len(), 1, "{}", service.place);
    let offered: Vec<_> = service
        .list("/spec/ports")
        .iter()
        .map(|port| (port["targetPort"].as_str().expect("ports go by name"), port["port"].as_u64()))
        .collect();
    let declared: Vec<_> = pods[0].ports().into_iter().map(|(name, number)| (name, Some(number))).collect();
    assert_eq!(offered, declared, "{}", service.place);
}

fn network_policy(manifests: &[Manifest], policy: &Manifest) {
    let pods = selected(manifests, policy.at("/spec/podSelector/matchLabels"), &policy.place);
    assert_eq!(pods.len(), 1, "{}", policy.place);
    assert_eq!(policy.list("/spec/policyTypes").len(), 2, "{}", policy.place);
    for rule in policy.list("/spec/ingress") {
        let peers = rule["from"].as_array().expect("nobody is let in by a rule without peers");
        assert!(!peers.is_empty(), "{}", policy.place);
        for peer in peers.iter().filter(|peer| peer.get("podSelector").is_some()) {
            selected(manifests, &peer["podSelector"]["matchLabels"], &policy.place);
        }
        for port in rule["ports"].as_array().expect("a rule names its ports") {
            let name = port["port"].as_str().expect("ports go by name");
            assert!(
                pods[0].ports().iter().any(|(declared, _)| *declared == name),
                "{}: {name}",
                policy.place
            );
        }
    }
}

#[test]
fn accounts_and_roles_are_there() {
    for manifests in [ours(), manifests::of(PROXY)] {
        for workload in manifests.iter().filter(|it| it.is_workload()) {
            one(&manifests, "ServiceAccount", workload.text("/spec/template/spec/serviceAccountName"));
        }
        let bindings: Vec<_> = manifests.iter().filter(|it| it.kind() == "ClusterRoleBinding").collect();
        assert!(!bindings.is_empty());
        for binding in bindings {
            let role = one(&manifests, "ClusterRole", binding.text("/roleRef/name"));
            for rule in role.list("/rules") {
                assert_eq!(rule["verbs"], serde_json::json!(["get", "list", "watch"]), "{}", role.place);
            }
            let account = one(&manifests, "ServiceAccount", binding.text("/subjects/0/name"));
            let namespace = account.at("/metadata/namespace").as_str().unwrap_or("scrape-relay");
            assert_eq!(binding.text("/subjects/0/namespace"), namespace, "{}", binding.place);
        }
    }
}

#[test]
fn only_the_coordinator_has_a_token() {
    for workload in ours().iter().filter(|it| it.is_workload()) {
        let coordinator = workload.arguments().first() == Some(&"coordinator");
        let mounted = workload.at("/spec/template/spec/automountServiceAccountToken");
        assert_eq!(mounted.as_bool(), Some(coordinator), "{}", workload.place);
    }
}

#[test]
fn volumes_are_mounted_and_hold_the_configuration() {
    let manifests = ours();
    for workload in manifests.iter().filter(|it| it.is_workload()) {
        let claims = workload.list("/spec/volumeClaimTemplates").iter().map(|it| &it["metadata"]["name"]);
        let volumes = workload.list("/spec/template/spec/volumes").iter().map(|it| &it["name"]);
        let offered: BTreeSet<_> = claims.chain(volumes).filter_map(Value::as_str).collect();
        let mounts = workload.container()["volumeMounts"].as_array().expect("something is mounted");
        let mounted: BTreeSet<_> = mounts.iter().filter_map(|mount| mount["name"].as_str()).collect();
        assert_eq!(offered, mounted, "{}", workload.place);
        let below = |path: &str| {
            mounts.iter().any(|mount| path.starts_with(mount["mountPath"].as_str().unwrap_or("?")))
        };
        for path in ["--config", "--cache-dir"].into_iter().filter_map(|flag| workload.flag(flag)) {
            assert!(below(path), "{}: {path} is on no volume", workload.place);
        }
    }
    let coordinator = one(&manifests, "Deployment", "scrape-relay-coordinator");
    let map = one(&manifests, "ConfigMap", coordinator.text("/spec/template/spec/volumes/0/configMap/name"));
    let file =
        coordinator.flag("--config").and_then(|path| path.rsplit('/').next()).expect("a file is named");
    assert!(map.at("/data").get(file).is_some(), "{} has no {file}", map.place);
}

#[test]
fn there_is_one_coordinator_and_relays_find_it() {
    let manifests = ours();
    let coordinator = one(&manifests, "Deployment", "scrape-relay-coordinator");
    assert_eq!(coordinator.at("/spec/replicas"), 1);
    assert_eq!(coordinator.text("/spec/strategy/type"), "Recreate");
    let relays = one(&manifests, "StatefulSet", "scrape-relay-relay");
    assert_eq!(relays.text("/spec/podManagementPolicy"), "Parallel");

    let port = coordinator.ports().into_iter().find(|(name, _)| *name == "grpc").expect("a gRPC port").1;
    let address = format!("http://{}:{port}", one(&manifests, "Service", "scrape-relay-coordinator").name());
    assert_eq!(relays.flag("--coordinator"), Some(&*address));

    let service = one(&manifests, "Service", relays.text("/spec/serviceName"));
    assert_eq!(
        (service.text("/spec/clusterIP"), service.at("/spec/publishNotReadyAddresses")),
        ("None", &Value::Bool(true))
    );
    let port =
        relays.ports().into_iter().find(|(name, _)| *name == "metrics").expect("a port of the pages").1;
    let name = format!("$(POD_NAME).{}.$(POD_NAMESPACE).svc:{port}", service.name());
    assert_eq!(relays.flag("--advertise"), Some(&*name));
    assert_eq!(relays.flag("--name"), Some("$(POD_NAME)"));
}
