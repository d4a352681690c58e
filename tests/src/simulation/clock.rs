//! The clocks of one machine: one that only runs, fast or slow, and one on the wall that may jump.

use std::time::{Duration, SystemTime};

use relay::contact::BootTime;

/// A machine's clocks, read at a true time.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    /// How much faster than true time it runs.
    rate: f64,
    /// How long the machine was up when the simulation began.
    up: Duration,
    /// What the wall clock shows beyond the true time, in milliseconds.
    offset: i64,
}

/// What a true wall clock shows when the simulation begins.
const BEGIN: u64 = 1_700_000_000;

impl Clock {
    pub(super) fn new(rate: f64, up: Duration, offset: i64) -> Self {
        Self { rate, up, offset }
    }

    /// Since the machine's start.
    pub(super) fn boot(&self, now: Duration) -> BootTime {
        BootTime::from_start(self.up + now.mul_f64(self.rate))
    }

    pub(super) fn wall(&self, now: Duration) -> SystemTime {
        let shown = SystemTime::UNIX_EPOCH + Duration::from_secs(BEGIN) + now.mul_f64(self.rate);
        let offset = Duration::from_millis(self.offset.unsigned_abs());
        if self.offset < 0 { shown - offset } else { shown + offset }
    }

    /// How long a wait of `local` takes in truth.
    pub(super) fn truly(&self, local: Duration) -> Duration {
        local.div_f64(self.rate)
    }

    /// The wall clock is set, by so many milliseconds.
    pub(super) fn jump(&mut self, by: i64) {
        self.offset += by;
    }
}
