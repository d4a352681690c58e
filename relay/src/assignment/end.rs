//! How an assignment stream ended, and what that says about the other side.
//!
//! In: what tonic reports. Out: an [`End`]. Only what the coordinator surely has not seen counts as silence; where that
//! is not clear, it has: a relay that thinks so is alone earlier, never later.

use std::error::Error;
use std::fmt;
use std::io;

use tonic::{Code, Status};

/// Where a coordinator that does not lead names the one that does.
const LEADER: &str = "scraperelay-leader";

/// The end of a stream, or of the attempt to open one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// No connection, or no answer.
    NoConnection(String),
    /// The coordinator does not lead.
    NotLeading {
        /// The one that does, if it is known.
        leader: Option<String>,
    },
    /// The coordinator refused the Hello.
    Refused(String),
    /// The coordinator, or what is between, ended the stream.
    ByPeer {
        /// What was seen.
        why: String,
        /// Whether a slice had come.
        joined: bool,
    },
    /// This side closed the stream, which the coordinator will see if it can be reached at all.
    Closed {
        /// Why.
        why: String,
        /// Whether a slice had come.
        joined: bool,
    },
    /// The operating system on this side gave up on the connection.
    Broken {
        /// Why.
        why: String,
        /// Whether a slice had come.
        joined: bool,
    },
}

impl End {
    /// The end that `status` is, of a stream that had or had not brought a slice.
    pub(super) fn of(status: &Status, joined: bool) -> Self {
        let why = describe(status);
        match status.code() {
            Code::FailedPrecondition if !joined => {
                let leader = status.metadata().get(LEADER).and_then(|value| value.to_str().ok());
                Self::NotLeading { leader: leader.map(str::to_owned) }
            }
            Code::AlreadyExists | Code::InvalidArgument | Code::Unauthenticated | Code::PermissionDenied
                if !joined =>
            {
                Self::Refused(why)
            }
            _ if is_local(status) => Self::Broken { why, joined },
            _ => Self::ByPeer { why, joined },
        }
    }

    /// A fixed word for metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::NoConnection(_) => "no_connection",
            Self::NotLeading { .. } => "not_leading",
            Self::Refused(_) => "refused",
            Self::ByPeer { .. } | Self::Closed { .. } | Self::Broken { .. } if self.had_joined() => "joined",
            Self::ByPeer { .. } | Self::Closed { .. } | Self::Broken { .. } => "no_slice",
        }
    }

    /// Whether the stream had brought a slice.
    pub(super) fn had_joined(&self) -> bool {
        match self {
            Self::ByPeer { joined, .. } | Self::Closed { joined, .. } | Self::Broken { joined, .. } => {
                *joined
            }
            Self::NoConnection(_) | Self::NotLeading { .. } | Self::Refused(_) => false,
        }
    }

    /// Whether there was a stream whose end the coordinator may know of.
    pub(super) fn is_known_to_both(&self) -> bool {
        matches!(self, Self::ByPeer { .. } | Self::Closed { .. })
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConnection(why) => write!(f, "not reached: {why}"),
            Self::NotLeading { leader: Some(leader) } => write!(f, "does not lead, {leader} does"),
            Self::NotLeading { leader: None } => f.write_str("does not lead and knows no leader"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::ByPeer { why, .. } => write!(f, "ended by the coordinator: {why}"),
            Self::Closed { why, .. } => write!(f, "closed: {why}"),
            Self::Broken { why, .. } => write!(f, "broken: {why}"),
        }
    }
}

/// Whether the operating system on this side gave up, rather than the other side saying anything.
fn is_local(status: &Status) -> bool {
    use io::ErrorKind::{HostUnreachable, NetworkDown, NetworkUnreachable, TimedOut};
    let mut source = status.source();
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return matches!(io.kind(), TimedOut | HostUnreachable | NetworkUnreachable | NetworkDown);
        }
        source = error.source();
    }
    false
}

fn describe(status: &Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}

/// An error with its sources.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tonic::metadata::MetadataMap;

    use super::*;

    #[test]
    fn a_coordinator_that_does_not_lead_names_the_one_that_does() {
        let mut metadata = MetadataMap::new();
        metadata.insert(LEADER, "10.0.0.1:15092".parse().unwrap());
        let status = Status::with_metadata(Code::FailedPrecondition, "no", metadata);
        assert_eq!(End::of(&status, false), End::NotLeading { leader: Some("10.0.0.1:15092".into()) });
        assert!(matches!(End::of(&status, true), End::ByPeer { joined: true, .. }), "it led until now");
    }

    #[test]
    fn only_what_this_side_saw_alone_is_silence() {
        let known = |kind| {
            let mut status = Status::unknown("transport");
            status.set_source(std::sync::Arc::new(io::Error::from(kind)));
            End::of(&status, true).is_known_to_both()
        };
        assert!(!known(io::ErrorKind::TimedOut));
        assert!(!known(io::ErrorKind::HostUnreachable));
        assert!(known(io::ErrorKind::ConnectionReset));
        assert!(known(io::ErrorKind::UnexpectedEof));
        assert!(End::of(&Status::internal("h2"), true).is_known_to_both());
        assert!(End::Closed { why: "silent".into(), joined: true }.is_known_to_both());
        assert!(!End::of(&Status::already_exists("another"), false).is_known_to_both());
    }
}
