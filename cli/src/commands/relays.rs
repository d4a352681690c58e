//! `scrape-relay relays list|get`, and relays as rows.

use proto::admin::v1::{
    GetRelayRequest, GetRelayResponse, ListRelaysRequest, ListRelaysResponse, Move, Relay, RelayState,
};

use super::{drain, targets};
use crate::args::{AskArgs, Output, RelaysCommand};
use crate::ask::Server;
use crate::exit::Failure;
use crate::{json, table};

/// Runs one of them; gives what goes to standard output.
///
/// # Errors
/// What the coordinator refused, or that there is none.
pub async fn run(command: RelaysCommand) -> Result<String, Failure> {
    match command {
        RelaysCommand::List { ask } => {
            let answer = ask_all(&Server::connect(&ask).await?).await?;
            show(&answer, ask.output)
        }
        RelaysCommand::Get { name, ask } => get(name, &ask).await,
        RelaysCommand::Drain(args) => drain::drain(args).await,
        RelaysCommand::Undrain { names, ask } => drain::undrain(&names, &ask).await,
    }
}

/// All relays.
///
/// # Errors
/// What the coordinator refused.
pub async fn ask_all(server: &Server) -> Result<ListRelaysResponse, Failure> {
    let answer = server.relays().list_relays(server.request(ListRelaysRequest {})).await;
    Ok(answer.map_err(|status| server.failure(&status))?.into_inner())
}

/// Relays as they are printed.
///
/// # Errors
/// Where they cannot be written as JSON.
pub fn show(answer: &ListRelaysResponse, output: Output) -> Result<String, Failure> {
    match output {
        Output::Json => json::of("scraperelay.admin.v1.ListRelaysResponse", answer),
        Output::Table => Ok(list_table(answer)),
    }
}

async fn get(name: String, ask: &AskArgs) -> Result<String, Failure> {
    let server = Server::connect(ask).await?;
    let answer = server.relays().get_relay(server.request(GetRelayRequest { name })).await;
    let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
    match (ask.output, &answer.relay) {
        (Output::Table, Some(relay)) => Ok(describe(relay) + &moves(&answer)),
        _ => json::of("scraperelay.admin.v1.GetRelayResponse", &answer),
    }
}

/// One relay, a line for each thing there is to know.
#[must_use]
pub fn describe(relay: &Relay) -> String {
    let mut states: Vec<_> = relay.state_counts.iter().collect();
    states.sort();
    let states: Vec<String> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let memory = relay.resident_bytes >> 20;
    let rows: [(&str, String); 16] = [
        ("name", relay.name.clone()),
        ("state", state(relay).to_owned()),
        ("metrics", relay.advertise.clone()),
        ("build", relay.build.clone()),
        ("boot id", relay.boot_id.clone()),
        ("connected for", table::ago(relay.connected_since.as_ref())),
        ("heard", table::ago(relay.last_heard.as_ref())),
        ("last page", table::ago(relay.last_page.as_ref())),
        ("told to Prometheus", yes(relay.listed)),
        ("drained", yes(relay.drained)),
        ("targets", relay.targets.to_string()),
        ("targets by state", states.join(" · ")),
        ("still to lose", to_lose(relay).map(|count| count.to_string()).unwrap_or_default()),
        ("load, over the mean", format!("{}, {:.2}", relay.load, relay.load_ratio)),
        ("memory", if memory == 0 { String::new() } else { format!("{memory} MiB") }),
        ("hindrance", relay.hindrance.clone()),
    ];
    table::fields(&rows)
}

/// What is on its way from it or to it.
fn moves(answer: &GetRelayResponse) -> String {
    if answer.moves.is_empty() {
        return String::new();
    }
    let mut out = table::new(&["ID", "JOB", "URL", "MOVE"]);
    for Move { target, job, url, transfer } in &answer.moves {
        let transfer = transfer.as_ref().map(targets::moving).unwrap_or_default();
        table::row(&mut out, &[targets::short(target), job, url, &transfer]);
    }
    format!("\n\n{out}\n{} of {} moves under way", answer.moves.len(), answer.moves_total)
}

/// What a relay that is to lose its targets has still to lose.
#[must_use]
pub fn to_lose(relay: &Relay) -> Option<i32> {
    let leaves = relay.drained || relay.state() == RelayState::Draining;
    leaves.then_some(relay.to_lose)
}

/// One row per relay, and the reign below.
#[must_use]
pub fn list_table(answer: &ListRelaysResponse) -> String {
    let mut out = table::new(&[
        "NAME",
        "STATE",
        "METRICS",
        "TARGETS",
        "UP",
        "DOWN",
        "FROM CACHE",
        "LOAD",
        "TO LOSE",
        "LISTED",
        "LAST PAGE",
        "HEARD",
    ]);
    for relay in &answer.relays {
        let count = |state: &str| relay.state_counts.get(state).copied().unwrap_or_default().to_string();
        let cells = [
            &*relay.name,
            state(relay),
            &relay.advertise,
            &relay.targets.to_string(),
            &count("up"),
            &count("down"),
            &count("stale_served"),
            &format!("{:.2}", relay.load_ratio),
            &to_lose(relay).map(|count| count.to_string()).unwrap_or_default(),
            if relay.listed { "yes" } else { "no" },
            &table::ago(relay.last_page.as_ref()),
            &table::ago(relay.last_heard.as_ref()),
        ];
        table::row(&mut out, &cells);
    }
    format!("{out}\n{} relays · epoch {} · {}", answer.relays.len(), answer.epoch, answer.coordinator_state)
}

fn state(relay: &Relay) -> &'static str {
    match relay.state() {
        RelayState::Draining if relay.drained && to_lose(relay) == Some(0) => "drained",
        state => word(state),
    }
}

/// The word for a state.
#[must_use]
pub fn word(state: RelayState) -> &'static str {
    match state {
        RelayState::Unspecified => "unknown",
        RelayState::Active => "active",
        RelayState::Joining => "joining",
        RelayState::Suspect => "suspect",
        RelayState::Lost => "lost",
        RelayState::Draining => "draining",
    }
}
