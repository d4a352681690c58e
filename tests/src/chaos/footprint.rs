//! What a process holds: open files and memory, before and after.

use std::path::PathBuf;

use crate::chaos::judge::{Fault, Judge};

/// Descriptors that may be more at the end: connections that a pool keeps.
const FILES: usize = 24;
/// Memory that may be more, in KiB.
const MEMORY: usize = 24 << 10;

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Open files.
    pub files: usize,
    /// Resident memory, in KiB.
    pub memory: usize,
    /// How many targets it has: each may have a connection.
    pub targets: usize,
}

impl Footprint {
    /// Of the process with that id, which has so many targets.
    ///
    /// # Errors
    /// Where it is gone.
    pub fn of(process: u32, targets: usize) -> Result<Self, String> {
        let path = PathBuf::from(format!("/proc/{process}"));
        let tell = |error: std::io::Error| format!("process {process}: {error}");
        let files = std::fs::read_dir(path.join("fd")).map_err(tell)?.count();
        let status = std::fs::read_to_string(path.join("status")).map_err(tell)?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        Ok(Self { files, memory: memory.ok_or(format!("process {process} has no VmRSS"))?, targets })
    }

    /// A complaint where `after` is more than a tenth over this, and more than a pool or an allocator keeps.
    #[must_use]
    pub fn grown(self, after: Self, name: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        let more_targets = after.targets.saturating_sub(self.targets);
        if after.files > self.files + more_targets + (self.files / 10).max(FILES) {
            let what = format!("{name} has {} open files, and had {}", after.files, self.files);
            faults.push(Fault::new(Judge::Process, what));
        }
        if after.memory > self.memory + (self.memory / 10).max(MEMORY) {
            let what = format!("{name} has {} KiB, and had {}", after.memory, self.memory);
            faults.push(Fault::new(Judge::Process, what));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_beyond_a_tenth_is_told_and_what_stays_is_not() {
        let before = Footprint { files: 1000, memory: 1_000_000, targets: 10 };
        let grown = |after| before.grown(after, "relay-0").len();
        let after = |files, memory| grown(Footprint { files, memory, targets: 10 });
        assert_eq!(after(1090, 1_090_000), 0);
        assert_eq!(after(1110, 1_000_000), 1);
        assert_eq!(after(1000, 1_110_000), 1);
        assert_eq!(after(900, 900_000), 0);
        assert_eq!(grown(Footprint { files: 1110, memory: 1_000_000, targets: 20 }), 0);
    }

    #[test]
    fn this_process_has_a_footprint_and_a_file_more_is_seen() {
        let before = Footprint::of(std::process::id(), 0).unwrap();
        assert!(before.files > 2 && before.memory > 100, "{before:?}");
        assert!(Footprint::of(u32::MAX, 0).is_err());
    }
}
