//! Rules of the protocol that a test may take out.

use super::Fleet;

/// Which rules hold. Each protects what the assignment protocol promises, and is there because a simulated fleet broke
/// that promise without it; only tests take one out, to see that its loss is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each rule is taken out by itself")]
pub struct Guards {
    /// A target is given with `none` while another relay may still expose it: a copy could be older than what that shows.
    pub none_while_exposed: bool,
    /// A stream's end that only this side has seen counts as silence: the relay does not know of it.
    pub local_end_is_silence: bool,
    /// What a silent relay serves from its cache is given to others only once nobody scrapes it any more.
    pub cached_held_back: bool,
    /// A lost relay is not listed: it may only have lost its way to the coordinator, and shows old beside fresh.
    pub lost_unlisted: bool,
    /// A process whose predecessor exposed what is not on disk drops its copies.
    pub late_flush_discards: bool,
    /// Nothing is decided before the relays had time to come: the first would get everything.
    pub start_settles: bool,
    /// After a pause all clocks start anew: nobody is lost because this process did not listen.
    pub pause_restarts_clocks: bool,
    /// A coordinator that hears of a higher reign takes the next: the relay that named it would be deaf for good.
    pub higher_reign_outbid: bool,
    /// A second process of one name waits for an answer of the first: a half-open stream would keep it out.
    pub second_stream_pings: bool,
    /// A target that moves is live only at its old owner before the new one has it: both would serve copies.
    pub overlap_is_muted: bool,
    /// The old owner drops a target that moves only once a scraper has seen it at the new one: a scrape would be missed.
    pub dropped_once_seen: bool,
    /// A failing target goes with its record: its series would end.
    pub record_travels: bool,
    /// A relay that is back gets what nobody could show meanwhile: dead targets' series would end with each restart.
    pub returns_with_copy: bool,
    /// A relay with much more or much less than its share gives or gets targets: a new one would stay empty.
    pub load_bounded: bool,
    /// Of two relays that report a target the one that it was assigned to later keeps it.
    pub later_assignment_wins: bool,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            none_while_exposed: true,
            local_end_is_silence: true,
            cached_held_back: true,
            lost_unlisted: true,
            late_flush_discards: true,
            start_settles: true,
            pause_restarts_clocks: true,
            higher_reign_outbid: true,
            second_stream_pings: true,
            overlap_is_muted: true,
            dropped_once_seen: true,
            record_travels: true,
            returns_with_copy: true,
            load_bounded: true,
            later_assignment_wins: true,
        }
    }
}

impl Fleet {
    /// The same fleet with other rules, for tests that want to see what breaks without one.
    #[must_use]
    pub fn with_guards(mut self, guards: Guards) -> Self {
        self.guards = guards;
        self
    }
}
