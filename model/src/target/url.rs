//! The URL of a target (Go's `net/url` as Prometheus uses it).
//!
//! In: a target's labels and its job's parameters. Out: the URL as text. Addresses are hardly checked: what is no
//! host at all fails when it is scraped, as in Prometheus.

use std::collections::BTreeMap;

use super::{ADDRESS, METRICS_PATH, SCHEME};
use crate::labels::Labels;
use crate::names::PARAM_PREFIX;

/// The characters besides letters and digits that a host may hold as they are.
const HOST: &[u8] = b"!\"$&'()*+,-.:;<=>[]_~";
/// The same of a path.
const PATH: &[u8] = b"$&+,-./:;=@_~";
/// The same of a parameter's name or value.
const QUERY: &[u8] = b"-._~";

/// The URL of the target with `labels` (internal ones included) in a job with `params`.
pub(super) fn build(labels: &Labels, params: &BTreeMap<Box<str>, Vec<Box<str>>>) -> Box<str> {
    let mut url = String::new();
    let (scheme, host, path) = (labels.get(SCHEME), labels.get(ADDRESS), labels.get(METRICS_PATH));
    if !scheme.is_empty() {
        url.push_str(scheme);
        url.push(':');
    }
    url.push_str("//");
    escape(&mut url, host, HOST);
    if !path.is_empty() && !path.starts_with('/') {
        url.push('/');
    }
    // Go leaves the path `*` as it is, and only that one.
    if path == "*" {
        url.push('*');
    } else {
        escape(&mut url, path, PATH);
    }
    query(&mut url, labels, params);
    url.into()
}

/// Appends the job's parameters, the first value of each replaced by its `__param_` label, and the parameters that
/// are labels only; sorted by name.
fn query(url: &mut String, labels: &Labels, params: &BTreeMap<Box<str>, Vec<Box<str>>>) {
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, values) in params {
        all.insert(name, values.iter().map(|value| &**value).collect());
    }
    for (name, value) in labels.iter() {
        let Some(name) = name.strip_prefix(PARAM_PREFIX) else { continue };
        let values = all.entry(name).or_default();
        match values.first_mut() {
            Some(first) => *first = value,
            None => values.push(value),
        }
    }
    let mut separator = '?';
    for (name, values) in all {
        for value in values {
            url.push(separator);
            separator = '&';
            escape(url, name, QUERY);
            url.push('=');
            escape(url, value, QUERY);
        }
    }
}

/// Appends `text`, every byte in percent form but ASCII letters, digits and `allowed`; in a query a space is `+`.
fn escape(url: &mut String, text: &str, allowed: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || allowed.contains(&byte) {
            url.push(char::from(byte));
        } else if byte == b' ' && allowed == QUERY {
            url.push('+');
        } else {
            url.push('%');
            url.push(char::from(HEX[usize::from(byte >> 4)]));
            url.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Go 1.26.
    #[test]
    fn hosts_and_paths_are_escaped_as_go_does() {
        let cases = [
            ("http", "h:1", "/metrics", "http://h:1/metrics"),
            ("https", "[::1]:9", "/a b%é?x=1#f", "https://[::1]:9/a%20b%25%C3%A9%3Fx=1%23f"),
            ("http", "user@h é%", "/(a)!'*|", "http://user%40h%20%C3%A9%25/%28a%29%21%27%2A%7C"),
            ("http", "h", "metrics", "http://h/metrics"),
            ("http", "h", "*", "http://h/*"),
            ("http", "h", "", "http://h"),
            ("http", "h", "//x", "http://h//x"),
            ("", "h", "/a", "//h/a"),
        ];
        for (scheme, host, path, expected) in cases {
            let labels = Labels::from_pairs([(SCHEME, scheme), (ADDRESS, host), (METRICS_PATH, path)]);
            assert_eq!(&*build(&labels, &BTreeMap::new()), expected);
        }
    }

    #[test]
    fn labels_replace_the_first_value_of_a_parameter() {
        let labels = Labels::from_pairs([
            (SCHEME, "http"),
            (ADDRESS, "h"),
            ("__param_b", "new"),
            ("__param_a", "x y&é"),
        ]);
        let params = BTreeMap::from([
            ("b".into(), vec!["old".into(), "second".into()]),
            ("c".into(), vec!["".into()]),
            ("d".into(), vec![]),
        ]);
        assert_eq!(&*build(&labels, &params), "http://h?a=x+y%26%C3%A9&b=new&b=second&c=");
    }
}
