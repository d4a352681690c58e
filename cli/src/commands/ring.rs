//! `scrape-relay ring show|simulate`

use std::fmt::Write as _;

use proto::admin::v1::{
    GetRingRequest, GetRingResponse, HeavyTarget, SimulateRingRequest, SimulateRingResponse, SimulatedRelay,
};

use super::{relays, targets};
use crate::args::{AskArgs, ChangeArgs, Output, RingCommand, SimulateArgs};
use crate::ask::Server;
use crate::exit::Failure;
use crate::{json, table};

/// Runs one of them; gives what goes to standard output.
///
/// # Errors
/// What the coordinator refused, or that there is none.
pub async fn run(command: RingCommand) -> Result<String, Failure> {
    match command {
        RingCommand::Show { ask } => show(&ask).await,
        RingCommand::Simulate(args) => simulate(args).await,
    }
}

async fn show(ask: &AskArgs) -> Result<String, Failure> {
    let server = Server::connect(ask).await?;
    let answer = server.ring().get_ring(server.request(GetRingRequest {})).await;
    let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
    match ask.output {
        Output::Json => json::of("scraperelay.admin.v1.GetRingResponse", &answer),
        Output::Table => Ok(ring_table(&answer)),
    }
}

async fn simulate(args: SimulateArgs) -> Result<String, Failure> {
    let SimulateArgs { change: ChangeArgs { add, remove }, ask } = args;
    let server = Server::connect(&ask).await?;
    let request = SimulateRingRequest { add: add.unwrap_or_default(), remove };
    let answer = server.ring().simulate_ring(server.request(request)).await;
    let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
    match ask.output {
        Output::Json => json::of("scraperelay.admin.v1.SimulateRingResponse", &answer),
        Output::Table => Ok(simulation_table(&answer)),
    }
}

/// One row per relay, the heavy targets, and the sums below.
#[must_use]
pub fn ring_table(answer: &GetRingResponse) -> String {
    let mut out =
        table::new(&["RELAY", "STATE", "RING", "CAPACITY", "TARGETS", "PREFER IT", "LOAD", "RATIO"]);
    for relay in &answer.relays {
        let state = relays::word(relay.state());
        let cells = [
            &*relay.name,
            &if relay.flapping { format!("{state}, keeps failing") } else { state.to_owned() },
            &percent(relay.share),
            &format!("{:.2}", f64::from(relay.capacity) / 100.0),
            &relay.targets.to_string(),
            &relay.preferred_targets.to_string(),
            &relay.load.to_string(),
            &format!("{:.2}", relay.load_ratio),
        ];
        table::row(&mut out, &cells);
    }
    let mut out = out.to_string();
    if !answer.heavy_targets.is_empty() {
        write!(out, "\n\n{}", heavy(&answer.heavy_targets)).expect("a String takes any text");
        let (shown, all) = (answer.heavy_targets.len(), answer.heavy_targets_total);
        write!(out, "\n{shown} of {all} targets that are more than a relay's fair share")
            .expect("a String takes any text");
    }
    let GetRingResponse { targets, preferred_targets, load, peak_load_ratio, .. } = answer;
    let summary = format!(
        "{targets} targets, {preferred_targets} with the relay they prefer · load {load} · peak {peak_load_ratio:.2} of the mean"
    );
    format!("{out}\n{summary}")
}

fn heavy(heavy: &[HeavyTarget]) -> String {
    let mut out = table::new(&["TOO HEAVY", "JOB", "URL", "RELAY", "LOAD"]);
    for target in heavy {
        let HeavyTarget { name, job, url, relay, load } = target;
        table::row(&mut out, &[targets::short(name), job, url, relay, &load.to_string()]);
    }
    out.to_string()
}

/// Loads before and after, what moves, and the sums below.
#[must_use]
pub fn simulation_table(answer: &SimulateRingResponse) -> String {
    let mut loads = table::new(&["RELAY", "", "TARGETS", "AFTER", "LOAD", "AFTER", "RATIO", "AFTER"]);
    for relay in &answer.relays {
        let SimulatedRelay { added, removed, .. } = *relay;
        let change = if added {
            "comes"
        } else if removed {
            "goes"
        } else {
            ""
        };
        let shown = |there: bool, text: String| if there { text } else { String::new() };
        let cells = [
            &*relay.name,
            change,
            &shown(!added, relay.targets_before.to_string()),
            &shown(!removed, relay.targets_after.to_string()),
            &shown(!added, relay.load_before.to_string()),
            &shown(!removed, relay.load_after.to_string()),
            &shown(!added, format!("{:.2}", relay.load_ratio_before)),
            &shown(!removed, format!("{:.2}", relay.load_ratio_after)),
        ];
        table::row(&mut loads, &cells);
    }
    let mut moves = table::new(&["FROM", "TO", "WHY", "TARGETS", "LOAD"]);
    for row in &answer.moves {
        let (targets, load) = (row.targets.to_string(), row.load.to_string());
        table::row(&mut moves, &[&row.from, &row.to, &row.reason, &targets, &load]);
    }
    let part = answer.moved_load as f64 / answer.load.max(1) as f64;
    let (before, after) = (answer.peak_load_ratio_before, answer.peak_load_ratio_after);
    let moves = if answer.moves.is_empty() { String::new() } else { format!("{moves}\n\n") };
    format!(
        "{loads}\n\n{moves}{} of {} targets would move, {} of the load, in {} steps · peak {before:.2} now, {after:.2} then · nothing was changed",
        answer.moved_targets,
        answer.targets,
        percent(part),
        answer.rounds,
    )
}

fn percent(part: f64) -> String {
    format!("{:.1}%", part * 100.0)
}
