//! `scrape-relay demo`

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proto::admin::v1::{ListRelaysRequest, ListRelaysResponse};
use runtime::log::Level;

use super::relays;
use crate::args::{AskArgs, DemoArgs, LogArgs, Output};
use crate::ask;
use crate::demo::chaos::Chaos;
use crate::demo::exporters::{self, Exporters};
use crate::demo::files;
use crate::demo::fleet::{self, Fleet};
use crate::demo::show::{self, Addresses, RelayAddress};
use crate::exit::Failure;
use crate::process::{Server, together};
use crate::warm_up;

/// The live table is drawn this often.
const REDRAW: Duration = Duration::from_secs(2);

/// The demo's files on disk.
struct Files {
    fleet: PathBuf,
    prometheus: PathBuf,
    direct: PathBuf,
}

/// Runs it until it is told to stop.
///
/// # Errors
/// Where a port cannot be had, or a task failed.
pub async fn run(args: DemoArgs, log: &LogArgs) -> Result<(), Failure> {
    let server = Server::start(&beside_table(log), "scrape-relay-demo")?;
    let failed = |error: std::io::Error| Failure::failed(error.to_string());
    let exporters = Exporters::bind(args.targets as usize).await.map_err(failed)?;
    let directory = tempfile::Builder::new().prefix("scrape-relay-demo-").tempdir().map_err(failed)?;
    let files = Files::in_directory(directory.path());
    let addresses = exporters.addresses().map_err(failed)?;
    write(&files.fleet, &files::fleet(&addresses))?;
    write(&files.direct, &files::direct(&addresses))?;
    let fleet = Fleet::bind(directory.path(), &files.fleet, args.relays).await?;
    let prometheus_config = files::through_relays(fleet.coordinator().http);
    write(&files.prometheus, &prometheus_config)?;
    let kills = args.chaos.then(|| Kills {
        relays: fleet.switches(),
        exporters: addresses,
        exporter: exporters.switch(),
        pause: args.chaos_pause,
    });
    let show =
        Show { addresses: found(&args, &fleet, &files), prometheus_config, pages: fleet.pages(), kills };

    let show = async {
        tokio::select! {
            // What fails because the end was asked for is no failure.
            biased;
            () = server.shutdown.draining() => Ok(()),
            shown = show.run() => shown,
        }
    };
    let fleet = together(&server.shutdown, fleet.run(&server), show);
    // The exporters go on for as long as relays finish their pages: they end with the fleet.
    let ended = tokio::select! {
        ended = fleet => ended,
        () = exporters.serve() => Err(Failure::failed("the exporters have stopped")),
    };
    server.finish().await;
    directory.close().map_err(failed)?;
    ended
}

/// On a terminal the log would write into the table: only what went wrong is said there.
fn beside_table(log: &LogArgs) -> LogArgs {
    let mut log = log.clone();
    if std::io::stdout().is_terminal() && log.log_level == Level::Info {
        log.log_level = Level::Warn;
    }
    log
}

fn found(args: &DemoArgs, fleet: &Fleet, files: &Files) -> Addresses {
    let bound = fleet.coordinator();
    let relay = |(name, metrics)| RelayAddress { name, metrics: format!("http://{metrics}/metrics") };
    Addresses {
        coordinator: format!("http://{}", bound.http),
        admin_grpc: bound.grpc,
        prometheus_config: files.prometheus.clone(),
        direct_config: files.direct.clone(),
        targets: args.targets,
        relays: fleet.pages().into_iter().map(relay).collect(),
    }
}

impl Files {
    fn in_directory(directory: &Path) -> Self {
        Self {
            fleet: directory.join("fleet.yml"),
            prometheus: directory.join("prometheus.yml"),
            direct: directory.join("direct.yml"),
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
}

/// What goes to standard output.
struct Show {
    addresses: Addresses,
    prometheus_config: String,
    pages: Vec<(String, SocketAddr)>,
    kills: Option<Kills>,
}

/// What `--chaos` has in its hands.
struct Kills {
    relays: Vec<fleet::Down>,
    exporters: Vec<SocketAddr>,
    exporter: exporters::Down,
    pause: Duration,
}

impl Show {
    /// Prints the addresses once the fleet has its targets; on a terminal then draws the table until dropped.
    async fn run(self) -> Result<(), Failure> {
        let ask = AskArgs {
            server: self.addresses.admin_grpc.to_string(),
            output: Output::Table,
            timeout: Duration::from_secs(5),
        };
        let coordinator = connect(&ask).await;
        self.ready(&coordinator).await?;
        let is_terminal = std::io::stdout().is_terminal();
        if is_terminal {
            say(&show::for_people(&self.addresses, &self.prometheus_config))?;
        } else {
            let line =
                serde_json::to_string(&self.addresses).map_err(|error| Failure::failed(error.to_string()))?;
            say(&format!("{line}\n"))?;
        }
        if let Some(Kills { relays, exporters, exporter, pause }) = self.kills {
            let chaos = Chaos { coordinator, pages: self.pages, relays, exporters, exporter, pause };
            return chaos.run().await;
        }
        if !is_terminal {
            return std::future::pending().await;
        }
        let mut drawn = 0;
        loop {
            let table = relays::list_table(&list(&coordinator).await?);
            // Back to where the table before began, and clear what is below.
            let up = if drawn == 0 { String::new() } else { format!("\u{1b}[{drawn}A\u{1b}[J") };
            say(&format!("{up}{table}\n"))?;
            drawn = table.lines().count();
            tokio::time::sleep(REDRAW).await;
        }
    }

    /// Asks every page until the relays have all targets and each has scraped its own.
    async fn ready(&self, coordinator: &ask::Server) -> Result<(), Failure> {
        loop {
            let pages = self.pages.iter().map(|(_, address)| warm_up::page(*address));
            // A page that is not there yet is asked again.
            futures_util::future::join_all(pages).await;
            let listed = list(coordinator).await?;
            let owned: i32 = listed.relays.iter().map(|relay| relay.targets).sum();
            let scraped = listed.relays.iter().all(|relay| relay.targets > 0);
            if scraped && u32::try_from(owned) == Ok(self.addresses.targets) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn connect(ask: &AskArgs) -> ask::Server {
    loop {
        match ask::Server::connect(ask).await {
            Ok(server) => return server,
            // Its port is open and its server about to start.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn list(coordinator: &ask::Server) -> Result<ListRelaysResponse, Failure> {
    let request = coordinator.request(ListRelaysRequest {});
    let answer = coordinator.relays().list_relays(request).await;
    Ok(answer.map_err(|status| coordinator.failure(&status))?.into_inner())
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Failure::failed(format!("writing to standard output: {error}")))
}
