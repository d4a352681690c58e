//! Hides secrets in lines of a configuration file that are about to be shown.
//!
//! Works on text, so that it also holds where the file is not YAML, and hides too much rather than too little: all
//! that follows the name of a secret field (misspelt, too) on its line, all deeper lines below it, and what stands
//! before the `@` and after the `?` of a URL. Secrets that were read are hidden wherever they stand: an alias may
//! have named them elsewhere.

use super::fields::nearest;
use super::position::Span;

/// What stands in the place of a secret.
pub(super) const MASK: &str = "<secret>";

/// Fields whose value is secret.
const SECRET_FIELDS: [&str; 8] = [
    "password",
    "credentials",
    "bearer_token",
    "client_secret",
    "client_certificate_key",
    "key",
    "secrets",
    "secret",
];

/// Whether the value of a field of this name is secret.
pub(super) fn is_secret_field(name: &str) -> bool {
    SECRET_FIELDS.contains(&name)
}

/// The lines of `text` with every secret masked.
pub(super) fn masked_lines(text: &str, secrets: &[Span]) -> Vec<String> {
    // The indent of the last secret field, and whether its value can only be below it.
    let mut below: Option<(usize, bool)> = None;
    let mut lines: Vec<String> = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let indent = line.chars().take_while(|c| *c == ' ').count();
        let content = line.trim();
        if let Some((limit, only_below)) = below {
            let element = only_below && content.starts_with('-') && indent >= limit;
            if content.is_empty() || indent > limit || element {
                lines.push(if content.is_empty() { String::new() } else { format!("{:indent$}{MASK}", "") });
                continue;
            }
            below = None;
        }
        if let Some(end) = secret_value(line) {
            let (shown, hidden) = line.split_at_checked(end).unwrap_or((line, ""));
            let dashes = content.chars().take_while(|c| matches!(c, '-' | ' ')).count();
            below = Some((indent + dashes, hidden.trim().is_empty()));
            lines.push(if hidden.trim().is_empty() { line.to_owned() } else { format!("{shown} {MASK}") });
        } else {
            lines.push(without_url_secrets(line));
        }
    }
    for span in secrets {
        hide(&mut lines, *span);
    }
    lines
}

/// The byte offset after the colon of the first field in `line` whose name is a secret field's, or nearly so.
fn secret_value(line: &str) -> Option<usize> {
    line.match_indices(':').find_map(|(at, _)| {
        let before = line.get(..at)?.trim_end().trim_end_matches(['"', '\'']);
        let name = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next()?;
        nearest(name, &SECRET_FIELDS).map(|_| at + 1)
    })
}

/// URLs without what stands before their `@` and after their `?`.
fn without_url_secrets(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("://") {
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')).unwrap_or(after.len());
        let (url, tail) = after.split_at_checked(end).unwrap_or((after, ""));
        let (address, query) = url.split_once('?').map_or((url, ""), |(address, _)| (address, "?"));
        let (authority, path) =
            address.find('/').and_then(|at| address.split_at_checked(at)).unwrap_or((address, ""));
        let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(_, host)| (MASK, host));
        let at = if user.is_empty() { "" } else { "@" };
        let hidden = if query.is_empty() { "" } else { MASK };
        out.extend([before, "://", user, at, host, path, query, hidden]);
        rest = tail;
    }
    out + rest
}

/// Masks from the span's start to the end of its first line, and every further line of it.
fn hide(lines: &mut [String], span: Span) {
    for number in span.start.line..=span.end.line.max(span.start.line) {
        let Some(line) = usize::try_from(number).ok().and_then(|n| lines.get_mut(n.checked_sub(1)?)) else {
            continue;
        };
        let column = usize::try_from(span.start.column).unwrap_or(1);
        let kept = if number == span.start.line { column.saturating_sub(1) } else { 0 };
        // A block scalar's span ends where the next line's text begins.
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        let end = usize::try_from(span.end.column).unwrap_or(usize::MAX).saturating_sub(1);
        let ends_before = number > span.start.line && number == span.end.line && end <= indent;
        if !ends_before && !line.contains(MASK) {
            *line = line.chars().take(kept).chain(MASK.chars()).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::masked_lines;
    use crate::config::position::{Place, Span};

    #[test]
    fn no_secret_of_any_spelling_is_shown() {
        let text = "basic_auth: {username: u, password: HIDDEN}\n\
                    password: HIDDEN\n\
                    \"password\" : \"HIDDEN\"\n\
                    - credentials: |\n    HIDDEN\n\n    HIDDEN\n  type: Bearer\n\
                    key:\n  HIDDEN\n\
                    url: http://a:HIDDEN@host/x\n\
                    - {url: \"https://host/x?token=HIDDEN\", x: http://HIDDEN@h?a=HIDDEN}\n\
                    secrets:\n- HIDDEN\n- HIDDEN\nnext: shown\n\
                    bearer_token: HIDDEN # HIDDEN\n";
        let lines = masked_lines(text, &[]);
        let all = lines.join("\n");
        assert!(!all.contains("HIDDEN"), "{all}");
        assert!(
            all.contains("type: Bearer") && all.contains("next: shown") && all.contains("@host/x"),
            "{all}"
        );
        assert_eq!(lines.len(), text.lines().count());
    }

    #[test]
    fn a_secret_that_an_alias_named_is_hidden_where_it_stands() {
        let place = |line, column| Place { line, column };
        let lines = masked_lines("x: &a HIDDEN\ny: z\n", &[Span { start: place(1, 7), end: place(1, 13) }]);
        assert_eq!(lines, ["x: &a <secret>", "y: z"]);
    }
}
