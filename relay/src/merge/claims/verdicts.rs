//! What the page says where a target's word about a family does not hold, and why.
//!
//! In: the claims as they stand, a candidate and the places of its samples. Out: counted conflicts with their
//! sentences for people, made once per conflict.

use model::exposition::entry::MetricType;

use super::{Asked, Claims, Obstacle, Place, Placed};
use crate::merge::conflicts::{ConflictKey, ConflictKind, Speaker, Verdict, told};
use crate::merge::metadata::type_word;
use crate::merge::page_family::CandidateSample;

impl Claims<'_> {
    /// Counts a candidate whose TYPE does not stand; `placed` is where its samples do.
    pub(super) fn count_type(&mut self, asked: &Asked<'_>, placed: &[Placed], by: Speaker) {
        let mut conflicts = std::mem::take(&mut self.conflicts);
        let key = key(ConflictKind::Type, &asked.own.name, asked.own.kind);
        conflicts.add(key, by, || self.type_verdict(asked, placed));
        self.conflicts = conflicts;
    }

    /// Counts a sample that bears a name of the family numbered `owner` and cannot stand in it.
    pub(super) fn count_misfit(
        &mut self,
        sample: &CandidateSample<'_>,
        owner: u32,
        claimed: MetricType,
        by: Speaker,
    ) {
        let mut conflicts = std::mem::take(&mut self.conflicts);
        let family = &self.families[owner as usize];
        conflicts.add(key(ConflictKind::Misfit, sample.name, claimed), by, || Verdict {
            page: "last, without metadata".into(),
            why: told(&format!("the name belongs to the {} `{}`", self.word(family.kind), family.name)),
            follows: self.makers[owner as usize].kind,
        });
        self.conflicts = conflicts;
    }

    fn type_verdict(&self, asked: &Asked<'_>, placed: &[Placed]) -> Verdict {
        let mut stands: Vec<String> = Vec::new();
        for (sample, placed) in asked.own.samples.iter().zip(placed) {
            let one = match placed.place {
                Place::Misfit => format!("`{}` last, without metadata", sample.name),
                Place::Family(at) => {
                    format!("`{}` as {}", sample.name, self.word(self.families[at as usize].kind))
                }
            };
            if stands.last() != Some(&one) {
                stands.push(one);
            }
        }
        let obstacle = self.keys[asked.key as usize].obstacle;
        Verdict {
            page: told(&stands.join(", ")),
            why: obstacle.map(|obstacle| self.why(&asked.own.name, obstacle)).unwrap_or_default(),
            follows: obstacle.and_then(|obstacle| obstacle.source),
        }
    }

    fn word(&self, kind: MetricType) -> &'static str {
        type_word(kind, self.page)
    }

    fn why(&self, family: &str, obstacle: Obstacle) -> Box<str> {
        let name = [family, obstacle.suffix].concat();
        match obstacle.family.map(|at| &self.families[at as usize]) {
            Some(family) if family.name == name => {
                told(&format!("`{name}` is a {} already", self.word(family.kind)))
            }
            Some(family) => {
                told(&format!("`{name}` belongs to the {} `{}`", self.word(family.kind), family.name))
            }
            None => told(&format!("a sample `{name}` on the page could not stand under it")),
        }
    }
}

/// What the first to describe a family said is what the page says.
pub(super) fn followed(page: &str, follows: u32) -> Verdict {
    Verdict { page: told(page), why: "".into(), follows: Some(follows) }
}

fn key(kind: ConflictKind, name: &str, claimed: MetricType) -> ConflictKey {
    ConflictKey { kind, name: told(name), claimed, said: "".into() }
}
