//! What would move if relays were added or taken away.
//!
//! In: the fleet as it is, from a snapshot, and the change. Out: where every unit would be in the end, by the very
//! decisions that the coordinator would take, and how loaded each relay was and would be. Nothing is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{CAPACITY, Candidate, Cause, Ring, Role, Unit, budget, mean, place, ratio};
use crate::fleet::{Reason, Snapshot, TargetEntry};

/// Relays that a simulated fleet may have.
pub const RELAYS: usize = 256;
/// Rounds after which a placement that has not come to rest is shown as it is then.
const ROUNDS: usize = 1000;

/// What is tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// So many ordinary relays come. They are called as the next ones of a StatefulSet would be.
    pub add: usize,
    /// These go.
    pub remove: BTreeSet<Arc<str>>,
}

/// Why something cannot be tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such relay.
    #[error("no relay is called {0:?}")]
    Unknown(Arc<str>),
    /// None would be left to take targets.
    #[error("no relay would be left that takes targets")]
    NobodyLeft,
    /// There would be more than a coordinator keeps.
    #[error("{0} relays are more than the {RELAYS} that a coordinator keeps")]
    TooMany(usize),
}

/// What would come of it.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// All relays, those that come and go too, by name.
    pub relays: Vec<RelayLoad>,
    /// What would have another relay in the end than it has now, by the targets' ids.
    pub moves: Vec<TargetMove>,
    /// The load of all targets.
    pub load: u64,
    /// The load of those that move.
    pub moved: u64,
    /// Rounds until nothing moves any more. Relays are filled a part at a time: one round each ten seconds.
    pub rounds: usize,
}

/// One target that would move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetMove {
    /// The target.
    pub target: Arc<TargetEntry>,
    /// Who has it; none: nobody.
    pub from: Option<Arc<str>>,
    /// Who would have it.
    pub to: Arc<str>,
    /// Why.
    pub reason: Reason,
}

/// One relay before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct RelayLoad {
    /// Its name.
    pub name: Arc<str>,
    /// How much of the load is its part, in hundredths of an ordinary relay.
    pub capacity: u32,
    /// As it is now; none: it would come.
    pub before: Option<Load>,
    /// As it would be; none: it would go.
    pub after: Option<Load>,
}

/// How loaded a relay is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Its targets.
    pub targets: usize,
    /// Their weights.
    pub load: u64,
    /// Its load over its part of all load; 0 where there is none.
    pub ratio: f64,
}

/// Tries `change` on the fleet of `snapshot`.
///
/// # Errors
/// A relay that does not exist, more relays than there may be, or none that is left.
pub fn simulate(snapshot: &Snapshot, change: &Change) -> Result<Simulation, Error> {
    let present: Vec<_> = snapshot.relays.iter().filter_map(|relay| Some((relay, relay.role?))).collect();
    if let Some(unknown) =
        change.remove.iter().find(|name| !present.iter().any(|(one, _)| one.name == **name))
    {
        return Err(Error::Unknown(unknown.clone()));
    }
    let names = present.iter().map(|(relay, _)| relay.name.clone()).collect::<BTreeSet<_>>();
    if names.len() + change.add > RELAYS {
        return Err(Error::TooMany(names.len() + change.add));
    }
    let mut relays: Vec<_> = present
        .iter()
        .map(|(relay, role)| {
            let role = if change.remove.contains(&relay.name) { Role::Leaves } else { *role };
            Candidate { name: relay.name.clone(), role, capacity: relay.capacity, filling: false }
        })
        .collect();
    let before = relays.len();
    let added = next_names(&names, change.add).into_iter();
    relays.extend(added.map(|name| Candidate {
        name,
        role: Role::Takes,
        capacity: CAPACITY,
        filling: false,
    }));
    if !relays.iter().any(|relay| relay.role == Role::Takes) {
        return Err(Error::NobodyLeft);
    }
    let mut ring = (*snapshot.ring).clone();
    ring.set_members(relays.iter().map(|relay| relay.name.clone()).collect());
    let (targets, units) = units(snapshot, &relays);
    let (end, causes, rounds) = settle(&units, &relays, &ring);
    let loads = [loads(&units, &relays, before), loads(&end, &relays, relays.len())];
    let row = |(index, relay): (usize, &Candidate)| RelayLoad {
        name: relay.name.clone(),
        capacity: relay.capacity,
        before: (index < before).then_some(loads[0][index]),
        after: (!change.remove.contains(&relay.name)).then_some(loads[1][index]),
    };
    let mut rows: Vec<_> = relays.iter().enumerate().map(row).collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    let moves = moves(&targets, &units, &end, &causes, &relays);
    Ok(Simulation {
        relays: rows,
        load: units.iter().map(|unit| unit.weight).sum(),
        moved: moves.iter().map(|one| one.target.weight).sum(),
        moves,
        rounds,
    })
}

/// The targets that can be placed, and what placement knows of them. What a lost relay still has is left out.
fn units(snapshot: &Snapshot, relays: &[Candidate]) -> (Vec<Arc<TargetEntry>>, Vec<Unit>) {
    let indexes: BTreeMap<&str, usize> =
        relays.iter().enumerate().map(|(index, relay)| (&*relay.name, index)).collect();
    let units = snapshot.targets.iter().filter_map(|entry| {
        let heir = entry.transfer.as_ref().map(|transfer| &transfer.to);
        let owner = match heir.or(entry.owner.as_ref().map(|owner| &owner.relay)) {
            Some(relay) => Some(*indexes.get(&**relay)?),
            None => None,
        };
        Some((entry.clone(), Unit { key: entry.target.key, weight: entry.weight, owner, moving: None }))
    });
    units.unzip()
}

/// Decides until nothing moves any more: what must be at once, then a part of the rest, and so on.
fn settle(units: &[Unit], relays: &[Candidate], ring: &Ring) -> (Vec<Unit>, Vec<Option<Cause>>, usize) {
    let (mut units, mut causes, mut relays) = (units.to_vec(), vec![None; units.len()], relays.to_vec());
    let share = budget(&units);
    let (mut rounds, mut now) = (0, None);
    while rounds < ROUNDS {
        let decision = place(&units, &relays, ring, now);
        for (index, relay) in relays.iter_mut().enumerate() {
            relay.filling = decision.filling.contains(&index);
        }
        for one in &decision.moves {
            units[one.unit].owner = Some(one.to);
            causes[one.unit].get_or_insert(one.cause);
        }
        rounds += usize::from(!decision.moves.is_empty());
        now = match (now, decision.moves.is_empty()) {
            (Some(_), true) => break,
            (None, true) => Some(share),
            (_, false) => None,
        };
    }
    (units, causes, rounds)
}

fn moves(
    targets: &[Arc<TargetEntry>],
    before: &[Unit],
    after: &[Unit],
    causes: &[Option<Cause>],
    relays: &[Candidate],
) -> Vec<TargetMove> {
    let name = |relay: usize| relays[relay].name.clone();
    let moved =
        before.iter().zip(after).enumerate().filter(|(_, (before, after))| before.owner != after.owner);
    let one = |(unit, (before, after)): (usize, (&Unit, &Unit))| {
        let from = before.owner.map(name);
        let reason = Reason::of(causes[unit]?, from.as_ref(), None);
        Some(TargetMove { target: targets[unit].clone(), from, to: name(after.owner?), reason })
    };
    moved.filter_map(one).collect()
}

/// The load of each relay, and what that is of the mean of the first `present` ones.
fn loads(units: &[Unit], relays: &[Candidate], present: usize) -> Vec<Load> {
    let mut loads = vec![Load::default(); relays.len()];
    for unit in units {
        if let Some(owner) = unit.owner {
            loads[owner].targets += 1;
            loads[owner].load += unit.weight;
        }
    }
    let rows = relays.iter().zip(&loads).map(|(relay, load)| (relay.role, relay.capacity, load.load));
    let mean = mean(rows.take(present));
    for (load, relay) in loads.iter_mut().zip(relays) {
        load.ratio = ratio(load.load, relay.capacity, mean);
    }
    loads
}

/// The names that the next relays of a StatefulSet would have; else numbers.
fn next_names(names: &BTreeSet<Arc<str>>, count: usize) -> Vec<Arc<str>> {
    let numbered = names.iter().filter_map(|name| {
        let (stem, number) = name.rsplit_once('-')?;
        Some((number.parse::<u32>().ok().filter(|parsed| parsed.to_string() == number)?, stem))
    });
    let (last, stem) = numbered.max().map_or((None, "added"), |(last, stem)| (Some(last), stem));
    let free =
        (last.map_or(1, |last| u64::from(last) + 1)..).map(|number| Arc::from(format!("{stem}-{number}")));
    free.filter(|name| !names.contains(name)).take(count).collect()
}

#[cfg(test)]
mod tests;
