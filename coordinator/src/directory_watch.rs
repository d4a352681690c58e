//! Tells that something changed in the directories of some files.
//!
//! In: paths. Out: that it is time to read again. Directories are watched, not files: a mounted ConfigMap changes by a
//! swapped symbolic link. What changed is not told; a directory that cannot be watched is left to its reader, who looks
//! from time to time anyway.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Several events of one write become one read.
const QUIET: Duration = Duration::from_millis(200);

/// Watched directories.
pub(crate) struct DirectoryWatch {
    what: &'static str,
    watcher: Option<RecommendedWatcher>,
    /// Whether it was said that a directory cannot be watched: the next read would say it again.
    warned: bool,
    changes: mpsc::Receiver<()>,
}

impl DirectoryWatch {
    /// Watches nothing yet. `what` names the files in the one warning that they cannot be watched.
    pub(crate) fn new(what: &'static str) -> Self {
        let (changed, changes) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error may stand for a change that was missed.
            let only_read = event.is_ok_and(|event| event.kind.is_access());
            if !only_read {
                // A full queue already asks for the read that this change needs.
                changed.try_send(()).ok();
            }
        });
        if let Err(error) = &watcher {
            tracing::warn!(%error, "{what} cannot be watched and are looked at from time to time only");
        }
        Self { what, watcher: watcher.ok(), warned: false, changes }
    }

    /// Watches the directories of `files`. Call it before each read: a directory may have been replaced.
    pub(crate) fn add<'a>(&mut self, files: impl IntoIterator<Item = &'a Path>) {
        let Some(watcher) = &mut self.watcher else { return };
        let directories: BTreeSet<&Path> = files.into_iter().map(directory).collect();
        for directory in directories {
            let Err(error) = watcher.watch(directory, RecursiveMode::NonRecursive) else { continue };
            let (what, directory) = (self.what, directory.display());
            if is_gone(&error) || self.warned {
                tracing::debug!(%error, %directory, "not watched yet");
            } else {
                self.warned = true;
                tracing::warn!(%error, %directory, "{what} cannot be watched and are looked at from time to time only");
            }
        }
    }

    /// Waits for a change and for the quiet after it; for ever where nothing can be watched. A change whose quiet is
    /// not awaited counts as told.
    pub(crate) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending().await
        }
        tokio::time::sleep(QUIET).await;
        while self.changes.try_recv().is_ok() {}
    }
}

/// A directory that is not there, or not yet.
fn is_gone(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

/// Where a file lies, or the files that a pattern names.
pub(crate) fn directory(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    async fn told(watch: &mut DirectoryWatch) {
        tokio::time::timeout(LIMIT, watch.changed()).await.expect("the change is told");
    }

    #[tokio::test]
    async fn a_change_is_told_also_of_a_file_that_was_not_there_and_in_a_directory_that_came_later() {
        let base = tempfile::tempdir().unwrap();
        let (one, other) = (base.path().join("one"), base.path().join("later/other"));
        let mut watch = DirectoryWatch::new("files");
        watch.add([one.as_path(), other.as_path()]);
        assert!(!watch.warned, "a directory that comes later is no reason for a warning");
        std::fs::write(&one, "a").unwrap();
        told(&mut watch).await;
        std::fs::create_dir(base.path().join("later")).unwrap();
        told(&mut watch).await;
        watch.add([one.as_path(), other.as_path()]);
        std::fs::write(&other, "b").unwrap();
        told(&mut watch).await;
    }

    #[tokio::test]
    async fn where_nothing_can_be_watched_no_change_is_told() {
        let (_, changes) = mpsc::channel(1);
        let mut watch = DirectoryWatch { watcher: None, changes, ..DirectoryWatch::new("files") };
        watch.add([Path::new("file")]);
        assert!(tokio::time::timeout(3 * QUIET, watch.changed()).await.is_err());
    }

    #[test]
    fn a_bare_name_lies_here() {
        assert_eq!(directory(Path::new("file")), Path::new("."));
        assert_eq!(directory(Path::new("a/b")), Path::new("a"));
    }
}
