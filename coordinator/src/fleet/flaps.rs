//! Which relays keep failing.
//!
//! In: what is known of a relay whenever the fleet is balanced. Out: whether it was lost, or came back as another
//! process, so often lately that nothing is moved to it which need not move.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// So many failures ...
const FAILURES: usize = 3;
/// ... within this time are too many.
const WINDOW: Duration = Duration::from_secs(300);

/// What is remembered of one relay.
#[derive(Debug)]
struct Past {
    boot_id: Arc<str>,
    lost: bool,
    failures: VecDeque<Duration>,
}

/// The failures of all relays.
#[derive(Debug, Default)]
pub(super) struct Flaps {
    relays: BTreeMap<Arc<str>, Past>,
}

impl Flaps {
    /// Takes what is known of all relays now: name, process, whether it is lost. A process that comes after its
    /// predecessor was lost is no second failure. Relays that are not named and have not failed lately are forgotten.
    pub(super) fn observe<'a>(
        &mut self,
        relays: impl Iterator<Item = (&'a Arc<str>, &'a Arc<str>, bool)>,
        now: Duration,
    ) {
        for past in self.relays.values_mut() {
            past.failures.retain(|at| now.saturating_sub(*at) < WINDOW);
        }
        let mut named = BTreeMap::new();
        for (name, boot_id, lost) in relays {
            let first = || Past { boot_id: boot_id.clone(), lost: false, failures: VecDeque::new() };
            let mut past = self.relays.remove(name).unwrap_or_else(first);
            let fails = if lost { !past.lost } else { !past.lost && past.boot_id != *boot_id };
            if fails {
                past.failures.push_back(now);
                past.failures.drain(..past.failures.len().saturating_sub(FAILURES));
            }
            past.lost = lost;
            if past.boot_id != *boot_id {
                past.boot_id = boot_id.clone();
            }
            named.insert(name.clone(), past);
        }
        self.relays.retain(|_, past| !past.failures.is_empty());
        self.relays.append(&mut named);
    }

    /// Whether a relay has failed too often lately.
    pub(super) fn is_flapping(&self, name: &str) -> bool {
        self.relays.get(name).is_some_and(|past| past.failures.len() >= FAILURES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows the relay `a` at these seconds with a process' number, or 0 for lost; whether it flaps in the end.
    fn flaps(sights: &[(u64, u64)]) -> bool {
        let mut flaps = Flaps::default();
        let name = Arc::from("a");
        for (second, boot) in sights {
            let boot_id = Arc::from(boot.to_string());
            flaps.observe([(&name, &boot_id, *boot == 0)].into_iter(), Duration::from_secs(*second));
        }
        flaps.is_flapping("a")
    }

    #[test]
    fn three_failures_in_five_minutes_are_too_many() {
        assert!(!flaps(&[(0, 1), (60, 2), (120, 3)]));
        assert!(flaps(&[(0, 1), (60, 2), (120, 3), (180, 4)]));
        assert!(flaps(&[(0, 1), (60, 2), (120, 3), (180, 4), (200, 4), (350, 4)]));
        assert!(!flaps(&[(0, 1), (60, 2), (120, 3), (180, 4), (360, 4)]));
        assert!(!flaps(&[(0, 1), (60, 2), (240, 3), (400, 4)]));
    }

    #[test]
    fn a_loss_with_the_return_after_it_is_one_failure() {
        let twice = [(0, 1), (10, 0), (20, 2), (30, 0), (35, 0), (40, 3)];
        assert!(!flaps(&twice));
        let thrice = [&twice[..], &[(50, 0)]].concat();
        assert!(flaps(&thrice));
    }

    #[test]
    fn a_relay_that_is_forgotten_and_returns_is_the_same() {
        let mut flaps = Flaps::default();
        let (name, boots) = (Arc::from("a"), ["1", "2", "3", "4"].map(Arc::from));
        for (second, boot) in boots.iter().enumerate() {
            let now = Duration::from_secs(second as u64 * 20);
            flaps.observe([(&name, boot, false)].into_iter(), now);
            flaps.observe(std::iter::empty(), now + Duration::from_secs(10));
        }
        assert!(!flaps.is_flapping("a"), "a first sight is no failure");
        flaps.observe(std::iter::empty(), Duration::from_secs(1000));
        assert!(flaps.relays.is_empty());
    }
}
