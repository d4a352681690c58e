//! Targets from files: read at the start, when their directory changes, and every `refresh_interval`.
//!
//! A file that cannot be read as groups keeps what it gave before; a file that is gone, or that has fewer
//! groups, drops theirs (Prometheus 3.x, `file_sd_configs`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::target_group::TargetGroup;
use runtime::bounded_file;

use super::{Context, file_pattern, group_file};
use crate::config::FileDiscovery;
use crate::directory_watch::{DirectoryWatch, directory};

/// A second read that confirms or denies a large removal comes no sooner than this.
pub(super) const SECOND_READ: Duration = Duration::from_secs(5);

/// A file larger than this is refused: 50,000 targets take about 10 MB.
const FILE_LIMIT: u64 = 64 << 20;

/// Reads and watches until cancelled.
pub(super) async fn run(settings: &FileDiscovery, context: &Context) {
    let mut watch = DirectoryWatch::new("target files");
    let mut known = Known::new();
    loop {
        watch.add(settings.files.iter().map(PathBuf::as_path));
        let (files, last) = (settings.files.clone(), known.clone());
        let read = tokio::task::spawn_blocking(move || read_all(&files, last)).await;
        let failed = |error: tokio::task::JoinError| Read::failed(known, error.to_string());
        let read = read.unwrap_or_else(failed);
        known = read.known;
        let groups = known.values().flatten().cloned().collect();
        if !context.found(groups, read.partial).await {
            return;
        }
        for error in read.errors {
            context.report("file", Err(error)).await;
        }
        tokio::select! {
            () = tokio::time::sleep(settings.refresh_interval) => {}
            () = context.read_again.notified() => tokio::time::sleep(SECOND_READ).await,
            () = watch.changed() => {}
        }
    }
}

/// What each file gave when it was last read well.
type Known = BTreeMap<PathBuf, Vec<TargetGroup>>;

/// What one look at all files gave.
#[derive(Debug, Default)]
struct Read {
    known: Known,
    /// What went wrong.
    errors: Vec<String>,
    /// Whether something went wrong with what was never read well.
    partial: bool,
}

impl Read {
    fn failed(known: Known, error: String) -> Self {
        Self { partial: known.is_empty(), known, errors: vec![error] }
    }
}

/// Reads every file that the patterns name now. Files may be large and slow: this belongs where blocking is allowed.
fn read_all(patterns: &[PathBuf], mut before: Known) -> Read {
    let mut read = Read::default();
    for path in expand(patterns, &before, &mut read) {
        let last = before.remove(&path);
        match read_file(&path) {
            Ok(groups) => drop(read.known.insert(path, groups)),
            Err(error) => {
                read.errors.push(error);
                read.partial |= last.is_none();
                read.known.extend(last.map(|groups| (path, groups)));
            }
        }
    }
    read
}

fn read_file(path: &Path) -> Result<Vec<TargetGroup>, String> {
    let bytes = bounded_file::read(path, FILE_LIMIT);
    let bytes = bytes.map_err(|error| format!("{}: {error}", path.display()))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{}: it is not UTF-8", path.display()))?;
    group_file::parse(path, &text)
}

/// The files that the patterns name now, each once, sorted; where that cannot be found out, those known before.
fn expand(patterns: &[PathBuf], before: &Known, read: &mut Read) -> BTreeSet<PathBuf> {
    let mut paths = BTreeSet::new();
    for pattern in patterns {
        match matching(pattern) {
            Ok(found) => paths.extend(found),
            // A directory that is gone has no files.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                read.errors.push(format!("{}: {error}", pattern.display()));
                let known: Vec<_> = before.keys().filter(|path| is_named(path, pattern)).cloned().collect();
                read.partial |= known.is_empty();
                paths.extend(known);
            }
        }
    }
    paths
}

fn matching(pattern: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !pattern.to_string_lossy().contains('*') {
        return Ok(pattern.try_exists()?.then(|| pattern.to_path_buf()).into_iter().collect());
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory(pattern))? {
        let path = entry?.path();
        if is_named(&path, pattern) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Whether `path`, which lies in the directory of `pattern`, is one of its files.
fn is_named(path: &Path, pattern: &Path) -> bool {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let same_directory = directory(path) == directory(pattern);
    path == pattern || (same_directory && file_pattern::matches(&name(pattern), &name(path)))
}
