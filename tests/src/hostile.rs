//! Hostile and odd bodies, each with what Prometheus 3.15 says to it.
//!
//! Out: cases in text 0.0.4 and OpenMetrics 1.0, cases that break what lies below an exposition (HTTP, gzip, content
//! types), and mutations of real-looking bodies. Many name the families, types and series that good targets have, so
//! that one page holds both. Nothing here knows what the product does with them.

mod mutate;
mod odd;
mod openmetrics;
mod text;
mod wars;
mod wire;

pub use mutate::mutation;

use bytes::Bytes;

use crate::fake_target::{OPENMETRICS, TEXT};
use crate::raw_target::{Answer, ok};

/// How many mutations the corpus has.
pub const MUTATIONS: u64 = 1000;

/// Whether Prometheus 3.15 counts a target with such an answer as up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The body is read; single samples may be left out.
    Up,
    /// One thing in it loses the whole scrape.
    Down,
    /// It is read, unless Prometheus has the limits that are the product's defaults.
    TooLarge,
    /// It is read, and the product refuses it on purpose (`conformance-refusals.md` says why).
    Refused,
}

/// One body of the tables.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is odd, in a few words.
    pub name: &'static str,
    /// Its Content-Type.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
    /// What Prometheus says.
    pub verdict: Verdict,
}

impl Case {
    const fn text(name: &'static str, verdict: Verdict, body: &'static [u8]) -> Self {
        Self { name, content_type: TEXT, body: Bytes::from_static(body), verdict }
    }

    const fn openmetrics(name: &'static str, verdict: Verdict, body: &'static [u8]) -> Self {
        Self { name, content_type: OPENMETRICS, body: Bytes::from_static(body), verdict }
    }
}

/// A target of the corpus.
#[derive(Clone, Debug)]
pub struct Hostile {
    /// What is odd about it.
    pub name: String,
    /// What it sends.
    pub answer: Answer,
    /// Its Content-Type and body, where HTTP brings them over whole.
    pub body: Option<(&'static str, Bytes)>,
    /// What Prometheus says; nothing for mutations, which nobody has looked at.
    pub verdict: Option<Verdict>,
}

/// Every body of the tables.
#[must_use]
pub fn cases() -> Vec<Case> {
    [text::cases(), openmetrics::cases(), wars::cases(), odd::cases()].concat()
}

/// Every target of the corpus, always in this order, with the mutations from number `first` on.
#[must_use]
pub fn targets(first: u64) -> Vec<Hostile> {
    let cases = cases()
        .into_iter()
        .map(|case| whole(case.name.to_owned(), case.content_type, case.body, Some(case.verdict)));
    let mutations = (first..first + MUTATIONS).map(|number| {
        let (content_type, body) = mutation(number);
        whole(format!("mutation {number}"), content_type, body.into(), None)
    });
    cases.chain(wire::targets()).chain(mutations).collect()
}

fn whole(name: String, content_type: &'static str, body: Bytes, verdict: Option<Verdict>) -> Hostile {
    let answer = ok(&[&format!("Content-Type: {content_type}")], &body);
    Hostile { name, answer: Answer::Keep([answer].into()), body: Some((content_type, body)), verdict }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::exposition::content_type::media_type;
    use model::exposition::parse;
    use std::collections::HashSet;

    #[test]
    fn the_parser_says_to_every_case_what_prometheus_says() {
        let mut wrong = Vec::new();
        for case in cases() {
            let verdict = media_type(case.content_type, None).ok().and_then(|kind| kind.format());
            let error = verdict.map(|format| parse(format, &case.body).find_map(Result::err));
            let read = matches!(error, Some(None));
            if read != matches!(case.verdict, Verdict::Up | Verdict::TooLarge) {
                wrong.push(format!("{}: {:?}, {error:?}", case.name, case.verdict));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn names_say_which_case_is_meant() {
        let targets = targets(0);
        let names: HashSet<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names.len(), targets.len());
        assert!(targets.len() >= 1150, "only {} targets", targets.len());
    }
}
