//! What has to be looked at every second, whether or not anybody asks for a page.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use model::status::TargetState;
use opentelemetry::KeyValue;
use runtime::Shutdown;
use tokio::time::{MissedTickBehavior, interval};

use crate::boottime;
use crate::gather::Gather;

/// How often gauges are brought up to date and the cache's writer is looked after.
const EVERY: Duration = Duration::from_secs(1);

/// Runs until shutdown drains.
pub async fn run(gather: Arc<Gather>, shutdown: Shutdown) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.draining() => return,
            _ = tick.tick() => {}
        }
        gather.context.cache.check_progress(Instant::now());
        gather.expire_loaded(SystemTime::now());
        record(&gather);
    }
}

fn record(gather: &Gather) {
    let context = &gather.context;
    let instruments = &context.instruments;
    let standing = context.contact.standing();
    instruments.alone.record(u64::from(standing.alone), &[]);
    if let Some(contact) = standing.contact {
        instruments.contact_age.record(boottime::now().since(contact).as_secs_f64(), &[]);
    }
    instruments.shapes.record(context.shapes.counts().shapes, &[]);
    let Some(roster) = gather.roster() else { return };
    instruments.inflight_scrapes.record(roster.scrapes_running(), &[]);
    instruments.memory_budget.record(roster.bodies().capacity() as u64, &[]);
    instruments.memory_used.record(roster.bodies().used() as u64, &[]);
    let states = [TargetState::Pending, TargetState::Up, TargetState::Down, TargetState::StaleServed];
    let mut counts = [0u64; 4];
    for slot in &roster.slots {
        let state = slot.target_state();
        if let Some(at) = states.iter().position(|known| *known == state) {
            counts[at] += 1;
        }
    }
    for (state, count) in states.iter().zip(counts) {
        instruments.targets.record(count, &[KeyValue::new("state", state.as_str())]);
    }
}
