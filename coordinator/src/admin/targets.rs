//! Targets as rows: listed by filter and page, or one by its id.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::SystemTime;

use model::status::{TargetState, TargetStatus};
use model::target::TargetId;
use proto::admin::v1::{
    CacheEntry, Error, GetTargetRequest, GetTargetResponse, ListTargetsRequest, ListTargetsResponse, State,
    Target, TargetView, Transfer,
};
use tonic::Status;

use super::filter::Filter;
use super::{View, invalid, paging, shown};
use crate::fleet::{self, TargetEntry};

/// Fewer digits of an id are too many ids.
const FEWEST_DIGITS: usize = 4;

pub(super) const FIELDS: [&str; 9] =
    ["name", "state", "job", "relay", "url", "error", "move", "labels.", "discovered_labels."];

pub(super) fn list(view: &View, request: &ListTargetsRequest) -> Result<ListTargetsResponse, Status> {
    let filter = Filter::parse(&request.filter, &FIELDS).map_err(invalid)?;
    let all = view.snapshot.targets.iter().map(|entry| &**entry);
    let rows: Vec<&TargetEntry> =
        all.filter(|entry| filter.passes(&|name| field(view, entry, name))).collect();
    let mut state_counts: HashMap<String, i32> = HashMap::new();
    for entry in &rows {
        *state_counts.entry(word(entry).to_owned()).or_default() += 1;
    }
    let key = |entry: &TargetEntry| entry.target.id.to_string();
    let page = paging::page(&rows, key, request.page_size, &request.page_token).map_err(invalid)?;
    let full = request.view() == TargetView::Full;
    Ok(ListTargetsResponse {
        targets: page.rows.iter().map(|entry| row(view, entry, full)).collect(),
        next_page_token: page.next,
        total_size: i32::try_from(rows.len()).unwrap_or(i32::MAX),
        state_counts,
    })
}

pub(super) fn get(view: &View, request: &GetTargetRequest) -> Result<GetTargetResponse, Status> {
    let name = &request.name;
    if digits(name).is_none() {
        return Err(Status::invalid_argument(format!(
            "{name:?} is not an id: give its 32 hexadecimal digits, or the first {FEWEST_DIGITS} or more"
        )));
    }
    match &*by_id(view, name) {
        [entry] => Ok(GetTargetResponse { target: Some(row(view, entry, true)) }),
        [] => Err(Status::not_found(format!("no target has the id {name:?}"))),
        several => Err(Status::invalid_argument(format!(
            "{name:?} are the first digits of {} ids; give more of them",
            several.len()
        ))),
    }
}

/// What may be an id, or its first digits, in lower case.
fn digits(name: &str) -> Option<String> {
    let digits = name.strip_prefix("targets/").unwrap_or(name).to_ascii_lowercase();
    let length = (FEWEST_DIGITS..=32).contains(&digits.len());
    (length && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

/// The targets whose id is, or starts with, these digits.
pub(super) fn by_id<'a>(view: &'a View, name: &str) -> Vec<&'a TargetEntry> {
    let Some(digits) = digits(name) else { return Vec::new() };
    if let Some(id) = TargetId::parse(&digits) {
        return view.snapshot.target(id).map(|entry| &**entry).into_iter().collect();
    }
    let all = view.snapshot.targets.iter().map(|entry| &**entry);
    all.filter(|entry| entry.target.id.to_string().starts_with(&digits)).collect()
}

pub(super) fn field<'a>(view: &'a View, entry: &'a TargetEntry, name: &str) -> Cow<'a, str> {
    let target = &entry.target;
    if let Some(label) = name.strip_prefix("labels.") {
        return target.labels.get(label).into();
    }
    if let Some(label) = name.strip_prefix("discovered_labels.") {
        let listed = view.listing.get(target.id);
        let discovered = listed.map(|listed| listed.discovered.labels()).unwrap_or_default();
        return shown::label(label, discovered.get(label)).into_owned().into();
    }
    match name {
        "name" => format!("targets/{}", target.id).into(),
        "state" => word(entry).into(),
        "job" => (&*target.job).into(),
        "relay" => entry.owner.as_ref().map_or("", |owner| &owner.relay).into(),
        "url" => shown::url(&target.url).into(),
        "move" => entry.transfer.as_ref().map_or("", |transfer| transfer.stage.as_str()).into(),
        "error" => {
            let failure = entry.status.as_ref().and_then(|status| status.failure.as_ref());
            failure.map_or("", |failure| &failure.message).into()
        }
        _ => "".into(),
    }
}

/// The state's word, as filters and counts spell it.
fn word(entry: &TargetEntry) -> &'static str {
    if entry.moving { "moving" } else { entry.state().as_str() }
}

fn state(entry: &TargetEntry) -> State {
    match entry.state() {
        _ if entry.moving => State::Moving,
        TargetState::Pending => State::Pending,
        TargetState::Up => State::Up,
        TargetState::Down => State::Down,
        TargetState::StaleServed => State::StaleServed,
    }
}

/// The relay that the ring has it prefer; none where there is no relay.
fn preferred(view: &View, entry: &TargetEntry) -> String {
    let first = view.snapshot.ring.preference(entry.target.key).next();
    first.map(ToString::to_string).unwrap_or_default()
}

/// Where a target is going.
pub(super) fn transfer(transfer: &fleet::Transfer) -> Transfer {
    Transfer {
        from: transfer.from.to_string(),
        to: transfer.to.to_string(),
        stage: transfer.stage.as_str().to_owned(),
        reason: transfer.reason.to_string(),
        since: Some(transfer.since.into()),
    }
}

/// One target as the API shows it; `full` adds its discovered labels.
pub(super) fn row(view: &View, entry: &TargetEntry, full: bool) -> Target {
    let target = &entry.target;
    let discovered = view.listing.get(target.id).filter(|_| full);
    let status = TargetStatus::pending(target.id);
    let status = entry.status.as_deref().unwrap_or(&status);
    let owner = entry.owner.as_ref();
    let (relay, epoch) = owner.map_or((String::new(), 0), |owner| (owner.relay.to_string(), owner.epoch.0));
    Target {
        name: format!("targets/{}", target.id),
        job: target.job.to_string(),
        url: shown::url(&target.url),
        labels: shown::pairs(&target.labels),
        discovered_labels: discovered
            .map(|listed| shown::pairs(&listed.discovered.labels()))
            .unwrap_or_default(),
        state: state(entry).into(),
        state_change_time: status.state_changed.map(Into::into),
        relay,
        epoch,
        last_scrape_time: status.last_scrape.map(Into::into),
        last_duration: status.last_duration.and_then(|took| took.try_into().ok()),
        last_samples: status.last_samples,
        last_body_bytes: status.last_body_bytes,
        last_error: status
            .failure
            .as_ref()
            .map(|failure| Error { code: failure.kind.to_string(), message: failure.message.to_string() }),
        consecutive_failures: status.consecutive_failures,
        scrapes_total: status.scrapes_total,
        failures_total: status.failures_total,
        cache: status.cached_scrape.map(|scraped| CacheEntry {
            scrape_time: Some(scraped.into()),
            age: SystemTime::now().duration_since(scraped).ok().and_then(|age| age.try_into().ok()),
            serving: status.state == TargetState::StaleServed,
        }),
        transfer: entry.transfer.as_ref().map(transfer),
        preferred_relay: if full { preferred(view, entry) } else { String::new() },
        load: entry.weight,
        relay_reason: owner.map(|owner| owner.reason.to_string()).unwrap_or_default(),
        relay_since: owner.map(|owner| owner.since.into()),
        previous_relay: entry.before.as_ref().map(ToString::to_string).unwrap_or_default(),
        cache_permission: owner.map(|owner| owner.permission.as_str().to_owned()).unwrap_or_default(),
        limits_hit: status.limits_hit.iter().map(ToString::to_string).collect(),
    }
}
