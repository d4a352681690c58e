//! Label and field selectors.
//!
//! In: a selector's text and an object. Out: whether it matches.

use serde_json::Value;

/// Both selectors of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    labels: Vec<Term>,
    fields: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    key: String,
    /// `None`: the key only has to be there.
    values: Option<Vec<String>>,
    negated: bool,
}

impl Selector {
    pub(super) fn read(labels: &str, fields: &str) -> Self {
        Self { labels: terms(labels), fields: terms(fields) }
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|term| term.matches(labels[&term.key].as_str()))
            && self.fields.iter().all(|term| {
                let value = term.key.split('.').fold(object, |value, part| &value[part]);
                // A field that is not set is the empty text.
                term.matches(Some(value.as_str().unwrap_or_default()))
            })
    }
}

impl Term {
    fn matches(&self, value: Option<&str>) -> bool {
        let found = match (&self.values, value) {
            (None, value) => value.is_some(),
            (Some(values), Some(value)) => values.iter().any(|wanted| wanted == value),
            (Some(_), None) => false,
        };
        found != self.negated
    }
}

fn terms(text: &str) -> Vec<Term> {
    let mut parts = vec![String::new()];
    let mut inside = false;
    for character in text.chars() {
        inside = (inside || character == '(') && character != ')';
        match (character, inside) {
            (',', false) => parts.push(String::new()),
            _ => parts.last_mut().expect("never empty").push(character),
        }
    }
    parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).map(term).collect()
}

fn term(text: &str) -> Term {
    let made = |key: &str, values: Option<Vec<String>>, negated| Term {
        key: key.trim().to_owned(),
        values,
        negated,
    };
    let one = |value: &str| Some(vec![value.trim().to_owned()]);
    let set = |values: &str| {
        Some(values.trim_matches([' ', '(', ')']).split(',').map(|value| value.trim().to_owned()).collect())
    };
    if let Some((key, values)) = text.split_once(" notin ") {
        return made(key, set(values), true);
    }
    if let Some((key, values)) = text.split_once(" in ") {
        return made(key, set(values), false);
    }
    if let Some((key, value)) = text.split_once("!=") {
        return made(key, one(value), true);
    }
    match (text.split_once("==").or_else(|| text.split_once('=')), text.strip_prefix('!')) {
        (Some((key, value)), _) => made(key, one(value), false),
        (None, Some(key)) => made(key, None, true),
        (None, None) => made(text, None, false),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_match_as_kubernetes_says() {
        let pod = json!({"metadata": {"name": "a", "labels": {"app": "x"}}, "spec": {"nodeName": "n"}});
        let labels = |text: &str| Selector::read(text, "").matches(&pod);
        assert!(
            labels("") && labels("app") && labels("app=x") && labels("app==x") && labels("app in (y, x)")
        );
        assert!(labels("!b") && labels("b!=1") && labels("b notin (1,2),app=x"));
        assert!(!labels("app=y") && !labels("app!=x") && !labels("!app") && !labels("b in (x)"));
        let fields = |text: &str| Selector::read("", text).matches(&pod);
        assert!(
            fields("spec.nodeName=n,metadata.name=a")
                && fields("spec.nodeName!=")
                && fields("status.phase!=Failed")
        );
        assert!(!fields("spec.nodeName=") && !fields("status.phase=Running"));
    }
}
