//! The rules of the protocol, of which a test may take one out.
//!
//! Those that coordinators decide by are values of the product. Those of relays stand where the product's pure parts are
//! told what has happened; here that is the simulation, so it is told wrongly.

use coordinator::fleet::Guards;

/// Which rules hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Those of coordinators.
    pub fleet: Guards,
    /// Those of relays.
    pub relay: RelayRules,
}

/// Which rules hold in relays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each rule is taken out by itself")]
pub struct RelayRules {
    /// An alone relay serves only copies that it served at contact.
    pub alone_withholds: bool,
    /// Contact is when an echoed heartbeat was sent, not when its echo came.
    pub contact_is_sending: bool,
    /// A relay is alone until the first slice of a new stream, not until its opening.
    pub alone_until_slice: bool,
    /// Under `none` no copy is served and no result repeated.
    pub none_withholds: bool,
    /// `discard` drops the copy.
    pub discard_drops: bool,
    /// A page that shows what is not on disk is reported.
    pub late_flush_reported: bool,
    /// A kept slice is live only, unless there was contact just before the start.
    pub kept_is_live_only: bool,
    /// What was dropped is acknowledged once the kept slice does not name it any more.
    pub dropped_is_kept: bool,
    /// A relay that was alone says so of what it holds when it comes.
    pub alone_is_said: bool,
}

impl Default for RelayRules {
    fn default() -> Self {
        Self {
            alone_withholds: true,
            contact_is_sending: true,
            alone_until_slice: true,
            none_withholds: true,
            discard_drops: true,
            late_flush_reported: true,
            kept_is_live_only: true,
            dropped_is_kept: true,
            alone_is_said: true,
        }
    }
}
