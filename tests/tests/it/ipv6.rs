//! Every address IPv6: targets, the relay's pages, the stream between relay and coordinator.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use integration::fake_target::{Behaviour, FakeTargets, TEXT};
use integration::process::{Process, free_address_at};
use integration::{http_client, wait};

const LOOPBACK: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Starts `standalone` with this one target; its process and where its page is.
fn standalone(target: SocketAddr, directory: &Path) -> (Process, SocketAddr) {
    let config = directory.join("config.yml");
    let text = format!("scrape_configs:\n- job_name: six\n  static_configs:\n  - targets: ['{target}']\n");
    std::fs::write(&config, text).expect("the configuration is written");
    let page = free_address_at(LOOPBACK);
    let mut command = crate::program().command();
    command
        .arg("standalone")
        .arg(format!("--config={}", config.display()))
        .arg(format!("--listen={page}"))
        .arg(format!("--http-listen={}", free_address_at(LOOPBACK)))
        .arg(format!("--grpc-listen={}", free_address_at(LOOPBACK)));
    let process = Process::start(command, &directory.join("standalone.log")).expect("it starts");
    (process, page)
}

#[tokio::test]
async fn a_fleet_of_ipv6_addresses_needs_nothing_special() {
    let _permit = crate::alone().await;
    let serve = |_| Behaviour::Body(TEXT, "sixes 6\n".into());
    let Ok(targets) = FakeTargets::start_at(LOOPBACK, 1, serve).await else {
        println!("LEFT OUT: this machine has no IPv6 loopback address");
        return;
    };
    let target = targets.addresses()[0];
    let directory = tempfile::tempdir().expect("a directory");
    let (_process, page) = standalone(target, directory.path());
    let series = format!("sixes{{instance=\"{target}\",job=\"six\"}} 6\n");
    wait::until("the target on the page", Duration::from_secs(20), || async {
        let answer = http_client::get(&format!("http://{page}/metrics"), &[]).await?;
        let text = answer.text();
        if answer.status == 200 && text.contains(&series) { Ok(()) } else { Err(text) }
    })
    .await;
}
