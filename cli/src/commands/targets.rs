//! `scrape-relay targets list|get|dropped`; [`watch`] has a file of its own

use proto::admin::v1::{
    DroppedTarget, GetTargetRequest, ListDroppedTargetsRequest, ListTargetsRequest, ListTargetsResponse,
    State, Target, TargetView, Transfer,
};

use super::watch;
use crate::args::{AskArgs, Output, PageArgs, TargetsCommand};
use crate::ask::Server;
use crate::exit::Failure;
use crate::{json, table};

/// Runs one of them; gives what goes to standard output.
///
/// # Errors
/// What the coordinator refused, or that there is none.
pub async fn run(command: TargetsCommand) -> Result<String, Failure> {
    match command {
        TargetsCommand::List { page, ask } => list(page, &ask).await,
        TargetsCommand::Get { id, ask } => get(id, &ask).await,
        TargetsCommand::Watch(args) => watch::run(args).await,
        TargetsCommand::Dropped { page, ask } => dropped(page, &ask).await,
    }
}

async fn list(page: PageArgs, ask: &AskArgs) -> Result<String, Failure> {
    let server = Server::connect(ask).await?;
    let PageArgs { filter, page_size, page_token } = page;
    let view = match ask.output {
        Output::Table => TargetView::Basic,
        Output::Json => TargetView::Full,
    };
    let request = ListTargetsRequest { filter, page_size, page_token, view: view.into() };
    let answer = server.targets().list_targets(server.request(request)).await;
    let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
    match ask.output {
        Output::Json => json::of("scraperelay.admin.v1.ListTargetsResponse", &answer),
        Output::Table => Ok(list_table(&answer)),
    }
}

fn list_table(answer: &ListTargetsResponse) -> String {
    let mut out = table::new(&[
        "ID",
        "JOB",
        "INSTANCE",
        "RELAY",
        "STATE",
        "FOR",
        "LAST SCRAPE",
        "TOOK",
        "SAMPLES",
        "LAST ERROR",
        "CACHE",
    ]);
    for target in &answer.targets {
        let instance = target.labels.get("instance").map(String::as_str).unwrap_or_default();
        let error = target.last_error.as_ref().map(|error| error.message.as_str()).unwrap_or_default();
        let cells = [
            short(&target.name),
            &target.job,
            instance,
            &match &target.transfer {
                Some(Transfer { from, to, .. }) => format!("{from} > {to}"),
                None => target.relay.clone(),
            },
            state(target.state()),
            &table::ago(target.state_change_time.as_ref()),
            &table::ago(target.last_scrape_time.as_ref()),
            &table::duration(target.last_duration.as_ref()),
            &target.last_samples.to_string(),
            error,
            &cache(target),
        ];
        table::row(&mut out, &cells);
    }
    let shown = answer.targets.len();
    let mut counts: Vec<_> = answer.state_counts.iter().collect();
    counts.sort();
    let counts: Vec<String> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let more = more(&answer.next_page_token);
    format!("{out}\n{shown} of {} targets · {}{more}", answer.total_size, counts.join(" · "))
}

async fn get(id: String, ask: &AskArgs) -> Result<String, Failure> {
    let server = Server::connect(ask).await?;
    let answer = server.targets().get_target(server.request(GetTargetRequest { name: id })).await;
    let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
    match (ask.output, &answer.target) {
        (Output::Table, Some(target)) => Ok(describe(target)),
        _ => json::of("scraperelay.admin.v1.GetTargetResponse", &answer),
    }
}

/// One target, a line for each thing there is to know.
#[must_use]
pub fn describe(target: &Target) -> String {
    let error = target.last_error.as_ref().map(|error| format!("{}: {}", error.code, error.message));
    let rows: [(&str, String); 19] = [
        ("id", short(&target.name).to_owned()),
        ("job", target.job.clone()),
        ("url", target.url.clone()),
        ("labels", table::labels(&target.labels)),
        ("discovered labels", table::labels(&target.discovered_labels)),
        ("state", state(target.state()).to_owned()),
        ("in that state for", table::ago(target.state_change_time.as_ref())),
        ("relay", target.relay.clone()),
        ("since, why", placed(target)),
        ("the ring prefers", preferred(target)),
        ("load in placement", target.load.to_string()),
        ("is moving", target.transfer.as_ref().map(moving).unwrap_or_default()),
        ("may show copies", copies(target).to_owned()),
        ("last scrape", table::ago(target.last_scrape_time.as_ref())),
        ("took", table::duration(target.last_duration.as_ref())),
        ("samples", target.last_samples.to_string()),
        ("scrapes, failures", format!("{}, {}", target.scrapes_total, target.failures_total)),
        ("last error", error.unwrap_or_default()),
        ("cache", cache(target)),
    ];
    table::fields(&rows)
}

async fn dropped(page: PageArgs, ask: &AskArgs) -> Result<String, Failure> {
    let server = Server::connect(ask).await?;
    let PageArgs { filter, page_size, page_token } = page;
    let request = ListDroppedTargetsRequest { filter, page_size, page_token };
    let answer = server.targets().list_dropped_targets(server.request(request)).await;
    let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
    if ask.output == Output::Json {
        return json::of("scraperelay.admin.v1.ListDroppedTargetsResponse", &answer);
    }
    let mut out = table::new(&["JOB", "REASON", "WHERE", "DISCOVERED LABELS"]);
    for target in &answer.dropped_targets {
        let labels = table::labels(&target.discovered_labels);
        table::row(&mut out, &[&target.job, &why(target), &target.rule_location, &labels]);
    }
    let shown = answer.dropped_targets.len();
    let more = more(&answer.next_page_token);
    Ok(format!("{out}\n{shown} of {} kept, {} dropped in all{more}", answer.total_size, answer.dropped_total))
}

fn more(token: &str) -> String {
    if token.is_empty() { String::new() } else { format!("  (next page: --page-token '{token}')") }
}

/// Why something is no target, in a few words.
#[must_use]
pub fn why(dropped: &DroppedTarget) -> String {
    match &*dropped.drop_reason {
        "relabel" => format!("relabel rule {}", dropped.rule_index),
        _ => dropped.error.clone(),
    }
}

/// Why its relay has it, since when, and who had it before.
fn placed(target: &Target) -> String {
    if target.relay.is_empty() {
        return String::new();
    }
    let since = table::ago(target.relay_since.as_ref());
    let since = if since.is_empty() { since } else { format!("for {since}: ") };
    let before = match &*target.previous_relay {
        "" => String::new(),
        relay => format!("; before it was on {relay}"),
    };
    format!("{since}{}{before}", target.relay_reason)
}

/// Which relay the ring would have it on, and whether it is there.
#[must_use]
pub fn preferred(target: &Target) -> String {
    match &*target.preferred_relay {
        "" => String::new(),
        relay if relay == target.relay => format!("{relay}, which has it"),
        relay => format!("{relay}: it had no room when this one was placed, or has come later"),
    }
}

/// Where a target is going, how far it is, and why.
#[must_use]
pub fn moving(transfer: &Transfer) -> String {
    let Transfer { from, to, stage, reason, since } = transfer;
    let told = match &**stage {
        "waiting" => "decided, nobody is told yet".to_owned(),
        "muting" => format!("{from} is told to show live results only"),
        "overlapping" => format!("both show it live, until a scraper has seen it on {to}"),
        "dropping" => format!("{to} has it, {from} is told to drop it"),
        "handing_over" => format!("{from} is told to drop it, with its last good scrape for {to}"),
        other => other.to_owned(),
    };
    let since = table::ago(since.as_ref());
    let since = if since.is_empty() { since } else { format!(", for {since}") };
    format!("from {from} to {to}{since}: {told} ({reason})")
}

/// What the relay may show of it from its cache, should it fail.
#[must_use]
pub fn copies(target: &Target) -> &'static str {
    match &*target.cache_permission {
        "keep" => "the last good scrape that its relay has",
        "record" => "the last good scrape, which came with it from its former relay",
        "discard" => "good scrapes since its relay has it; older ones were dropped",
        "none" => "none, live results only: another relay may still show it",
        _ => "",
    }
}

/// The id alone.
pub(super) fn short(name: &str) -> &str {
    name.strip_prefix("targets/").unwrap_or(name)
}

/// The word for a state, as filters spell it.
#[must_use]
pub fn state(state: State) -> &'static str {
    match state {
        State::Unspecified => "unknown",
        State::Up => "up",
        State::Down => "down",
        State::StaleServed => "stale_served",
        State::Pending => "pending",
        State::Moving => "moving",
        State::Dropped => "dropped",
    }
}

fn cache(target: &Target) -> String {
    let Some(cache) = &target.cache else { return String::new() };
    let age = table::duration(cache.age.as_ref());
    if cache.serving { format!("{age} served") } else { age }
}
