//! The consistent-hash ring: each unit's order of preference over the relays.
//!
//! In: the names of the relays. Out: for a placement key all relays, first the one the ring gives it to, then the
//! one that would inherit it, and so on clockwise. It knows neither load nor owners; the crate stays behind it.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use model::target::PlacementKey;
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

/// Points on the ring for each relay. With 512 the busiest of ten relays has 1.09 times the mean, with the crate's
/// default of ten 1.6 times.
const POINTS: usize = 512;
/// The ring is looked up in two to the power of this many parts: with 200 relays an arc or two lies in each.
const PARTS: u32 = 16;
/// Changing it, or anything that is hashed here, moves every unit of every fleet.
const SEED: u64 = 0x5c4a_9e1a_7001;

/// The order of preference over a set of relays.
#[derive(Clone)]
pub struct Ring {
    ring: consistent_hash_ring::Ring<Node, Seeded>,
    names: Vec<Arc<str>>,
    /// Where each arc ends, in order.
    ends: Vec<u64>,
    /// Which of `names` each arc belongs to.
    residents: Vec<usize>,
    /// The first arc that ends in or after each of the ring's equal parts: what a key is looked up by.
    parts: Vec<usize>,
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Default for Ring {
    fn default() -> Self {
        let ring = consistent_hash_ring::RingBuilder::new(Seeded).vnodes(POINTS).build();
        Self { ring, names: Vec::new(), ends: Vec::new(), residents: Vec::new(), parts: Vec::new() }
    }
}

impl Ring {
    /// The ring of these relays.
    #[must_use]
    pub fn of(members: BTreeSet<Arc<str>>) -> Self {
        let mut ring = Self::default();
        ring.set_members(members);
        ring
    }

    /// Makes `members` the relays of the ring. The cost is that of the difference: milliseconds for each relay that
    /// comes or goes, nothing where none does.
    pub fn set_members(&mut self, members: BTreeSet<Arc<str>>) {
        if self.is_of(&members) {
            return;
        }
        for gone in self.names.iter().filter(|name| !members.contains(*name)) {
            self.ring.remove(&Node(gone.clone()));
        }
        for new in members.iter().filter(|name| self.names.binary_search(name).is_err()) {
            self.ring.insert(Node(new.clone()));
        }
        self.names = members.into_iter().collect();
        let place = |name: &Arc<str>| self.names.binary_search(name).expect("the ring holds members only");
        let arcs = self.ring.resident_ranges().map(|arc| (*arc.keys().end(), place(&arc.node().0)));
        (self.ends, self.residents) = arcs.unzip();
        let first = |part: u64| self.ends.partition_point(|end| *end < part << (64 - PARTS));
        self.parts = (0..1 << PARTS).map(first).collect();
    }

    /// The arc on which a position lies; the number of arcs for one behind the last.
    fn arc(&self, position: u64) -> usize {
        let part = usize::try_from(position >> (64 - PARTS)).unwrap_or_default();
        let from = self.parts.get(part).copied().unwrap_or_default();
        from + self.ends.iter().skip(from).take_while(|end| **end < position).count()
    }

    /// Whether these are its relays.
    #[must_use]
    pub fn is_of(&self, members: &BTreeSet<Arc<str>>) -> bool {
        self.names.iter().eq(members)
    }

    /// The relays by name.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.names.iter()
    }

    /// The relays in the order in which `key` prefers them, each once.
    pub fn preference(&self, key: PlacementKey) -> impl Iterator<Item = &Arc<str>> {
        self.walk(key).map(|name| &self.names[name])
    }

    /// The same as places among [`Ring::names`].
    pub(super) fn walk(&self, key: PlacementKey) -> impl Iterator<Item = usize> {
        // Not the crate's `replicas`, which hashes anew for each replica: a walk finds who inherits a key.
        let from = self.arc(position(key));
        let mut seen = Seen::of(self.names.len());
        let (before, after) = self.residents.split_at(from);
        after.iter().chain(before).copied().filter(move |name| seen.is_first(*name)).take(self.names.len())
    }

    /// What part of all keys each relay is the first choice of, by name.
    #[must_use]
    pub fn shares(&self) -> Vec<(Arc<str>, f64)> {
        let mut lengths = vec![0_u64; self.names.len()];
        let mut begin = self.ends.last().copied().unwrap_or_default();
        for (end, resident) in self.ends.iter().zip(&self.residents) {
            lengths[*resident] += end.wrapping_sub(begin);
            begin = *end;
        }
        if let [only] = lengths.as_mut_slice() {
            *only = u64::MAX;
        }
        let share = |length: u64| length as f64 / u64::MAX as f64;
        self.names.iter().cloned().zip(lengths.into_iter().map(share)).collect()
    }
}

/// Which of a few numbers have been seen.
struct Seen {
    /// Those below 256, as many as there are relays: nothing is allocated for them.
    few: [u64; 4],
    more: Vec<u64>,
}

impl Seen {
    fn of(numbers: usize) -> Self {
        Self { few: [0; 4], more: vec![0; numbers.div_ceil(64).saturating_sub(4)] }
    }

    fn is_first(&mut self, number: usize) -> bool {
        let words = if number < 256 { &mut self.few[..] } else { &mut self.more[..] };
        let (word, bit) = (&mut words[number / 64 - if number < 256 { 0 } else { 4 }], 1 << (number % 64));
        let first = *word & bit == 0;
        *word |= bit;
        first
    }
}

/// Where a key lies on the ring.
fn position(key: PlacementKey) -> u64 {
    xxh3_64_with_seed(&key.0.to_le_bytes(), SEED)
}

/// A relay on the ring. It hashes its bytes alone: the standard library adds a terminator that it does not promise.
#[derive(Clone, PartialEq, Eq)]
struct Node(Arc<str>);

impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.0.as_bytes());
    }
}

/// Builds xxh3 hashers that give the same numbers in every process, on every machine.
#[derive(Clone)]
struct Seeded;

impl BuildHasher for Seeded {
    type Hasher = Portable;

    fn build_hasher(&self) -> Portable {
        Portable(Xxh3::with_seed(SEED))
    }
}

struct Portable(Xxh3);

impl Hasher for Portable {
    fn finish(&self) -> u64 {
        self.0.digest()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn write_u64(&mut self, number: u64) {
        // The default writes the machine's own byte order.
        self.0.update(&number.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<Arc<str>> {
        numbers.into_iter().map(|number| Arc::from(format!("relay-{number}"))).collect()
    }

    fn ring(numbers: impl IntoIterator<Item = u32>) -> Ring {
        Ring::of(names(numbers))
    }

    #[test]
    fn every_relay_is_preferred_once() {
        let ring = ring(0..7);
        for key in 0..100 {
            let order: Vec<_> = ring.preference(PlacementKey(key)).cloned().collect();
            assert_eq!(order.iter().cloned().collect::<BTreeSet<_>>(), names(0..7));
            assert_eq!(order.len(), 7);
        }
    }

    #[test]
    fn an_empty_ring_prefers_nobody() {
        assert_eq!(Ring::default().preference(PlacementKey(1)).next(), None);
    }

    #[test]
    fn the_second_in_the_order_inherits() {
        let before = ring(0..5);
        let after = ring(1..5);
        let gone: Arc<str> = "relay-0".into();
        for key in (0..2000).map(PlacementKey) {
            let order: Vec<_> = before.preference(key).filter(|name| **name != gone).collect();
            assert_eq!(order, after.preference(key).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_order_of_joining_does_not_matter() {
        let mut grown = ring([3, 9]);
        grown.set_members(names([1, 3, 7]));
        let built = ring([1, 3, 7]);
        for key in (0..500).map(PlacementKey) {
            assert!(grown.preference(key).eq(built.preference(key)));
        }
    }

    #[test]
    fn the_shares_are_those_of_first_choices_and_add_up() {
        assert!(Ring::default().shares().is_empty());
        assert!((ring([5]).shares()[0].1 - 1.0).abs() < 1e-9);
        let ring = ring(0..7);
        let shares = ring.shares();
        assert!((shares.iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-9);
        for (name, share) in shares {
            let keys = (0..20_000).map(PlacementKey);
            let first = keys.filter(|key| ring.preference(*key).next() == Some(&name)).count();
            assert!((first as f64 / 20_000.0 - share).abs() < 0.02, "{name}: {first} of 20,000, {share}");
        }
    }
}
