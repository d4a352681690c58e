//! What every process of scrape-relay needs, whatever it does: logs, telemetry, TLS, listeners, named tasks,
//! shutdown and readiness.
//!
//! Knows nothing of targets, scrapes or the wire; takes every setting as a value and reads no environment
//! variable itself.

pub mod address;
pub mod boot_id;
pub mod bounded_file;
pub mod listen;
pub mod log;
pub mod open_files;
pub mod probe_page;
pub mod process_metrics;
pub mod ready;
pub mod shutdown;
pub mod tasks;
pub mod telemetry;
pub mod tls;

use listen::{ListenMetrics, Listener};
use opentelemetry::metrics::Meter;
use tokio::net::TcpListener;

pub use ready::Readiness;
pub use shutdown::Shutdown;
pub use tasks::Tasks;
pub use telemetry::Telemetry;

/// What a component is given when it starts. Cheap to clone; all clones share the same state.
///
/// One process may hold several (a coordinator and some relays in one process have one each): every value has
/// its own metrics and readiness.
#[derive(Clone)]
pub struct Runtime {
    /// Instruments of the component are built from here.
    pub telemetry: Telemetry,
    /// Tells when to drain and when to give up.
    pub shutdown: Shutdown,
    /// The only way to start a task.
    pub tasks: Tasks,
    /// What has to happen before the component is ready.
    pub readiness: Readiness,
}

impl Runtime {
    /// A runtime around `telemetry` that stops when `shutdown` drains.
    #[must_use]
    pub fn new(telemetry: Telemetry, shutdown: Shutdown) -> Self {
        Self { telemetry, tasks: Tasks::new(shutdown.clone()), readiness: Readiness::new(), shutdown }
    }

    /// This runtime for a component that has something to do before it ends: its tasks go on when this one drains,
    /// until [`Shutdown::drain`] is called on its own shutdown.
    #[must_use]
    pub fn deferred(&self) -> Self {
        let shutdown = self.shutdown.deferred();
        Self { tasks: Tasks::new(shutdown.clone()), shutdown, ..self.clone() }
    }

    /// A listener on `socket` with this runtime's instruments; `name` is their label, such as `metrics`.
    #[must_use]
    pub fn listener(&self, name: &'static str, socket: TcpListener) -> Listener {
        Listener::new(socket, ListenMetrics::new(self.meter(), name))
    }

    /// Serves `router` on `socket` until shutdown, as the task `name`.
    pub fn serve_router(&self, name: &'static str, socket: TcpListener, router: axum::Router) {
        let listener = self.listener(name, socket);
        self.tasks.spawn(name, listener.serve_router(router, self.tasks.clone(), self.shutdown.clone()));
    }

    /// The meter that the component's instruments are built from.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        self.telemetry.meter()
    }
}
