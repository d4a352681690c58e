//! The whole story of a target: discovered, relabelled, owned, scraped, served, or dropped and why.

use std::sync::Arc;

use model::labels::Labels;
use model::relabel;
use model::target::Target;
use proto::admin::v1::{ExplainTargetRequest, ExplainTargetResponse, Explanation, RelabelStep};
use tonic::Status;

use super::{View, dropped, hints, pods, shown, targets};
use crate::catalog::{Dropped, Origin};
use crate::config::JobConfig;
use crate::fleet::TargetEntry;

/// Most stories told about one word.
const MOST: usize = 10;

pub(super) fn explain(view: &View, request: &ExplainTargetRequest) -> Result<ExplainTargetResponse, Status> {
    let word = request.target.trim();
    if word.is_empty() {
        return Err(Status::invalid_argument("give an id, a URL, an instance or namespace/pod"));
    }
    let mut explanations = pods::explain(view, word);
    if !explanations.is_empty() {
        explanations.truncate(MOST);
        return Ok(ExplainTargetResponse { explanations });
    }
    let mut entries = targets::by_id(view, word);
    if entries.is_empty() {
        let all = view.snapshot.targets.iter().map(|entry| &**entry);
        entries =
            all.filter(|entry| names(&entry.target.labels, &entry.target.url, word)).take(MOST).collect();
    }
    explanations = entries.iter().map(|entry| of_target(view, entry)).collect();
    let dropped = view.listing.dropped.iter().filter(|dropped| {
        let found = &dropped.discovered;
        names(found, "", word) || found.get("__address__") == word
    });
    let room = MOST.saturating_sub(explanations.len());
    explanations.extend(dropped.take(room).map(|dropped| of_dropped(view, dropped)));
    if explanations.is_empty() {
        return Err(Status::not_found(format!(
            "nothing discovered is called {word:?}; `targets list` and `targets dropped` show what there is"
        )));
    }
    Ok(ExplainTargetResponse { explanations })
}

/// Whether people may call a thing with these labels and this URL by `word`.
fn names(labels: &Labels, url: &str, word: &str) -> bool {
    let pod = |namespace: &str, pod: &str| {
        let pod = labels.get(pod);
        !pod.is_empty() && (word == pod || word == format!("{}/{pod}", labels.get(namespace)))
    };
    labels.get("instance") == word
        || (!url.is_empty() && (url == word || shown::url(url) == word))
        || pod("namespace", "pod")
        || pod("__meta_kubernetes_namespace", "__meta_kubernetes_pod_name")
}

pub(super) fn of_target(view: &View, entry: &TargetEntry) -> Explanation {
    let target = &entry.target;
    let listed = view.listing.get(target.id);
    let discovered = listed.map(|listed| listed.discovered.labels()).unwrap_or_default();
    let origin = listed.map(|listed| &listed.origin);
    let mut explanation = story(view, &target.job, &discovered, origin);
    if !entry.listed {
        explanation.discovery = "relay".to_owned();
        explanation.source = entry.owner.as_ref().map(|owner| owner.relay.to_string()).unwrap_or_default();
    }
    if let Some(owner) = &entry.owner {
        explanation.owner_reason = owner.reason.to_string();
        explanation.owner_since = Some(owner.since.into());
        explanation.cache_permission = owner.permission.as_str().to_owned();
    }
    explanation.hints = hints::of(entry);
    explanation.target = Some(targets::row(view, entry, true));
    explanation
}

/// A target that its watch knows and the fleet does not know yet.
pub(super) fn of_unplaced(view: &View, target: &Target, discovered: &Labels, origin: &Origin) -> Explanation {
    let mut explanation = story(view, &target.job, discovered, Some(origin));
    let entry = TargetEntry {
        target: Arc::new(target.clone()),
        listed: true,
        owner: None,
        moving: false,
        transfer: None,
        before: None,
        weight: 0,
        heavy: false,
        status: None,
    };
    let mut row = targets::row(view, &entry, false);
    row.discovered_labels = shown::pairs(discovered);
    explanation.target = Some(row);
    explanation.hints = vec![hints::UNPLACED.to_owned()];
    explanation
}

pub(super) fn of_dropped(view: &View, dropped: &Dropped) -> Explanation {
    let mut explanation = story(view, &dropped.job, &dropped.discovered, Some(&dropped.origin));
    explanation.dropped = Some(dropped::row(dropped));
    explanation
}

fn story(view: &View, job: &str, discovered: &Labels, origin: Option<&Origin>) -> Explanation {
    let config = view.config.jobs.iter().find(|config| &*config.job.job_name == job);
    Explanation {
        job: job.to_owned(),
        job_location: config.map(|config| config.position.to_string()).unwrap_or_default(),
        discovery: origin.map(|origin| origin.mechanism.to_owned()).unwrap_or_default(),
        source: origin.map(|origin| shown::source(&origin.source)).unwrap_or_default(),
        discovered_labels: shown::pairs(discovered),
        steps: config
            .filter(|_| origin.is_some())
            .map(|config| steps(config, discovered))
            .unwrap_or_default(),
        ..Explanation::default()
    }
}

fn steps(config: &JobConfig, discovered: &Labels) -> Vec<RelabelStep> {
    let steps = relabel::trace(&config.job.relabel, discovered).into_iter();
    let step = |step: relabel::Step| RelabelStep {
        rule_index: i32::try_from(step.rule).unwrap_or(i32::MAX),
        rule_location: config.rule_positions.get(step.rule).map(ToString::to_string).unwrap_or_default(),
        action: config.job.relabel[step.rule].action().as_str().to_owned(),
        labels_before: shown::pairs(&step.before),
        labels_after: shown::pairs(&step.after),
        kept: step.kept,
    };
    steps.map(step).collect()
}
