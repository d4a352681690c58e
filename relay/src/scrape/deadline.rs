//! The moment at which a scrape is given up. It may be put off while the scrape runs, for somebody who has more time.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

/// When a scrape is given up; clones are the same one.
#[derive(Clone, Debug)]
pub struct Deadline(Arc<Mutex<Instant>>);

impl From<Instant> for Deadline {
    fn from(at: Instant) -> Self {
        Self(Arc::new(Mutex::new(at)))
    }
}

impl Deadline {
    /// As it stands.
    #[must_use]
    pub fn at(&self) -> Instant {
        *self.0.lock()
    }

    /// Puts it off to `at`, if that is later.
    pub fn put_off(&self, at: Instant) {
        let mut known = self.0.lock();
        *known = at.max(*known);
    }

    /// Does `work` until then; `None` if it is not done.
    pub async fn limit<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        loop {
            let at = self.at();
            match timeout_at(at, &mut work).await {
                Ok(done) => return Some(done),
                Err(_) if self.at() > at => {}
                Err(_) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn work_goes_on_for_as_long_as_the_deadline_is_put_off() {
        let ms = Duration::from_millis;
        for (put_off, done) in [(ms(0), false), (ms(60), false), (ms(60_000), true)] {
            let began = Instant::now();
            let deadline = Deadline::from(began + ms(20));
            let work = deadline.limit(tokio::time::sleep(ms(200)));
            let (work, ()) = tokio::join!(work, async { deadline.put_off(began + put_off) });
            assert_eq!(work.is_some(), done, "put off to {put_off:?}");
        }
    }
}
