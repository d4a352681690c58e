//! What a coordinator's answers say of the installation: itself, its relays, its targets.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use proto::admin::v1::{
    ListDroppedTargetsResponse, ListRelaysResponse, ListTargetsResponse, Relay, RelayState,
};

use super::{Line, Verdict};
use crate::table;

/// Whether the coordinator decides yet.
#[must_use]
pub fn coordinator(server: &str, relays: &ListRelaysResponse) -> Line {
    const SECTION: &str = "coordinator";
    if relays.coordinator_state == "leading" {
        let message = format!("{server} answers and decides, epoch {}", relays.epoch);
        return Line::ok(SECTION, "coordinator_leads", message);
    }
    let message = format!("{server} answers and is {} since its start", relays.coordinator_state);
    let remedy = "it waits for relays, at most 20 s; set coordinator.expected_relays to make that shorter";
    Line::ok(SECTION, "coordinator_leads", message).not_ok(Verdict::Warning, remedy)
}

/// Which relays are there, and what keeps the others; `expected` is 0 where that is not known.
#[must_use]
pub fn relays(answer: &ListRelaysResponse, expected: u64, now: SystemTime) -> Vec<Line> {
    let mut lines = vec![connected(answer, expected)];
    lines.extend(answer.relays.iter().filter_map(|relay| trouble(relay, now)));
    lines
}

const RELAYS: &str = "relays";

fn connected(answer: &ListRelaysResponse, expected: u64) -> Line {
    let connected = answer.relays.iter().filter(|relay| is_connected(relay.state())).count();
    let line = |message| Line::ok(RELAYS, "relays_connected", message);
    let start = "start relays with --coordinator, or see in their logs why they do not reach it";
    if connected == 0 {
        return line("no relay is connected".to_owned()).not_ok(Verdict::Failure, start);
    }
    match usize::try_from(expected).unwrap_or(usize::MAX) {
        0 => line(format!("{connected} connected")),
        expected if connected < expected => {
            line(format!("{connected} of {expected} expected are connected")).not_ok(Verdict::Warning, start)
        }
        expected => line(format!("{connected} connected, {expected} expected")),
    }
}

fn is_connected(state: RelayState) -> bool {
    matches!(state, RelayState::Active | RelayState::Joining | RelayState::Draining)
}

fn trouble(relay: &Relay, now: SystemTime) -> Option<Line> {
    let heard = relay.last_heard.and_then(|heard| SystemTime::try_from(heard).ok());
    let silent = heard.and_then(|heard| now.duration_since(heard).ok()).map_or_else(String::new, |silent| {
        format!(", silent for {}", table::span(Duration::from_secs(silent.as_secs())))
    });
    let name = &relay.name;
    let (check, message, remedy) = match relay.state() {
        RelayState::Active | RelayState::Draining => return None,
        RelayState::Joining => (
            "relay_scraped",
            format!("{name} has no targets yet: no scraper has asked for its page at {}", relay.advertise),
            "let Prometheus scrape what /sd/prometheus lists, and see that it reaches that address",
        ),
        RelayState::Suspect => (
            "relay_fenced",
            format!("{name} may be lost{silent}"),
            "see whether it runs and reaches the coordinator; its targets go to others within 16 s",
        ),
        RelayState::Lost => (
            "relay_fenced",
            format!("{name} is lost{silent}: its targets went to other relays"),
            "start it again under the same name; one that was taken away for good is forgotten by itself",
        ),
        RelayState::Unspecified => (
            "relay_fenced",
            format!("{name} is in a state that this version does not know"),
            "use the coordinator's version of scrape-relay",
        ),
    };
    Some(Line::ok(RELAYS, check, message).not_ok(Verdict::Warning, remedy))
}

/// What is known of targets.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// All of them; the rows do not matter.
    pub all: ListTargetsResponse,
    /// Those without a relay, with a few rows.
    pub unplaced: ListTargetsResponse,
    /// What no target could be made of, with a few rows.
    pub impossible: ListDroppedTargetsResponse,
}

const TARGETS: &str = "targets";

/// Whether there are targets, whether each has a relay, and whether relays reach them.
#[must_use]
pub fn targets(targets: &Targets, settling: bool) -> Vec<Line> {
    let mut lines = vec![known(&targets.all)];
    if targets.all.total_size > 0 {
        lines.push(placed(targets, settling));
        lines.push(reached(&targets.all.state_counts));
    }
    lines.extend(impossible(&targets.impossible));
    lines
}

fn known(all: &ListTargetsResponse) -> Line {
    let line = Line::ok(TARGETS, "targets_known", format!("{} known", all.total_size));
    if all.total_size > 0 {
        return line;
    }
    let remedy =
        "`scrape-relay targets dropped` shows what was discovered and dropped; else see the discoveries";
    line.not_ok(Verdict::Warning, remedy)
}

fn placed(targets: &Targets, settling: bool) -> Line {
    let (unplaced, all) = (targets.unplaced.total_size, targets.all.total_size);
    if unplaced == 0 {
        return Line::ok(TARGETS, "targets_placed", "each has a relay");
    }
    let example =
        targets.unplaced.targets.first().map(|it| format!(", such as {}", it.url)).unwrap_or_default();
    let message = format!("{unplaced} of {all} have no relay and are not scraped{example}");
    let (verdict, remedy) = if settling {
        (Verdict::Warning, "the coordinator places them when it has settled")
    } else {
        (Verdict::Failure, "targets go to relays whose page a scraper has asked for: see the relays above")
    };
    Line::ok(TARGETS, "targets_placed", message).not_ok(verdict, remedy)
}

/// More than half down is rarely the targets' own doing.
fn reached(states: &HashMap<String, i32>) -> Line {
    let count = |state: &str| states.get(state).copied().unwrap_or_default();
    let (up, down) = (count("up"), count("down") + count("stale_served"));
    let pending = match count("pending") {
        0 => String::new(),
        pending => format!(", {pending} not scraped yet"),
    };
    let line = Line::ok(TARGETS, "targets_reached", format!("{up} up, {down} down{pending}"));
    if down <= up {
        return line;
    }
    let remedy = "`scrape-relay targets list --filter 'state = down'` says why; do network policies let relays through?";
    line.not_ok(Verdict::Warning, remedy)
}

fn impossible(answer: &ListDroppedTargetsResponse) -> Option<Line> {
    let first = answer.dropped_targets.first()?;
    let message = format!(
        "of {} discovered, no target can be made; in job {}: {}",
        answer.total_size, first.job, first.error
    );
    let remedy = "`scrape-relay targets dropped --filter 'drop_reason = error'` lists them";
    Some(Line::ok(TARGETS, "targets_possible", message).not_ok(Verdict::Warning, remedy))
}
