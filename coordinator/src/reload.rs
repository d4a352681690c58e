//! The configuration file, read again on SIGHUP and when it changes; a file with errors replaces nothing.
//!
//! In: the path. Out: each good configuration that differs from the one before.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use runtime::Shutdown;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::config::{self, Config, MissingFiles};
use crate::directory_watch::DirectoryWatch;
use crate::instruments::Instruments;
use crate::{CoordinatorConfig, Error, Source};

/// A change that no event told of is noticed after this time.
const POLL: Duration = Duration::from_secs(30);

/// What a coordinator was started with.
#[derive(Debug)]
pub struct First {
    /// How.
    pub config: CoordinatorConfig,
    /// The file as it was when it was read.
    pub text: Option<Vec<u8>>,
    /// From before it was read.
    pub hangups: Signal,
}

/// Listens to SIGHUP, which from here on does not end the process. Call it before the first read: one that comes
/// between that and [`follow`] is not lost.
///
/// # Errors
/// Where the process may not.
pub fn hangups() -> Result<Signal, Error> {
    signal(SignalKind::hangup()).map_err(Error::Signal)
}

/// The file's bytes; none where it cannot be read, which [`read`] has the words for.
async fn text(path: &Path) -> Option<Vec<u8>> {
    tokio::fs::read(path).await.ok()
}

/// The configuration of a coordinator whose relays connect to `grpc_listen`, and the file's bytes where it is one.
///
/// # Errors
/// Everything that is wrong with it.
pub async fn first(
    source: &Source,
    grpc_listen: SocketAddr,
) -> Result<(Arc<Config>, Option<Vec<u8>>), Error> {
    match source {
        Source::File { path, missing_files } => {
            let text = text(path).await;
            Ok((Arc::new(read(path, *missing_files, grpc_listen)?), text))
        }
        Source::Given(config) => {
            check_secrets(config, grpc_listen)?;
            Ok((Arc::clone(config), None))
        }
    }
}

/// Reads and checks the file.
fn read(path: &Path, missing: MissingFiles, grpc_listen: SocketAddr) -> Result<Config, Error> {
    let loaded = config::load(path, missing).map_err(Error::Config)?;
    check_secrets(&loaded.config, grpc_listen)?;
    if loaded.warnings.warnings() > 0 {
        tracing::warn!(file = %path.display(), "configuration:\n{}", loaded.warnings);
    }
    Ok(loaded.config)
}

/// Follows the configuration until `shutdown` drains; each good one that differs goes to `configs`.
pub async fn follow(
    First { config, text: mut before, mut hangups }: First,
    configs: watch::Sender<Arc<Config>>,
    instruments: Instruments,
    shutdown: Shutdown,
) {
    let Source::File { path, missing_files } = &config.source else {
        return shutdown.draining().await;
    };
    let (path, missing) = (path.clone(), *missing_files);
    let mut watch = DirectoryWatch::new("configuration files");
    // What changed before the watch began is seen at once.
    let mut wait = Duration::ZERO;
    loop {
        watch.add([path.as_path()]);
        let asked = tokio::select! {
            () = shutdown.draining() => return,
            _ = hangups.recv() => true,
            () = watch.changed() => false,
            () = tokio::time::sleep(wait) => false,
        };
        wait = POLL;
        let now = text(&path).await;
        if asked || now != before {
            before = now;
            reload((&path, missing, config.grpc_listen), &configs, &instruments).await;
        }
    }
}

async fn reload(
    (path, missing, grpc): (&Path, MissingFiles, SocketAddr),
    configs: &watch::Sender<Arc<Config>>,
    instruments: &Instruments,
) {
    let (file, path) = (path.display(), path.to_path_buf());
    let read = tokio::task::spawn_blocking(move || read(&path, missing, grpc)).await;
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

/// Secrets that stand in the file itself go to relays over loopback only, as long as the stream is not encrypted.
fn check_secrets(config: &Config, grpc_listen: SocketAddr) -> Result<(), Error> {
    match config::inline_secrets(config).next() {
        Some((job, field, position)) if !grpc_listen.ip().to_canonical().is_loopback() => {
            Err(Error::InlineSecret {
                job: job.to_owned(),
                field: field.to_owned(),
                position: position.to_string(),
            })
        }
        _ => Ok(()),
    }
}
