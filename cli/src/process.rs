//! What every command that serves needs of its process: a runtime, logs, open files, an orderly end.

use std::time::Duration;

use runtime::telemetry::TraceConfig;
use runtime::{Runtime, Shutdown, Telemetry};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::LogArgs;
use crate::exit::Failure;

/// From the wish to stop until what still runs is cut off: a page may take 10 s, a flush one more.
pub const GRACE: Duration = Duration::from_secs(15);

/// The OpenTelemetry specification's name for where traces go.
const OTLP_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Below this a relay of ordinary size runs out of sockets: 2,000 targets, 512 scrapers, and its own files.
const OPEN_FILES: u64 = 4096;

/// Runs `command` on a runtime of its own.
///
/// # Errors
/// The command's own, or that there can be no runtime.
pub fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    runtime::tls::install_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("starting the async runtime: {error}")))?;
    let result = runtime.block_on(command);
    // A thread that sits in a system call (a slow disk, a name server) must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// From here on SIGHUP does not end the process: it asks a coordinator to read its file again, and one that has not
/// read it yet has nothing to do.
///
/// # Errors
/// Where the process may not listen to it.
pub fn survive_hangup() -> Result<(), Failure> {
    // The process goes on catching the signal when nobody listens any more.
    let listening = signal(SignalKind::hangup());
    listening.map(drop).map_err(|error| Failure::failed(format!("listening to SIGHUP: {error}")))
}

/// The process of a server: its signals and its telemetry.
pub struct Server {
    /// Drains at the first SIGTERM or SIGINT, aborts at the second.
    pub shutdown: Shutdown,
    telemetry: Telemetry,
}

impl Server {
    /// Installs logs, raises the limit of open files, listens to signals.
    ///
    /// # Errors
    /// What the system refused.
    pub fn start(log: &LogArgs, service: &str) -> Result<Self, Failure> {
        let endpoint = log.otlp_endpoint.clone().or_else(|| std::env::var(OTLP_ENDPOINT).ok());
        let traces = endpoint
            .filter(|endpoint| !endpoint.is_empty())
            .map(|endpoint| TraceConfig { endpoint, service: service.to_owned() });
        let telemetry = Telemetry::new(traces.as_ref()).map_err(|error| Failure::usage(error.to_string()))?;
        runtime::log::install(log.log_level, log.log_format, telemetry.tracer())
            .map_err(|error| Failure::failed(error.to_string()))?;
        let files = runtime::open_files::raise();
        if !files.suffice(OPEN_FILES) {
            tracing::warn!(limit = ?files.now, needed = OPEN_FILES, "few files may be open: raise the hard limit (nofile)");
        }
        let shutdown = Shutdown::new();
        let signals = shutdown.on_signals().map_err(|error| Failure::failed(format!("signals: {error}")))?;
        tokio::spawn(signals);
        Ok(Self { shutdown, telemetry })
    }

    /// The runtime of the process's one component.
    #[must_use]
    pub fn runtime(&self) -> Runtime {
        Runtime::new(self.telemetry.clone(), self.shutdown.clone())
    }

    /// The runtime of one of several components, with metrics of its own.
    ///
    /// # Errors
    /// Where its metrics cannot be registered.
    pub fn part(&self) -> Result<Runtime, Failure> {
        let telemetry = Telemetry::metrics_only().map_err(|error| Failure::failed(error.to_string()))?;
        Ok(Runtime::new(telemetry, self.shutdown.child()))
    }

    /// Sends what telemetry still waits.
    pub async fn finish(self) {
        self.telemetry.shutdown().await;
    }
}

/// Runs two components of one process. When one ends, the other is told to end too; the first error counts.
///
/// # Errors
/// The first that one of them gave.
pub async fn together(
    shutdown: &Shutdown,
    one: impl Future<Output = Result<(), Failure>>,
    other: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let one = async {
        let ended = one.await;
        shutdown.drain();
        ended
    };
    let other = async {
        let ended = other.await;
        shutdown.drain();
        ended
    };
    let (one, other) = tokio::join!(one, other);
    one.and(other)
}
