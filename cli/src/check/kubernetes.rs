//! Whether the API servers of a configuration answer, and let its discoveries watch what they need.

use coordinator::discover::kubernetes::failure::{Failure, Reason};
use coordinator::discover::kubernetes::rights::{Refused, Rights, Unknown};

use super::{Cause, Line, Verdict};

const SECTION: &str = "kubernetes";
const REACHABLE: &str = "api_server_reachable";
const ALLOWED: &str = "watch_allowed";

/// For each cluster a line whether it answers, and one for each place where something is watched.
#[must_use]
pub fn judge(clusters: &[Rights]) -> Vec<Line> {
    clusters.iter().flat_map(cluster).collect()
}

fn cluster(rights: &Rights) -> Vec<Line> {
    let Rights { cluster, places } = rights;
    match places {
        Ok(places) => {
            let answers = Line::ok(SECTION, REACHABLE, format!("{cluster}: the API server answers"));
            let places = places.iter().map(|refused| allowed(cluster, refused));
            std::iter::once(answers).chain(places).collect()
        }
        Err(Unknown::Elsewhere) => {
            let message = format!("{cluster}: not asked, since this process is in no cluster");
            let remedy = "run `check` in the coordinator's pod, or say with KUBECONFIG where the cluster is";
            vec![Line::ok(SECTION, REACHABLE, message).not_ok(Verdict::Warning, remedy)]
        }
        Err(Unknown::Failed(failure)) => vec![unknown(cluster, failure)],
    }
}

fn unknown(cluster: &str, failure: &Failure) -> Line {
    let (cause, remedy) = match failure.reason {
        Reason::Connect | Reason::Silent => (
            Cause::Unreachable,
            "see whether the API server runs, and whether the address, the port and the network policies are right",
        ),
        Reason::Unauthorized => {
            (Cause::Denied, "give the discovery a token or a certificate that the API server takes")
        }
        Reason::Forbidden => {
            (Cause::Denied, "let the account create selfsubjectaccessreviews, as system:basic-user does")
        }
        Reason::Credentials => (Cause::Wrong, "put right the file, the context or the program that it names"),
        _ => (Cause::Wrong, "see the API server's log"),
    };
    let message = format!("{cluster}: {}: {}", failure.reason.word(), failure.message);
    Line { cause, ..Line::ok(SECTION, REACHABLE, message).not_ok(Verdict::Failure, remedy) }
}

fn allowed(cluster: &str, Refused { place, verbs }: &Refused) -> Line {
    let (kind, namespace) = (place.0.plural(), &place.1);
    let of = match namespace {
        Some(namespace) => format!("{kind} of namespace {namespace}"),
        None => format!("all {kind}"),
    };
    if verbs.is_empty() {
        return Line::ok(SECTION, ALLOWED, format!("{cluster}: {of} may be listed and watched"));
    }
    let message = format!("{cluster}: not allowed to {} {of}", verbs.join(" and "));
    let remedy = match namespace {
        Some(namespace) => format!("bind the account in {namespace} to a Role with list and watch of {kind}"),
        None => format!("bind the account to a ClusterRole with list and watch of {kind}"),
    };
    Line { cause: Cause::Denied, ..Line::ok(SECTION, ALLOWED, message).not_ok(Verdict::Failure, remedy) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_remedy_and_decides_the_exit_code() {
        for (reason, cause) in [
            (Reason::Connect, Cause::Unreachable),
            (Reason::Silent, Cause::Unreachable),
            (Reason::Unauthorized, Cause::Denied),
            (Reason::Forbidden, Cause::Denied),
            (Reason::Credentials, Cause::Wrong),
            (Reason::Throttled, Cause::Wrong),
            (Reason::Server, Cause::Wrong),
        ] {
            let failure = Failure { reason, message: "m".into(), retry_after: None, too_new: false };
            let rights = Rights { cluster: "c".into(), places: Err(Unknown::Failed(failure)) };
            let [line] = judge(&[rights]).try_into().expect("one line");
            assert_eq!((line.verdict, line.cause), (Verdict::Failure, cause), "{reason:?}");
            assert!(!line.remedy.is_empty(), "{reason:?}");
            assert_eq!(line.message, format!("c: {}: m", reason.word()));
        }
    }
}
