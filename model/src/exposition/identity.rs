//! The hash by which a series is known: the sum of the hashes of its labels, so that it can be put together from
//! what a line has and what is injected, in any order.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The hash of one label.
pub(super) fn label_hash(name: &str, value: &str) -> u64 {
    xxh3_64_with_seed(value.as_bytes(), xxh3_64(name.as_bytes()))
}

/// The hash of a metric name.
pub(super) fn name_hash(name: &str) -> u64 {
    label_hash(crate::names::METRIC_NAME, name)
}

/// The hash of a series as pages are compared by: equal for equal name and labels, whatever their order and whoever
/// exposes them. Labels with an empty value must be left out.
pub fn series_hash<N: Borrow<str>, V: Borrow<str>>(
    name: &str,
    labels: impl IntoIterator<Item = (N, V)>,
) -> u64 {
    let labels = labels.into_iter().map(|(name, value)| label_hash(name.borrow(), value.borrow()));
    labels.fold(name_hash(name), u64::wrapping_add)
}

/// A map by hashes.
pub(super) type HashedMap<V> = KeyedMap<u64, V>;

/// A map by keys from outside.
pub(super) type KeyedMap<K, V> = HashMap<K, V, Keyed>;

/// Hashes fast (what is a hash already, or by xxh3), with a secret of the process: bodies come from outside, and whoever writes them must not
/// be able to choose where in a table they go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyed(u64);

impl Default for Keyed {
    fn default() -> Self {
        static SECRET: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0_u8));
        Self(*SECRET)
    }
}

impl BuildHasher for Keyed {
    type Hasher = KeyedHasher;

    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher(self.0)
    }
}

/// The hasher of [`Keyed`].
pub(super) struct KeyedHasher(u64);

impl Hasher for KeyedHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.write_u64(xxh3_64_with_seed(bytes, self.0));
    }

    fn write_u64(&mut self, hash: u64) {
        let product = u128::from(hash ^ self.0) * 0x9E37_79B9_7F4A_7C15;
        let (high, low) = ((product >> 64) as u64, (product & u128::from(u64::MAX)) as u64);
        self.0 = high ^ low;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
