//! A removal that looks like a mistake waits until a second read agrees.
//!
//! A file or an answer that would remove more than half of a job's targets, and more than [`FEW`], is held
//! until another read at least [`SECOND_READ`] later says the same, or for [`LONGEST`]. Changes of the
//! configuration and small removals are never held.

use std::time::Duration;

use super::groups::Groups;

/// Removing this many targets or fewer is never held.
const FEW: usize = 10;

/// A second read counts as one when it comes this long after the first.
const SECOND_READ: Duration = Duration::from_secs(5);

/// No removal is held for longer.
const LONGEST: Duration = Duration::from_secs(60);

/// A removal that waits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    groups: Groups,
    since: Duration,
}

impl Held {
    /// Whether it has waited as long as any removal does, a minute.
    #[must_use]
    pub(super) fn is_due(&self, now: Duration) -> bool {
        now.saturating_sub(self.since) >= LONGEST
    }

    pub(super) fn into_groups(self) -> Groups {
        self.groups
    }

    pub(super) fn groups_mut(&mut self) -> &mut Groups {
        &mut self.groups
    }
}

/// What to do with a read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Use these groups.
    Apply(Groups),
    /// Keep the earlier ones for now.
    Hold(Held),
}

/// Judges a read of `groups` at `now`, which would remove `removed` of the job's `before` targets.
pub(super) fn judge(
    held: Option<Held>,
    before: usize,
    removed: usize,
    groups: Groups,
    now: Duration,
) -> Verdict {
    if removed <= FEW || removed * 2 <= before {
        return Verdict::Apply(groups);
    }
    match held {
        Some(held) if held.is_due(now) => Verdict::Apply(groups),
        Some(held) if held.groups.agree(&groups) => {
            let agreed = now.saturating_sub(held.since) >= SECOND_READ;
            if agreed { Verdict::Apply(groups) } else { Verdict::Hold(held) }
        }
        // Another large removal than the one that waits: what is shown has been in doubt since the first.
        Some(held) => Verdict::Hold(Held { groups, since: held.since }),
        None => Verdict::Hold(Held { groups, since: now }),
    }
}

#[cfg(test)]
mod tests {
    use model::target_group::TargetGroup;

    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn held(verdict: Verdict) -> Held {
        match verdict {
            Verdict::Hold(held) => held,
            Verdict::Apply(_) => panic!("was applied"),
        }
    }

    #[test]
    fn small_removals_are_applied_at_once() {
        for (before, removed) in [(10, 10), (100, 50), (100, 0), (11, 10)] {
            assert_eq!(
                judge(None, before, removed, Groups::default(), at(0)),
                Verdict::Apply(Groups::default()),
                "{removed} of {before}"
            );
        }
    }

    #[test]
    fn a_large_removal_waits_for_a_second_read_that_agrees() {
        let first = held(judge(None, 100, 51, Groups::default(), at(0)));
        let too_soon = held(judge(Some(first), 100, 51, Groups::default(), at(4)));
        assert_eq!(
            judge(Some(too_soon), 100, 51, Groups::default(), at(5)),
            Verdict::Apply(Groups::default())
        );
    }

    #[test]
    fn reads_that_disagree_wait_a_minute_in_all() {
        let group = TargetGroup { source: "x".into(), labels: Default::default(), targets: vec![] };
        let first = held(judge(None, 100, 60, Groups::default(), at(0)));
        let second = held(judge(Some(first), 100, 60, Groups::from(vec![group.clone().into()]), at(30)));
        assert!(!second.is_due(at(59)) && second.is_due(at(60)));
        assert_eq!(
            judge(Some(second), 100, 60, Groups::default(), at(60)),
            Verdict::Apply(Groups::default())
        );
    }
}
