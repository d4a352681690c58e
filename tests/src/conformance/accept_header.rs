//! `accept_header.jsonl`: the protocols and the escaping of a job, and the header that Prometheus sends.

use model::exposition::accept::accept_header;
use model::job::ScrapeProtocol;
use model::names::EscapingScheme;
use serde_json::Value;

use super::Verdict;

/// The verdict on one case.
pub(super) fn run(case: &Value) -> Verdict {
    let expected = case["expect"].as_str().unwrap_or_default().to_owned();
    let names = case["scrape_protocols"].as_array().into_iter().flatten();
    let protocols: Option<Vec<ScrapeProtocol>> =
        names.map(|name| ScrapeProtocol::parse(name.as_str()?)).collect();
    let escaping = case["escaping"].as_str().and_then(EscapingScheme::parse);
    let (Some(protocols), Some(escaping)) = (protocols, escaping) else {
        return Verdict::Fail { expected, got: "a protocol or an escaping that is not known".into() };
    };
    let got = accept_header(&protocols, escaping);
    if got == expected { Verdict::Pass } else { Verdict::Fail { expected, got } }
}
