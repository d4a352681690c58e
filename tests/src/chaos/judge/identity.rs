//! Every stored sample has its own target's labels, and no others.
//!
//! In: stored series of targets, and the journal with what each writes into its samples. Out: complaints.

use super::{Fault, Judge};
use crate::chaos::journal::Journal;
use crate::chaos::samples::{Labels, Samples};

/// The labels of one series of a target besides its name: the discovered ones, and what the target writes itself.
const LABELS: [&str; 4] = ["instance", "job", "pod", "uid"];

/// Compares what a sample says of itself with the labels it was given: `part` is the targets' own.
#[must_use]
pub fn identity(samples: &Samples, journal: &Journal, job: &str) -> Vec<Fault> {
    let wrong = |labels: &&Labels| !is_right(labels, journal, job);
    let wrong = samples.keys().filter(wrong);
    wrong.map(|labels| Fault::new(Judge::Identity, format!("{labels:?}"))).collect()
}

fn is_right(labels: &Labels, journal: &Journal, job: &str) -> bool {
    let label = |name: &str| labels.get(name).map_or("", String::as_str);
    let Some(history) = journal.get(label("instance")) else { return false };
    let known =
        |name: &&String| LABELS.contains(&name.as_str()) || matches!(name.as_str(), "__name__" | "part");
    let number = history.uid.trim_start_matches("uid-");
    labels.keys().all(|name| known(&name))
        && label("uid") == history.uid
        && label("pod") == format!("pod-{number}")
        && label("job") == job
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{INSTANCE, journal, labels};
    use super::*;

    fn found(pairs: &[(&str, &str)]) -> usize {
        let samples = [(labels(pairs), vec![(0.0, 1.0)])].into();
        identity(&samples, &journal(|_| ()), "chaos").len()
    }

    #[test]
    fn a_series_with_its_targets_labels_is_right() {
        let right =
            [("__name__", "c"), ("instance", INSTANCE), ("job", "chaos"), ("pod", "pod-0"), ("uid", "uid-0")];
        assert_eq!(found(&right), 0);
    }

    #[test]
    fn another_targets_values_an_unknown_target_and_a_relays_labels_are_wrong() {
        let with = |name: &'static str, value: &'static str| {
            let mut pairs =
                vec![("instance", INSTANCE), ("job", "chaos"), ("pod", "pod-0"), ("uid", "uid-0")];
            pairs.retain(|(it, _)| *it != name);
            pairs.push((name, value));
            found(&pairs)
        };
        assert_eq!(with("uid", "uid-1"), 1);
        assert_eq!(with("pod", "pod-1"), 1);
        assert_eq!(with("job", "relays"), 1);
        assert_eq!(with("instance", "127.0.0.1:2"), 1);
        assert_eq!(with("relay", "relay-0"), 1);
        assert_eq!(with("exported_instance", "x"), 1);
    }
}
