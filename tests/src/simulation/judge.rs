//! The judge: what every Prometheus has stored, compared with what the protocol promises.
//!
//! Samples are judged as Prometheus stores them: under the time at which their scrape began, and one that is not newer
//! than what is stored of its series is refused.

use std::collections::HashMap;
use std::time::Duration;

use model::slice::{Permission, Reign};
use model::status::TargetState;
use model::target::TargetId;

use super::World;
use super::event::Process;
use super::network::Place;
use super::targets::{Targets, Value};

/// What the protocol promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// No series shows an older value after a newer one.
    Order,
    /// At most one relay serves a cached copy of a target.
    OneCopy,
    /// A living target is exposed by a relay that is scraped.
    Live,
    /// A coordinator's death, pause or restart moves and hides nothing.
    Coordinator,
    /// An older reign never wins.
    Reign,
    /// A dead target's series stay visible.
    Kept,
    /// When all is quiet everything is assigned, evenly, once, and nothing else.
    Rest,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub property: Property,
    /// When.
    pub at: Duration,
    /// Of which target, if of one.
    pub target: Option<TargetId>,
    /// What was seen.
    pub text: String,
}

/// One target on a page.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) target: TargetId,
    pub(super) up: bool,
    pub(super) value: Option<Value>,
    /// Whether the value is from an earlier scrape than the page's.
    pub(super) cached: bool,
    pub(super) permission: Permission,
    /// When the scrape began.
    pub(super) began: Duration,
}

/// What a Prometheus has stored of a target.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) at: Duration,
    pub(super) received: Duration,
    pub(super) value: Value,
    pub(super) cached: bool,
    pub(super) relay: usize,
    /// When it was last seen live.
    pub(super) live: Duration,
    /// The longest time between two live samples since somebody asked.
    pub(super) gap: Duration,
    /// The longest time between two samples of any kind since somebody asked.
    pub(super) hidden: Duration,
}

/// What has been seen and judged.
#[derive(Clone, Debug, Default)]
pub(super) struct Judge {
    pub(super) stored: Vec<HashMap<TargetId, Stored>>,
    reigns: HashMap<(usize, u64), Reign>,
    pub(super) violations: Vec<Violation>,
    pub(super) pages: u64,
}

impl World {
    pub(super) fn violate(&mut self, property: Property, target: Option<TargetId>, text: String) {
        self.log(|| format!("{property:?} BROKEN: {text}"));
        self.judge.violations.push(Violation { property, at: self.now, target, text });
    }

    /// A Prometheus stores a page of `relay` under the time `at`.
    pub(super) fn judge_page(&mut self, prometheus: usize, relay: usize, at: Duration, samples: &[Sample]) {
        self.judge.pages += 1;
        for sample in samples {
            self.trace_sample(prometheus, relay, at, sample);
            let Some(value) = sample.value else { continue };
            self.judge_order(prometheus, relay, at, (sample, value));
            if sample.cached {
                self.judge_copy(prometheus, relay, sample);
            }
        }
    }

    fn judge_order(&mut self, prometheus: usize, relay: usize, at: Duration, sample: (&Sample, Value)) {
        let (sample, value) = sample;
        let now = self.now;
        let live = if sample.up { at } else { Duration::ZERO };
        let fresh = Stored {
            at,
            received: now,
            value,
            cached: sample.cached,
            relay,
            live,
            gap: Duration::ZERO,
            hidden: Duration::ZERO,
        };
        let Some(last) = self.judge.stored[prometheus].get_mut(&sample.target) else {
            self.judge.stored[prometheus].insert(sample.target, fresh);
            return;
        };
        if at <= last.at {
            return;
        }
        let former = last.clone();
        last.hidden = former.hidden.max(at - former.at);
        last.gap = if sample.up { former.gap.max(at - former.live) } else { former.gap };
        let (gap, hidden) = (last.gap, last.hidden);
        *last = Stored { live: live.max(former.live), gap, hidden, ..fresh };
        // Two live results of pages that were made at the same time may come in any order.
        let at_once = !sample.cached && !former.cached && former.received > sample.began;
        if value < former.value && !at_once {
            let kind = |cached| if cached { "cached" } else { "live" };
            let text = format!(
                "prometheus {prometheus}, target {}: {} {value:?} of relay {relay} at {at:?}, {:?}, after {} {:?} \
                 of relay {} at {:?}",
                sample.target,
                kind(sample.cached),
                sample.permission,
                kind(former.cached),
                former.value,
                former.relay,
                former.at
            );
            self.violate(Property::Order, Some(sample.target), text);
        }
    }

    /// Whether another relay that this Prometheus scrapes would show a copy, too.
    fn judge_copy(&mut self, prometheus: usize, relay: usize, sample: &Sample) {
        let others = self.prometheuses[prometheus].loops.keys().copied().filter(|other| *other != relay);
        let serving = others.filter(|other| self.would_serve(prometheus, *other, sample.target));
        if let Some(other) = serving.collect::<Vec<_>>().first() {
            let target = sample.target;
            let text =
                format!("relay {relay} shows target {target} from its cache, and so does relay {other}");
            self.violate(Property::OneCopy, Some(target), text);
        }
    }

    fn would_serve(&self, prometheus: usize, relay: usize, target: TargetId) -> bool {
        let Some(running) = self.relays[relay].process.as_ref().filter(|it| !it.paused) else { return false };
        if !self.network.reach_each_other(Place::Prometheus(prometheus), Place::Relay(relay)) {
            return false;
        }
        let Some(slot) = running.roster.as_ref().and_then(|roster| roster.slot(target)) else { return false };
        let standing = running.standing(self.boot(relay), &self.settings);
        let known = slot.served_since().is_some_and(|since| standing.contact.is_some_and(|at| since <= at));
        slot.target_state() == TargetState::StaleServed
            && slot.assignment().0 != Permission::None
            && (!standing.alone || known)
    }

    /// A relay has applied a slice: of its reign or of a later one.
    pub(super) fn judge_reign(&mut self, process: Process) {
        let Some(running) = self.running(process) else { return };
        let Some(reign) = running.state.held().reign.clone() else { return };
        let before = self.judge.reigns.insert((process.index, process.number), reign.clone());
        if let Some(before) = before.filter(|before| !before.yields_to(&reign)) {
            let text = format!("relay {} follows {reign:?} after {before:?}", process.index);
            self.violate(Property::Reign, None, text);
        }
    }

    fn trace_sample(&mut self, prometheus: usize, relay: usize, at: Duration, sample: &Sample) {
        if self.traced != Some(sample.target) {
            return;
        }
        let running = self.relays[relay].process.as_ref();
        let alone = running.map(|running| running.standing(self.boot(relay), &self.settings).alone);
        let pod = &self.targets.pods[Targets::number(sample.target)];
        let truth = pod.condition;
        self.log(|| {
            format!("prometheus {prometheus} reads of relay {relay} (alone: {alone:?}, target {truth:?}) at {at:?}: {sample:?}")
        });
    }
}
