//! What a listener counts.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter, UpDownCounter};

/// The instruments of one listener; its name is their `listener` label.
#[derive(Clone, Debug)]
pub struct ListenMetrics {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: &'static str,
    connections: UpDownCounter<i64>,
    refused: Counter<u64>,
    accept_errors: Counter<u64>,
}

/// One open connection, counted until it drops.
pub(super) struct Open(ListenMetrics);

impl ListenMetrics {
    /// Instruments for the listener `name`, such as `metrics`.
    #[must_use]
    pub fn new(meter: &Meter, name: &'static str) -> Self {
        let connections = meter
            .i64_up_down_counter("scraperelay_listener_connections")
            .with_description("Open connections of a listener.")
            .build();
        let refused = meter
            .u64_counter("scraperelay_listener_connections_refused_total")
            .with_description("Connections refused or cut off, by reason (limit, tls, timeout, broken).")
            .build();
        let accept_errors = meter
            .u64_counter("scraperelay_listener_accept_errors_total")
            .with_description("Errors of accept(2), such as too many open files.")
            .build();
        Self { shared: Arc::new(Shared { name, connections, refused, accept_errors }) }
    }

    pub(super) fn name(&self) -> &'static str {
        self.shared.name
    }

    pub(super) fn refused(&self, reason: &'static str) {
        self.shared.refused.add(1, &[self.label(), KeyValue::new("reason", reason)]);
    }

    pub(super) fn accept_failed(&self) {
        self.shared.accept_errors.add(1, &[self.label()]);
    }

    pub(super) fn open(&self) -> Open {
        self.shared.connections.add(1, &[self.label()]);
        Open(self.clone())
    }

    fn label(&self) -> KeyValue {
        KeyValue::new("listener", self.shared.name)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.shared.connections.add(-1, &[self.0.label()]);
    }
}
