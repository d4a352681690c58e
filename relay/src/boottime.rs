//! The one place that reads CLOCK_BOOTTIME: the clock that goes on while the machine sleeps and that nobody sets.
//!
//! Out: [`BootTime`], which everything that decides by it takes as an argument.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::contact::BootTime;

/// The machine's time since boot, suspended time included.
#[must_use]
pub fn now() -> BootTime {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    BootTime::from_start(Duration::new(seconds, nanos))
}

/// The identity of this boot of the machine: a [`BootTime`] means nothing in another one. Empty where the system
/// does not tell.
#[must_use]
pub fn machine_boot_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    text.map(|id| id.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_does_not_go_back() {
        let first = now();
        assert!(now() >= first);
        assert!(first > BootTime::default());
    }
}
