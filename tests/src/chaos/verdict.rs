//! All judges of stored samples and processes over one bed.

use crate::chaos::bed::{Bed, JOB};
use crate::chaos::journal::{Seconds, Span};
use crate::chaos::judge::{Fault, Judge, gaps, identity, logs, resets, up};
use crate::chaos::outcome::Outcome;
use crate::chaos::targets::COUNTER;

/// A death or a return may be seen by a page that was begun before.
const MARGIN: Seconds = 2.0;

/// What a scenario allows.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// The longest time that a reachable target may be without a fresh sample.
    pub gap: Seconds,
    /// The longest time that a dead target's series may have no sample.
    pub hidden: Seconds,
    /// Targets whose gaps are not looked at.
    pub excepted: Vec<String>,
}

/// Asks all of them about `span`, in which everything began whole.
pub async fn judge(bed: &mut Bed, span: Span, allowed: &Allowed, outcome: &mut Outcome) {
    let (journal, interval) = (bed.targets.journal(), f64::from(bed.plan.interval));
    let counter = bed.stored(COUNTER, span).await;
    let live = gaps::live(&counter, &journal, span, allowed.gap, &allowed.excepted);
    outcome.figure("largest gap", format!("{} s", allowed.gap), format!("{:.1} s", live.worst));
    outcome.add(live.faults);
    let kept = gaps::kept(&counter, &journal, span, allowed.hidden);
    outcome.figure(
        "largest gap of dead targets",
        format!("{} s", allowed.hidden),
        format!("{:.1} s", kept.worst),
    );
    outcome.add(kept.faults);
    let resets = resets::resets(&counter, &journal, span, 3.0 * interval);
    let told = format!("{}, of {} restarts", resets.falls, resets.restarts);
    outcome.figure("resets", "the real ones", told);
    outcome.add(resets.faults);
    for metric in [COUNTER, "chaos_part"] {
        outcome.add(identity::identity(&bed.stored(metric, span).await, &journal, JOB));
    }
    outcome.add(up::up(&bed.stored("up", span).await, &journal, span, MARGIN));
    processes(bed, outcome).await;
}

async fn processes(bed: &mut Bed, outcome: &mut Outcome) {
    for (name, log) in bed.logs() {
        outcome.add(logs::logs(&name, &log));
    }
    for (name, before, after) in bed.footprints_since_start().await {
        outcome.add(before.grown(after, &name));
    }
    let relays = bed.prometheus.log().matches("Error on ingesting").count();
    let refused = || Fault::new(Judge::Reset, format!("Prometheus refused samples {relays} times"));
    outcome.add((relays > 0).then(refused));
}
