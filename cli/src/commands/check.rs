//! `scrape-relay check`: asks what [`crate::check`] judges.

use std::path::Path;
use std::time::SystemTime;

use coordinator::config::{Config, Discovery, MissingFiles, load};
use coordinator::discover::kubernetes::rights;
use proto::admin::v1::{
    ListDiscoveriesRequest, ListDroppedTargetsRequest, ListRelaysRequest, ListTargetsRequest,
};

use crate::args::{CheckArgs, Output};
use crate::ask::Server;
use crate::check::{Line, Report, Verdict, configuration, discoveries, fleet, kubernetes};
use crate::exit::Failure;

/// Rows that are asked for where one example is shown.
const EXAMPLES: i32 = 1;

/// Runs it; gives what goes to standard output.
///
/// # Errors
/// Where a line is not ok: the report has been printed by then.
pub async fn run(args: CheckArgs) -> Result<String, Failure> {
    let mut lines = Vec::new();
    let config = args.config.as_deref().and_then(|file| configuration(file, &mut lines));
    let expected = config.as_ref().map(|config| config.coordinator.expected_relays).unwrap_or_default();
    if let Some(config) = &config {
        lines.extend(clusters(config).await);
    }
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

/// Judges the file; gives what it says where it is valid.
fn configuration(file: &Path, lines: &mut Vec<Line>) -> Option<Config> {
    let (line, config) = configuration::judge(&file.display().to_string(), load(file, MissingFiles::Warn));
    lines.push(line);
    config
}

/// Asks the API servers that the configuration names.
async fn clusters(config: &Config) -> Vec<Line> {
    let all = config.jobs.iter().flat_map(|job| &job.discoveries);
    let watching = all.filter_map(|discovery| match discovery {
        Discovery::Kubernetes(discovery) => Some(&**discovery),
        _ => None,
    });
    kubernetes::judge(&rights::ask(watching).await)
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
