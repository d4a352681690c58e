//! A coordinator that is told to read its file again before it has read it once.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use integration::process::{Process, free_address};
use integration::{http_client, wait};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::process::Signal;

const CONFIG: &str = "scrape_configs: [{job_name: a}]\n";
const LIMIT: Duration = Duration::from_secs(20);

/// The pipe's end, once a process has opened the other one to read.
async fn opened_to_read(pipe: &Path) -> File {
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    wait::until("the configuration to be opened", LIMIT, || async {
        let end = OpenOptions::new().write(true).custom_flags(nonblocking).open(pipe);
        end.map_err(|error| error.to_string())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_while_a_coordinator_starts_is_a_reload_and_not_its_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let (config, regular) = (directory.path().join("config.yml"), directory.path().join("regular"));
    std::fs::write(&regular, CONFIG).expect("the configuration is written");
    // The start stands still where it opens the file for the first time.
    mknodat(CWD, &config, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    let http = free_address();
    let mut command = crate::program().command();
    command
        .arg("coordinator")
        .arg(format!("--config={}", config.display()))
        .arg("--grpc-listen=127.0.0.1:0")
        .arg(format!("--http-listen={http}"));
    let mut process = Process::start(command, &directory.path().join("log")).expect("the coordinator starts");
    let mut end = opened_to_read(&config).await;
    process.signal(Signal::HUP).expect("it runs");
    std::fs::rename(&regular, &config).expect("the pipe is replaced");
    end.write_all(CONFIG.as_bytes()).expect("it reads");
    drop(end);
    wait::until("the reload that was asked for", LIMIT, || async {
        let page = http_client::get(&format!("http://{http}/metrics"), &[]).await?.text();
        let reload = page.lines().find(|line| line.starts_with("scraperelay_config_reloads_total"));
        match reload {
            Some(line) if line.contains("\"ok\"") && line.ends_with(" 1") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert!(process.is_running());
    process.signal(Signal::TERM).expect("it runs");
    assert_eq!(process.exit_code(LIMIT).await, Ok(0));
}
