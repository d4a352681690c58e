//! What was discovered and is no target.

use std::borrow::Cow;

use proto::admin::v1::{DroppedTarget, ListDroppedTargetsRequest, ListDroppedTargetsResponse};
use tonic::Status;

use super::filter::Filter;
use super::{View, invalid, paging, shown};
use crate::catalog::{DropReason, Dropped};

const FIELDS: [&str; 5] = ["job", "drop_reason", "rule_location", "error", "discovered_labels."];

pub(super) fn list(
    view: &View,
    request: &ListDroppedTargetsRequest,
) -> Result<ListDroppedTargetsResponse, Status> {
    let filter = Filter::parse(&request.filter, &FIELDS).map_err(invalid)?;
    let mut rows: Vec<(String, &Dropped)> = view
        .listing
        .dropped
        .iter()
        .filter(|dropped| filter.passes(&|name| field(dropped, name)))
        .map(|dropped| (key(dropped), dropped))
        .collect();
    rows.sort_by(|(one, _), (other, _)| one.cmp(other));
    let rows: Vec<&(String, &Dropped)> = rows.iter().collect();
    let page = paging::page(&rows, |row| row.0.clone(), request.page_size, &request.page_token);
    let page = page.map_err(invalid)?;
    let dropped_total = view.listing.counts.values().map(|counts| counts.dropped + counts.failed).sum();
    Ok(ListDroppedTargetsResponse {
        dropped_targets: page.rows.iter().map(|(_, dropped)| row(dropped)).collect(),
        next_page_token: page.next,
        total_size: i32::try_from(rows.len()).unwrap_or(i32::MAX),
        dropped_total,
    })
}

/// Orders rows, and stays short whatever their labels.
fn key(dropped: &Dropped) -> String {
    let labels = dropped.discovered.to_string();
    let hash = xxhash_rust::xxh3::xxh3_128(format!("{}\0{labels}", dropped.origin.source).as_bytes());
    format!("{}/{hash:032x}", dropped.job)
}

fn field<'a>(dropped: &'a Dropped, name: &str) -> Cow<'a, str> {
    if let Some(label) = name.strip_prefix("discovered_labels.") {
        return shown::label(label, dropped.discovered.get(label));
    }
    match (name, &dropped.reason) {
        ("job", _) => (&*dropped.job).into(),
        ("drop_reason", reason) => word(reason).into(),
        ("rule_location", DropReason::Relabel { location, .. }) => location.into(),
        ("error", DropReason::Error(error) | DropReason::NoTarget(error)) => error.into(),
        _ => "".into(),
    }
}

fn word(reason: &DropReason) -> &'static str {
    match reason {
        DropReason::Relabel { .. } => "relabel",
        DropReason::Error(_) => "error",
        DropReason::NoTarget(_) => "no_target",
    }
}

/// One of them as the API shows it.
pub(super) fn row(dropped: &Dropped) -> DroppedTarget {
    let (rule_index, rule_location, error) = match &dropped.reason {
        DropReason::Relabel { rule, location } => {
            (i32::try_from(*rule).unwrap_or(i32::MAX), location.clone(), String::new())
        }
        DropReason::Error(error) | DropReason::NoTarget(error) => (-1, String::new(), error.clone()),
    };
    DroppedTarget {
        job: dropped.job.to_string(),
        discovered_labels: shown::pairs(&dropped.discovered),
        drop_reason: word(&dropped.reason).to_owned(),
        rule_index,
        rule_location,
        error,
    }
}
