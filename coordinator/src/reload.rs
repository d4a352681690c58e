//! The configuration file, read again on SIGHUP and when it changes; a file with errors replaces nothing.
//!
//! In: the path. Out: each good configuration that differs from the one before. The directory is watched, not
//! the file: a mounted ConfigMap changes by a swapped symbolic link.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use runtime::Shutdown;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::CoordinatorConfig;
use crate::config::{self, Config, Diagnostics, MissingFiles};
use crate::instruments::Instruments;

/// Several events of one write become one read.
const QUIET: Duration = Duration::from_millis(200);

/// A change that no event told of is noticed after this time.
const POLL: Duration = Duration::from_secs(30);

/// Reads the file once, before anything starts.
///
/// # Errors
/// Everything that is wrong with it.
pub fn first(path: &Path, missing: MissingFiles) -> Result<Config, Diagnostics> {
    let loaded = config::load(path, missing)?;
    if loaded.warnings.warnings() > 0 {
        tracing::warn!(file = %path.display(), "configuration:\n{}", loaded.warnings);
    }
    Ok(loaded.config)
}

/// Follows the file; each good configuration that differs goes to `configs`.
///
/// # Errors
/// Where the process may not listen to SIGHUP.
pub async fn follow(
    config: CoordinatorConfig,
    configs: watch::Sender<Arc<Config>>,
    instruments: Instruments,
    shutdown: Shutdown,
) -> std::io::Result<()> {
    let CoordinatorConfig { file: path, missing_files: missing, .. } = config;
    let mut hangup = signal(SignalKind::hangup())?;
    let (changed, mut changes) = mpsc::channel(1);
    let _watcher = watcher(&path, changed);
    let mut before = std::fs::read(&path).ok();
    loop {
        let asked = tokio::select! {
            () = shutdown.draining() => return Ok(()),
            _ = hangup.recv() => true,
            _ = changes.recv() => false,
            () = tokio::time::sleep(POLL) => false,
        };
        tokio::time::sleep(QUIET).await;
        while changes.try_recv().is_ok() {}
        let now = tokio::fs::read(&path).await.ok();
        if asked || now != before {
            before = now;
            reload(&path, missing, &configs, &instruments).await;
        }
    }
}

async fn reload(
    path: &Path,
    missing: MissingFiles,
    configs: &watch::Sender<Arc<Config>>,
    instruments: &Instruments,
) {
    let file = path.to_path_buf();
    let read = tokio::task::spawn_blocking(move || first(&file, missing)).await;
    let file = path.display();
    match read {
        Ok(Ok(config)) => {
            instruments.reloaded(true);
            let changed = configs.send_if_modified(|running| {
                let differs = **running != config;
                if differs {
                    *running = Arc::new(config);
                }
                differs
            });
            tracing::info!(%file, changed, "configuration read");
        }
        Ok(Err(errors)) => {
            instruments.reloaded(false);
            tracing::error!(%file, "the configuration has errors, the running one stays:\n{errors}");
        }
        Err(error) => tracing::error!(%file, %error, "reading the configuration failed"),
    }
}

fn watcher(path: &Path, changed: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let event = move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // A full queue already asks for the read that this change needs.
            changed.try_send(()).ok();
        }
    };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let started = notify::recommended_watcher(event)
        .and_then(|mut watcher| watcher.watch(directory, RecursiveMode::NonRecursive).map(|()| watcher));
    match started {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::warn!(%error, "the configuration cannot be watched; SIGHUP and a look every 30 s remain");
            None
        }
    }
}
