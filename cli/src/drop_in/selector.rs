//! `POD_LABEL_SELECTOR`: what of it metrics-k8s-proxy took, and what it is as a selector of Kubernetes.
//!
//! In: the text. Out: the terms, and which of them count for the first time. That program split the text at commas
//! and kept what had exactly one `=`; everything else it left out without a word.

/// A label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSelector {
    /// As the API server reads it.
    pub text: String,
    /// The terms that metrics-k8s-proxy ignored or could not use.
    pub new: Vec<String>,
}

impl PodSelector {
    /// Takes `text` apart. Terms that are empty, as behind a last comma, are left out.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let terms: Vec<&str> =
            terms(text).into_iter().map(str::trim).filter(|term| !term.is_empty()).collect();
        let new = terms.iter().filter(|term| !was_taken(term)).map(|term| (*term).to_owned()).collect();
        Self { text: terms.join(","), new }
    }
}

/// The parts between commas that stand in no parentheses.
fn terms(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let parts = text.split(|c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.collect()
}

fn was_taken(term: &str) -> bool {
    term.matches('=').count() == 1 && !term.contains(['!', '(', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_that_count_for_the_first_time_are_named() {
        for (text, sent, new) in [
            ("app=ztunnel", "app=ztunnel", &[][..]),
            ("app=a,tier=", "app=a,tier=", &[]),
            (" app=a , b=c,", "app=a,b=c", &[]),
            ("app=a,env", "app=a,env", &["env"]),
            ("app==a,b!=c", "app==a,b!=c", &["app==a", "b!=c"]),
            ("app in (a, b),!c,d=e", "app in (a, b),!c,d=e", &["app in (a, b)", "!c"]),
            ("n>1", "n>1", &["n>1"]),
            ("a = b", "a = b", &["a = b"]),
            (",", "", &[]),
        ] {
            let read = PodSelector::read(text);
            assert_eq!(
                (&*read.text, read.new.iter().map(|term| &**term).collect::<Vec<_>>()),
                (sent, new.to_vec())
            );
        }
    }
}
