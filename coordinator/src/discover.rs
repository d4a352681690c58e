//! Finds target groups: each discovery of the configuration is one task that sends what it knows.
//!
//! In: a discovery's configuration. Out: [`Found`], the whole of what that discovery knows, and where it can be told
//! one by one, [`Changed`]. A discovery that fails sends nothing, so an error never removes a target. What the groups become (targets, dropped,
//! held back) is the catalog's business.

mod file;
mod file_pattern;
mod group_file;
mod http;
mod http_get;
pub mod kubernetes;
mod ledger;

use std::sync::Arc;

use model::target_group::TargetGroup;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use self::kubernetes::pod_group::PodGroup;
use self::kubernetes::watches::Watches;
use crate::config::Discovery;

pub use ledger::{Health, Ledger};

/// Discoveries in one message queue; each sends one message per change, so more than this is a slow reader.
pub const QUEUE: usize = 64;

/// Which discovery of which job.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DiscoveryId {
    /// The job's name.
    pub job: Arc<str>,
    /// A number that no other discovery of this process had or has; a changed discovery gets a new one.
    pub index: usize,
}

/// Everything that one discovery knows now.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Who says so.
    pub discovery: DiscoveryId,
    /// All its groups; a group it knew before and does not name is gone.
    pub groups: Vec<Group>,
    /// Whether a part of it could not be read and never was: there may be more targets than these.
    pub partial: bool,
}

/// What changed since a discovery said what it knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// Who says so.
    pub discovery: DiscoveryId,
    /// Groups by source, each as it is now; `None`: it is gone.
    pub groups: Vec<(Arc<str>, Option<Group>)>,
}

/// Targets that were found together.
#[derive(Clone, Debug, PartialEq)]
pub enum Group {
    /// With their labels.
    Whole(TargetGroup),
    /// Those of a pod, whose labels are made when they are needed.
    Pod(PodGroup),
}

impl From<TargetGroup> for Group {
    fn from(group: TargetGroup) -> Self {
        Self::Whole(group)
    }
}

/// A discovery that failed: its earlier targets stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Who failed.
    pub discovery: DiscoveryId,
    /// "file", "http" or "kubernetes".
    pub mechanism: &'static str,
    /// What was wrong, for people.
    pub message: String,
}

/// What a discovery sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// A good read.
    Found(Found),
    /// What changed since the last one.
    Changed(Changed),
    /// A bad one.
    Failed(Failed),
}

/// The word for a kind of discovery, in metrics and in `explain`.
#[must_use]
pub fn mechanism(discovery: &Discovery) -> &'static str {
    match discovery {
        Discovery::Static(_) => "static",
        Discovery::File(_) => "file",
        Discovery::Http(_) => "http",
        Discovery::Kubernetes(_) => "kubernetes",
    }
}

/// Where a discovery sends its reports, when it has to stop and when it has to read again out of turn.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who it is.
    pub id: DiscoveryId,
    /// Where its reports go.
    pub reports: mpsc::Sender<Report>,
    /// Cancelled when the configuration no longer has it.
    pub stop: CancellationToken,
    /// Asked when a large removal waits for a second read.
    pub read_again: Arc<Notify>,
    /// The watches of clusters.
    pub watches: Watches,
}

impl Context {
    /// Sends what was read, or why nothing was; false when nobody listens any more.
    async fn report(&self, mechanism: &'static str, read: Result<Vec<TargetGroup>, String>) -> bool {
        match read {
            Ok(groups) => self.found(groups, false).await,
            Err(message) => {
                let failed = Failed { discovery: self.id.clone(), mechanism, message };
                self.reports.send(Report::Failed(failed)).await.is_ok()
            }
        }
    }

    /// Sends what was read; false when nobody listens any more.
    async fn found(&self, groups: Vec<TargetGroup>, partial: bool) -> bool {
        let groups = groups.into_iter().map(Group::Whole).collect();
        let found = Found { discovery: self.id.clone(), groups, partial };
        self.reports.send(Report::Found(found)).await.is_ok()
    }
}

/// Runs one discovery until it is stopped.
pub async fn run(discovery: Discovery, context: Context) {
    let stop = context.stop.clone();
    let work = async {
        match discovery {
            Discovery::Static(groups) => {
                context.report("static", Ok(groups)).await;
                stop.cancelled().await;
            }
            Discovery::File(settings) => file::run(&settings, &context).await,
            Discovery::Http(settings) => http::run(&settings, &context).await,
            Discovery::Kubernetes(settings) => kubernetes::pods::run(&settings, &context).await,
        }
    };
    tokio::select! {
        () = context.stop.cancelled() => {}
        () = work => {}
    }
}

/// Whether two discoveries look for the same, wherever they stand in the file.
#[must_use]
pub fn same(one: &Discovery, other: &Discovery) -> bool {
    match (one, other) {
        (Discovery::Static(one), Discovery::Static(other)) => one == other,
        (Discovery::File(one), Discovery::File(other)) => {
            (&one.files, one.refresh_interval) == (&other.files, other.refresh_interval)
        }
        (Discovery::Http(one), Discovery::Http(other)) => {
            (&one.url, one.refresh_interval, &one.http) == (&other.url, other.refresh_interval, &other.http)
        }
        (Discovery::Kubernetes(one), Discovery::Kubernetes(other)) => one.same(other),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
