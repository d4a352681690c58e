//! Memory for bodies in flight, shared by all scrapes of a relay.
//!
//! A body reserves its size before it is received, where the size is known, and more as it grows. Who finds
//! nothing left waits, inside its own deadline, until another body has been dropped; meanwhile TCP holds the rest
//! of the answer back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::FetchError;

/// The grain of the accounting, in bytes.
const GRAIN: usize = 1024;

/// The memory that bodies share. All clones share the same.
#[derive(Clone, Debug)]
pub struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    grains: Arc<Semaphore>,
    capacity: usize,
    waits: AtomicU64,
}

/// A share of the memory, given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    permit: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// `bytes` for all bodies together (at least 1 KiB, at most 4 TiB).
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let most = u32::MAX as usize;
        let grains = (bytes / GRAIN).clamp(1, most.min(Semaphore::MAX_PERMITS));
        let shared = Shared {
            grains: Arc::new(Semaphore::new(grains)),
            capacity: grains * GRAIN,
            waits: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Bytes there are.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.capacity
    }

    /// Bytes reserved now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.shared.capacity - self.shared.grains.available_permits() * GRAIN
    }

    /// How often a body had to wait since the start.
    #[must_use]
    pub fn waits(&self) -> u64 {
        self.shared.waits.load(Ordering::Relaxed)
    }

    /// A reservation of nothing, to grow.
    #[must_use]
    pub fn reservation(&self) -> Reservation {
        Reservation { budget: self.clone(), permit: None }
    }
}

impl Reservation {
    /// Bytes reserved.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits) * GRAIN
    }

    /// Grows the reservation to at least `bytes`, waiting for others where nothing is left.
    ///
    /// # Errors
    /// [`FetchError::Memory`] when `bytes` are more than there are.
    pub async fn grow(&mut self, bytes: usize) -> Result<(), FetchError> {
        let shared = &self.budget.shared;
        if bytes > shared.capacity {
            return Err(FetchError::Memory { needed: bytes, capacity: shared.capacity });
        }
        let missing = bytes.saturating_sub(self.bytes()).div_ceil(GRAIN);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).expect("the capacity is at most 2^32 grains");
        let more = match shared.grains.clone().try_acquire_many_owned(missing) {
            Ok(more) => more,
            Err(_) => {
                shared.waits.fetch_add(1, Ordering::Relaxed);
                let waited = shared.grains.clone().acquire_many_owned(missing).await;
                waited.expect("the semaphore is never closed")
            }
        };
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_finds_nothing_left_waits_for_another_body_to_be_dropped() {
        let budget = Budget::new(10 * GRAIN);
        let mut first = budget.reservation();
        first.grow(8 * GRAIN).await.unwrap();
        first.grow(3 * GRAIN).await.unwrap();
        assert_eq!((budget.used(), budget.waits()), (8 * GRAIN, 0));
        let second = tokio::spawn({
            let mut second = budget.reservation();
            async move { second.grow(3 * GRAIN).await.map(|()| second) }
        });
        while budget.waits() == 0 {
            tokio::task::yield_now().await;
        }
        drop(first);
        let second = second.await.unwrap().unwrap();
        assert_eq!((budget.used(), second.bytes()), (3 * GRAIN, 3 * GRAIN));
        drop(second);
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn what_cannot_fit_even_alone_fails_at_once() {
        let budget = Budget::new(2 * GRAIN);
        let error = budget.reservation().grow(2 * GRAIN + 1).await.unwrap_err();
        assert_eq!(error.kind(), "memory");
        assert_eq!(budget.used(), 0);
    }
}
