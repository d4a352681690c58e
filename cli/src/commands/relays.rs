//! `scrape-relay relays list`

use proto::admin::v1::{ListRelaysRequest, ListRelaysResponse, RelayState};

use crate::args::{Output, RelaysCommand};
use crate::ask::Server;
use crate::exit::Failure;
use crate::{json, table};

/// Runs it; gives what goes to standard output.
///
/// # Errors
/// What the coordinator refused, or that there is none.
pub async fn run(command: RelaysCommand) -> Result<String, Failure> {
    let RelaysCommand::List { ask } = command;
    let server = Server::connect(&ask).await?;
    let answer = server.relays().list_relays(server.request(ListRelaysRequest {})).await;
    let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
    match ask.output {
        Output::Json => json::of("scraperelay.admin.v1.ListRelaysResponse", &answer),
        Output::Table => Ok(list_table(&answer)),
    }
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
        "LAST PAGE",
        "HEARD",
    ]);
    for relay in &answer.relays {
        let count = |state: &str| relay.state_counts.get(state).copied().unwrap_or_default().to_string();
        let cells = [
            &*relay.name,
            state(relay.state()),
            &relay.advertise,
            &relay.targets.to_string(),
            &count("up"),
            &count("down"),
            &count("stale_served"),
            &format!("{:.2}", relay.load_ratio),
            &table::ago(relay.last_page.as_ref()),
            &table::ago(relay.last_heard.as_ref()),
        ];
        table::row(&mut out, &cells);
    }
    format!("{out}\n{} relays · epoch {} · {}", answer.relays.len(), answer.epoch, answer.coordinator_state)
}

fn state(state: RelayState) -> &'static str {
    match state {
        RelayState::Unspecified => "unknown",
        RelayState::Active => "active",
        RelayState::Joining => "joining",
        RelayState::Suspect => "suspect",
        RelayState::Lost => "lost",
        RelayState::Draining => "draining",
    }
}
