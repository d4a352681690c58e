//! What a process has cost so far, as Linux counts it in `/proc`.

use std::time::Duration;

/// Linux reports processor time to programs in these units, whatever its own clock (`USER_HZ`, proc(5)).
const TICKS_PER_SECOND: u64 = 100;

/// A process' cost up to now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessCost {
    /// Processor time in user mode.
    pub user: Duration,
    /// Processor time in the kernel.
    pub system: Duration,
    /// Its resident memory now, in bytes.
    pub rss: u64,
    /// The most resident memory it had so far, in bytes.
    pub peak_rss: u64,
}

impl ProcessCost {
    /// Reads the cost of the process of that id.
    ///
    /// # Errors
    /// Names the file that could not be read or understood.
    pub fn of(id: u32) -> Result<Self, String> {
        let read = |name: &str| {
            let path = format!("/proc/{id}/{name}");
            std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
        };
        let (user, system) = processor(&read("stat")?).ok_or(format!("/proc/{id}/stat: not understood"))?;
        let status = read("status")?;
        let of = |field: &str| memory(&status, field).ok_or(format!("/proc/{id}/status: no {field}"));
        Ok(Self { user, system, rss: of("VmRSS")?, peak_rss: of("VmHWM")? })
    }

    /// Processor time in both modes since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Duration {
        (self.user + self.system).saturating_sub(earlier.user + earlier.system)
    }
}

/// Fields 14 and 15; the program's name, field 2, may hold blanks and stands in parentheses.
fn processor(stat: &str) -> Option<(Duration, Duration)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || {
        let ticks: u64 = fields.next()?.parse().ok()?;
        Some(Duration::from_millis(ticks * (1000 / TICKS_PER_SECOND)))
    };
    Some((next()?, next()?))
}

fn memory(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_a_name_with_blanks_and_parentheses() {
        let stat = "17 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 250 31 0 0 20 0 4 0 99 1 2";
        assert_eq!(processor(stat), Some((Duration::from_millis(2500), Duration::from_millis(310))));
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n";
        assert_eq!((memory(status, "VmHWM"), memory(status, "VmRSS")), (Some(2 << 20), Some(1 << 10)));
    }

    #[test]
    fn this_process_has_a_cost() {
        let cost = ProcessCost::of(std::process::id()).expect("/proc is there");
        assert!(cost.peak_rss > 100_000, "{cost:?}");
    }
}
