//! What to look at first when a target does not do as expected.

use crate::fleet::{Stage, TargetEntry, Transfer};

/// What is said of a target that has just been discovered.
pub(super) const UNPLACED: &str =
    "nobody scrapes it yet: it was discovered a moment ago and is not placed; ask again";

/// A sentence for each thing that stands out.
pub(super) fn of(entry: &TargetEntry) -> Vec<String> {
    let mut hints = Vec::new();
    if entry.owner.is_none() {
        let why = if entry.moving {
            "its former relay has not acknowledged losing it yet"
        } else {
            "no relay may have it yet: one gets targets once a scraper has asked its page"
        };
        hints.push(format!("nobody scrapes it: {why}"));
    }
    if let Some(Transfer { to, stage: Stage::Overlapping, .. }) = &entry.transfer {
        hints.push(format!(
            "its move ends once a scraper has asked for the page of {to}, which has it already"
        ));
    }
    if !entry.listed {
        hints.push(
            "only its relay knows it: it stays until the discoveries of its job, which have not all reported \
             since the coordinator started, tell what there is"
                .to_owned(),
        );
    }
    if entry.heavy {
        hints.push(
            "it is heavier than a fair share of any relay: the one that has it has more than the others, or a \
             larger `--capacity`; nothing is moved because of it"
                .to_owned(),
        );
    }
    let Some(status) = &entry.status else { return hints };
    if let Some(failure) = &status.failure {
        hints.extend(of_failure(&failure.kind).map(str::to_owned));
    }
    for limit in &status.limits_hit {
        hints.push(format!("it runs into the limit {limit}: raise that in the job or under `limits:`"));
    }
    hints.extend(status.conflicts.iter().map(ToString::to_string));
    hints
}

/// What a kind of failure usually means.
fn of_failure(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "refused" => "nothing listens at that address and port: is the process up, is the port right?",
        "timeout" => "it answers too slowly, or something between drops packets: compare its scrape timeout",
        "dns" => "the name cannot be resolved where the relay runs",
        "tls" => "compare `tls_config` with what the target's certificate says",
        "http_status" => "it answers, but not with metrics: compare `metrics_path`, and who may read it",
        "redirect" => "redirects are not followed: name the place it points to in `metrics_path` or `scheme`",
        "denied_address" => "this address may not be scraped, see the limits in the documentation",
        "credentials" => {
            "the credential file that the job names is not on the relay, or cannot be read there"
        }
        "protocol" => "what listens there does not speak HTTP/1.1: is `scheme` right?",
        _ => return None,
    })
}
