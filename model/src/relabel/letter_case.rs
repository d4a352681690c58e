//! Upper and lower case, character by character.
//!
//! Prometheus maps each character on its own with Unicode's *simple* mapping, which never changes the number of
//! characters: `ß` stays `ß` in upper case, a final `Σ` becomes `σ`. The standard library's mappings are *full*
//! ones; they differ from the simple ones only where they give more than one character.

/// `text` in lower case.
pub(crate) fn lower(text: &str) -> String {
    text.chars().map(|c| single(c.to_lowercase()).unwrap_or_else(|| special_lower(c))).collect()
}

/// `text` in upper case.
pub(crate) fn upper(text: &str) -> String {
    text.chars().map(|c| single(c.to_uppercase()).unwrap_or_else(|| special_upper(c))).collect()
}

fn single(mut mapped: impl ExactSizeIterator<Item = char>) -> Option<char> {
    if mapped.len() == 1 { mapped.next() } else { None }
}

/// UnicodeData.txt maps `İ`, the only character with a longer full mapping, to `i`.
fn special_lower(c: char) -> char {
    if c == '\u{130}' { 'i' } else { c }
}

/// The characters whose full upper case is longer: Greek letters with iota subscript have a simple upper case,
/// the others (`ß`, ligatures, ...) have none.
fn special_upper(c: char) -> char {
    match c {
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
            char::from_u32(u32::from(c) + 8).unwrap_or(c)
        }
        '\u{1fb3}' => '\u{1fbc}',
        '\u{1fc3}' => '\u{1fcc}',
        '\u{1ff3}' => '\u{1ffc}',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_changes_character_by_character() {
        for (text, expected) in [("straße", "STRAßE"), ("ﬁx", "ﬁX"), ("ᾀᾳ", "ᾈᾼ"), ("ǆ", "Ǆ"), ("ŉ", "ŉ")]
        {
            assert_eq!(upper(text), expected);
        }
        for (text, expected) in [("ΟΔΟΣ", "οδοσ"), ("İI", "ii"), ("ẞ", "ß"), ("Ω", "ω"), ("ᾈ", "ᾀ")]
        {
            assert_eq!(lower(text), expected);
        }
    }
}
