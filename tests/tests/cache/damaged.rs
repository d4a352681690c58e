//! Directories to which something has happened.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use integration::counters::Counters;
use integration::seeded::Seeded;

use crate::damage::{ALL, Damage, Directories};
use crate::setup::{Setup, copy, spread};

const TARGETS: usize = 40;

/// A fleet whose targets are dead, and directories from when they lived. Every start is a real process.
async fn fleet() -> (Setup, Directories) {
    let targets = Arc::new(Counters::start(TARGETS).await.expect("the targets start"));
    let directory = tempfile::tempdir().expect("a directory");
    let mut other = Setup::with(targets.clone(), "relay-1", directory, None).await;
    other.page().await;
    other.relay.kill();
    let kept = tempfile::tempdir().expect("a directory");
    let directories = Directories {
        own: kept.path().join("directories/own"),
        older: kept.path().join("directories/older"),
        other: kept.path().join("directories/other"),
    };
    copy(&other.relay.cache(), &directories.other);
    drop(other);
    let mut setup = Setup::with(targets, "relay-0", kept, None).await;
    for _ in 0..5 {
        setup.page().await;
    }
    setup.relay.kill();
    copy(&setup.relay.cache(), &directories.older);
    setup.restart().await;
    for _ in 0..20 {
        setup.page().await;
    }
    setup.relay.kill();
    copy(&setup.relay.cache(), &directories.own);
    setup.kill_targets();
    (setup, directories)
}

#[derive(Default)]
struct Tally {
    ready: Vec<Duration>,
    served: BTreeMap<Damage, (usize, usize)>,
    remarks: BTreeMap<String, usize>,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_damage_brings_back_a_wrong_copy_or_stops_a_relay() {
    let _alone = crate::alone().await;
    let trials = if crate::long() { 300 } else { ALL.len() };
    let mut seeded = Seeded::new(2);
    let (mut setup, directories) = fleet().await;
    let mut tally = Tally::default();
    for trial in 0..trials {
        let damage = ALL[trial % ALL.len()];
        let what = damage.inflict(&mut seeded, &directories, &setup.relay.cache());
        println!("trial {trial}: {damage:?} {what}");
        tally.ready.push(setup.restart().await);
        let seen = setup.page().await;
        let said = setup.remarks().await;
        let served = seen.iter().filter(|seen| seen.body.is_some()).count();
        check(damage, served, &said);
        let sum = tally.served.entry(damage).or_default();
        *sum = (sum.0 + 1, sum.1 + served);
        said.iter().for_each(|word| *tally.remarks.entry(word.clone()).or_default() += 1);
        if !setup.is_on_disk().await {
            refresh(&mut setup).await;
        }
        setup.relay.kill();
    }
    let (middle, most) = spread(&mut tally.ready);
    println!(
        "{trials} directories, each a process: ready after {middle:?}, at most {most:?}; 0 wrong copies"
    );
    println!("starts and copies served by damage: {:?}\nsaid: {:?}", tally.served, tally.remarks);
}

/// What has to be so beyond what the judge sees.
fn check(damage: Damage, served: usize, said: &[String]) {
    let is_whole = |word: &str| served == 0 && said.iter().any(|said| said == word);
    let right = match damage {
        Damage::Untouched => served == TARGETS && said.is_empty(),
        Damage::OthersStore | Damage::OthersDirectory => is_whole("set aside: foreign"),
        Damage::OlderDatabase => is_whole("set aside: rolled_back"),
        Damage::OtherVersion => is_whole("set aside: version"),
        Damage::OtherFormat => is_whole("set aside: damaged"),
        _ => true,
    };
    assert!(right, "{damage:?}: {served} of {TARGETS} served; {said:?}");
}

/// The coordinator lets the next process use nothing where this one wrote nothing: a start in between ends that.
async fn refresh(setup: &mut Setup) {
    setup.relay.kill();
    std::fs::remove_dir_all(setup.relay.cache()).expect("the directory goes");
    setup.restart().await;
    assert!(setup.is_on_disk().await);
    setup.page().await;
}
