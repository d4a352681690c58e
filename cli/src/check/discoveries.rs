//! What a coordinator's answer says of its discoveries.

use std::time::{Duration, SystemTime};

use proto::admin::v1::{Discovery, ListDiscoveriesResponse};

use super::{Line, Verdict};
use crate::table;

const SECTION: &str = "discoveries";
/// What was tested.
const READ: &str = "discovery_read";

/// One line for all that do well, and one for each that does not.
#[must_use]
pub fn judge(answer: &ListDiscoveriesResponse, now: SystemTime) -> Vec<Line> {
    let troubled: Vec<Line> = answer.discoveries.iter().filter_map(|it| trouble(it, now)).collect();
    let well = answer.discoveries.len() - troubled.len();
    let line = match answer.discoveries.len() {
        0 => Line::ok(SECTION, READ, "none is configured"),
        all => Line::ok(SECTION, READ, format!("{well} of {all} read well")),
    };
    if well == 0 && !troubled.is_empty() { troubled } else { [vec![line], troubled].concat() }
}

fn trouble(discovery: &Discovery, now: SystemTime) -> Option<Line> {
    let Discovery { job, mechanism, consecutive_failures: failures, last_error, .. } = discovery;
    let read = discovery.last_success_time.and_then(|read| SystemTime::try_from(read).ok());
    let ago = |read: SystemTime| {
        let past = now.duration_since(read).unwrap_or_default();
        table::span(Duration::from_secs(past.as_secs()))
    };
    let line = |message| Line::ok(SECTION, READ, format!("job {job}, {mechanism}: {message}"));
    match (read, *failures) {
        (Some(_), 0) if discovery.holding => {
            let message = "its last read would remove most targets, and waits for a second one".to_owned();
            let remedy = "see whether the source lists what it should; removals go through within 60 s";
            Some(line(message).not_ok(Verdict::Warning, remedy))
        }
        (Some(_), 0) => None,
        (Some(read), _) => {
            let message =
                format!("last read well {} ago, {failures} times badly since: {last_error}", ago(read));
            Some(
                line(message)
                    .not_ok(Verdict::Warning, "its earlier targets stay; put right what the error names"),
            )
        }
        (None, 0) => {
            let message = "has not answered since the coordinator started".to_owned();
            Some(line(message).not_ok(Verdict::Warning, "ask again in some seconds"))
        }
        (None, _) => {
            let message = format!("has never been read well: {last_error}");
            let remedy = "put right what the error names; until then its targets are not known";
            Some(line(message).not_ok(Verdict::Failure, remedy))
        }
    }
}
