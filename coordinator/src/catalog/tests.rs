//! What becomes of reports and configurations, step by step.

use std::fmt::Write as _;

use model::target_group::TargetGroup;

use super::*;
use crate::config;
use crate::discover::Group;
use crate::discover::kubernetes::pod::{Object as _, Pod};
use crate::discover::kubernetes::pod_group::{PodGroup, Rules};
use crate::discover::kubernetes::text::Texts;

/// A catalog with a configuration, and a clock that the test moves.
struct World {
    catalog: Catalog,
    now: Duration,
}

fn jobs(yaml: &str) -> Vec<JobConfig> {
    let loaded = config::parse("config.yml", yaml, std::path::Path::new("/")).expect("a good configuration");
    loaded.config.jobs
}

fn job(discoveries: &str) -> Vec<JobConfig> {
    jobs(&format!("scrape_configs:\n- job_name: j\n{discoveries}"))
}

const FILE: &str = "  file_sd_configs:\n  - files: [/a.json]\n";
const OTHER_FILE: &str = "  file_sd_configs:\n  - files: [/b.json]\n";
const STATIC: &str = "  static_configs:\n  - targets: [s:1]\n";

fn hosts(range: std::ops::Range<usize>) -> Vec<TargetGroup> {
    let targets = range.map(|n| vec![("__address__", format!("h{n}:1"))]);
    vec![TargetGroup::from_found("g", &[], targets)]
}

impl World {
    fn new(jobs: Vec<JobConfig>) -> Self {
        let mut catalog = Catalog::default();
        catalog.configure(jobs);
        Self { catalog, now: Duration::ZERO }
    }

    fn id(&self, mechanism: &str) -> DiscoveryId {
        let mut ids = self.catalog.discoveries();
        ids.find(|(_, discovery)| discover::mechanism(discovery) == mechanism).expect("it is configured").0
    }

    fn at(&mut self, seconds: u64) -> &mut Self {
        self.now = Duration::from_secs(seconds);
        self
    }

    fn file(&mut self, groups: Vec<TargetGroup>) -> Change {
        let discovery = self.id("file");
        let groups = groups.into_iter().map(Into::into).collect();
        self.catalog.found(Found { discovery, groups, partial: false }, self.now)
    }

    fn targets(&self) -> usize {
        self.catalog.listing().targets.len()
    }
}

#[test]
fn a_large_removal_waits_for_a_second_read_five_seconds_later() {
    let mut world = World::new(job(FILE));
    world.file(hosts(0..100));
    assert_eq!(world.at(10).file(hosts(0..10)), Change::Held);
    assert_eq!((world.targets(), world.catalog.holding().count()), (100, 1));
    assert_eq!(world.at(14).file(hosts(0..10)), Change::Held);
    assert_eq!(world.at(15).file(hosts(0..10)), Change::Listing);
    assert_eq!((world.targets(), world.catalog.holding().count()), (10, 0));
}

#[test]
fn a_large_removal_that_is_taken_back_never_shows() {
    let mut world = World::new(job(FILE));
    world.file(hosts(0..100));
    world.at(10).file(vec![]);
    world.at(12).file(hosts(0..100));
    assert_eq!((world.targets(), world.catalog.holding().count()), (100, 0));
}

#[test]
fn a_large_removal_is_released_after_a_minute_in_any_case() {
    let mut world = World::new(job(FILE));
    world.file(hosts(0..100));
    world.at(10).file(vec![]);
    let now = world.at(69).now;
    assert_eq!(world.catalog.release(now), Change::None);
    let now = world.at(70).now;
    assert_eq!(world.catalog.release(now), Change::Listing);
    assert_eq!(world.targets(), 0);
}

#[test]
fn small_removals_show_at_once() {
    for (before, after) in [(100, 50), (10, 0), (20, 10)] {
        let mut world = World::new(job(FILE));
        world.file(hosts(0..before));
        assert_eq!(world.at(1).file(hosts(0..after)), Change::Listing, "{before} to {after}");
        assert_eq!(world.targets(), after);
    }
}

#[test]
fn a_changed_discovery_is_a_change_of_the_configuration_and_never_held() {
    let mut world = World::new(job(FILE));
    world.file(hosts(0..100));
    world.catalog.configure(job(OTHER_FILE));
    assert_eq!(world.targets(), 100, "until the new one reports");
    assert_eq!(world.at(1).file(hosts(0..5)), Change::Listing);
    assert_eq!(world.targets(), 5);
    assert_eq!(world.catalog.holding().count(), 0);
}

#[test]
fn a_rule_that_drops_everything_is_never_held() {
    let mut world = World::new(job(FILE));
    world.file(hosts(0..100));
    world.catalog.configure(job(&format!("{FILE}  relabel_configs:\n  - {{action: drop}}\n")));
    let listing = world.catalog.listing();
    assert_eq!((listing.targets.len(), listing.counts["j"].dropped), (0, 100));
}

#[test]
fn a_discovery_that_stays_keeps_its_id_its_targets_and_what_it_holds() {
    let mut world = World::new(job(FILE));
    world.file(hosts(0..100));
    world.at(10).file(vec![]);
    let id = world.id("file");
    // A discovery before it in the file, and other settings of the job.
    world.catalog.configure(job(&format!("{STATIC}{FILE}  metrics_path: /other\n")));
    assert_eq!(world.id("file"), id);
    assert_eq!((world.targets(), world.catalog.holding().count()), (100, 1));
    assert_eq!(world.at(15).file(vec![]), Change::Listing);
}

#[test]
fn a_late_report_of_a_discovery_that_is_gone_changes_nothing() {
    let mut world = World::new(job(FILE));
    world.file(hosts(0..20));
    let gone = world.id("file");
    world.catalog.configure(job(OTHER_FILE));
    let late = Found { discovery: gone, groups: vec![], partial: false };
    assert_eq!(world.catalog.found(late, world.now), Change::None);
    assert_eq!(world.targets(), 20);
    world.catalog.configure(job(STATIC));
    assert_eq!(world.targets(), 20, "until the static one reports");
}

#[test]
fn a_target_found_twice_is_listed_once_and_counted() {
    let mut world = World::new(job(FILE));
    world.file([hosts(0..3), hosts(1..5)].concat());
    let listing = world.catalog.listing();
    assert_eq!((listing.targets.len(), listing.counts["j"].duplicates), (5, 2));
    assert!(listing.targets.iter().all(|listed| listing.get(listed.target.id) == Some(listed)));
}

#[test]
fn what_is_no_target_is_kept_up_to_the_jobs_bound_and_counted_in_full() {
    let rules = "  relabel_configs:\n  - {source_labels: [__address__], regex: 'h\\d:1', action: drop}\n";
    let mut yaml = format!("scrape_configs:\n- job_name: j\n{FILE}  keep_dropped_targets: 3\n{rules}");
    writeln!(yaml, "- job_name: k\n{FILE}{rules}").expect("a String takes any text");
    let mut world = World::new(jobs(&yaml));
    let mut groups = hosts(0..15);
    groups.extend(["a/b:1", ""].map(|bad| TargetGroup::from_found("bad", &[], [[("__address__", bad)]])));
    let ids: Vec<DiscoveryId> = world.catalog.discoveries().map(|(id, _)| id).collect();
    for discovery in ids {
        let groups = groups.iter().cloned().map(Into::into).collect();
        world.catalog.found(Found { discovery, groups, partial: false }, world.now);
    }
    let listing = world.catalog.listing();
    for (job, kept) in [("j", 3), ("k", 12)] {
        let counts = JobCounts { targets: 5, dropped: 10, failed: 2, duplicates: 0 };
        assert_eq!(listing.counts[job], counts, "{job}");
        assert_eq!(listing.dropped.iter().filter(|dropped| &*dropped.job == job).count(), kept, "{job}");
    }
    let reasons: Vec<&DropReason> = listing.dropped.iter().map(|dropped| &dropped.reason).collect();
    assert!(
        matches!(reasons[0], DropReason::Relabel { rule: 0, location } if location.starts_with("config.yml:"))
    );
    assert!(matches!(reasons.last(), Some(DropReason::Error(error)) if error.contains("no address")));
}

#[test]
fn a_job_is_read_once_each_of_its_discoveries_has_reported_or_the_one_it_was_changed_from() {
    let read = |world: &World| world.catalog.listing().read.contains("j");
    let mut world = World::new(job(&format!("{FILE}{STATIC}")));
    assert!(!read(&world));
    world.file(vec![]);
    assert!(!read(&world), "the static one has not reported");
    let discovery = world.id("static");
    assert_eq!(
        world.catalog.found(Found { discovery, groups: vec![], partial: false }, world.now),
        Change::Listing
    );
    assert!(read(&world));
    world.catalog.configure(job(OTHER_FILE));
    assert!(read(&world), "what the former one gave is known");
    world.catalog.configure(job(&format!("{OTHER_FILE}{STATIC}")));
    assert!(!read(&world), "a new one has not reported");
    world.catalog.configure(job(OTHER_FILE));
    assert!(read(&world));
}

#[test]
fn a_job_is_unread_while_a_part_of_a_discovery_was_never_read() {
    let mut world = World::new(job(FILE));
    let discovery = world.id("file");
    let part = |partial| Found { discovery: discovery.clone(), groups: vec![], partial };
    world.catalog.found(part(true), world.now);
    assert!(!world.catalog.listing().read.contains("j"));
    assert_eq!(world.catalog.found(part(false), world.now), Change::Listing, "the same, and now all of it");
    assert!(world.catalog.listing().read.contains("j"));
    assert_eq!(world.catalog.found(part(true), world.now), Change::None);
    assert!(world.catalog.listing().read.contains("j"), "what it was before is known");
}

#[test]
fn a_discovery_changed_before_it_has_reported_leaves_its_job_unread() {
    let mut world = World::new(job(FILE));
    world.catalog.configure(job(OTHER_FILE));
    assert!(!world.catalog.listing().read.contains("j"));
    assert_eq!(world.file(vec![]), Change::Listing);
    assert!(world.catalog.listing().read.contains("j"));
}

const PODS: &str = "  kubernetes_sd_configs:\n  - {role: pod}\n";

/// A pod called so, and its group.
fn pod(name: &str, ip: &str) -> (Arc<str>, Group) {
    let json = format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"n"}},"spec":{{"containers":[{{"name":"c","ports":[{{"containerPort":1}}]}}]}},
        "status":{{"podIP":"{ip}"}}}}"#
    );
    let pod = Pod::read(json.as_bytes(), &mut Texts::default()).expect("a pod");
    let key: Arc<str> = format!("pod/n/{name}").into();
    let rules = Rules::default();
    let group = PodGroup { key: Arc::clone(&key), pod: pod.into(), node: None, past_grace: false, rules };
    (key, Group::Pod(group))
}

fn pods(range: std::ops::Range<usize>) -> Vec<Group> {
    range.map(|n| pod(&format!("p{n:03}"), &format!("10.0.0.{n}")).1).collect()
}

impl World {
    fn listed(&mut self, groups: Vec<Group>) -> Change {
        let discovery = self.id("kubernetes");
        self.catalog.found(Found { discovery, groups, partial: false }, self.now)
    }

    fn told(&mut self, groups: Vec<(Arc<str>, Option<Group>)>) -> Change {
        let discovery = self.id("kubernetes");
        self.catalog.changed(&Changed { discovery, groups })
    }
}

#[test]
fn single_changes_of_pods_are_never_held() {
    let mut world = World::new(job(PODS));
    world.listed(pods(0..100));
    let gone = (0..90).map(|n| (pod(&format!("p{n:03}"), "x").0, None)).collect();
    assert_eq!(world.told(gone), Change::Listing);
    assert_eq!(world.targets(), 10);
    let (key, group) = pod("new", "10.1.0.1");
    assert_eq!(world.told(vec![(Arc::clone(&key), Some(group.clone()))]), Change::Listing);
    assert_eq!(world.told(vec![(key, Some(group))]), Change::None, "nothing changed");
    assert_eq!(world.targets(), 11);
}

#[test]
fn a_list_without_most_pods_is_held_and_changes_go_on_meanwhile() {
    let mut world = World::new(job(PODS));
    world.listed(pods(0..100));
    assert_eq!(world.at(10).listed(pods(0..10)), Change::Held);
    let (key, group) = pod("new", "10.1.0.1");
    world.told(vec![(key, Some(group)), (pod("p099", "x").0, None)]);
    assert_eq!(world.targets(), 100);
    let mut second = pods(0..10);
    // Another pod changed since: that is no other answer.
    second[0] = pod("p000", "10.9.9.9").1;
    second.push(pod("new", "10.1.0.1").1);
    assert_eq!(world.at(15).listed(second), Change::Listing);
    assert_eq!(world.targets(), 11);
}

#[test]
fn another_job_configuration_is_applied_to_pods_that_were_dropped() {
    let drop = "  relabel_configs:\n  - {action: drop}\n  keep_dropped_targets: 3\n";
    let mut world = World::new(job(&format!("{PODS}{drop}")));
    world.listed(pods(0..50));
    let listing = world.catalog.listing();
    assert_eq!((listing.targets.len(), listing.dropped.len(), listing.counts["j"].dropped), (0, 3, 50));
    world.catalog.configure(job(PODS));
    let listing = world.catalog.listing();
    assert_eq!(listing.targets.len(), 50);
    let discovered = listing.targets[7].discovered.labels();
    assert_eq!(discovered.get("__meta_kubernetes_pod_name"), "p007");
    assert_eq!(discovered.get("job"), "j");
}
