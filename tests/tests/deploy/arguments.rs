//! What manifests pass to the program is what it takes: flags, ports, probes, the configuration, the environment.

use std::path::Path;

use clap::Parser as _;
use coordinator::config;
use scrape_relay::args::Cli;
use serde_json::{Value, json};

use crate::manifests::{self, KUBERNETES, Manifest, PROXY, one};

/// How long the processes take to end, in seconds: docs/limits.md.
const ENDS: [(&str, u64); 2] = [("coordinator", 5), ("relay", 25 + 12 + 5)];

fn workloads() -> Vec<Manifest> {
    manifests::of(KUBERNETES).into_iter().filter(Manifest::is_workload).collect()
}

#[test]
fn the_program_takes_every_flag() {
    for workload in workloads() {
        let arguments = workload.arguments().into_iter().map(|it| it.replace("$(", "").replace(')', ""));
        let line: Vec<String> = std::iter::once("scrape-relay".to_owned()).chain(arguments).collect();
        Cli::try_parse_from(&line).unwrap_or_else(|error| panic!("{}: {error}", workload.place));
    }
}

#[test]
fn variables_in_arguments_are_set() {
    for workload in workloads() {
        let set: Vec<_> =
            workload.container()["env"].as_array().map(Vec::as_slice).unwrap_or_default().iter().collect();
        for argument in workload.arguments() {
            for name in argument.split("$(").skip(1).filter_map(|rest| rest.split(')').next()) {
                assert!(set.iter().any(|it| it["name"] == name), "{}: {name} is not set", workload.place);
            }
        }
    }
}

#[test]
fn declared_ports_are_those_it_listens_on() {
    let flags = [("--listen", "metrics"), ("--http-listen", "http"), ("--grpc-listen", "grpc")];
    for workload in workloads() {
        let listens = flags.iter().filter_map(|(flag, name)| {
            let port = workload.flag(flag)?.rsplit(':').next()?;
            Some((*name, port.parse().expect("a port is a number")))
        });
        assert_eq!(listens.collect::<Vec<_>>(), workload.ports(), "{}", workload.place);
        assert!(workload.arguments().contains(&runtime::address::INSECURE_FLAG), "{}", workload.place);
    }
}

#[test]
fn probes_ask_pages_that_exist_and_pods_have_time_to_end() {
    for workload in workloads() {
        let container = workload.container();
        for (probe, path) in [("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
            assert_eq!(
                container[probe]["httpGet"],
                json!({"path": path, "port": "http"}),
                "{}",
                workload.place
            );
        }
        let process = workload.arguments()[0];
        let needs = ENDS.iter().find(|(name, _)| *name == process).expect("a process that is known").1;
        let given = workload.at("/spec/template/spec/terminationGracePeriodSeconds").as_u64();
        assert!(given.is_some_and(|given| given > needs), "{}: {given:?}", workload.place);
    }
}

#[test]
fn the_configuration_is_taken() {
    let manifests = manifests::of(KUBERNETES);
    let text = one(&manifests, "ConfigMap", "scrape-relay").text("/data/config.yml").to_owned();
    let relays = one(&manifests, "StatefulSet", "scrape-relay-relay").at("/spec/replicas").as_u64();
    assert!(text.contains(&format!("expected_relays: {}\n", relays.expect("a number"))), "{text}");
    let loaded =
        config::parse("config.yml", &text, Path::new("")).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(loaded.warnings.diagnostics.is_empty(), "{}", loaded.warnings);
    assert_eq!(Some(loaded.config.coordinator.expected_relays), relays);
    assert_eq!(loaded.config.jobs.len(), 1);
}

#[test]
fn the_other_programs_deployment_has_another_image_and_an_account_and_is_else_as_documented() {
    let manifests = manifests::of(PROXY);
    let mut deployment = one(&manifests, "Deployment", "metrics-k8s-proxy").value.clone();
    let pods = &mut deployment["spec"]["template"]["spec"];
    assert!(pods["serviceAccountName"].take().is_string());
    assert_eq!(
        pods["containers"][0]["image"].take(),
        json!(format!("scrape-relay:{}", crate::files::VERSION))
    );
    let environment = json!([
        {"name": "POD_LABEL_SELECTOR", "value": "app=my-app"},
        {"name": "SCRAPE_TIMEOUT", "value": "15s"},
        {"name": "PORT", "value": "15090"},
    ]);
    let container = json!({
        "name": "metrics-k8s-proxy", "image": null, "env": environment, "ports": [{"containerPort": 15090}],
    });
    let labels = json!({"app": "metrics-k8s-proxy"});
    let documented = json!({
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"serviceAccountName": Value::Null, "containers": [container]},
        },
    });
    assert_eq!(deployment["spec"], documented);
}
