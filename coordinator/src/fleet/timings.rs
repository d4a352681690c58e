//! How long the fleet waits for what.

use std::time::Duration;

/// The protocol's durations. They are a value so that tests can shorten them; nobody configures them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// A relay whose stream the peer has ended is lost after this. It considers itself alone a second earlier.
    pub ended: Duration,
    /// A relay that says nothing is lost after this. It considers itself alone two seconds earlier.
    pub silent: Duration,
    /// A relay that says nothing is suspect after this: it gets nothing new.
    pub suspect: Duration,
    /// After this long out of the list of relays nobody scrapes a relay any more.
    pub unlisted: Duration,
    /// How long a first start waits for the expected relays.
    pub settle_cold: Duration,
    /// How long a restart waits for the expected relays.
    pub settle: Duration,
    /// How long a relay that does not say what its targets are waits for discoveries that have not reported.
    pub discovery: Duration,
    /// How long an older stream of the same name has to answer a ping.
    pub ping: Duration,
    /// A loop that runs later than this restarts all clocks.
    pub late: Duration,
    /// A relay that does not acknowledge a change for this long is cut off.
    pub acknowledge: Duration,
    /// How recently a scraper must have asked for a relay's page when it comes, and how long a relay that no
    /// scraper asks holds up the filling of others.
    pub scraped: Duration,
    /// How long a scraper may go on asking a relay that its last list has left out.
    pub list_applied: Duration,
    /// How long after a scraper asked for a page its relay has reported that.
    pub page_reported: Duration,
    /// Between two rounds of filling relays that have little.
    pub fill: Duration,
    /// A move that takes longer is given up.
    pub moving: Duration,
    /// How long a lost relay is remembered for people to see.
    pub remember: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            ended: seconds(5),
            silent: seconds(16),
            suspect: seconds(5),
            unlisted: seconds(60),
            settle_cold: seconds(10),
            settle: seconds(20),
            discovery: seconds(20),
            ping: seconds(2),
            late: seconds(3),
            acknowledge: seconds(30),
            scraped: seconds(60),
            // Prometheus applies lists every 5 s at most.
            list_applied: seconds(10),
            page_reported: seconds(20),
            fill: seconds(10),
            moving: seconds(300),
            remember: seconds(600),
        }
    }
}
