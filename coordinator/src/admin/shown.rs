//! What operators are shown of labels and addresses: all but what may be a secret.

use std::borrow::Cow;
use std::collections::HashMap;

use model::labels::Labels;
use model::names::PARAM_PREFIX;

/// What stands in the place of a secret.
const MASK: &str = "<secret>";

/// Parts of the names of URL parameters whose values are not shown.
const SECRET_WORDS: [&str; 7] = ["auth", "credential", "key", "pass", "secret", "signature", "token"];

/// All labels as they are shown.
pub(super) fn pairs(labels: &Labels) -> HashMap<String, String> {
    labels.iter().map(|(name, value)| (name.to_owned(), label(name, value).into_owned())).collect()
}

/// The value of a label as it is shown: the address of a discovery without its query, and no parameter that is
/// called like a secret.
pub(super) fn label<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    let secret = |parameter: &str| {
        let parameter = parameter.to_ascii_lowercase();
        SECRET_WORDS.iter().any(|word| parameter.contains(word))
    };
    match name.strip_prefix(PARAM_PREFIX) {
        Some(parameter) if !value.is_empty() && secret(parameter) => MASK.into(),
        _ if name == "__meta_url" => url(value).into(),
        _ => value.into(),
    }
}

/// A URL without what may be a secret: user information, query and fragment.
pub(super) fn url(url: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = bare.split_once("://") else { return bare.to_owned() };
    let (authority, path) =
        rest.split_once('/').map_or((rest, None), |(before, after)| (before, Some(after)));
    // Where an address has user information, it stands in the URL with its `@` escaped.
    let host = authority.rsplit('@').next().and_then(|rest| rest.rsplit("%40").next()).unwrap_or_default();
    match path {
        Some(path) => format!("{scheme}://{host}/{path}"),
        None => format!("{scheme}://{host}"),
    }
}

/// The source of a group of targets: a file or a URL with the group's number.
pub(super) fn source(source: &str) -> String {
    match source.rsplit_once(':') {
        Some((before, number)) if before.contains("://") => format!("{}:{number}", url(before)),
        _ => source.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_may_be_a_secret() {
        for (full, shown) in [
            ("http://u:p@h:1/metrics?token=x#y", "http://h:1/metrics"),
            ("http://h", "http://h"),
            ("http://u:p%40h:1/metrics", "http://h:1/metrics"),
            ("http://h?token=a/b", "http://h"),
            ("https://u@p@[::1]:9/a/b", "https://[::1]:9/a/b"),
            ("/var/x.json", "/var/x.json"),
        ] {
            assert_eq!(url(full), shown, "{full}");
        }
        assert_eq!(source("http://h/sd?token=x:12"), "http://h/sd:12");
        assert_eq!(source("/etc/targets.json:0"), "/etc/targets.json:0");
    }

    #[test]
    fn parameters_called_like_a_secret_are_masked() {
        for (name, value, shown) in [
            ("__param_module", "http_2xx", "http_2xx"),
            ("__param_api_Key", "s3cr3t", "<secret>"),
            ("__param_access_token", "", ""),
            ("__meta_url", "http://h/sd?k=s3cr3t", "http://h/sd"),
            ("token", "shown: a target's own label", "shown: a target's own label"),
        ] {
            assert_eq!(label(name, value), shown, "{name}");
        }
    }
}
