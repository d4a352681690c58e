//! A relay has an old copy of a target that another one has shown since: it is never served again.
//!
//! One of two relays is killed and comes back; what the other has kept of its targets dies there, and then the other
//! stands still for good. The first gets them with `discard`, and has copies of them from before it was killed.

use std::time::Duration;

use integration::chaos::bed::{Bed, PATIENCE, Plan};
use integration::chaos::casualties::cached;
use integration::chaos::outcome::Outcome;
use integration::chaos::pages;
use integration::chaos::placement::{self, Placement};
use integration::chaos::verdict::{self, Allowed};
use integration::fleet::Program;
use integration::wait;
use rustix::process::Signal;

use crate::of;

/// Two rounds of Prometheus.
const ROUNDS: Duration = Duration::from_secs(11);
const SHARES: Duration = Duration::from_secs(90);

/// One round of that.
pub(crate) async fn old_copies(program: &Program) -> Option<Outcome> {
    let mut bed = Bed::start(program, Plan::new(2, 40)).await?;
    let mut outcome = Outcome::new("old copies");
    let before = bed.settled().await;
    let its = of(&before, "relay-1");
    bed.members[1].relay.kill();
    let served = pages::until_up(&bed.pages(&["relay-1"]), &its, PATIENCE).await;
    outcome.late("its targets are served by the other", Duration::from_secs(6), served);
    tokio::time::sleep(ROUNDS).await;
    bed.members[1].relay.start_again().await;
    outcome.add(bed.balanced(SHARES).await.err());
    let kept = of(&bed.placement().await, "relay-0");
    let dying: Vec<&String> = its.iter().filter(|instance| kept.contains(instance)).collect();
    outcome.figure("targets that the other has kept", "some", dying.len());
    for number in (0..bed.targets.count()).filter(|number| dying.contains(&&bed.targets.instance(*number))) {
        bed.targets.die(number);
    }
    cached(&bed, dying.len(), PATIENCE).await.expect("their copies are served");
    tokio::time::sleep(ROUNDS).await;
    bed.members[0].relay.process().signal(Signal::STOP).expect("it runs");
    belongs_to(&bed, "relay-1", &dying).await;
    tokio::time::sleep(ROUNDS).await;
    let allowed = Allowed { gap: 27.0, hidden: f64::INFINITY, excepted: Vec::new() };
    let span = bed.since_start();
    verdict::judge(&mut bed, span, &allowed, &mut outcome).await;
    Some(outcome)
}

async fn belongs_to(bed: &Bed, relay: &str, instances: &[&String]) {
    let server = bed.coordinator.grpc;
    wait::until("what was served from the cache to have another relay", 2 * PATIENCE, || async {
        let owners: Placement = placement::placement(server).await?;
        let others = instances.iter().filter(|it| owners.get(**it).is_none_or(|owner| owner != relay));
        match others.count() {
            0 => Ok(()),
            others => Err(format!("{others} have not")),
        }
    })
    .await;
}
