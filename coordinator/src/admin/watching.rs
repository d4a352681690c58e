//! What a watch of targets asks for, and the messages it gets.
//!
//! In: a request, changes, the latest snapshot, what the reader knows. Out: messages, each with the token to come back
//! with.

use std::collections::HashSet;

use model::target::TargetId;
use proto::admin::v1::{ChangeType, Target, TargetView, WatchTargetsRequest, WatchTargetsResponse};
use tonic::Status;

use super::filter::Filter;
use super::{View, invalid, targets};
use crate::fleet::TargetEntry;
use crate::target_changes::Change;

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    filter: Filter,
    full: bool,
    /// The coordinator process: the order of changes is its own.
    boot_id: Box<str>,
    /// Where the reader goes on, if its token is one of this process.
    pub(crate) position: Option<u64>,
    /// Whether it came with a token.
    pub(crate) is_resumption: bool,
}

impl Question {
    pub(crate) fn parse(request: &WatchTargetsRequest, boot_id: &str) -> Result<Self, Status> {
        let filter = Filter::parse(&request.filter, &targets::FIELDS).map_err(invalid)?;
        let is_resumption = !request.resume_token.is_empty();
        let position = match request.resume_token.rsplit_once(':') {
            None if is_resumption => return Err(foreign()),
            None => None,
            Some((boot, position)) => {
                let position = position.parse::<u64>().map_err(|_| foreign())?;
                (boot == boot_id).then_some(position)
            }
        };
        let full = request.view() == TargetView::Full;
        Ok(Self { filter, full, boot_id: boot_id.into(), position, is_resumption })
    }

    fn token(&self, position: u64) -> String {
        format!("{}:{position}", self.boot_id)
    }

    /// A message with nothing but a token.
    pub(crate) fn bookmark(&self, position: u64) -> WatchTargetsResponse {
        message(ChangeType::Bookmark, None, self.token(position))
    }

    fn passes(&self, view: &View, entry: &TargetEntry) -> bool {
        self.filter.passes(&|name| targets::field(view, entry, name))
    }
}

fn foreign() -> Status {
    Status::invalid_argument("resume_token is not one that a watch gave; start without one")
}

fn message(kind: ChangeType, target: Option<Target>, resume_token: String) -> WatchTargetsResponse {
    WatchTargetsResponse { r#type: kind.into(), target, resume_token }
}

/// All targets follow.
pub(crate) fn reset() -> WatchTargetsResponse {
    message(ChangeType::Reset, None, String::new())
}

/// A part of all targets.
pub(crate) struct Listed {
    /// Those that pass.
    pub(crate) messages: Vec<WatchTargetsResponse>,
    /// The last that was looked at, where there are more.
    pub(crate) last: Option<TargetId>,
}

/// The next `most` targets after `after`.
pub(crate) fn list(
    view: &View,
    question: &Question,
    after: Option<TargetId>,
    most: usize,
    known: &mut HashSet<TargetId>,
) -> Listed {
    let all = &view.snapshot.targets;
    let from = after.map_or(0, |after| all.partition_point(|entry| entry.target.id <= after));
    let entries = all.get(from..).unwrap_or_default();
    let looked = entries.get(..most.min(entries.len())).unwrap_or_default();
    let mut messages = Vec::new();
    for entry in looked.iter().filter(|entry| question.passes(view, entry)) {
        known.insert(entry.target.id);
        let target = targets::row(view, entry, question.full);
        messages.push(message(ChangeType::Added, Some(target), String::new()));
    }
    let last = looked.last().filter(|_| entries.len() > most).map(|entry| entry.target.id);
    Listed { messages, last }
}

/// The messages that `changes` are to a reader who knows the targets `known`.
pub(crate) fn tell(
    view: &View,
    question: &Question,
    changes: &[Change],
    known: &mut HashSet<TargetId>,
) -> Vec<WatchTargetsResponse> {
    let one = |change: &Change| {
        let entry = view.snapshot.target(change.target).filter(|entry| question.passes(view, entry));
        let token = question.token(change.position);
        let Some(entry) = entry else {
            let name = format!("targets/{}", change.target);
            let target = Target { name, ..Target::default() };
            return known.remove(&change.target).then(|| message(ChangeType::Removed, Some(target), token));
        };
        let kind = if known.insert(change.target) { ChangeType::Added } else { ChangeType::Changed };
        Some(message(kind, Some(targets::row(view, entry, question.full)), token))
    };
    changes.iter().filter_map(one).collect()
}

/// What a reader knows who has been told everything up to `position`, after which `newer` changed. Whether it was told of
/// one that has changed since is not known any more: it is taken for told if it was there.
pub(crate) fn known(view: &View, question: &Question, newer: &[Change], position: u64) -> HashSet<TargetId> {
    let all = view.snapshot.targets.iter().filter(|entry| question.passes(view, entry));
    let mut known: HashSet<TargetId> = all.map(|entry| entry.target.id).collect();
    for change in newer {
        if change.added <= position {
            known.insert(change.target);
        } else {
            known.remove(&change.target);
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::status::TargetState;

    use super::*;
    use crate::admin::fixture;
    use crate::fleet::world::{World, seconds};
    use crate::target_changes::Changes;

    fn question(filter: &str, token: &str) -> Result<Question, Status> {
        let (filter, resume_token) = (filter.to_owned(), token.to_owned());
        Question::parse(&WatchTargetsRequest { filter, resume_token, view: 0 }, "boot")
    }

    fn world() -> (World, Changes) {
        let mut world = World::new(1, 5);
        world.start("a", "1");
        world.pass(seconds(1));
        world.report("a", 0..5, TargetState::Up);
        let changes = Changes::new(Arc::new(world.snapshot()));
        (world, changes)
    }

    fn words(messages: &[WatchTargetsResponse]) -> Vec<String> {
        let number =
            |target: &Target| target.name.trim_start_matches("targets/").trim_start_matches('0').to_owned();
        let word = |message: &WatchTargetsResponse| {
            let target = message.target.as_ref().map(number).unwrap_or_default();
            let kind = message.r#type().as_str_name().trim_start_matches("CHANGE_TYPE_");
            format!("{kind} {target} {}", message.resume_token)
        };
        messages.iter().map(word).collect()
    }

    #[test]
    fn a_token_is_one_of_this_process_or_everything_is_told() {
        assert_eq!(question("", "boot:7").expect("a token").position, Some(7));
        let other = question("", "other:7").expect("a token of another process");
        assert_eq!((other.position, other.is_resumption), (None, true));
        assert!(!question("", "").expect("no token").is_resumption);
        for wrong in ["7", "boot:x", ":", "boot:-1"] {
            assert_eq!(question("", wrong).expect_err(wrong).code(), tonic::Code::InvalidArgument);
        }
        assert_eq!(question("stat = up", "").expect_err("no field").code(), tonic::Code::InvalidArgument);
    }

    #[test]
    fn all_targets_are_listed_in_parts() {
        let (_world, changes) = world();
        let view = fixture::view(changes.latest());
        let question = question("", "").expect("a question");
        let (mut known, mut after, mut told) = (HashSet::new(), None, Vec::new());
        loop {
            let listed = list(&view, &question, after, 2, &mut known);
            told.extend(listed.messages);
            after = listed.last;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((told.len(), known.len()), (5, 5));
        assert!(told.iter().all(|message| message.resume_token.is_empty()));
    }

    #[test]
    fn what_comes_to_pass_is_added_and_what_passes_no_more_removed() {
        let (mut world, mut changes) = world();
        let question = question("state = down", "").expect("a question");
        let mut known = HashSet::new();
        let mut observe = |world: &mut World, known: &mut HashSet<TargetId>| {
            let from = changes.position();
            changes.observe(Arc::new(world.snapshot()));
            let view = fixture::view(changes.latest());
            words(&tell(&view, &question, &changes.since(from, 100), known))
        };
        world.report("a", [1, 2], TargetState::Down);
        assert_eq!(observe(&mut world, &mut known), ["ADDED 1 boot:1", "ADDED 2 boot:2"]);
        world.report("a", [1], TargetState::Up);
        world.report("a", [3], TargetState::Up);
        assert_eq!(observe(&mut world, &mut known), ["REMOVED 1 boot:3"]);
        world.set_targets([0, 1]);
        let told = observe(&mut world, &mut known);
        assert!(told.len() == 1 && told[0].starts_with("REMOVED 2 "), "{told:?}");
        assert!(known.is_empty());
    }

    #[test]
    fn who_comes_back_is_told_what_it_has_missed() {
        let (mut world, mut changes) = world();
        let question = question("", "boot:0").expect("a question");
        world.report("a", [1], TargetState::Down);
        world.set_targets([0, 1, 2, 3, 8]);
        changes.observe(Arc::new(world.snapshot()));
        let view = fixture::view(changes.latest());
        let newer = changes.since(0, usize::MAX);
        let mut known = known(&view, &question, &newer, 0);
        let told = words(&tell(&view, &question, &newer, &mut known));
        let kinds: Vec<&str> = told.iter().filter_map(|told| told.rsplit_once(' ')).map(|it| it.0).collect();
        assert_eq!(kinds, ["CHANGED 1", "REMOVED 4", "ADDED 8"]);
    }
}
