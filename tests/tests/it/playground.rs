//! The fleet that people try things on starts, works and leaves nothing behind.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use integration::process::Process;
use integration::{http_client, prometheus, wait};
use rustix::process::Signal;
use serde_json::Value;

/// What it says last, when everything runs.
const READY: &str = "Ctrl-C ends all of it.";

#[tokio::test]
async fn the_playground_scrapes_its_pods_and_leaves_nothing() {
    let _alone = crate::alone().await;
    let tools = ["prometheus-3.15", "kube-apiserver-1.36.3", "etcd-3.6.8"];
    if tools.into_iter().any(|name| prometheus::tool(name).is_none()) {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_playground"));
    // Its files are made here, so that what is left of them is seen.
    command.env("TMPDIR", directory.path());
    let log = directory.path().join("log");
    let mut playground = Process::start(command, &log).expect("it starts");
    let said = wait::until("the playground to be ready", Duration::from_secs(150), || async {
        let said = std::fs::read_to_string(&log).map_err(|error| error.to_string())?;
        if said.contains(READY) || said.contains("LEFT OUT") { Ok(said) } else { Err(said) }
    })
    .await;
    if said.contains("LEFT OUT") {
        println!("{said}");
        return;
    }
    let line = said.lines().find(|line| line.starts_with("Prometheus ")).expect("a Prometheus");
    let server = line.split_whitespace().last().expect("its address").to_owned();
    let url = format!("{server}/api/v1/query?query=count%28up%7Bjob%3D%22pods%22%7D%3D%3D1%29");
    wait::until("all pods to be up", Duration::from_secs(60), || async {
        let answer = http_client::get(&url, &[]).await?;
        let answer: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        let up = &answer["data"]["result"][0]["value"][1];
        if up == "20" { Ok(()) } else { Err(answer.to_string()) }
    })
    .await;
    let before = inside(directory.path());
    assert!(before.len() >= 6, "two servers, a coordinator, two relays and a Prometheus: {before:?}");
    playground.signal(Signal::INT).expect("it runs");
    assert_eq!(playground.exit_code(Duration::from_secs(30)).await, Ok(0));
    assert_eq!(inside(directory.path()), Vec::<String>::new(), "no process is left");
    let files = std::fs::read_dir(directory.path()).expect("the directory is there").count();
    assert_eq!(files, 1, "nothing but what it said is left");
    let networks = Command::new("ip").args(["netns", "list"]).output().expect("ip runs").stdout;
    let network = format!("scrape-relay-{}-", playground.id());
    assert!(!String::from_utf8_lossy(&networks).contains(&network), "its network is left");
}

/// The processes whose command lines name a file of this directory.
fn inside(directory: &Path) -> Vec<String> {
    let name = directory.to_string_lossy().into_owned();
    let processes = std::fs::read_dir("/proc").expect("Linux").filter_map(Result::ok);
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .filter(|line| line.contains(&name))
        .collect()
}
