//! Raises the number of files and sockets the process may hold open.
//!
//! A relay holds one connection per target. The soft limit is usually 1,024 for the sake of programs that use
//! `select(2)`; this one does not, so it takes the hard limit.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limits after [`raise`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles {
    /// The soft limit the process was started with; `None` is unlimited.
    pub before: Option<u64>,
    /// The soft limit in force now; `None` is unlimited.
    pub now: Option<u64>,
}

impl OpenFiles {
    /// Whether `needed` files fit.
    #[must_use]
    pub fn suffice(&self, needed: u64) -> bool {
        self.now.is_none_or(|limit| limit >= needed)
    }
}

/// Raises the soft limit of open files to the hard limit. Where the system refuses, the limit stays as it was,
/// and the answer says so.
#[must_use]
pub fn raise() -> OpenFiles {
    let before = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: before.maximum, maximum: before.maximum };
    // A refusal shows in the value read back.
    let _refused = setrlimit(Resource::Nofile, wanted);
    OpenFiles { before: before.current, now: getrlimit(Resource::Nofile).current }
}

/// The soft limit in force; `None` is unlimited.
#[must_use]
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let files = raise();
        assert_eq!(files.now, getrlimit(Resource::Nofile).maximum);
        assert!(files.suffice(1));
    }
}
