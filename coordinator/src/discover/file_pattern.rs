//! Shell patterns of file names, as Go's `path.Match` reads them: `*`, `?`, `[a-z]`, `[^a-z]` and `\`.

/// Whether `name` matches `pattern`. A pattern that is none (an open `[`) matches nothing.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut read) = (0, 0);
    // Where the last `*` stands, and how much of the name it takes for now.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, read));
            at += 1;
            continue;
        }
        match name.get(read).and_then(|c| one(&pattern, at, *c)) {
            Some(next) => (at, read) = (next, read + 1),
            None if at == pattern.len() && read == name.len() => return true,
            None => {
                let Some((from, taken)) = star.filter(|(_, taken)| *taken < name.len()) else { return false };
                star = Some((from, taken + 1));
                (at, read) = (from + 1, taken + 1);
            }
        }
    }
}

/// Where the pattern goes on if what stands `at` takes `c`.
fn one(pattern: &[char], at: usize, c: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => Some(at + 1),
        '\\' => (*pattern.get(at + 1)? == c).then_some(at + 2),
        '[' => class(pattern, at + 1, c),
        literal => (*literal == c).then_some(at + 1),
    }
}

/// The same for a class that starts after its bracket.
fn class(pattern: &[char], mut at: usize, c: char) -> Option<usize> {
    let negated = pattern.get(at) == Some(&'^');
    at += usize::from(negated);
    let (mut found, start) = (false, at);
    while at == start || *pattern.get(at)? != ']' {
        let (low, next) = bound(pattern, at)?;
        at = next;
        let mut high = low;
        if pattern.get(at) == Some(&'-') {
            (high, at) = bound(pattern, at + 1)?;
        }
        found |= (low..=high).contains(&c);
    }
    (found != negated).then_some(at + 1)
}

fn bound(pattern: &[char], at: usize) -> Option<(char, usize)> {
    match pattern.get(at)? {
        '\\' => Some((*pattern.get(at + 1)?, at + 2)),
        ']' | '-' => None,
        c => Some((*c, at + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_pattern_matches_as_a_shell_would() {
        for (pattern, name, expected) in [
            ("*.json", "a.json", true),
            ("*.json", ".json", true),
            ("*.json", "a.json.tmp", false),
            ("a*b*.yaml", "a-b-c.yaml", true),
            ("a*b*.yaml", "a-c.yaml", false),
            ("*a*a.yml", "aaaa.yml", true),
            ("*-?.yml", "x-1.yml", true),
            ("*-?.yml", "x-12.yml", false),
            ("*[0-9].yml", "x7.yml", true),
            ("*[^0-9].yml", "x7.yml", false),
            ("*[^0-9].yml", "xy.yml", true),
            ("*[ab.yml", "xa.yml", false),
            ("*\\*.yml", "x*.yml", true),
            ("*\\*.yml", "xx.yml", false),
            ("*ü.yml", "ü.yml", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
