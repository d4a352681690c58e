//! Waiting for a state, with a limit and a sentence about what was waited for.

use std::time::{Duration, Instant};

/// Asks `look` again and again until it gives a value.
///
/// # Panics
/// After `limit`, with `what` and the last reason that `look` gave.
pub async fn until<T, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + limit;
    loop {
        let reason = match look().await {
            Ok(value) => return value,
            Err(reason) => reason,
        };
        assert!(Instant::now() < deadline, "waited {limit:?} for {what}; last: {reason}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
