//! Templates: text with `$1`, `${1}`, `$name` and `${name}` in it (Go's `regexp.Expand`).
//!
//! In: a template and the names of a pattern's groups. Out: the text with the groups of a match put in. A name is
//! the longest run of letters, digits and underscores; `$$` is a `$`; what is no variable stays as it is; a group
//! that does not exist or took no part in the match is empty.

use smallvec::SmallVec;

use super::go_syntax::is_letter_or_digit;

/// A group number above this is taken for a name (Go's limit).
const MAX_NUMBER: usize = 100_000_000;

/// A template whose variables have been looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    /// The first of these groups that took part in the match; several groups can share a name.
    Groups(SmallVec<[usize; 1]>),
}

impl Template {
    /// Reads `template`; `names` are the pattern's groups from the first on.
    pub(super) fn parse(template: &str, names: &[Option<Box<str>>]) -> Self {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            text.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                text.push('$');
                rest = after;
            } else if let Some((name, after)) = variable(after) {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text).into()));
                }
                pieces.push(Piece::Groups(groups(name, names)));
                rest = after;
            } else {
                text.push('$');
                rest = after;
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            pieces.push(Piece::Text(text.into()));
        }
        Self { pieces }
    }

    /// The text of a template without variables.
    pub(super) fn fixed(&self) -> Option<&str> {
        match &*self.pieces {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Appends the template to `out`; `group` gives the text of a group of the match.
    pub(super) fn expand<'t>(&self, out: &mut String, group: impl Fn(usize) -> Option<&'t str>) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Groups(groups) => {
                    out.push_str(groups.iter().find_map(|index| group(*index)).unwrap_or(""));
                }
            }
        }
    }
}

/// The variable whose `$` has just been read, and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (braced, text) = match text.strip_prefix('{') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let end = text.find(|c| c != '_' && !is_letter_or_digit(c)).unwrap_or(text.len());
    let (name, after) = text.split_at_checked(end)?;
    let after = if braced { after.strip_prefix('}')? } else { after };
    if name.is_empty() { None } else { Some((name, after)) }
}

/// The groups that `name` means: a number without leading zeros, else a name.
fn groups(name: &str, names: &[Option<Box<str>>]) -> SmallVec<[usize; 1]> {
    let leading_zero = name.len() > 1 && name.starts_with('0');
    let is_number = !leading_zero && name.bytes().all(|byte| byte.is_ascii_digit());
    let number = name.parse::<usize>().ok().filter(|number| is_number && number / 10 < MAX_NUMBER);
    match number {
        Some(number) => SmallVec::from_iter([number]),
        None => {
            let named = names.iter().enumerate().filter(|(_, known)| known.as_deref() == Some(name));
            named.map(|(at, _)| at + 1).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert_eq, proptest};

    fn expand(template: &str) -> String {
        let names = [Some("name".into()), None, Some("1x".into()), Some("x".into()), Some("x".into())];
        let groups = [Some("all"), Some("one"), Some("two"), Some("three"), None, Some("five")];
        let mut out = String::new();
        Template::parse(template, &names).expand(&mut out, |index| groups.get(index).copied().flatten());
        out
    }

    #[test]
    fn variables_are_expanded_as_go_does() {
        let cases = [
            ("", ""),
            ("plain", "plain"),
            ("$0-$1-${2}", "all-one-two"),
            ("$name ${name}", "one one"),
            ("$1x", "three"),
            ("${1}x", "onex"),
            ("$1é", ""),
            ("$1-", "one-"),
            ("$x", "five"),
            ("$01 $00 $9 $none", "   "),
            ("$$1 $$$1 $$", "$1 $one $"),
            ("$ ${ ${} ${ 1} ${a-b} $", "$ ${ ${} ${ 1} ${a-b} $"),
            ("${1", "${1"),
            ("$-$1", "$-one"),
            ("$٣", ""),
            ("$99999999999999999999", ""),
        ];
        for (template, expected) in cases {
            assert_eq!(expand(template), expected, "{template}");
        }
    }

    proptest! {
        #[test]
        fn a_template_without_dollar_is_itself(template in "[^$]{0,20}") {
            prop_assert_eq!(expand(&template), template);
        }

        #[test]
        fn doubled_dollars_are_single_ones(template in "[$a-z{}0-9]{0,12}") {
            prop_assert_eq!(expand(&template.replace('$', "$$")), template);
        }
    }
}
