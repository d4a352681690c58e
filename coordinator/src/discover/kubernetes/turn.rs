//! What a watch does next.
//!
//! In: what it did and how that ended. Out: the next thing to do. Pure.

use super::failure::{Failure, Reason};
use super::request::From;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Read a list to its end.
    List(From),
    /// Watch from this version on.
    Watch(String),
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The list is complete, or the watch has run its time; this is the version that was reached.
    Reached(String),
    /// Somebody wants another list.
    Asked,
    /// It failed; a watch had reached this version.
    Failed(Option<String>, Failure),
}

impl Turn {
    /// The turn after this one.
    pub(super) fn next(self, end: &End) -> Self {
        match (self, end) {
            (_, End::Reached(version)) => Self::Watch(version.clone()),
            (_, End::Asked) => Self::List(From::Newest),
            (Self::Watch(before), End::Failed(reached, failure)) => {
                let version = reached.clone().unwrap_or(before);
                if failure.reason == Reason::Expired {
                    Self::List(From::Version(version))
                } else {
                    Self::Watch(version)
                }
            }
            // The version, or the page, is one that the server no longer keeps or does not know yet.
            (Self::List(_), End::Failed(_, failure))
                if failure.too_new || matches!(failure.reason, Reason::Expired | Reason::Refused) =>
            {
                Self::List(From::Newest)
            }
            // Pages are read from the first on.
            (Self::List(From::Page(_)), End::Failed(..)) => Self::List(From::Newest),
            (Self::List(from), End::Failed(..)) => Self::List(from),
        }
    }
}

/// Failures without anything that worked in between.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row {
    count: u32,
    last: Option<Reason>,
}

impl Row {
    /// One more; gives how many pauses it is worth. `lasted`: it had worked for a while before it failed.
    ///
    /// A server that is back and refuses is answered anew: what it refuses may be put right at once, by a new
    /// credential or another list, and has nothing to do with how long it was away.
    pub(super) fn failed(&mut self, reason: Reason, lasted: bool) -> u32 {
        let refuses =
            matches!(reason, Reason::Unauthorized | Reason::Forbidden | Reason::Expired | Reason::Refused);
        let anew = lasted || (refuses && self.last != Some(reason));
        self.count = if anew { 1 } else { self.count.saturating_add(1) };
        self.last = Some(reason);
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(reason: Reason) -> End {
        End::Failed(None, Failure::new(reason, "x"))
    }

    #[test]
    fn a_list_is_followed_by_a_watch_and_a_watch_by_a_watch() {
        let start = Turn::List(From::Memory);
        assert_eq!(start.next(&End::Reached("7".into())), Turn::Watch("7".into()));
        assert_eq!(Turn::Watch("7".into()).next(&End::Reached("9".into())), Turn::Watch("9".into()));
        assert_eq!(Turn::Watch("7".into()).next(&End::Asked), Turn::List(From::Newest));
    }

    #[test]
    fn an_outage_ends_where_it_began() {
        for reason in
            [Reason::Connect, Reason::Unauthorized, Reason::Server, Reason::Silent, Reason::Throttled]
        {
            assert_eq!(Turn::Watch("7".into()).next(&failed(reason)), Turn::Watch("7".into()));
            let reached = End::Failed(Some("8".into()), Failure::new(reason, "x"));
            assert_eq!(Turn::Watch("7".into()).next(&reached), Turn::Watch("8".into()));
            assert_eq!(Turn::List(From::Memory).next(&failed(reason)), Turn::List(From::Memory));
        }
    }

    #[test]
    fn what_is_no_longer_kept_is_listed_anew_and_never_older() {
        let after = Turn::Watch("7".into()).next(&failed(Reason::Expired));
        assert_eq!(after, Turn::List(From::Version("7".into())));
        assert_eq!(after.next(&failed(Reason::Expired)), Turn::List(From::Newest));
        let mut too_new = Failure::new(Reason::Server, "x");
        too_new.too_new = true;
        let after = Turn::List(From::Version("7".into())).next(&End::Failed(None, too_new));
        assert_eq!(after, Turn::List(From::Newest));
    }

    #[test]
    fn what_a_server_refuses_after_an_outage_does_not_wait_as_long_as_the_outage() {
        let mut row = Row::default();
        let mut failed = |reason| row.failed(reason, false);
        assert_eq!([Reason::Connect, Reason::Connect, Reason::Server].map(&mut failed), [1, 2, 3]);
        assert_eq!([Reason::Unauthorized, Reason::Unauthorized, Reason::Expired].map(&mut failed), [1, 2, 1]);
        assert_eq!([Reason::Expired, Reason::Connect, Reason::Silent].map(&mut failed), [2, 3, 4]);
        assert_eq!(row.failed(Reason::Silent, true), 1);
    }
}
