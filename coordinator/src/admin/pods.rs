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
    if let Resolved::Target { target, discovered, .. } = resolved {
        return Some(match view.snapshot.target(target.id) {
            Some(entry) => explain::of_target(view, entry),
            None => explain::of_unplaced(view, target, discovered, origin),
        });
    }
    let job = config.job.job_name.as_ref().into();
    dropped(&job, config, resolved, origin).map(|dropped| explain::of_dropped(view, &dropped))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use model::target::resolve;
    use proto::admin::v1::State;

    use super::*;
    use crate::config;
    use crate::discover::kubernetes::watches::Watches;
    use crate::fleet::Timings;

    const CONFIG: &str = "scrape_configs:
- job_name: pods
  static_configs: [{targets: ['10.0.0.1:80'], labels: {__meta_kubernetes_pod_name: web}}]
  relabel_configs: [{source_labels: [__meta_kubernetes_pod_name], target_label: pod}]
";

    #[tokio::test]
    async fn a_pod_that_the_fleet_does_not_know_yet_is_told_as_a_target_that_waits() {
        let config = config::parse("config.yml", CONFIG, Path::new("/")).expect("it is right").config;
        let (fleet, _task) = crate::fleet_task::new("boot".into(), Timings::default());
        let shutdown = runtime::Shutdown::new();
        let meter = opentelemetry::global::meter("test");
        let view = View {
            snapshot: Arc::clone(&fleet.snapshots().borrow()),
            listing: Arc::default(),
            config: Arc::new(config),
            watches: Watches::new(runtime::Tasks::new(shutdown.clone()), shutdown, &meter),
        };
        let job = &view.config.jobs[0];
        let Discovery::Static(groups) = &job.discoveries[0] else { panic!("it is static") };
        let origin = Origin { mechanism: "kubernetes", source: "pod/shop/web".into() };
        let told: Vec<_> = resolve(&job.job, &groups[0])
            .iter()
            .filter_map(|resolved| of_resolved(&view, job, resolved, &origin))
            .collect();
        let [told] = told.as_slice() else { panic!("one story: {told:?}") };
        let target = told.target.as_ref().expect("it is a target");
        assert_eq!((target.state(), target.relay.as_str()), (State::Pending, ""));
        assert_eq!(target.labels["pod"], "web");
        assert_eq!(told.discovered_labels["__meta_kubernetes_pod_name"], "web");
        assert_eq!((told.discovery.as_str(), told.steps.len()), ("kubernetes", 1));
        assert!(told.hints[0].contains("not placed"), "{:?}", told.hints);
    }
}
