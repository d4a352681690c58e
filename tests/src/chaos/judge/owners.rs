//! Who shows a target: at most one relay a cached copy, ever, and one relay at all where nothing else is allowed.
//!
//! In: what pages showed, round by round. Out: complaints, and how many targets changed hands.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fault, Judge};
use crate::chaos::pages::{Round, Sighting};

/// A complaint for each target that two relays served from their caches in one round.
#[must_use]
pub fn copies(rounds: &[Round]) -> Vec<Fault> {
    twice(rounds, Judge::Copies, |sighting| sighting.cached)
}

/// A complaint for each target that two relays had in one round.
#[must_use]
pub fn owners(rounds: &[Round]) -> Vec<Fault> {
    twice(rounds, Judge::Owners, |_| true)
}

fn twice(rounds: &[Round], judge: Judge, counts: impl Fn(&Sighting) -> bool) -> Vec<Fault> {
    let mut found = BTreeMap::new();
    for round in rounds {
        let mut by_target: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for sighting in round.sightings.iter().filter(|sighting| counts(sighting)) {
            by_target.entry(&sighting.instance).or_default().push(&sighting.relay);
        }
        for (instance, relays) in by_target.into_iter().filter(|(_, relays)| relays.len() > 1) {
            let what = || format!("{instance} is shown by {relays:?} at {:.1}", round.at);
            found.entry(instance.to_owned()).or_insert_with(what);
        }
    }
    found.into_values().map(|what| Fault::new(judge, what)).collect()
}

/// Who has which target, for comparing two moments: the relays that showed each in that round.
#[must_use]
pub fn placement(round: &Round) -> BTreeMap<String, BTreeSet<String>> {
    let mut placement: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for sighting in &round.sightings {
        placement.entry(sighting.instance.clone()).or_default().insert(sighting.relay.clone());
    }
    placement
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(sightings: &[(&str, &str, bool)]) -> Round {
        let sighting = |(relay, instance, cached): &(&str, &str, bool)| Sighting {
            relay: (*relay).to_owned(),
            instance: (*instance).to_owned(),
            up: !cached,
            cached: *cached,
        };
        Round { at: 1.0, sightings: sightings.iter().map(sighting).collect(), silent: Vec::new() }
    }

    #[test]
    fn one_relay_a_target_is_right_in_every_round() {
        let rounds =
            [round(&[("a", "1", false), ("b", "2", true)]), round(&[("b", "1", false), ("a", "2", true)])];
        assert_eq!((copies(&rounds), owners(&rounds)), (Vec::new(), Vec::new()));
    }

    #[test]
    fn two_copies_are_wrong_and_two_owners_are_seen() {
        let overlap = round(&[("a", "1", false), ("b", "1", false), ("c", "2", true)]);
        assert_eq!(copies(std::slice::from_ref(&overlap)), []);
        assert_eq!(owners(&[overlap])[0].judge, Judge::Owners);
        let stale = round(&[("a", "1", true), ("b", "1", true)]);
        assert_eq!(copies(&[stale.clone(), stale]).len(), 1);
    }

    #[test]
    fn a_placement_names_every_relay_of_a_target() {
        let found = placement(&round(&[("a", "1", false), ("b", "1", false), ("b", "2", false)]));
        assert_eq!(found["1"].len(), 2);
        assert_eq!(found["2"], ["b".to_owned()].into());
    }
}
