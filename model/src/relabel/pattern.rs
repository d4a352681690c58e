//! A rule's compiled pattern.
//!
//! In: a pattern in Go's syntax. Out: whether a text matches, and its groups. The pattern is wrapped as
//! `^(?s:PATTERN)$` by concatenation, as Prometheus 3 does, so that `a)|(b` is legal and has lost its anchors there,
//! too. A search is leftmost-first. Plain words and `(.*)` never reach the engine.

use regex_automata::meta;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Input, MatchKind};
use smallvec::SmallVec;

use super::go_syntax::{self, SyntaxError};
use super::template::Template;

/// What a compiled pattern may take, in bytes. `\pL{50}` takes more than one MiB.
const SIZE_LIMIT: usize = 10 << 20;

/// What the engine may remember of one pattern on each thread that matches at a time, in bytes. A full cache is
/// cleared and filled anew; a pattern that fills it too often is matched without it.
const CACHE_LIMIT: usize = 256 << 10;

const BEFORE: &str = "^(?s:";
const AFTER: &str = ")$";

/// Why a pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at character {at} of {pattern:?}: {part:?}")]
pub struct PatternError {
    /// What is wrong, in Go's words where Go refuses it too.
    pub reason: Box<str>,
    /// The offending part.
    pub part: Box<str>,
    /// Where it starts, in characters from 1.
    pub at: usize,
    /// The pattern as written.
    pub pattern: Box<str>,
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    matcher: Matcher,
    names: Vec<Option<Box<str>>>,
}

#[derive(Clone, Debug)]
enum Matcher {
    /// `.*`, `(.*)`, `.+` and `(.+)`: everything, or everything but the empty text.
    Whole { nonempty: bool },
    /// Exactly this text.
    Literal(Box<str>),
    /// Anything else.
    Search(meta::Regex),
}

/// A match: the groups' places, the whole match first.
#[derive(Clone, Debug)]
pub(super) struct Groups<'t> {
    text: &'t str,
    slots: SmallVec<[Option<NonMaxUsize>; 8]>,
}

impl<'t> Groups<'t> {
    fn whole(text: &'t str) -> Self {
        let (start, end) = (NonMaxUsize::new(0), NonMaxUsize::new(text.len()));
        Self { text, slots: SmallVec::from_slice(&[start, end, start, end]) }
    }

    /// The text of group `index`, if it took part in the match.
    pub(super) fn get(&self, index: usize) -> Option<&'t str> {
        let (start, end) = self.span(index)?;
        self.text.get(start..end)
    }

    fn span(&self, index: usize) -> Option<(usize, usize)> {
        let start = self.slots.get(index.checked_mul(2)?).copied().flatten()?;
        let end = self.slots.get(index * 2 + 1).copied().flatten()?;
        Some((start.get(), end.get()))
    }
}

impl Pattern {
    /// Compiles `pattern`.
    pub(super) fn new(pattern: &str) -> Result<Self, PatternError> {
        let fast = |matcher, groups| Ok(Self { matcher, names: vec![None; groups] });
        match pattern {
            "(.*)" => return fast(Matcher::Whole { nonempty: false }, 1),
            ".*" => return fast(Matcher::Whole { nonempty: false }, 0),
            "(.+)" => return fast(Matcher::Whole { nonempty: true }, 1),
            ".+" => return fast(Matcher::Whole { nonempty: true }, 0),
            _ if !pattern.contains(is_special) => return fast(Matcher::Literal(pattern.into()), 0),
            _ => {}
        }
        let wrapped = format!("{BEFORE}{pattern}{AFTER}");
        let parsed = go_syntax::parse(&wrapped).map_err(|error| located(&error, pattern))?;
        let config = meta::Config::new()
            .match_kind(MatchKind::LeftmostFirst)
            .nfa_size_limit(Some(SIZE_LIMIT))
            .hybrid_cache_capacity(CACHE_LIMIT);
        let regex = meta::Builder::new().configure(config).build_from_hir(&parsed.hir);
        let regex = regex.map_err(|error| PatternError {
            reason: match error.size_limit() {
                Some(limit) => format!("the compiled expression takes more than {limit} bytes").into(),
                None => error.to_string().into(),
            },
            part: pattern.into(),
            at: 1,
            pattern: pattern.into(),
        })?;
        Ok(Self { matcher: Matcher::Search(regex), names: parsed.names })
    }

    /// The names of the groups from the first on.
    pub(super) fn names(&self) -> &[Option<Box<str>>] {
        &self.names
    }

    /// Whether `text` matches.
    pub(super) fn is_match(&self, text: &str) -> bool {
        match &self.matcher {
            Matcher::Whole { nonempty } => !nonempty || !text.is_empty(),
            Matcher::Literal(literal) => **literal == *text,
            Matcher::Search(regex) => regex.is_match(text),
        }
    }

    /// The first match in `text`.
    pub(super) fn groups<'t>(&self, text: &'t str) -> Option<Groups<'t>> {
        self.groups_from(text, 0)
    }

    fn groups_from<'t>(&self, text: &'t str, start: usize) -> Option<Groups<'t>> {
        let Matcher::Search(regex) = &self.matcher else {
            return (start == 0 && self.is_match(text)).then(|| Groups::whole(text).with(self.names.len()));
        };
        let mut slots = SmallVec::from_elem(None, regex.group_info().slot_len());
        let input = Input::new(text).range(start..);
        regex.search_slots(&input, &mut slots)?;
        Some(Groups { text, slots })
    }

    /// `text` with every match replaced by `template` (Go's `ReplaceAllString`). More than one match needs a
    /// pattern that has got rid of its anchors.
    pub(super) fn replace_all(&self, text: &str, template: &Template) -> String {
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        let mut from = 0;
        while from <= text.len() {
            let Some(groups) = self.groups_from(text, from) else { break };
            let Some((start, end)) = groups.span(0) else { break };
            out.push_str(text.get(copied..start).unwrap_or(""));
            // An empty match right after the last one does not count.
            if end > copied || start == 0 {
                template.expand(&mut out, |index| groups.get(index));
            }
            copied = end;
            let next = text.get(from..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            from = end.max(from + next);
        }
        out.push_str(text.get(copied..).unwrap_or(""));
        out
    }
}

impl Groups<'_> {
    /// Only the whole match and the first `count` groups.
    fn with(mut self, count: usize) -> Self {
        self.slots.truncate(2 * (count + 1));
        self
    }
}

fn is_special(c: char) -> bool {
    r"\.+*?()|[]{}^$".contains(c)
}

/// Where in `pattern` the error of the wrapped pattern is. The pattern alone often shows it better: the wrapper
/// closes an open group.
fn located(wrapped: &SyntaxError, pattern: &str) -> PatternError {
    let alone = go_syntax::parse(pattern).err();
    let (reason, start, end) = match alone {
        Some(error) => (error.reason, error.start, error.end),
        None => {
            let place = |at: usize| at.saturating_sub(BEFORE.len()).min(pattern.len());
            (wrapped.reason, place(wrapped.start), place(wrapped.end))
        }
    };
    PatternError {
        reason: reason.into(),
        part: pattern.get(start..end).unwrap_or(pattern).into(),
        at: pattern.get(..start).unwrap_or("").chars().count() + 1,
        pattern: pattern.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert, prop_assert_eq, prop_assume, proptest};

    /// Pattern, text, and the groups of the match, the whole one first; computed with Go 1.26.
    #[test]
    fn groups_are_those_of_go() {
        type Case = (&'static str, &'static str, Option<&'static [Option<&'static str>]>);
        let cases: [Case; 12] = [
            ("(.*)", "a\nb", Some(&[Some("a\nb"), Some("a\nb")])),
            ("(.+)", "", None),
            (".*", "x", Some(&[Some("x")])),
            ("word", "word", Some(&[Some("word")])),
            ("word", "words", None),
            ("", "", Some(&[Some("")])),
            ("", "x", None),
            ("(a)|(b)", "b", Some(&[Some("b"), None, Some("b")])),
            ("a)|(b", "cab", Some(&[Some("b"), Some("b")])),
            ("(a*?)(a*)", "aaa", Some(&[Some("aaa"), Some(""), Some("aaa")])),
            ("(?U)(a*)(a*)", "aaa", Some(&[Some("aaa"), Some(""), Some("aaa")])),
            ("(x)?(y)", "y", Some(&[Some("y"), None, Some("y")])),
        ];
        for (pattern, text, expected) in cases {
            let compiled = Pattern::new(pattern).expect(pattern);
            let groups = compiled.groups(text);
            let found =
                groups.map(|groups| (0..groups.slots.len() / 2).map(|at| groups.get(at)).collect::<Vec<_>>());
            assert_eq!(found.as_deref(), expected, "{pattern} on {text}");
            assert_eq!(compiled.is_match(text), expected.is_some(), "{pattern} on {text}");
        }
    }

    #[test]
    fn random_patterns_have_the_answers_of_go() {
        let cases = include_str!("pattern/go.tsv").lines().filter(|line| !line.starts_with('#'));
        for line in cases {
            let mut fields = line.split('\t');
            let (pattern, text, expected) = (fields.next(), fields.next(), fields.next());
            let (pattern, text) = (pattern.expect("a pattern"), text.expect("a text"));
            let answer = match Pattern::new(pattern)
                .map(|compiled| compiled.groups(text).map(|groups| spans(&groups)))
            {
                Err(_) => "error".to_owned(),
                Ok(None) => "none".to_owned(),
                Ok(Some(spans)) => spans,
            };
            assert_eq!(answer, expected.expect("an answer"), "{pattern} on {text}");
        }
    }

    fn spans(groups: &Groups<'_>) -> String {
        let spans = (0..groups.slots.len() / 2).map(|at| match groups.span(at) {
            Some((start, end)) => format!("{start}..{end}"),
            None => "-".to_owned(),
        });
        spans.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_match_of_an_unanchored_pattern_is_replaced() {
        let cases = [
            ("a)|(b", "abcb", "<>", "<>bc<>"),
            ("x*)|(y", "éxb", "-", "-éxb"),
            ("(.*)", "name", "${1}_", "name_"),
        ];
        for (pattern, text, template, expected) in cases {
            let pattern = Pattern::new(pattern).expect(pattern);
            let template = Template::parse(template, pattern.names());
            assert_eq!(pattern.replace_all(text, &template), expected, "{text}");
        }
    }

    #[test]
    fn an_error_points_into_the_pattern_as_written() {
        let place = |pattern: &str| {
            let error = Pattern::new(pattern).expect_err(pattern);
            (error.reason.to_string(), error.at, error.part.to_string())
        };
        assert_eq!(place("é(a"), ("missing closing )".into(), 2, "(a".into()));
        assert_eq!(place("éa**"), ("invalid nested repetition operator".into(), 3, "**".into()));
        assert_eq!(place(r"a\Qb").0, "missing closing )");
    }

    #[test]
    fn a_pattern_that_would_take_too_much_is_refused() {
        let error = Pattern::new(r"(\pL{100}){10}").expect_err("thousands of states");
        assert!(error.reason.contains("takes more than"), "{error}");
    }

    #[test]
    fn long_and_deep_patterns_of_ordinary_use_compile() {
        for pattern in ["a{1000}", ".{1000}", "[^,]{0,1000}", "[a-z0-9.-]{1,253}", r"\pL{50}"] {
            assert!(Pattern::new(pattern).is_ok(), "{pattern}: {:?}", Pattern::new(pattern).err());
        }
        let nested = format!("{}a{}", "(".repeat(998), ")".repeat(998));
        assert!(Pattern::new(&nested).expect("within the limit").is_match("a"));
    }

    proptest! {
        #[test]
        fn a_quoted_text_matches_itself_alone(text in "\\PC{1,8}", other in "\\PC{0,8}") {
            prop_assume!(!text.contains(r"\E"));
            let pattern = Pattern::new(&format!(r"(\Q{text}\E)")).expect("a quoted text");
            prop_assert_eq!(pattern.groups(&text).and_then(|groups| groups.get(1)), Some(&*text));
            prop_assert_eq!(pattern.is_match(&other), text == other);
        }

        #[test]
        fn any_text_is_compiled_or_refused_with_its_place(pattern in r"[ab(){}\[\]|*+?\\^$.0-9,:<>PQEpLxi-]{0,16}") {
            if let Err(error) = Pattern::new(&pattern) {
                prop_assert!(error.at <= pattern.chars().count() + 1 && pattern.contains(&*error.part));
            }
        }
    }
}
