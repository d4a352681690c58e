//! The story of a pod, whether or not it is a target, worked out when somebody asks.
//!
//! In: a pod's name and what the watches know. Out: what each job makes of it: targets, what a rule dropped, what was
//! refused, or why there is nothing.

use model::target::Resolved;
use proto::admin::v1::Explanation;

use super::{View, discoveries, explain};
use crate::catalog::{DropReason, Dropped, Origin, dropped};
use crate::config::{Discovery, JobConfig};
use crate::discover::kubernetes::pod_group::Made;
use crate::discover::kubernetes::sighting::Sighting;

/// What all jobs make of the pod called `word`, if it is `NAMESPACE/NAME` of one that is watched.
pub(super) fn explain(view: &View, word: &str) -> Vec<Explanation> {
    let Some((namespace, name)) = word.split_once('/') else { return Vec::new() };
    let mut told = Vec::new();
    for config in &view.config.jobs {
        for discovery in &config.discoveries {
            let Discovery::Kubernetes(discovery) = discovery else { continue };
            for sighting in view.watches.sightings(discovery, namespace, name) {
                told.extend(of_sighting(view, config, &sighting));
            }
        }
    }
    told
}

fn of_sighting(view: &View, config: &JobConfig, sighting: &Sighting) -> Vec<Explanation> {
    let job = config.job.job_name.as_ref().into();
    let origin = Origin { mechanism: "kubernetes", source: sighting.group.key.clone() };
    let watch = discoveries::name(&sighting.watch);
    let made = sighting.group.made();
    let nothing = match &made {
        Made::Nothing(why) => Some((*why).to_owned()),
        Made::Group(group) if group.targets.is_empty() => Some("it has no container".to_owned()),
        Made::Group(_) | Made::Refused(..) => None,
    };
    let mut told: Vec<Explanation> = match nothing {
        Some(why) => {
            let reason = DropReason::NoTarget(why);
            let discovered = sighting.group.labels();
            vec![explain::of_dropped(view, &Dropped { job, discovered, origin, reason })]
        }
        None => {
            let resolved = sighting.group.resolve(&config.job);
            resolved.iter().filter_map(|resolved| of_resolved(view, config, resolved, &origin)).collect()
        }
    };
    for explanation in &mut told {
        explanation.watch.clone_from(&watch);
    }
    told
}

fn of_resolved(view: &View, config: &JobConfig, resolved: &Resolved, origin: &Origin) -> Option<Explanation> {
    if let Resolved::Target { target, .. } = resolved {
        let entry = view.snapshot.targets.iter().find(|entry| entry.target.id == target.id)?;
        return Some(explain::of_target(view, entry));
    }
    let job = config.job.job_name.as_ref().into();
    dropped(&job, config, resolved, origin).map(|dropped| explain::of_dropped(view, &dropped))
}
