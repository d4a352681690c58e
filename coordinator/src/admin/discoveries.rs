//! How each discovery does, and what is watched in which cluster, as rows.

use proto::admin::v1::{Discovery, Error, ListDiscoveriesResponse, Watch};

use crate::discover::Health;
use crate::discover::kubernetes::watches::Seen;

pub(super) fn list(discoveries: &[Health], seen: &[Seen]) -> ListDiscoveriesResponse {
    ListDiscoveriesResponse {
        discoveries: discoveries.iter().map(discovery).collect(),
        watches: seen.iter().map(watch).collect(),
    }
}

fn discovery(health: &Health) -> Discovery {
    Discovery {
        job: health.job.to_string(),
        mechanism: health.mechanism.to_owned(),
        last_success_time: health.last_success.map(Into::into),
        consecutive_failures: health.failures,
        last_error: health.last_error.clone(),
        holding: health.holding,
    }
}

fn watch(seen: &Seen) -> Watch {
    let Seen { cluster, selection, status } = seen;
    let error = status
        .failure
        .as_ref()
        .map(|failure| Error { code: failure.reason.word().to_owned(), message: failure.message.clone() });
    let state = match (&error, status.listed) {
        (Some(_), _) => "failing",
        (None, None) => "starting",
        (None, Some(_)) => "watching",
    };
    Watch {
        cluster: cluster.clone(),
        kind: selection.kind.word().to_owned(),
        namespace: selection.namespace.as_deref().unwrap_or_default().to_owned(),
        selector: selection.selector(),
        state: state.to_owned(),
        since: Some(status.since.into()),
        error,
        objects: i32::try_from(status.objects).unwrap_or(i32::MAX),
        last_list: status.listed.map(Into::into),
        last_heard: status.heard.map(Into::into),
        lists: status.lists,
        unreadable: status.unreadable,
    }
}

/// A watch in words.
pub(super) fn name(seen: &Seen) -> String {
    let namespace = seen.selection.namespace.as_deref();
    let place = namespace.map_or_else(|| "all namespaces".to_owned(), |name| format!("namespace {name}"));
    let selector = seen.selection.selector();
    let selector = if selector.is_empty() { selector } else { format!(", selector {selector}") };
    format!("{}, {place}{selector}", seen.cluster)
}
