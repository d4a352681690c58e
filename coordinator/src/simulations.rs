//! Simulations of another ring, one at a time: each takes a processor for up to seconds.

use std::sync::Arc;

use opentelemetry::metrics::{Counter, Meter};
use tokio::sync::Semaphore;
use tonic::Status;

/// Who simulates. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Simulations {
    place: Arc<Semaphore>,
    refused: Counter<u64>,
}

impl Simulations {
    /// Nobody does yet.
    #[must_use]
    pub fn new(meter: &Meter) -> Self {
        let refused = meter
            .u64_counter("scraperelay_coordinator_simulations_refused_total")
            .with_description("Simulations refused because another one ran.")
            .build();
        Self { place: Arc::new(Semaphore::new(1)), refused }
    }

    /// What `simulation` gives, worked out beside everything else.
    ///
    /// # Errors
    /// Its own, and where another one runs.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        simulation: impl FnOnce() -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let Ok(place) = self.place.clone().try_acquire_owned() else {
            self.refused.add(1, &[]);
            return Err(Status::resource_exhausted("somebody else simulates: ask again in some seconds"));
        };
        let working = tokio::task::spawn_blocking(move || {
            let simulated = simulation();
            drop(place);
            simulated
        });
        working.await.map_err(|error| Status::internal(format!("the simulation: {error}")))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_is_one_at_a_time() {
        let simulations = Simulations::new(&opentelemetry::global::meter("test"));
        let (release, released) = std::sync::mpsc::channel::<()>();
        let first = simulations.run(move || Ok(released.recv().is_ok()));
        let mut first = Box::pin(first);
        // Polled once, it has begun.
        assert!(futures_util::poll!(&mut first).is_pending());
        let refused = simulations.run(|| Ok(())).await.expect_err("the first one runs");
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        release.send(()).expect("it waits");
        assert!(first.await.expect("it ends"));
        assert!(simulations.run(|| Ok(true)).await.expect("there is room again"));
    }
}
