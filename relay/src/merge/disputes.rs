//! The conflicts of a page as people read them: which targets said what, and what stands on the page instead.
//!
//! In: a [`Plan`]. Out: [`Disputes`] for the relay's own page, and for each target the sentences that its status
//! carries. Numbers of sources become targets' jobs and instances here; everything is bounded where it was counted.

use std::sync::Arc;

use model::exposition::entry::Format;
use model::labels::Labels;
use serde::Serialize;

use super::conflicts::{Conflict, ConflictKind, SOURCES, shortened, told};
use super::metadata::type_word;
use super::plan::Plan;

/// Bytes of one sentence of a target's status.
const SENTENCE_BYTES: usize = 300;

/// What the targets of one page do not agree about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disputes {
    /// Of which page: `text` or `openmetrics`.
    pub page: &'static str,
    /// Targets on that page.
    pub targets: usize,
    /// At most [`super::CONFLICTS`].
    pub conflicts: Vec<Dispute>,
    /// Conflicts, once per target, that the list had no room for.
    pub conflicts_left_out: u64,
}

/// One conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dispute {
    /// The name that is disputed.
    pub family: Box<str>,
    /// `type`, `misfit`, `help` or `unit`.
    pub kind: &'static str,
    /// The type, HELP or UNIT that these targets gave it.
    pub said: Box<str>,
    /// What the page has.
    pub page: Box<str>,
    /// Why, where it is not just that somebody else spoke first.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub why: Box<str>,
    /// The target that the page follows; absent where that is the relay itself or nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<Who>,
    /// How many targets said it.
    pub targets: u32,
    /// The first of them, at most 20.
    pub deviating: Vec<Who>,
    /// The others.
    pub deviating_left_out: u32,
}

/// A target by the labels people know it by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Who {
    /// Its `job`.
    pub job: Box<str>,
    /// Its `instance`.
    pub instance: Box<str>,
}

impl Who {
    fn of(labels: &Labels) -> Self {
        Self { job: told(labels.get("job")), instance: told(labels.get("instance")) }
    }
}

/// What a target's status says of its conflicts; none where it has no part in any.
pub type Sentences = Option<Arc<[Box<str>]>>;

/// The conflicts of the page with this plan.
#[must_use]
pub fn disputes(plan: &Plan) -> Disputes {
    let sources = Sources::of(plan);
    let conflicts = plan.conflicts();
    Disputes {
        page: match plan.form().format {
            Format::Text => "text",
            Format::OpenMetrics => "openmetrics",
        },
        targets: plan.targets.len(),
        conflicts: conflicts
            .list()
            .iter()
            .map(|conflict| dispute(plan, &sources, conflict, sources.deviating(plan, conflict)))
            .collect(),
        conflicts_left_out: conflicts.unlisted(),
    }
}

/// For each target of the page, in its order, what it has a part in.
#[must_use]
pub fn sentences(plan: &Plan) -> Vec<Sentences> {
    let sources = Sources::of(plan);
    let of_source: Vec<Sentences> =
        (0..).zip(&sources.targets).map(|(source, _)| of_source(plan, &sources, source)).collect();
    sources.of_target.iter().map(|source| of_source[source.map_or(0, |at| at as usize)].clone()).collect()
}

fn dispute(plan: &Plan, sources: &Sources, conflict: &Conflict, deviating: Vec<Who>) -> Dispute {
    let key = &conflict.key;
    let said = match key.kind {
        ConflictKind::Type | ConflictKind::Misfit => type_word(key.claimed, plan.form().format).into(),
        ConflictKind::Help | ConflictKind::Unit => key.said.clone(),
    };
    let who = |source: u32| sources.who(plan, source);
    let left_out = conflict.targets.saturating_sub(u32::try_from(deviating.len()).unwrap_or(u32::MAX));
    Dispute {
        family: key.name.clone(),
        kind: key.kind.as_str(),
        said,
        page: conflict.verdict.page.clone(),
        why: conflict.verdict.why.clone(),
        follows: conflict.verdict.follows.and_then(who),
        targets: conflict.targets,
        deviating,
        deviating_left_out: left_out,
    }
}

fn of_source(plan: &Plan, sources: &Sources, source: u32) -> Sentences {
    let own = plan.conflicts().of_source(source)?;
    let list = plan.conflicts().list();
    let each = own.listed.iter().map(|at| sentence(&dispute(plan, sources, &list[*at as usize], Vec::new())));
    let more = (own.more > 0)
        .then(|| format!("and {} more: /conflicts on the relay's second port lists them", own.more).into());
    Some(each.chain(more).collect())
}

fn sentence(dispute: &Dispute) -> Box<str> {
    let Dispute { family, said, page, why, .. } = dispute;
    let whose = dispute.follows.as_ref().map_or_else(String::new, |who| {
        format!(" (as instance {:?} of job {:?} has it)", who.instance, who.job)
    });
    let text = match dispute.kind {
        "type" => format!("TYPE {said} of `{family}` does not hold: {page}; {why}{whose}"),
        "misfit" => format!("samples `{family}` stand {page}: {why}{whose}"),
        kind => format!("{} {said:?} of `{family}` gives way to {page:?}{whose}", kind.to_uppercase()),
    };
    shortened(&text, SENTENCE_BYTES).into()
}

/// Which targets the numbers of sources stand for: 0 is the relay itself, then the shapes in the order of their first
/// targets.
struct Sources {
    /// The first targets of each, at most [`SOURCES`].
    targets: Vec<Vec<usize>>,
    of_target: Vec<Option<u32>>,
}

impl Sources {
    fn of(plan: &Plan) -> Self {
        let of_target: Vec<Option<u32>> = plan.sources().collect();
        let mut targets = vec![Vec::new()];
        for (at, source) in of_target.iter().enumerate() {
            let Some(source) = source.map(|source| source as usize) else { continue };
            if source == targets.len() {
                targets.push(Vec::new());
            }
            if targets[source].len() < SOURCES {
                targets[source].push(at);
            }
        }
        Self { targets, of_target }
    }

    fn targets_of(&self, source: u32) -> &[usize] {
        self.targets.get(source as usize).map_or(&[], Vec::as_slice)
    }

    /// The first targets that have a part in a conflict.
    fn deviating(&self, plan: &Plan, conflict: &Conflict) -> Vec<Who> {
        let targets = conflict.sources.iter().flat_map(|source| self.targets_of(*source));
        targets.take(SOURCES).map(|at| Who::of(plan.targets[*at].labels())).collect()
    }

    fn who(&self, plan: &Plan, source: u32) -> Option<Who> {
        self.targets_of(source).first().map(|at| Who::of(plan.targets[*at].labels()))
    }
}
