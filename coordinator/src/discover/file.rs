//! Targets from files: read at the start, when their directory changes, and every `refresh_interval`.
//!
//! A file that cannot be read as groups keeps what it gave before; a file that is gone, or that has fewer
//! groups, drops theirs (Prometheus 3.x, `file_sd_configs`). The directory is watched, not the file: a
//! mounted ConfigMap changes by a swapped symbolic link.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::target_group::TargetGroup;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::{Context, group_file};
use crate::config::FileDiscovery;

/// Several events of one write become one read.
const QUIET: Duration = Duration::from_millis(100);

/// A second read that confirms or denies a large removal comes no sooner than this.
pub(super) const SECOND_READ: Duration = Duration::from_secs(5);

/// A file larger than this is refused: 50,000 targets take about 10 MB.
const FILE_LIMIT: u64 = 64 << 20;

/// Reads and watches until cancelled.
pub(super) async fn run(settings: &FileDiscovery, context: &Context) {
    let (changed, mut changes) = mpsc::channel(1);
    let mut watch = Watch::new(changed);
    let mut known = BTreeMap::new();
    loop {
        watch.add_directories(&settings.files);
        let (groups, errors) = read_all(&settings.files, &mut known).await;
        if !context.report("file", Ok(groups)).await {
            return;
        }
        for error in errors {
            context.report("file", Err(error)).await;
        }
        tokio::select! {
            () = tokio::time::sleep(settings.refresh_interval) => {}
            () = context.read_again.notified() => tokio::time::sleep(SECOND_READ).await,
            _ = changes.recv() => {
                tokio::time::sleep(QUIET).await;
                while changes.try_recv().is_ok() {}
            }
        }
    }
}

/// Reads every file that the patterns name now into `known`; gives all groups and what went wrong.
async fn read_all(
    patterns: &[PathBuf],
    known: &mut BTreeMap<PathBuf, Vec<TargetGroup>>,
) -> (Vec<TargetGroup>, Vec<String>) {
    let mut errors = Vec::new();
    let mut read = BTreeMap::new();
    for path in expand(patterns, &mut errors).await {
        let before = known.remove(&path);
        match read_file(&path).await {
            Ok(groups) => drop(read.insert(path, groups)),
            Err(error) => {
                errors.push(error);
                read.extend(before.map(|groups| (path, groups)));
            }
        }
    }
    *known = read;
    (known.values().flatten().cloned().collect(), errors)
}

async fn read_file(path: &Path) -> Result<Vec<TargetGroup>, String> {
    let name = path.display();
    let size = tokio::fs::metadata(path).await.map_err(|error| format!("{name}: {error}"))?.len();
    if size > FILE_LIMIT {
        return Err(format!("{name}: {size} bytes are more than the {FILE_LIMIT} a target file may have"));
    }
    let text = tokio::fs::read_to_string(path).await.map_err(|error| format!("{name}: {error}"))?;
    group_file::parse(path, &text)
}

/// The files that the patterns name now, each once, sorted.
async fn expand(patterns: &[PathBuf], errors: &mut Vec<String>) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for pattern in patterns {
        match matching(pattern).await {
            Ok(found) => paths.extend(found),
            Err(error) => errors.push(format!("{}: {error}", pattern.display())),
        }
    }
    paths.sort();
    paths.dedup();
    paths
}

async fn matching(pattern: &Path) -> std::io::Result<Vec<PathBuf>> {
    let name = pattern.file_name().unwrap_or_default().to_string_lossy();
    let Some((before, after)) = name.split_once('*') else {
        let there = tokio::fs::try_exists(pattern).await?;
        return Ok(there.then(|| pattern.to_path_buf()).into_iter().collect());
    };
    let mut found = Vec::new();
    let mut entries = tokio::fs::read_dir(pattern.parent().unwrap_or(Path::new("."))).await?;
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Watches directories; a watch that cannot be had is left to the refresh interval.
struct Watch {
    watcher: Option<RecommendedWatcher>,
    directories: Vec<PathBuf>,
}

impl Watch {
    fn new(changed: mpsc::Sender<()>) -> Self {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let read_only = event.is_ok_and(|event| event.kind.is_access());
            if !read_only {
                // A full queue already asks for the read that this change needs.
                changed.try_send(()).ok();
            }
        });
        if let Err(error) = &watcher {
            tracing::warn!(%error, "files cannot be watched and are read at their refresh interval only");
        }
        Self { watcher: watcher.ok(), directories: Vec::new() }
    }

    fn add_directories(&mut self, patterns: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else { return };
        for directory in patterns.iter().filter_map(|pattern| pattern.parent()) {
            if self.directories.iter().any(|known| known == directory) {
                continue;
            }
            match watcher.watch(directory, RecursiveMode::NonRecursive) {
                Ok(()) => self.directories.push(directory.to_path_buf()),
                Err(error) => tracing::debug!(%error, directory = %directory.display(), "not watched yet"),
            }
        }
    }
}
