//! What a target is known by.

use std::fmt;

use xxhash_rust::xxh3::Xxh3;

use crate::labels::Labels;

/// A target with exactly its labels: the hash of its job, URL, labels (internal ones included) and pod. A changed
/// label makes another target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(pub u128);

impl fmt::Display for TargetId {
    /// 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl TargetId {
    /// Reads what `Display` writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex { u128::from_str_radix(text, 16).ok().map(Self) } else { None }
    }
}

/// What placement knows a target by: the hash of its job, URL and pod, so that a changed label moves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlacementKey(pub u64);

/// The id and the key of a target. `pod` is its pod's UID or empty.
pub(super) fn hash(job: &str, url: &str, pod: &str, labels: &Labels) -> (TargetId, PlacementKey) {
    let mut hasher = Xxh3::new();
    for field in [job, url, pod] {
        add(&mut hasher, field);
    }
    let key = PlacementKey(hasher.digest());
    for (name, value) in labels.iter() {
        add(&mut hasher, name);
        add(&mut hasher, value);
    }
    (TargetId(hasher.digest128()), key)
}

/// Adds a field with its length in front, so that no two lists of fields look alike.
fn add(hasher: &mut Xxh3, field: &str) {
    let length = u64::try_from(field.len()).unwrap_or(u64::MAX);
    hasher.update(&length.to_le_bytes());
    hasher.update(field.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_keys_stay_the_same_for_ever() {
        let labels = Labels::from_pairs([("a", "1"), ("b", "2")]);
        let (id, key) = hash("job", "http://h/metrics", "", &labels);
        expect_test::expect!["19067889bf92528bbd604787e8f09eef 918dbbf588b69b2e"]
            .assert_eq(&format!("{id} {:016x}", key.0));
        assert_eq!(TargetId::parse(&id.to_string()), Some(id));
        assert_eq!(TargetId::parse("+1"), None);
    }

    #[test]
    fn labels_change_the_id_and_the_pod_changes_both() {
        let labels = Labels::from_pairs([("a", "1")]);
        let (id, key) = hash("j", "u", "", &labels);
        let (other_id, same_key) = hash("j", "u", "", &Labels::from_pairs([("a", "2")]));
        assert!(id != other_id && key == same_key);
        let (pod_id, pod_key) = hash("j", "u", "pod", &labels);
        assert!(id != pod_id && key != pod_key);
        assert_ne!(hash("ju", "", "", &labels), hash("j", "u", "", &labels));
    }
}
