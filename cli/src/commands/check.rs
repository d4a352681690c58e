//! `scrape-relay check`: asks what [`crate::check`] judges.

use std::path::Path;
use std::time::SystemTime;

use coordinator::config::{MissingFiles, load};
use proto::admin::v1::{
    ListDiscoveriesRequest, ListDroppedTargetsRequest, ListRelaysRequest, ListTargetsRequest,
};

use crate::args::{CheckArgs, Output};
use crate::ask::Server;
use crate::check::{Line, Report, Verdict, configuration, discoveries, fleet};
use crate::exit::Failure;

/// Rows that are asked for where one example is shown.
const EXAMPLES: i32 = 1;

/// Runs it; gives what goes to standard output.
///
/// # Errors
/// Where a line is not ok: the report has been printed by then.
pub async fn run(args: CheckArgs) -> Result<String, Failure> {
    let mut lines = Vec::new();
    let expected = args.config.as_deref().map(|file| configuration(file, &mut lines)).unwrap_or_default();
    if !args.pre {
        lines.extend(installation(&args, expected).await?);
    }
    let report = Report::new(lines);
    let printed = match args.ask.output {
        Output::Table => report.table(),
        Output::Json => report.json()?,
    };
    match report.ended() {
        Ok(()) => Ok(printed),
        Err(failure) => {
            crate::print(&printed);
            Err(failure)
        }
    }
}

/// Judges the file; gives how many relays it expects, 0 where it does not say.
fn configuration(file: &Path, lines: &mut Vec<Line>) -> u64 {
    let (line, config) = configuration::judge(&file.display().to_string(), load(file, MissingFiles::Warn));
    lines.push(line);
    config.map(|config| config.coordinator.expected_relays).unwrap_or_default()
}

/// Asks the coordinator; an address that is none is bad input, anything else that goes wrong is a line.
async fn installation(args: &CheckArgs, expected: u64) -> Result<Vec<Line>, Failure> {
    let unreachable = |failure: &Failure| Line::unanswered("coordinator", "coordinator_reachable", failure);
    let server = match Server::connect(&args.ask).await {
        Ok(server) => server,
        Err(failure) if failure.number() == 2 => return Err(failure),
        Err(failure) => return Ok(vec![unreachable(&failure)]),
    };
    let answer = server.relays().list_relays(server.request(ListRelaysRequest {})).await;
    let relays = match answer {
        Ok(answer) => answer.into_inner(),
        Err(status) => return Ok(vec![unreachable(&server.failure(&status))]),
    };
    let coordinator = fleet::coordinator(&args.ask.server, &relays);
    let settling = coordinator.verdict != Verdict::Ok;
    let now = SystemTime::now();
    let mut lines = vec![coordinator];
    lines.extend(discoveries(&server, now).await);
    lines.extend(fleet::relays(&relays, expected, now));
    match targets(&server).await {
        Ok(targets) => lines.extend(fleet::targets(&targets, settling)),
        Err(failure) => lines.push(Line::unanswered("targets", "targets_known", &failure)),
    }
    Ok(lines)
}

async fn discoveries(server: &Server, now: SystemTime) -> Vec<Line> {
    let answer = server.discoveries().list_discoveries(server.request(ListDiscoveriesRequest {})).await;
    match answer {
        Ok(answer) => discoveries::judge(&answer.into_inner(), now),
        Err(status) => {
            vec![Line::unanswered("discoveries", "discovery_read", &server.failure(&status))]
        }
    }
}

async fn targets(server: &Server) -> Result<fleet::Targets, Failure> {
    let mut client = server.targets();
    let asked = |filter: &str| ListTargetsRequest {
        filter: filter.to_owned(),
        page_size: EXAMPLES,
        ..ListTargetsRequest::default()
    };
    let all = client.list_targets(server.request(asked(""))).await;
    let unplaced = client.list_targets(server.request(asked("relay = \"\""))).await;
    let impossible = ListDroppedTargetsRequest {
        filter: "drop_reason = error".to_owned(),
        page_size: EXAMPLES,
        page_token: String::new(),
    };
    let impossible = client.list_dropped_targets(server.request(impossible)).await;
    Ok(fleet::Targets {
        all: all.map_err(|status| server.failure(&status))?.into_inner(),
        unplaced: unplaced.map_err(|status| server.failure(&status))?.into_inner(),
        impossible: impossible.map_err(|status| server.failure(&status))?.into_inner(),
    })
}
