//! Whether a text is a label or a field selector as the API server reads them.
//!
//! In: the text. Out: nothing, or what is wrong with it. The text itself is sent as it was written.

/// The characters that end a word.
const SPECIAL: [char; 7] = ['=', '!', '(', ')', ',', '>', '<'];
/// The longest name or value of a label.
const LONGEST_NAME: usize = 63;
/// The longest prefix of a label's name.
const LONGEST_PREFIX: usize = 253;

/// Checks a field selector, as `fields.ParseSelector` of Kubernetes does.
pub(super) fn check_fields(text: &str) -> Result<(), String> {
    for term in terms(text).into_iter().filter(|term| !term.is_empty()) {
        let Some(at) = term.find('=') else {
            return Err(format!("invalid selector: '{text}'; can't understand '{term}'"));
        };
        let value = term.get(at + 1..).unwrap_or_default();
        let value = value.strip_prefix('=').unwrap_or(value);
        if !is_escaped(value) {
            return Err(format!(
                "invalid selector: '{text}'; in {value:?} a backslash, comma or `=` is not escaped"
            ));
        }
    }
    Ok(())
}

/// The parts between commas without a backslash before them.
fn terms(text: &str) -> Vec<&str> {
    let (mut terms, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, byte) in text.bytes().enumerate() {
        if byte == b',' && !escaped {
            terms.push(text.get(start..at).unwrap_or_default());
            start = at + 1;
        }
        escaped = byte == b'\\' && !escaped;
    }
    terms.push(text.get(start..).unwrap_or_default());
    terms
}

/// Whether every backslash stands before `\`, `,` or `=`, and each of those two after one.
fn is_escaped(value: &str) -> bool {
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        let fine = match c {
            '\\' => matches!(chars.next(), Some('\\' | ',' | '=')),
            ',' | '=' => false,
            _ => true,
        };
        if !fine {
            return false;
        }
    }
    true
}

/// Checks a label selector, as `labels.Parse` of Kubernetes does.
///
/// # Errors
/// What is wrong with it, for people.
pub fn check_labels(text: &str) -> Result<(), String> {
    let words = words(text);
    let mut rest = words.as_slice();
    if rest.is_empty() {
        return Ok(());
    }
    loop {
        rest = requirement(rest).map_err(|wrong| format!("invalid label selector {text:?}: {wrong}"))?;
        match rest.split_first() {
            None => return Ok(()),
            Some((&",", after)) => rest = after,
            Some((word, _)) => {
                return Err(format!("invalid label selector {text:?}: found {word:?}, expected `,`"));
            }
        }
    }
}

/// The words and operators of a label selector.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '=' | '!' if rest.chars().nth(1) == Some('=') => 2,
            c if SPECIAL.contains(&c) => 1,
            _ => rest.find(|c: char| SPECIAL.contains(&c) || c.is_whitespace()).unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(length);
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// Reads one requirement; what follows it.
fn requirement<'w, 't>(words: &'w [&'t str]) -> Result<&'w [&'t str], String> {
    match words {
        ["!", key, rest @ ..] => is_key(key).map(|()| rest),
        [key, "=" | "==" | "!=", rest @ ..] => {
            is_key(key)?;
            match rest {
                [] | [",", ..] => Ok(rest),
                [value, rest @ ..] => is_value(value).map(|()| rest),
            }
        }
        [key, "in" | "notin", "(", rest @ ..] => is_key(key).and_then(|()| set(rest)),
        [key, ">" | "<", bound, rest @ ..] => {
            is_key(key)?;
            bound.parse::<i64>().map_err(|_| format!("{bound:?} is not a whole number"))?;
            Ok(rest)
        }
        [key] => is_key(key).map(|()| &[][..]),
        [key, ",", ..] => is_key(key).map(|()| &words[1..]),
        [_, word, ..] => Err(format!("found {word:?}, expected an operator or `,`")),
        [] => Err("a requirement is missing after `,`".to_owned()),
    }
}

/// The values of a set behind its `(`.
fn set<'w, 't>(mut words: &'w [&'t str]) -> Result<&'w [&'t str], String> {
    loop {
        match words {
            [")", rest @ ..] => return Ok(rest),
            [",", rest @ ..] => words = rest,
            [value, ")" | ",", ..] => {
                is_value(value)?;
                words = &words[1..];
            }
            _ => return Err("a set of values is not closed by `)`".to_owned()),
        }
    }
}

fn is_key(key: &str) -> Result<(), String> {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let prefixed = prefix.is_none_or(|prefix| {
        prefix.len() <= LONGEST_PREFIX && !prefix.is_empty() && prefix.split('.').all(is_dns_label)
    });
    if prefixed && !name.is_empty() && is_name(name) {
        Ok(())
    } else {
        Err(format!("{key:?} is not a label's name"))
    }
}

fn is_value(value: &str) -> Result<(), String> {
    if is_name(value) { Ok(()) } else { Err(format!("{value:?} is not a label's value")) }
}

/// At most 63 letters, digits, `-`, `_` and `.`, letters or digits at both ends; may be empty.
fn is_name(text: &str) -> bool {
    let inner = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    inner && text.len() <= LONGEST_NAME && has_ends(text)
}

/// At most 63 small letters, digits and `-`, no `-` at an end; not empty.
pub(super) fn is_dns_label(text: &str) -> bool {
    let inner = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    inner && !text.is_empty() && text.len() <= LONGEST_NAME && has_ends(text)
}

fn has_ends(text: &str) -> bool {
    let good = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    good(text.bytes().next()) && good(text.bytes().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_selectors_are_those_of_kubernetes() {
        for good in [
            "",
            " ",
            "a",
            "!a",
            "a,b",
            "a=b",
            "a==b",
            "a = b",
            "a!=b",
            "a=",
            "a=,b",
            "x in (a,b)",
            "x in ()",
            "x notin (,a)",
            "example.com/app=x",
            "a>1",
            "a < -2",
            "a,!b,c in (d)",
            "in",
            "in in (in)",
        ] {
            assert_eq!(check_labels(good), Ok(()), "{good}");
        }
        for bad in [
            "a b",
            "a=b=c",
            "a,",
            ",a",
            "!a=b",
            "x in a",
            "x in (a",
            "-a",
            "a/b/c",
            "/a",
            "a>b",
            "a=b c",
            "(a)",
            "a=\u{e4}",
            "x in (a b)",
            "A.b/",
        ] {
            assert!(check_labels(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn field_selectors_are_those_of_kubernetes() {
        for good in ["", "a=b", "a==b,c!=d", "spec.nodeName=", "spec.nodeName!=", ",", "a=\\,x", "a=\\=\\\\"]
        {
            assert_eq!(check_fields(good), Ok(()), "{good}");
        }
        for bad in ["a", "a=b,c", "a=b=c", "a=\\x", "a=x\\"] {
            assert!(check_fields(bad).is_err(), "{bad}");
        }
        let told = "invalid selector: 'metadata.status-Running'; can't understand 'metadata.status-Running'";
        assert_eq!(check_fields("metadata.status-Running"), Err(told.to_owned()));
    }
}
