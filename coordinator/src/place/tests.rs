//! The golden placement and the rules that hold for every placement.

mod bounds;
mod fleet;

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof};

use super::*;

fn relays(count: usize) -> Vec<Candidate> {
    let name = |number| format!("relay-{number}").into();
    (0..count)
        .map(|number| Candidate { name: name(number), role: Role::Takes, capacity: CAPACITY, filling: false })
        .collect()
}

fn ring(relays: &[Candidate]) -> Ring {
    Ring::of(relays.iter().map(|relay| relay.name.clone()).collect())
}

fn place(units: &[Unit], relays: &[Candidate], ring: &Ring, budget: Option<u64>) -> Vec<Move> {
    super::place(units, relays, ring, budget).moves
}

fn units(weights: &[u64]) -> Vec<Unit> {
    let spread = |at: usize| PlacementKey((at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let unit =
        |(at, weight): (usize, &u64)| Unit { key: spread(at), weight: *weight, owner: None, moving: None };
    weights.iter().enumerate().map(unit).collect()
}

fn apply(units: &mut [Unit], moves: &[Move]) {
    for one in moves {
        units[one.unit].owner = Some(one.to);
    }
}

fn placed(weights: &[u64], relays: &[Candidate], ring: &Ring) -> Vec<Unit> {
    let mut units = units(weights);
    let moves = place(&units, relays, ring, Some(u64::MAX));
    apply(&mut units, &moves);
    units
}

fn loads(units: &[Unit], relays: usize) -> Vec<u64> {
    let load = |relay| units.iter().filter(|unit| unit.owner == Some(relay)).map(|unit| unit.weight).sum();
    (0..relays).map(load).collect()
}

#[test]
fn a_thousand_units_always_go_to_the_same_relays() {
    let relays = relays(5);
    let units = placed(&vec![1000; 1000], &relays, &ring(&relays));
    let mut golden = String::new();
    for (index, relay) in relays.iter().enumerate() {
        let owned = (0..1000).filter(|unit| units[*unit].owner == Some(index));
        let owned: Vec<_> = owned.map(|unit| unit.to_string()).collect();
        writeln!(golden, "{} {}", relay.name, owned.join(" ")).unwrap();
    }
    expect_test::expect_file!["golden.txt"].assert_eq(&golden);
}

#[test]
fn without_a_relay_that_takes_nothing_moves() {
    let mut only = relays(1);
    assert!(place(&units(&[1, 2]), &[], &Ring::default(), Some(9)).is_empty());
    only[0].role = Role::Holds;
    assert!(place(&units(&[1, 2]), &only, &ring(&only), Some(9)).is_empty());
}

#[test]
fn a_newcomer_is_never_left_empty_even_without_budget() {
    let relays = relays(13);
    let ring = ring(&relays);
    let units = placed(&[10; 600], &relays[..12], &ring);
    let moves = place(&units, &relays, &ring, Some(0));
    assert_eq!(moves.len(), 1);
    assert_eq!((moves[0].to, moves[0].cause), (12, Cause::Fill));
}

#[test]
fn a_draining_relay_gives_everything_away_and_takes_nothing() {
    let mut relays = relays(3);
    let ring = ring(&relays);
    let mut units = placed(&[10; 90], &relays, &ring);
    relays[1].role = Role::Leaves;
    let moves = place(&units, &relays, &ring, Some(0));
    apply(&mut units, &moves);
    assert_eq!(loads(&units, 3)[1], 0);
    assert!(moves.iter().all(|one| one.cause == Cause::Drain));
}

#[test]
fn a_relay_that_holds_neither_gets_nor_loses() {
    let mut relays = relays(3);
    let ring = ring(&relays);
    let mut units = placed(&[10; 90], &relays, &ring);
    let before = loads(&units, 3)[2];
    relays[2].role = Role::Holds;
    for unit in &mut units {
        unit.owner = unit.owner.filter(|owner| *owner != 0);
    }
    let moves = place(&units, &relays, &ring, Some(1000));
    assert!(moves.iter().all(|one| one.to != 2));
    apply(&mut units, &moves);
    assert_eq!(loads(&units, 3)[2], before);
}

fn weights() -> impl Strategy<Value = Vec<u64>> {
    vec(prop_oneof![9 => 300..2000_u64, 1 => 2000..200_000_u64], 1..300)
}

proptest::proptest! {
    #[test]
    fn every_unit_has_one_owner_and_no_relay_too_much((weights, count) in (weights(), 1..12_usize)) {
        let relays = relays(count);
        let units = placed(&weights, &relays, &ring(&relays));
        assert!(units.iter().all(|unit| unit.owner.is_some()));
        let mean = weights.iter().sum::<u64>().div_ceil(count as u64);
        let heaviest = weights.iter().max().copied().unwrap_or(0);
        let peak = loads(&units, count).into_iter().max().unwrap_or(0);
        assert!(peak <= (mean * TRIGGER / 100).max(mean + heaviest), "{peak} of mean {mean}, heaviest {heaviest}");
    }

    #[test]
    fn the_same_inputs_give_the_same_moves((weights, count) in (weights(), 1..6_usize)) {
        let relays = relays(count);
        let first = place(&units(&weights), &relays, &ring(&relays), Some(5000));
        assert_eq!(first, place(&units(&weights), &relays, &ring(&relays), Some(5000)));
    }

    #[test]
    fn a_leaving_relay_moves_its_own_units_only(count in 2..12_usize) {
        let relays = relays(count);
        let ring = ring(&relays);
        let mut units = placed(&vec![1000; 600], &relays, &ring);
        let orphans: Vec<_> = (0..600).filter(|unit| units[*unit].owner == Some(0)).collect();
        for orphan in &orphans {
            units[*orphan].owner = None;
        }
        let mut left = relays.clone();
        left[0].role = Role::Holds;
        let moves = place(&units, &left, &ring, Some(u64::MAX));
        let beyond = moves.iter().filter(|one| !orphans.contains(&one.unit)).count();
        assert!(beyond * 10 <= orphans.len(), "{beyond} others beside {} orphans", orphans.len());
    }

    #[test]
    fn a_join_that_overloads_nobody_moves_no_more_than_its_share(count in 12..16_usize) {
        let relays = relays(count + 1);
        let ring = ring(&relays);
        let mut units = placed(&vec![1000; 600], &relays[..count], &ring);
        let mut moves = Vec::new();
        loop {
            let round = place(&units, &relays, &ring, Some(u64::MAX));
            if round.is_empty() {
                break;
            }
            apply(&mut units, &round);
            moves.extend(round);
        }
        assert!(moves.iter().all(|one| one.to == count));
        assert!(moves.len() * (count + 1) * 10 <= 600 * 11, "{} moves", moves.len());
        assert!(moves.len() * (count + 1) * 10 >= 600 * 7, "{} moves", moves.len());
    }

    #[test]
    fn churn_of_a_few_units_moves_no_other((count, churn) in (1..12_usize, 0..6_usize)) {
        let relays = relays(count);
        let ring = ring(&relays);
        let mut units = placed(&vec![1000; 600], &relays, &ring);
        units.drain(..churn);
        for unit in &mut units[..churn] {
            unit.owner = None;
        }
        let moves = place(&units, &relays, &ring, Some(u64::MAX));
        assert!(moves.iter().all(|one| one.unit < churn), "{moves:?}");
    }
}
