//! Failing targets that are on their way from one relay to another, bounded.
//!
//! In: which go and which have come. Out: whether there is room for one more. With the largest records, what is on its
//! way to one relay still is half of what the queue of its stream has room for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::target::TargetId;

/// Failing targets that one relay hands over at once.
const GIVEN: usize = 64;
/// Failing targets that one relay is handed at once.
const TAKEN: usize = 16;

/// What is on its way.
#[derive(Debug, Default)]
pub(super) struct Handovers {
    targets: BTreeMap<TargetId, [Arc<str>; 2]>,
    given: HashMap<Arc<str>, usize>,
    taken: HashMap<Arc<str>, usize>,
}

impl Handovers {
    /// Whether there is room for one more between these two.
    pub(super) fn has_room(&self, from: &str, to: &str) -> bool {
        let under = |counts: &HashMap<Arc<str>, usize>, name, most| {
            counts.get(name).is_none_or(|count| *count < most)
        };
        under(&self.given, from, GIVEN) && under(&self.taken, to, TAKEN)
    }

    pub(super) fn begin(&mut self, id: TargetId, from: &Arc<str>, to: &Arc<str>) {
        self.end(id);
        *self.given.entry(from.clone()).or_default() += 1;
        *self.taken.entry(to.clone()).or_default() += 1;
        self.targets.insert(id, [from.clone(), to.clone()]);
    }

    /// It has come, or does not come any more.
    pub(super) fn end(&mut self, id: TargetId) {
        let Some([from, to]) = self.targets.remove(&id) else { return };
        for (counts, name) in [(&mut self.given, from), (&mut self.taken, to)] {
            if let Some(count) = counts.get_mut(&name) {
                *count -= 1;
            }
            counts.retain(|_, count| *count > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_is_bounded_for_who_gives_and_for_who_takes() {
        let [a, b, c] = ["a", "b", "c"].map(Arc::<str>::from);
        let mut handovers = Handovers::default();
        for number in 0..16 {
            assert!(handovers.has_room("a", "b"));
            handovers.begin(TargetId(number), &a, &b);
        }
        assert!(
            !handovers.has_room("a", "b") && !handovers.has_room("c", "b") && handovers.has_room("a", "c")
        );
        handovers.end(TargetId(3));
        handovers.end(TargetId(3));
        assert!(handovers.has_room("a", "b"));
        for number in 100..149 {
            handovers.begin(TargetId(number), &a, &Arc::from(format!("d{number}")));
        }
        assert!(!handovers.has_room("a", "c") && handovers.has_room("b", "c"));
        for number in 0..200 {
            handovers.end(TargetId(number));
        }
        handovers.begin(TargetId(1), &c, &a);
        assert_eq!((handovers.given.len(), handovers.taken.len(), handovers.targets.len()), (1, 1, 1));
    }
}
