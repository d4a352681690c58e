//! Readiness: a set of reasons why the process is not ready yet. It is ready when the last one is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

/// The reasons not to be ready. All clones share them.
#[derive(Clone, Debug)]
pub struct Readiness {
    reasons: Arc<watch::Sender<Reasons>>,
}

#[derive(Debug, Default)]
struct Reasons {
    next: u64,
    open: BTreeMap<u64, String>,
}

/// One reason not to be ready, for as long as it is held. One token belongs to each thing that has to happen.
#[derive(Debug)]
#[must_use = "dropping the token says that the thing has happened"]
pub struct ReadyToken {
    id: u64,
    readiness: Readiness,
}

impl Readiness {
    /// Ready, until a token is taken.
    #[must_use]
    pub fn new() -> Self {
        Self { reasons: Arc::new(watch::Sender::new(Reasons::default())) }
    }

    /// Not ready as long as the token is held; `reason` is what `/readyz` answers, such as `no slice received yet`.
    pub fn token(&self, reason: impl Into<String>) -> ReadyToken {
        let mut id = 0;
        self.reasons.send_modify(|reasons| {
            reasons.next += 1;
            id = reasons.next;
            reasons.open.insert(id, reason.into());
        });
        ReadyToken { id, readiness: self.clone() }
    }

    /// Whether no token is held.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.reasons.borrow().open.is_empty()
    }

    /// The reasons of all tokens held, the oldest first.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        self.reasons.borrow().open.values().cloned().collect()
    }

    /// Waits until no token is held.
    pub async fn ready(&self) {
        let mut reasons = self.reasons.subscribe();
        let waited = reasons.wait_for(|reasons| reasons.open.is_empty()).await;
        debug_assert!(waited.is_ok(), "the sender lives in self");
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ReadyToken {
    fn drop(&mut self) {
        self.readiness.reasons.send_modify(|reasons| {
            reasons.open.remove(&self.id);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ready_when_the_last_token_drops_and_not_again_when_one_is_taken() {
        let readiness = Readiness::new();
        let list = readiness.token("no list yet");
        let slice = readiness.token("no slice yet");
        assert_eq!(readiness.reasons(), ["no list yet", "no slice yet"]);
        drop(list);
        assert_eq!(readiness.reasons(), ["no slice yet"]);
        let waiter = readiness.clone();
        let waiting = tokio::spawn(async move { waiter.ready().await });
        drop(slice);
        waiting.await.unwrap();
        assert!(readiness.is_ready());
        let _again = readiness.token("coordinator lost");
        assert!(!readiness.is_ready());
    }
}
